"""Scene: all that is measured of a photograph about one face before a mask is put on it."""

from dataclasses import dataclass

from maskaug.masktheface_wrapper.grain import Grain, read_grain
from maskaug.masktheface_wrapper.landmarks import face_unit
from maskaug.masktheface_wrapper.optics import read_blur
from maskaug.masktheface_wrapper.overlay import Image, Points
from maskaug.masktheface_wrapper.skin import Skin, read_skin


@dataclass(frozen=True)
class Scene:
    """One face in a photograph.

    Attributes:
        image: ``(H, W, 3) uint8`` RGB.
        landmarks: ``(68, 2) float32``, in pixels.
        unit: Distance between the eyes, in pixels.
        skin: Colour of the skin.
        blur: Standard deviation of the picture's blur, in pixels.
        grain: Noise of the skin; None if none of it is in the picture.
    """

    image: Image
    landmarks: Points
    unit: float
    skin: Skin
    blur: float
    grain: Grain | None


def read_scene(image: Image, landmarks: Points) -> Scene:
    """Measure a face by its ``(68, 2)`` landmarks."""
    unit, skin = face_unit(landmarks), read_skin(image, landmarks)
    return Scene(image, landmarks, unit, skin, read_blur(image, landmarks), read_grain(image, landmarks, skin, unit))
