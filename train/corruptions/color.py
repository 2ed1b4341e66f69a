"""Colours as filters, lamps and printers change them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.core.color import LUMA
from maskaug.train.corruptions.registry import Corruption, Pixels, register, to_uint8


def shift_hue(image: Image, rng: np.random.Generator, saturation: tuple[float, float] = (1.0, 1.0)) -> Image:
    """An ``(H, W, 3) uint8`` RGB picture with all hues turned by one angle, and its saturation by a factor."""
    hsv = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2HSV).astype(np.int32)
    hsv[..., 0] = (hsv[..., 0] + rng.integers(180)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(*saturation), 0, 255)
    return np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB))


def _hue(pixels: Pixels, rng: np.random.Generator) -> Image:
    return shift_hue(to_uint8(pixels), rng)


def _colour_cast(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.floating]:
    return pixels * np.exp(rng.normal(0, 0.08, 3))


def _black_and_white(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.floating]:
    return np.repeat(_grey(pixels), 3, axis=2)


def _saturation(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.floating]:
    grey = _grey(pixels)
    return grey + (pixels - grey) * np.exp(rng.normal(0, 0.3))


def _grey(pixels: Pixels) -> NDArray[np.floating]:
    """``(S, S, 1)``."""
    return (pixels @ LUMA)[..., None]


register(Corruption("hue", order=30, probability=0.2, apply=_hue))
register(Corruption("colour_cast", order=50, probability=0.5, apply=_colour_cast))
register(Corruption("black_and_white", order=60, probability=0.15, apply=_black_and_white))
register(Corruption("saturation", order=70, probability=0.5, apply=_saturation))
