"""Faces that were few pixels wide, enlarged again."""

import cv2
import numpy as np

from maskaug.core.arrays import Image
from maskaug.train.corruptions.registry import Corruption, Pixels, register, to_uint8
from maskaug.train.data.preprocess import resize_area

_SHARE = (0.28, 0.8)  # of the pixels a side that are left


def _apply(pixels: Pixels, rng: np.random.Generator) -> Image:
    size = len(pixels)
    side = int(size * np.exp(rng.uniform(*np.log(_SHARE))))
    back = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
    small = resize_area(to_uint8(pixels), side)
    return np.asarray(cv2.resize(small, (size, size), interpolation=back), dtype=np.uint8)


register(Corruption("resolution", order=10, probability=0.35, apply=_apply))
