"""From a picture of any size to what a network sees: the one way for training, evaluation and prediction."""

import cv2
import numpy as np
from numpy.typing import NDArray

PREPARATION = "short side, area or bilinear, centre crop"  # changes when prepared pixels do


def prepare(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """``(H, W, 3) uint8`` with its short side resized to ``size`` pixels, and its middle: ``(size, size, 3) uint8``."""
    height, width = image.shape[:2]
    factor = size / min(height, width)
    sides = (max(size, round(width * factor)), max(size, round(height * factor)))
    resized = cv2.resize(image, sides, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    left, top = (sides[0] - size) // 2, (sides[1] - size) // 2
    return np.ascontiguousarray(resized[top : top + size, left : left + size], dtype=np.uint8)
