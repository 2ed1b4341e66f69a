"""Relief: rounded bodies as heights above the picture's plane, and the light on them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.occluders.drawing.canvas import Canvas, Field

_FAR = 60.0  # mm: as far from any body as matters
_LIGHT = np.array([-0.3, -0.6, 0.74], dtype=np.float32)  # towards a broad light above, a little to the left
_HALF = np.array([-0.16, -0.32, 0.93], dtype=np.float32)  # half way between that and the camera
_AMBIENT = 0.5


class Relief:
    """Bodies over a canvas, merged as they are added.

    Attributes:
        distance: ``(h, w) float32``: from the common outline in mm, negative inside.
        height: ``(h, w) float32``: of the surface, in mm.
    """

    def __init__(self, canvas: Canvas) -> None:
        """No body yet."""
        self._canvas = canvas
        self.distance: Field = np.full(canvas.alpha.shape, _FAR, dtype=np.float32)
        self.height: Field = np.full(canvas.alpha.shape, -_FAR, dtype=np.float32)

    def capsule(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        radii: tuple[float, float],
        lift: float = 0.0,
        merge: float = 0.0,
    ) -> None:
        """Add a tapered capsule.

        Args:
            start, end: Of its axis, in mm of the canvas's frame.
            radii: At either end, in mm.
            lift: Height of its axis.
            merge: Width in mm over which it flows into what was there; 0: a crease.
        """
        window = self._canvas.reach(start, end, max(radii) + merge)
        x, y = self._canvas.x[window] - np.float32(start[0]), self._canvas.y[window] - np.float32(start[1])
        if not x.size:
            return
        ahead, aside = end[0] - start[0], end[1] - start[1]
        along = np.clip((x * ahead + y * aside) / max(ahead**2 + aside**2, 1e-6), 0, 1)
        away = np.hypot(x - along * np.float32(ahead), y - along * np.float32(aside))
        radius = radii[0] + (radii[1] - radii[0]) * along
        inside = np.sqrt(np.maximum(radius**2 - away**2, 0))
        distance = away - radius
        height = np.where(distance < 0, inside, -2 * distance) + lift
        self._add(window, distance.astype(np.float32), height.astype(np.float32), merge)

    def _add(self, window: tuple[slice, slice], distance: Field, height: Field, merge: float) -> None:
        old_distance, old_height = self.distance[window], self.height[window]
        nearest, highest = np.minimum(old_distance, distance), np.maximum(old_height, height)
        if merge > 0:
            # Polynomial smooth minimum and maximum.
            nearest -= np.maximum(merge - np.abs(old_distance - distance), 0) ** 2 / (4 * merge)
            highest += np.maximum(merge - np.abs(old_height - height), 0) ** 2 / (4 * merge)
        self.distance[window], self.height[window] = nearest, highest

    @property
    def cover(self) -> Field:
        """Share of each pixel that the bodies cover."""
        return self._canvas.coverage(self.distance)

    def light(self) -> tuple[Field, Field]:
        """Diffuse brightness, about 1 where the surface faces the camera, and the share of a mirrored light."""
        return lit(np.maximum(self.height, -12), self._canvas)


def lit(height: Field, canvas: Canvas, depth: float = 4.0) -> tuple[Field, Field]:
    """Diffuse brightness and mirrored light of a surface.

    Args:
        height: In mm above the picture's plane.
        canvas: It lies over.
        depth: Hollows of about that width, in mm, get less light from around.
    """
    across = cv2.Sobel(height, -1, 1, 0, ksize=3, scale=1 / 8 / canvas.pixel)
    down = cv2.Sobel(height, -1, 0, 1, ksize=3, scale=1 / 8 / canvas.pixel)
    norm = 1 / np.sqrt(across**2 + down**2 + 1)
    facing = np.clip((_LIGHT[2] - across * _LIGHT[0] - down * _LIGHT[1]) * norm, 0, None)
    hollow = np.clip((canvas.smooth(height, depth) - height) / (2 * depth), 0, 0.5)
    diffuse = (_AMBIENT + (1 - _AMBIENT) / _LIGHT[2] * facing) * (1 - hollow)
    mirrored = np.clip((_HALF[2] - across * _HALF[0] - down * _HALF[1]) * norm, 0, 1)
    return np.asarray(diffuse, dtype=np.float32), np.asarray(mirrored, dtype=np.float32)


def tinted(color: NDArray[np.floating], brightness: Field) -> NDArray[np.float32]:
    """``(h, w, 3)``: a colour, ``(3,)`` or ``(h, w, 3)``, at a brightness."""
    return np.asarray(brightness[..., None] * color, dtype=np.float32)
