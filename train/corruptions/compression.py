"""Pictures as networks of distribution compress them."""

import cv2
import numpy as np

from maskaug.core.arrays import Image
from maskaug.train.corruptions.registry import Corruption, Pixels, register, to_uint8


def _jpeg(pixels: Pixels, rng: np.random.Generator) -> Image:
    _, data = cv2.imencode(".jpg", to_uint8(pixels), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


register(Corruption("jpeg", order=90, probability=0.4, apply=_jpeg))
