"""Skin: the face's own colour, measured at places where a face shows little else."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points
from maskaug.core.color import LUMA

# Skin in other light differs from skin by less than the first value, hair and background mostly by more than the
# second: sum of differences of the colour's shares, and logarithm of the brightness.
_SAME_HUE, _OTHER_HUE = 0.09, 0.20
_SAME_LIGHT, _OTHER_LIGHT = 0.55, 0.95


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
        under = pixels.astype(np.float32) + 1
        bright = under @ np.ones(3, dtype=np.float32)
        own = self.color + 1
        own_bright = float(own.sum())
        shift = np.abs(under - bright[..., None] * (own / own_bright)) @ np.ones(3, dtype=np.float32) / bright
        darker = np.abs(np.log(bright / own_bright))
        hue = np.minimum((_OTHER_HUE - shift) / (_OTHER_HUE - _SAME_HUE), 1)
        light = np.minimum((_OTHER_LIGHT - darker) / (_OTHER_LIGHT - _SAME_LIGHT), 1)
        return np.asarray(np.maximum(hue, 0) * np.maximum(light, 0), dtype=np.float32)


def measure_skin(image: Image, landmarks: Points) -> Skin:
    """The skin of a face in an ``(H, W, 3) uint8`` RGB picture, by its ``(68, 2)`` landmarks."""
    around = np.concatenate([landmarks[27:31], (landmarks[[1, 2, 14, 15]] + landmarks[[31, 31, 35, 35]]) / 2])
    x, y = np.clip(np.round(around), 0, (image.shape[1] - 1, image.shape[0] - 1)).astype(int).T
    return Skin(np.median(image[y, x].astype(np.float32), axis=0).astype(np.float32))
