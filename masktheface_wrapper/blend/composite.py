"""Compositing: layers over each other, and over a picture in their region only."""

import math
from collections.abc import Iterator
from dataclasses import replace

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
        color[window] = cv2.add(cv2.multiply(color[window], cv2.merge([keep] * 3)), layer.color)
        np.copyto(light[window], layer.light, where=layer.alpha > 0)
        alpha[window] = 1 - (1 - alpha[window]) * keep
    return Layer(left, top, color, alpha, light)


def composite(
    image: Image,
    layer: Layer,
    scale: float = 1.0,
    grain: NDArray[np.float32] | None = None,
    corner: tuple[int, int] = (0, 0),
    *,
    in_place: bool = False,
) -> tuple[Image, NDArray[np.uint8]]:
    """Lay a premultiplied layer over a picture, in its shadow.

    Args:
        image: ``(H, W, 3) uint8``.
        layer: Drawn for a part of the picture, or for one that is smaller by ``scale``.
        scale: Pixels of the picture to one of the layer's.
        grain: ``(h, w, 3) float32`` in grey levels, added to the layer, over and over where that is larger.
        corner: Left and top of that part in the picture.
        in_place: Whether the picture itself is changed.

    Returns:
        A new ``(H, W, 3) uint8`` picture, or the picture itself, and the layer's alpha as ``(H, W) uint8``.
    """
    result, covered = image if in_place else image.copy(), np.zeros(image.shape[:2], dtype=np.uint8)
    # What the written alpha rounds to nothing must not brighten the picture either.
    color = cv2.bitwise_and(layer.color, layer.color, mask=(layer.alpha >= _FAINTEST).astype(np.uint8))
    shadow = layer.alpha if layer.shadow is None else 1 - (1 - layer.alpha) * (1 - layer.shadow)
    left, top = corner
    if scale == 1:
        rows, columns = layer.window
        window = slice(rows.start + top, rows.stop + top), slice(columns.start + left, columns.stop + left)
        parts = iter([(window, color, layer.alpha, shadow)])
    else:
        parts = _enlarged(replace(layer, color=color, shadow=shadow), scale, corner, image.shape[:2])
    for window, drawn, alpha, hidden in parts:
        noise = None if grain is None else _repeated(grain, window)
        _lay(result[window], drawn, alpha, hidden, noise)
        covered[window] = cv2.convertScaleAbs(alpha, alpha=255)
    return result, covered


def _lay(
    under: Image,
    color: NDArray[np.float32],
    alpha: NDArray[np.float32],
    hidden: NDArray[np.float32],
    noise: NDArray[np.float32] | None,
) -> None:
    """Draw over part of a picture in place, leaving what the layer does not touch as it was."""
    over = cv2.multiply(under, cv2.merge([1 - hidden] * 3), dtype=cv2.CV_32F)
    if noise is not None:
        cv2.accumulateProduct(noise, cv2.merge([alpha] * 3), over)
    under[...] = cv2.add(over, color, dtype=cv2.CV_8U)  # which rounds, and clips


def _repeated(tile: NDArray[np.float32], window: tuple[slice, slice]) -> NDArray[np.float32]:
    """What a tile, laid over the whole picture again and again, shows in a window of it."""
    first = [place.start % side for place, side in zip(window, tile.shape[:2], strict=True)]
    ends = [start + place.stop - place.start for start, place in zip(first, window, strict=True)]
    below, beyond = (max(end - side, 0) for end, side in zip(ends, tile.shape[:2], strict=True))
    wide = cv2.copyMakeBorder(tile, 0, below, 0, beyond, cv2.BORDER_WRAP) if below or beyond else tile
    return np.asarray(wide[first[0] : ends[0], first[1] : ends[1]])


def _enlarged(
    layer: Layer, scale: float, corner: tuple[int, int], size: tuple[int, ...]
) -> Iterator[tuple[tuple[slice, slice], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]]:
    """Window, colour, alpha and shadow of an enlarged layer, a band at a time: whole it would fill the memory."""
    height, width = layer.alpha.shape
    beside, above = corner
    left, right = math.floor(layer.left * scale), min(math.ceil((layer.left + width) * scale), size[1] - beside)
    first, last = math.floor(layer.top * scale), min(math.ceil((layer.top + height) * scale), size[0] - above)
    for top in range(first, last, _BAND):
        bottom = min(top + _BAND, last)
        # Pixel centres are at whole numbers in either grid.
        offset = [(place + 0.5) / scale - 0.5 - start for place, start in ((left, layer.left), (top, layer.top))]
        back = np.array([[1 / scale, 0, offset[0]], [0, 1 / scale, offset[1]]])
        color, alpha, hidden = (
            cv2.warpAffine(values, back, (right - left, bottom - top), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            for values in (layer.color, layer.alpha, layer.shadow)
        )
        window = slice(above + top, above + bottom), slice(beside + left, beside + right)
        yield window, np.asarray(color), np.asarray(alpha), np.asarray(hidden)
