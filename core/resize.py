"""Shrinking pictures by area."""

import cv2
import numpy as np

from maskaug.core.arrays import Image


def shrink(image: Image, factor: float) -> Image:
    """A picture ``factor`` <= 1 times as large: pixel x of the result shows x / factor of the original.

    By halves first, for which OpenCV has a path that is many times as fast, then by the rest; an odd last row or
    column is left out of a half.
    """
    while factor <= 0.5:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        image = cv2.resize(image[: height * 2, : width * 2], (width, height), interpolation=cv2.INTER_AREA)
        factor *= 2
    if factor < 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image, dtype=np.uint8)
