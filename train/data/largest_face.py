"""The largest face of a picture, masked or not: what face framing frames."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper import FaceFinder


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
