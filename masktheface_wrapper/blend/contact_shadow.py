"""Contact: the shadow a mask casts on the face around it, and the dimming of its own rim."""

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
_FINEST = 2.0  # pixels: softer shadows are worked out on a coarser grid


def add_contact_shadow(layer: Layer, unit: float, size: tuple[int, int]) -> Layer:
    """The layer with its shadow, in a window as much larger as the shadow reaches.

    Args:
        layer: What is worn.
        unit: Distance between the eyes, in pixels.
        size: Height and width of the picture.
    """
    reach = round((_DROP + 2.5 * _BELOW) * unit) + 1
    layer = _padded(layer, reach, size)
    alpha = layer.alpha
    dropped = np.zeros_like(alpha)
    drop = max(1, round(_DROP * unit))
    dropped[drop:] = alpha[:-drop]
    near, below = _soft(alpha, _NEAR * unit), _soft(dropped, _BELOW * unit)
    shadow = cv2.addWeighted(near, _NEAR_STRENGTH, below, _BELOW_STRENGTH, 0)
    # Half of a straight edge's blur lies on either side: an opaque edge's inside is 0.5 to 1.
    dimmed = np.maximum(np.float32(2 * _RIM_STRENGTH) * _soft(alpha, _RIM * unit), np.float32(_RIM_STRENGTH))
    dimmed += np.float32(1 - 2 * _RIM_STRENGTH)
    return replace(layer, color=cv2.multiply(layer.color, cv2.merge([dimmed] * 3)), shadow=shadow)


def _soft(values: NDArray[np.floating], sigma: float) -> NDArray[np.float32]:
    """``(h, w)`` values blurred by a Gaussian of ``sigma`` pixels; beyond the border they go on as at it."""
    step = int(max(sigma / _FINEST, 1))
    height, width = values.shape
    coarse = (
        values
        if step == 1
        else cv2.resize(values, (max(width // step, 1), max(height // step, 1)), interpolation=cv2.INTER_AREA)
    )
    blurred = cv2.GaussianBlur(coarse, (0, 0), max(sigma / step, 0.3), borderType=cv2.BORDER_REPLICATE)
    if step > 1:
        blurred = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(blurred, dtype=np.float32)


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
