"""Light: the face's own laid on the mask, and what the mask takes from the face."""

from dataclasses import replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.core.color import LUMA, luma_of
from maskaug.core.resize import resampling
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
_COLORS, _GREYS = np.eye(3), np.tile(LUMA, (3, 1))  # maps of a colour to itself, and to its grey


def shade(layer: Layer, image: Image, skin: Skin, by: Light = "face") -> Layer:
    """The layer under the light of the face it covers, or of what else ``by`` names.

    The face's low-frequency luma gives the pattern of the light, its mean the exposure, and its skin the colour
    of the light; all only in part, for a face is darker or redder than another also by its skin. In a black and
    white photograph the mask is grey.
    """
    weight = layer.alpha
    total = cv2.sumElems(weight)[0]
    if total < 1:
        return layer
    if by == "skin":
        exposure = _exposure(skin.luma)
        color = _times(cv2.transform(layer.color, _tone(skin)), layer.light * np.float32(exposure))
        return compress_highlights(replace(layer, color=color), _SHOULDER)
    under = luma_of(image[layer.window])
    mean = float(np.vdot(under, weight)) / total
    light = _pattern(under, weight, mean) * layer.light
    color = layer.color if by == "own" else cv2.transform(layer.color, _tone(skin) * np.float32(_exposure(mean)))
    return compress_highlights(replace(layer, color=_times(color, light)), _SHOULDER)


def unlit(color: NDArray[np.floating], skin: Skin) -> NDArray[np.float32]:
    """The ``(3,)`` colour that, under the light on this skin, looks like ``color`` does in the photograph."""
    white = np.linalg.pinv(_tone(skin)) @ color / _exposure(skin.luma)
    return np.asarray(np.clip(white, 0, 400), dtype=np.float32)


def _exposure(luma: float) -> float:
    """Brightness of a layer where skin has that luma, as a share of its brightness in full light."""
    low, high = _LEVEL_RANGE
    return min(max((luma / _LIT_SKIN) ** _LEVEL, low), high)


def _times(color: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(h, w, 3)`` colours, each as bright as ``(h, w)`` says."""
    return np.asarray(cv2.multiply(color, cv2.merge([share] * 3)))


def compress_highlights(layer: Layer, shoulder: float) -> Layer:
    """The layer with its colours above ``shoulder``, of 255, bent towards 255 without reaching it."""
    alpha = cv2.merge([layer.alpha] * 3)
    excess = cv2.scaleAdd(alpha, -shoulder, layer.color)
    if cv2.minMaxLoc(excess.reshape(len(excess), -1))[1] <= 0:
        return layer
    excess = np.maximum(excess, 0, out=excess)
    both = cv2.scaleAdd(alpha, 255.0 - shoulder, excess)
    bent = cv2.divide(cv2.multiply(excess, excess), both + np.float32(1e-6))
    return replace(layer, color=cv2.subtract(layer.color, bent))


def _tone(skin: Skin) -> NDArray[np.float32]:
    """``(3, 3) float32``: colours under white light to colours under the light on this skin."""
    chroma = (skin.color + 1) / (skin.luma + 1)
    cast = np.minimum(np.maximum((chroma / _MEAN_SKIN) ** _CAST, _CAST_RANGE[0]), _CAST_RANGE[1])
    cast /= cast @ LUMA
    largest = float(skin.color.max()) + 1
    saturated = (largest - 1 - float(skin.color.min())) / largest
    colorful = min(max((saturated - _GREY) / (_COLORFUL - _GREY), 0.0), 1.0)
    cast = 1 + colorful * (cast - 1)
    saturation = colorful * _COLORS + (1 - colorful) * _GREYS
    return np.asarray(cast[:, None] * saturation, dtype=np.float32)


def _pattern(luma: NDArray[np.float32], weight: NDArray[np.float32], mean: float) -> NDArray[np.float32]:
    """``(h, w) float32``: how light falls, 1 where it is as bright as in the ``mean``.

    The ``(h, w)`` luma is averaged over cells of about an eighth of the layer, by weight.
    """
    down, across = (resampling(side, min(_GRID, side), cv2.INTER_AREA) for side in luma.shape)
    # A little weight everywhere carries the mean to cells the mask does not touch.
    total, share = down @ (luma * weight) @ across.T + np.float32(0.05 * mean), down @ weight @ across.T
    total, share = (cv2.GaussianBlur(values, (3, 3), 0) for values in (total, share + np.float32(0.05)))
    cells = (np.maximum(total / share / max(mean, 1.0), 0.3) ** _PATTERN).clip(*_PATTERN_RANGE)
    up, along = (resampling(min(_GRID, side), side, cv2.INTER_CUBIC) for side in luma.shape)
    return np.asarray(up @ cells @ along.T)
