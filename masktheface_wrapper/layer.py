"""`Layer`: what is drawn for a picture, before it is laid over it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Layer:
    """What is laid over the picture at ``(top, left)``.

    Attributes:
        left, top: Place of the layer's first pixel in the picture.
        color: ``(h, w, 3) float32`` RGB in [0, 255], premultiplied by alpha.
        alpha: ``(h, w) float32`` in [0, 1].
        light: ``(h, w) float32``: the surface's diffuse brightness under light from above the camera, 1 on
            average over the mask.
        shadow: ``(h, w) float32`` in [0, 1]: how much of its light the picture beneath loses, or None.
    """

    left: int
    top: int
    color: NDArray[np.floating]
    alpha: NDArray[np.floating]
    light: NDArray[np.floating]
    shadow: NDArray[np.floating] | None = None

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that the layer lies over."""
        height, width = self.alpha.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)
