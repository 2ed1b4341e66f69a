"""`FaceContext`: all that is measured of a photograph about one face before a mask is put on it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from maskaug.core.arrays import Image, Points
from maskaug.core.resize import shrink
from maskaug.masktheface_wrapper.geometry.correction import Correction
from maskaug.masktheface_wrapper.geometry.face_size import face_size
from maskaug.masktheface_wrapper.geometry.pose import Camera, fit_camera
from maskaug.masktheface_wrapper.measure.blur import measure_blur
from maskaug.masktheface_wrapper.measure.edges import measure_edges
from maskaug.masktheface_wrapper.measure.foreground import Foreground, measure_foreground
from maskaug.masktheface_wrapper.measure.grain import Grain, measure_grain
from maskaug.masktheface_wrapper.measure.skin import Skin, measure_skin

_LARGEST_FACE = 300.0  # pixels between the eyes; a mask is then about as large as the part of a template one sees
_REACH = 8.0  # distances between the eyes about a face: farther than an arm that holds a hand before it is drawn


@dataclass(frozen=True)
class FaceContext:
    """One face in a photograph. Templates have no detail for larger faces: these are seen, and masked, smaller.

    Attributes:
        image: ``(H, W, 3) uint8`` RGB: the photograph's part about the head.
        left, top: First pixel of that part in the photograph.
        landmarks: ``(68, 2) float32``, in pixels of the image.
        scale: Pixels of the photograph to one of the image's, at least 1.
        unit: Distance between the eyes, in pixels of the image.
        camera: Pose of the head.
        skin: Colour of the skin.
        edges: How much of cheeks and chin is edges; see `measure_edges`.
        blur: Standard deviation of the image's blur, in its pixels.
        grain: Noise of the skin, at the photograph's own scale; None if no bare skin is in the picture.
        look: Tells from image and landmarks how likely these lie on the face's own features.
        corrections: How the face departs from the mean, by the cut of a shell; filled as masks are fitted.
    """

    image: Image
    left: int
    top: int
    landmarks: Points
    scale: float
    unit: float
    camera: Camera
    skin: Skin
    edges: float
    blur: float
    grain: Grain | None
    look: Callable[[Image, Points], float]
    corrections: dict[str, Correction] = field(default_factory=dict)

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the photograph that a mask on this face may change."""
        height, width = (math.ceil(side * self.scale) for side in self.image.shape[:2])
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @cached_property
    def placement(self) -> float:
        """How likely the landmarks lie on the face's own features."""
        return self.look(self.image, self.landmarks)

    @cached_property
    def foreground(self) -> Foreground | None:
        """What stands before the lower face."""
        return measure_foreground(self.image, self.landmarks, self.skin)


def measure_face(photograph: Image, landmarks: Points, look: Callable[[Image, Points], float]) -> FaceContext:
    """Measure a face by its ``(68, 2)`` landmarks; ``look`` tells how well these are placed, when that is asked."""
    full = face_size(landmarks)
    middle = landmarks.mean(axis=0)
    left, top = (max(int(place - _REACH * full), 0) for place in middle.tolist())
    right, bottom = (int(place + _REACH * full) + 1 for place in middle.tolist())
    part = photograph[top : max(bottom, top + 1), left : max(right, left + 1)]
    if not part.size:  # all of the face lies outside the photograph
        part, left, top = photograph, 0, 0
    on_part = (landmarks - (left, top)).astype(np.float32) if left or top else landmarks
    factor = min(1.0, _LARGEST_FACE / full)
    # Pixel centres are at whole numbers in either grid.
    points = on_part if factor == 1 else ((on_part + 0.5) * factor - 0.5).astype(np.float32)
    image = part if factor == 1 else shrink(part, factor)
    unit, skin = full * factor, measure_skin(image, points)
    return FaceContext(
        image=image,
        left=left,
        top=top,
        landmarks=points,
        scale=1 / factor,
        unit=unit,
        camera=fit_camera(points),
        skin=skin,
        edges=measure_edges(image, points, unit, skin),
        blur=measure_blur(image, points),
        grain=measure_grain(part, on_part, skin, full),
        look=look,
    )
