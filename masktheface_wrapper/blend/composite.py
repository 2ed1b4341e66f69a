"""Compositing: layers over each other, and over a picture in their region only."""

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.layer import Layer

_BAND = 128  # rows
_FAINTEST = 0.5 / 255  # alpha that is written as 1


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


def composite(
    image: Image, layer: Layer, scale: float = 1.0, grain: NDArray[np.float32] | None = None
) -> tuple[Image, NDArray[np.uint8]]:
    """Lay a premultiplied layer over a picture, in its shadow.

    Args:
        image: ``(H, W, 3) uint8``.
        layer: Drawn for the picture, or for one that is smaller by ``scale``.
        scale: Pixels of the picture to one of the layer's.
        grain: ``(h, w, 3) float32`` in grey levels, added to the layer, over and over where that is larger.

    Returns:
        A new ``(H, W, 3) uint8`` picture, and the layer's alpha as ``(H, W) uint8``.
    """
    result, covered = image.copy(), np.zeros(image.shape[:2], dtype=np.uint8)
    shadow = layer.alpha if layer.shadow is None else 1 - (1 - layer.alpha) * (1 - layer.shadow)
    parts = [(layer.window, layer.color, layer.alpha, shadow)]
    for window, color, alpha, hidden in parts if scale == 1 else _enlarged(layer, shadow, scale, image.shape[:2]):
        # What the written alpha rounds to nothing must not brighten the picture either.
        over = result[window] * (1 - hidden)[..., None] + color * (alpha >= _FAINTEST)[..., None]
        if grain is not None:
            over += _repeated(grain, window) * alpha[..., None]
        # Rounding half up keeps pixels that the layer does not touch as they were.
        result[window] = np.clip(over + 0.5, 0, 255).astype(np.uint8)
        covered[window] = np.clip(alpha * 255 + 0.5, 0, 255).astype(np.uint8)
    return result, covered


def _repeated(tile: NDArray[np.float32], window: tuple[slice, slice]) -> NDArray[np.float32]:
    rows, columns = (
        np.arange(place.start, place.stop) % side for place, side in zip(window, tile.shape[:2], strict=True)
    )
    return tile[rows[:, None], columns]


def _enlarged(
    layer: Layer, shadow: NDArray[np.floating], scale: float, size: tuple[int, ...]
) -> Iterator[tuple[tuple[slice, slice], NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]]:
    """Window, colour, alpha and shadow of an enlarged layer, a band at a time: whole it would fill the memory."""
    height, width = layer.alpha.shape
    left, right = math.floor(layer.left * scale), min(math.ceil((layer.left + width) * scale), size[1])
    first, last = math.floor(layer.top * scale), min(math.ceil((layer.top + height) * scale), size[0])
    for top in range(first, last, _BAND):
        bottom = min(top + _BAND, last)
        # Pixel centres are at whole numbers in either grid.
        offset = [(place + 0.5) / scale - 0.5 - start for place, start in ((left, layer.left), (top, layer.top))]
        back = np.array([[1 / scale, 0, offset[0]], [0, 1 / scale, offset[1]]])
        color, alpha, hidden = (
            cv2.warpAffine(values, back, (right - left, bottom - top), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            for values in (
                layer.color.astype(np.float32),
                layer.alpha.astype(np.float32),
                shadow.astype(np.float32),
            )
        )
        yield (slice(top, bottom), slice(left, right)), color, alpha, hidden
