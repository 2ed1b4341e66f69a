"""Quarter turns of pictures and of what is known of them: lossless, and undone by as many turns the other way."""

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image


def turn_image(image: Image, turns: int) -> Image:
    """A picture after so many quarter turns counterclockwise; ``(W, H, 3)`` for an odd number of them."""
    return np.ascontiguousarray(np.rot90(image, turns))


def turn_points(points: NDArray[np.floating], turns: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """Where points of a picture lie after so many quarter turns counterclockwise.

    Args:
        points: ``(N, 2)``: x and y in pixels; pixel centres at whole numbers.
        turns: Quarter turns; negative ones go clockwise.
        size: ``(H, W)`` of the picture before.

    Returns:
        ``(N, 2) float32``.
    """
    height, width = size
    x, y = np.asarray(points, dtype=np.float32).T
    turned = (x, y), (y, width - 1 - x), (width - 1 - x, height - 1 - y), (height - 1 - y, x)
    return np.stack(turned[turns % 4], axis=1)


def turn_boxes(boxes: NDArray[np.floating], turns: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """Where ``(N, 4)`` boxes (left, top, right, bottom) lie after so many quarter turns counterclockwise.

    Args:
        boxes: In pixels.
        turns: Quarter turns; negative ones go clockwise.
        size: ``(H, W)`` of the picture before.
    """
    corners = turn_points(np.asarray(boxes).reshape(-1, 2), turns, size).reshape(-1, 2, 2)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
