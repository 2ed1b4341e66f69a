"""Contact: the shadow a mask casts on the face around it, and the dimming of its own rim."""

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.layer import Layer

# Lengths in distances between the eyes, which are 63 mm apart. Rooms are lit from above: below its lower edge a
# mask casts a shadow, beside its other edges it only takes some of the light of the surroundings.
_NEAR, _NEAR_STRENGTH = 0.035, 0.30
_BELOW, _DROP, _BELOW_STRENGTH = 0.08, 0.07, 0.34
_RIM, _RIM_STRENGTH = 0.045, 0.22
_FINEST = 1.0  # cells, of the sharpest blur: shadows are worked out on as coarse a grid


def add_contact_shadow(layer: Layer, unit: float, size: tuple[int, int]) -> Layer:
    """The layer with its shadow, in a window as much larger as the shadow reaches.

    Args:
        layer: What is worn.
        unit: Distance between the eyes, in pixels.
        size: Height and width of the picture.
    """
    reach = round((_DROP + 2.5 * _BELOW) * unit) + 1
    layer = _padded(layer, reach, size)
    drop = max(1, round(_DROP * unit))
    dropped = np.zeros_like(layer.alpha)
    dropped[drop:] = layer.alpha[:-drop]
    step = 2 ** int(math.log2(max(_NEAR * unit / _FINEST, 1)))  # halves, for which OpenCV has a quick path
    alpha, dropped = (_shrunk(values, step) for values in (layer.alpha, dropped))
    near, below = _soft(alpha, _NEAR * unit, step), _soft(dropped, _BELOW * unit, step)
    shadow = cv2.addWeighted(near, _NEAR_STRENGTH, below, _BELOW_STRENGTH, 0)
    # Half of a straight edge's blur lies on either side: an opaque edge's inside is 0.5 to 1.
    rim = np.maximum(_soft(alpha, _RIM * unit, step), np.float32(0.5))
    dimmed = cv2.addWeighted(rim, 2 * _RIM_STRENGTH, rim, 0, 1 - 2 * _RIM_STRENGTH)
    shadow, dimmed = (_enlarged(values, step, layer.alpha.shape) for values in (shadow, dimmed))
    return replace(layer, color=cv2.multiply(layer.color, cv2.merge([dimmed] * 3)), shadow=shadow)


def _shrunk(values: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Means over cells of ``step`` pixels a side; beyond the border, values go on as at it."""
    if step == 1:
        return values
    below, beyond = (-side % step for side in values.shape)
    whole = cv2.copyMakeBorder(values, 0, below, 0, beyond, cv2.BORDER_REPLICATE) if below or beyond else values
    size = (whole.shape[1] // step, whole.shape[0] // step)
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA))


def _soft(cells: NDArray[np.float32], sigma: float, step: int) -> NDArray[np.float32]:
    """Cells of ``step`` pixels, blurred so that the picture they are enlarged to has a blur of ``sigma`` pixels."""
    # The means over cells, and the lines between them, blur by themselves: a cell's variance, twice.
    left = math.sqrt(max(sigma**2 - (step**2 - 1) / 6, 0.0)) / step
    return np.asarray(cv2.GaussianBlur(cells, (0, 0), max(left, 0.3), borderType=cv2.BORDER_REPLICATE))


def _enlarged(cells: NDArray[np.float32], step: int, size: tuple[int, ...]) -> NDArray[np.float32]:
    """Cells of ``step`` pixels as a picture ``(h, w)``."""
    if step == 1:
        return cells
    whole = (cells.shape[1] * step, cells.shape[0] * step)
    enlarged = cv2.resize(cells, whole, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(enlarged[: size[0], : size[1]])


def _padded(layer: Layer, reach: int, size: tuple[int, int]) -> Layer:
    height, width = layer.alpha.shape
    top, left = min(reach, layer.top), min(reach, layer.left)
    bottom = min(reach, size[0] - layer.top - height)
    right = min(reach, size[1] - layer.left - width)
    color, alpha, light = (
        cv2.copyMakeBorder(values, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
        for values in (layer.color, layer.alpha, layer.light)
    )
    return Layer(layer.left - left, layer.top - top, color, alpha, light)
