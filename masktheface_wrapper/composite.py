"""Compositing: layers over each other, and over a picture in their region only."""

import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.overlay import Image
from maskaug.masktheface_wrapper.warp import Layer


def merge(layers: list[Layer]) -> Layer:
    """One layer of several, the first undermost (Porter and Duff's `over` on premultiplied colours, 1984).

    Where no layer is, the result's light is 1.
    """
    if len(layers) == 1:
        return layers[0]
    left, top = min(layer.left for layer in layers), min(layer.top for layer in layers)
    right = max(layer.left + layer.alpha.shape[1] for layer in layers)
    bottom = max(layer.top + layer.alpha.shape[0] for layer in layers)
    color = np.zeros((bottom - top, right - left, 3), dtype=np.float32)
    alpha, light = np.zeros(color.shape[:2], dtype=np.float32), np.ones(color.shape[:2], dtype=np.float32)
    for layer in layers:
        rows, columns = layer.window
        window = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        keep = 1 - layer.alpha
        color[window] = color[window] * keep[..., None] + layer.color
        light[window] = np.where(layer.alpha > 0, layer.light, light[window])
        alpha[window] = 1 - (1 - alpha[window]) * keep
    return Layer(left, top, color, alpha, light)


def composite(image: Image, layer: Layer) -> tuple[Image, NDArray[np.uint8]]:
    """Lay a premultiplied layer over a picture.

    Returns:
        A new ``(H, W, 3) uint8`` picture, and the layer's alpha as ``(H, W) uint8``.
    """
    result = image.copy()
    over = result[layer.window] * (1 - layer.alpha)[..., None] + layer.color
    # Rounding half up keeps pixels that the layer does not touch as they were.
    result[layer.window] = np.clip(over + 0.5, 0, 255).astype(np.uint8)
    alpha = np.zeros(image.shape[:2], dtype=np.uint8)
    alpha[layer.window] = np.clip(layer.alpha * 255 + 0.5, 0, 255).astype(np.uint8)
    return result, alpha
