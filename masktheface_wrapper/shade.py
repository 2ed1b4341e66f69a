"""Shading: the face's own light laid on the mask."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.overlay import Image
from maskaug.masktheface_wrapper.warp import Layer

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601

# Skin of any tone reflects less than a white mask. This is the luma at which a face is taken to be fully
# lit: the mask is then shown as its template has it.
_LIT_SKIN = 165.0
# The face says how light falls only up to its own colours: a beard is no shadow. Its pattern is used at this
# strength, its overall level at the other.
_PATTERN, _LEVEL = 0.6, 0.55
_PATTERN_RANGE = (0.72, 1.2)
_LEVEL_RANGE = (0.35, 1.08)
_GRID = 8  # cells a side, of the light's pattern: features of the face are smaller than that
_SHOULDER = 215.0  # highlights are compressed from here, so that no white mask clips


def shade(layer: Layer, image: Image) -> Layer:
    """The layer under the light of the face it covers.

    The face's low-frequency luma gives the pattern of the light, and its mean the exposure; both only in
    part, for a face is darker than another also by its skin.
    """
    skin = image[layer.window].astype(np.float32) @ _LUMA
    weight = layer.alpha
    total = float(weight.sum())
    if total < 1:
        return layer
    mean = float((skin * weight).sum()) / total
    pattern = np.clip(_low_frequency(skin, weight, mean) / max(mean, 1.0), 0.3, 3.0) ** _PATTERN
    exposure = float(np.clip((mean / _LIT_SKIN) ** _LEVEL, *_LEVEL_RANGE))
    light = np.clip(pattern, *_PATTERN_RANGE) * layer.light * exposure
    return replace(layer, color=_compress(layer.color * light[..., None], layer.alpha[..., None]))


def _low_frequency(values: NDArray[np.float32], weight: NDArray[np.float32], outside: float) -> NDArray[np.float32]:
    """``(h, w)`` values averaged over cells of about an eighth of the layer, by weight."""
    height, width = values.shape
    cells = (min(_GRID, width), min(_GRID, height))
    # A little weight everywhere carries the mean to cells the mask does not touch.
    share = cv2.resize(weight, cells, interpolation=cv2.INTER_AREA) + np.float32(0.05)
    coarse = cv2.resize(values * weight, cells, interpolation=cv2.INTER_AREA) + np.float32(0.05 * outside)
    smooth = cv2.GaussianBlur(coarse, (3, 3), 0) / cv2.GaussianBlur(share, (3, 3), 0)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _compress(color: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bend premultiplied colours above the shoulder towards 255 without reaching it."""
    room = (255.0 - _SHOULDER) * alpha
    excess = np.maximum(color - _SHOULDER * alpha, 0.0)
    bent = room * excess / (excess + room + 1e-6)
    return np.asarray(color - excess + bent, dtype=np.float32)
