"""`FaceContext`: all that is measured of a photograph about one face before a mask is put on it."""

from dataclasses import dataclass

from maskaug.core.arrays import Image, Points
from maskaug.core.resize import shrink
from maskaug.masktheface_wrapper.geometry.face_size import face_size
from maskaug.masktheface_wrapper.geometry.pose import Camera, fit_camera
from maskaug.masktheface_wrapper.measure.blur import measure_blur
from maskaug.masktheface_wrapper.measure.edges import measure_edges
from maskaug.masktheface_wrapper.measure.grain import Grain, measure_grain
from maskaug.masktheface_wrapper.measure.skin import Skin, measure_skin

_LARGEST_FACE = 300.0  # pixels between the eyes; a mask is then about as large as the part of a template one sees


@dataclass(frozen=True)
class FaceContext:
    """One face in a photograph. Templates have no detail for larger faces: these are seen, and masked, smaller.

    Attributes:
        image: ``(H, W, 3) uint8`` RGB.
        landmarks: ``(68, 2) float32``, in its pixels.
        scale: Pixels of the photograph to one of the image's, at least 1.
        unit: Distance between the eyes, in pixels of the image.
        camera: Pose of the head.
        skin: Colour of the skin.
        edges: How much of cheeks and chin is edges; see `measure_edges`.
        blur: Standard deviation of the image's blur, in its pixels.
        grain: Noise of the skin, at the photograph's own scale; None if no bare skin is in the picture.
        placement: How likely the landmarks lie on the face's own features; 1 where nothing has looked.
    """

    image: Image
    landmarks: Points
    scale: float
    unit: float
    camera: Camera
    skin: Skin
    edges: float
    blur: float
    grain: Grain | None
    placement: float = 1.0


def measure_face(photograph: Image, landmarks: Points) -> FaceContext:
    """Measure a face by its ``(68, 2)`` landmarks."""
    full = face_size(landmarks)
    factor = min(1.0, _LARGEST_FACE / full)
    # Pixel centres are at whole numbers in either grid.
    points = landmarks if factor == 1 else ((landmarks + 0.5) * factor - 0.5).astype("float32")
    image = photograph if factor == 1 else shrink(photograph, factor)
    unit, skin = full * factor, measure_skin(image, points)
    return FaceContext(
        image=image,
        landmarks=points,
        scale=1 / factor,
        unit=unit,
        camera=fit_camera(points),
        skin=skin,
        edges=measure_edges(image, points, unit, skin),
        blur=measure_blur(image, points),
        grain=measure_grain(photograph, landmarks, skin, full),
    )
