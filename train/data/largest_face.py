"""The largest face of a picture, masked or not: what face framing frames."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper import Face, FaceFinder


@cache
def _finder() -> FaceFinder:
    """One finder for all threads, loaded when first needed."""
    return FaceFinder()


def largest_box(image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """``(4,)``: left, top, right, bottom of the largest face in an ``(H, W, 3) uint8`` RGB picture; None without one.

    Raises:
        ModelError: a model of the finder cannot be used.
    """
    boxes = _finder().boxes(image)
    return boxes[0] if len(boxes) else None


def face_in(image: NDArray[np.uint8], box: NDArray[np.float32]) -> Face | None:
    """The face in a box of :func:`largest_box`, with its landmarks; None where these cannot be found.

    Raises:
        ModelError: a model of the finder cannot be used.
    """
    return _finder().from_box(image, box)
