"""Compositing: layers over a picture, in the layer's region only."""

import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.overlay import Image
from maskaug.masktheface_wrapper.warp import Layer


def composite(image: Image, layers: list[Layer]) -> tuple[Image, NDArray[np.uint8]]:
    """Lay premultiplied layers over a picture, the first undermost (Porter and Duff's `over`, 1984).

    Returns:
        A new ``(H, W, 3) uint8`` picture, and the layers' joint alpha as ``(H, W) uint8``.
    """
    result = image.copy()
    alpha = np.zeros(image.shape[:2], dtype=np.uint8)
    for layer in layers:
        keep = 1 - layer.alpha
        under = result[layer.window]
        over = under * keep[..., None] + layer.color
        # Rounding half up keeps pixels that a layer does not touch as they were.
        result[layer.window] = np.clip(over + 0.5, 0, 255).astype(np.uint8)
        covered = 255 - (255 - alpha[layer.window]) * keep
        alpha[layer.window] = np.clip(covered + 0.5, 0, 255).astype(np.uint8)
    return result, alpha
