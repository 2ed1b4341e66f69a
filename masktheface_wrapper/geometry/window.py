"""`window_of`: the pixels of a picture that a shape takes up."""

import numpy as np
from numpy.typing import NDArray

Window = tuple[int, int, int, int]  # left, top, right, bottom, in whole pixels; the last two lie outside


def window_of(points: NDArray[np.floating], size: tuple[int, ...], margin: float = 0.0) -> Window | None:
    """The smallest window of a picture that holds ``(N, 2)`` points; None where they all lie outside.

    Args:
        points: x and y in pixels.
        size: Height and width of the picture.
        margin: Room about the points, in pixels.
    """
    left, top = np.maximum(np.floor(points.min(axis=0) - margin), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(points.max(axis=0) + margin) + 1, size[::-1]).astype(int).tolist()
    return None if right <= left or bottom <= top else (left, top, right, bottom)
