"""The largest face of a picture, masked or not: what face framing frames."""

from functools import cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper import FaceFinder

_ONE_AT_A_TIME = Lock()  # the detectors have buffers of their own


@cache
def _finder() -> FaceFinder:
    return FaceFinder()


def largest_box(image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """``(4,)``: left, top, right, bottom of the largest face in an ``(H, W, 3) uint8`` RGB picture; None without one.

    Raises:
        ModelError: a model of the finder cannot be used.
    """
    with _ONE_AT_A_TIME:
        boxes = _finder().boxes(image)
    return boxes[0] if len(boxes) else None
