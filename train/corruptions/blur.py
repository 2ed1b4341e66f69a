"""Pictures out of focus, or of what moved."""

import cv2
import numpy as np

from maskaug.core.arrays import Image
from maskaug.train.corruptions.registry import Corruption, Pixels, register, to_uint8

_BLURRED_AT = 64  # pixels a side: where the strengths are in pixels
_OUT_OF_FOCUS = 0.7  # share; the others have moved in a straight line


def random_blur(picture: Image, rng: np.random.Generator) -> Image:
    """A square ``(S, S, 3) uint8`` picture out of focus or moved in a straight line: by a share of S."""
    unit = len(picture) / _BLURRED_AT
    if rng.random() < _OUT_OF_FOCUS:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 2.0) * unit), dtype=np.uint8)
    length = round(int(rng.integers(3, 9)) * unit)
    kernel = np.zeros((length, length), dtype=np.float32)
    cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0)
    kernel = kernel.T if rng.random() < 0.5 else kernel
    return np.asarray(cv2.filter2D(picture, -1, np.ascontiguousarray(kernel / kernel.sum())), dtype=np.uint8)


def _apply(pixels: Pixels, rng: np.random.Generator) -> Image:
    return random_blur(to_uint8(pixels), rng)


register(Corruption("blur", order=20, probability=0.25, apply=_apply))
