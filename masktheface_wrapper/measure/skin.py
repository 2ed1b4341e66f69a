"""Skin: the face's own colour, measured at places where a face shows little else."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points
from maskaug.core.color import LUMA

# Skin in other light differs from skin by less than the first value, hair and background mostly by more than the
# second: sum of differences of the colour's shares, and logarithm of the brightness.
_SAME_HUE, _OTHER_HUE = 0.09, 0.20
_SAME_LIGHT, _OTHER_LIGHT = 0.55, 0.95

# Maps of colours, with an offset: each channel and 1, the sum of these, and the sum of the channels.
_PLUS_ONE = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]], dtype=np.float32)
_BRIGHTNESS, _SUM = _PLUS_ONE.sum(axis=0, keepdims=True), np.ones((1, 3), dtype=np.float32)


@dataclass(frozen=True)
class Skin:
    """The median colour of nose bridge and upper cheeks, ``(3,) float32`` RGB in [0, 255]."""

    color: NDArray[np.float32]

    @property
    def luma(self) -> float:
        """Its brightness in [0, 255]."""
        return float(self.color @ LUMA)

    def likeness(self, pixels: Image) -> NDArray[np.float32]:
        """``(h, w) float32``: 1 where ``(h, w, 3)`` pixels have about the colour of the skin, 0 where another."""
        return self.likeness_of(*self.departure(pixels))

    def departure(self, pixels: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``(h, w) float32`` each: how far ``(h, w, 3)`` pixels are of another hue than the skin, and their brightness.

        The first is the sum of differences of the colour's shares, the second the sum of the channels and 3.
        """
        values = pixels.astype(np.float32)
        bright = cv2.transform(values, _BRIGHTNESS)
        own = (self.color + 1)[:, None] / (float(self.color.sum()) + 3)
        apart = np.abs(cv2.transform(values, _PLUS_ONE - own * _BRIGHTNESS))
        return np.asarray(cv2.divide(cv2.transform(apart, _SUM), bright)), np.asarray(bright)

    def likeness_of(self, shift: NDArray[np.float32], bright: NDArray[np.float32]) -> NDArray[np.float32]:
        """The likeness of pixels of which :meth:`departure` says this."""
        darker = np.abs(np.log(bright * np.float32(1 / (float(self.color.sum()) + 3))))
        hue = np.minimum((_OTHER_HUE - shift) * np.float32(1 / (_OTHER_HUE - _SAME_HUE)), 1)
        light = np.minimum((_OTHER_LIGHT - darker) * np.float32(1 / (_OTHER_LIGHT - _SAME_LIGHT)), 1)
        return np.asarray(np.maximum(hue, 0) * np.maximum(light, 0), dtype=np.float32)


def measure_skin(image: Image, landmarks: Points) -> Skin:
    """The skin of a face in an ``(H, W, 3) uint8`` RGB picture, by its ``(68, 2)`` landmarks."""
    around = np.concatenate([landmarks[27:31], (landmarks[[1, 2, 14, 15]] + landmarks[[31, 31, 35, 35]]) / 2])
    last = (image.shape[1] - 1, image.shape[0] - 1)
    x, y = np.minimum(np.maximum(np.rint(around), 0), last).astype(int).T
    ordered = np.sort(image[y, x].astype(np.float32), axis=0)
    return Skin((ordered[len(around) // 2 - 1] + ordered[len(around) // 2]) / 2)
