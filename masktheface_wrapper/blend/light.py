"""Light: the face's own laid on the mask, and what the mask takes from the face."""

from dataclasses import replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.core.color import LUMA
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.skin import Skin

# What a layer takes its light from: ``face``, the face it covers; ``skin``, the skin alone, for what lies mostly beside
# the face; ``own``, its colours are those of this photograph already, and only the pattern of the light is laid on.
Light = Literal["face", "skin", "own"]

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

# Median colour of 1019 faces' skin, over its luma. What a face departs from it, it owes half to its own tone.
_MEAN_SKIN = np.array([1.19, 0.93, 0.82], dtype=np.float32)
_CAST, _CAST_RANGE = 0.5, (0.8, 1.2)
# Skin as grey as the first is in a black and white photograph, as colourful as the second in a colour one:
# difference of the largest and the smallest channel, over the largest.
_GREY, _COLORFUL = 0.09, 0.20


def shade(layer: Layer, image: Image, skin: Skin, by: Light = "face") -> Layer:
    """The layer under the light of the face it covers, or of what else ``by`` names.

    The face's low-frequency luma gives the pattern of the light, its mean the exposure, and its skin the colour
    of the light; all only in part, for a face is darker or redder than another also by its skin. In a black and
    white photograph the mask is grey.
    """
    weight = layer.alpha
    total = float(weight.sum())
    if total < 1:
        return layer
    if by == "skin":
        exposure = _exposure(skin.luma)
        color = cv2.transform(layer.color, _tone(skin)) * (layer.light * exposure)[..., None]
        return compress_highlights(replace(layer, color=color), _SHOULDER)
    under = image[layer.window].astype(np.float32) @ LUMA
    mean = float((under * weight).sum()) / total
    pattern = np.clip(_low_frequency(under, weight, mean) / max(mean, 1.0), 0.3, 3.0) ** _PATTERN
    pattern = np.clip(pattern, *_PATTERN_RANGE)
    if by == "own":
        color = layer.color * (pattern * layer.light)[..., None]
        return compress_highlights(replace(layer, color=color), _SHOULDER)
    light = pattern * layer.light * _exposure(mean)
    color = cv2.transform(layer.color, _tone(skin)) * light[..., None]
    return compress_highlights(replace(layer, color=color), _SHOULDER)


def unlit(color: NDArray[np.floating], skin: Skin) -> NDArray[np.float32]:
    """The ``(3,)`` colour that, under the light on this skin, looks like ``color`` does in the photograph."""
    white = np.linalg.pinv(_tone(skin)) @ color / _exposure(skin.luma)
    return np.asarray(np.clip(white, 0, 400), dtype=np.float32)


def _exposure(luma: float) -> float:
    """Brightness of a layer where skin has that luma, as a share of its brightness in full light."""
    return float(np.clip((luma / _LIT_SKIN) ** _LEVEL, *_LEVEL_RANGE))


def compress_highlights(layer: Layer, shoulder: float) -> Layer:
    """The layer with its colours above ``shoulder``, of 255, bent towards 255 without reaching it."""
    alpha = layer.alpha[..., None]
    room = (255.0 - shoulder) * alpha
    excess = np.maximum(layer.color - shoulder * alpha, 0.0)
    if not excess.any():
        return layer
    return replace(layer, color=layer.color - excess + room * excess / (excess + room + 1e-6))


def _tone(skin: Skin) -> NDArray[np.float32]:
    """``(3, 3) float32``: colours under white light to colours under the light on this skin."""
    chroma = (skin.color + 1) / (skin.luma + 1)
    cast = np.clip((chroma / _MEAN_SKIN) ** _CAST, *_CAST_RANGE)
    cast /= cast @ LUMA
    largest = float(skin.color.max()) + 1
    colorful = float(np.clip(((largest - 1 - skin.color.min()) / largest - _GREY) / (_COLORFUL - _GREY), 0, 1))
    cast = 1 + colorful * (cast - 1)
    saturation = colorful * np.eye(3) + (1 - colorful) * np.tile(LUMA, (3, 1))
    return np.asarray(cast[:, None] * saturation, dtype=np.float32)


def _low_frequency(values: NDArray[np.float32], weight: NDArray[np.float32], outside: float) -> NDArray[np.float32]:
    """``(h, w)`` values averaged over cells of about an eighth of the layer, by weight."""
    height, width = values.shape
    cells = (min(_GRID, width), min(_GRID, height))
    # A little weight everywhere carries the mean to cells the mask does not touch.
    share = cv2.resize(weight, cells, interpolation=cv2.INTER_AREA) + np.float32(0.05)
    coarse = cv2.resize(values * weight, cells, interpolation=cv2.INTER_AREA) + np.float32(0.05 * outside)
    smooth = cv2.GaussianBlur(coarse, (3, 3), 0) / cv2.GaussianBlur(share, (3, 3), 0)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)
