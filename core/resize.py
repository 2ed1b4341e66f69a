"""Pictures at other sizes."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image


def shrink(image: Image, factor: float) -> Image:
    """A picture ``factor`` <= 1 times as large: pixel x of the result shows x / factor of the original.

    By halves first, for which OpenCV has a path that is many times as fast, then by the rest; an odd last row or
    column is left out of a half. No side gets shorter than a pixel, whatever the proportions.
    """
    while factor <= 0.5:
        height, width = max(image.shape[0] // 2, 1), max(image.shape[1] // 2, 1)
        image = cv2.resize(image[: height * 2, : width * 2], (width, height), interpolation=cv2.INTER_AREA)
        factor *= 2
    if factor < 1 and min(image.shape[:2]) * factor >= 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    elif factor < 1:
        height, width = (max(round(side * factor), 1) for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image, dtype=np.uint8)


@lru_cache(maxsize=1024)
def resampling(size: int, wanted: int, interpolation: int) -> NDArray[np.float32]:
    """``(wanted, size) float32``: weights by which `cv2.resize` makes ``wanted`` values of ``size`` along one side.

    A picture ``(h, w)`` is ``resampling(h, ...) @ picture @ resampling(w, ...).T`` at another size; to or from a few
    cells that takes a tenth of the time of `cv2.resize`.
    """
    weights = cv2.resize(np.eye(size, dtype=np.float32), (size, wanted), interpolation=interpolation)
    weights.flags.writeable = False  # everyone gets the same array
    return np.asarray(weights)
