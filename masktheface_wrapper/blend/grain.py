"""The skin's fine structure given to a layer: its noise, and folds as deep as its relief."""

import math
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points, median
from maskaug.core.color import luma_of
from maskaug.core.landmarks import BROWS, LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from maskaug.masktheface_wrapper.geometry.window import window_of
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.grain import Grain, fine_structure, squared_gradient

# Standard deviation of noise, in grey levels; on small faces, where what seems noise is the face, for each pixel
# between the eyes.
_STRONGEST, _STRONGEST_ON_SMALL = 10.0, 0.14
_TILE = 128  # pixels; noise repeats unseen

# Visible skin: what no mask covers of the head from the nose up, without brows and eyes; lengths in distances between
# the eyes, but the forehead's in distances from the chin to the brows.
_FEATURES = (LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE)
_FEATURE_MARGIN, _EDGE_MARGIN, _FOREHEAD, _BLOCK = 0.15, 0.06, 0.25, 0.12

_FOLD = 0.15  # blur that leaves out folds, in distances between the eyes
_GAIN_RANGE = (0.25, 1.8)
_LEAST_FOLDS = 0.15  # share of the skin's relief that folds keep, however noisy the skin is


def measure_relief(image: Image, landmarks: Points, layer: Layer, unit: float) -> float | None:
    """Median over the visible skin of the local gradient energy; None if too little of it shows.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        landmarks: ``(68, 2)`` of a face.
        layer: What it wears.
        unit: Distance between its eyes, in pixels.

    Returns:
        Mean square of the luma's gradient, in grey levels a pixel, squared.
    """
    raised = landmarks[BROWS] + _FOREHEAD * (landmarks[BROWS].mean(axis=0) - landmarks[8])
    outline = cv2.convexHull(np.concatenate([landmarks[[0, 1, 2, 30, 14, 15, 16]], raised]))[:, 0]
    window = window_of(outline, image.shape[:2])
    if window is None:
        return None
    left, top, right, bottom = window
    if min(right - left, bottom - top) < 5:
        return None
    corner = np.array((left, top), dtype=np.float32)
    bare = np.zeros((bottom - top, right - left), dtype=np.uint8)
    cv2.fillConvexPoly(bare, np.rint(outline - corner).astype(np.int32), 1)
    features = np.rint(landmarks - corner).astype(np.int32)
    for part in _FEATURES:
        hull = cv2.convexHull(features[part])
        cv2.fillConvexPoly(bare, hull, 0)
        cv2.polylines(bare, [hull], True, 0, max(1, round(2 * _FEATURE_MARGIN * unit)))
    _uncover(bare, layer, left, top)
    side = int(max(4, _BLOCK * unit))
    reach = side + 2 * round(max(2.0, _EDGE_MARGIN * unit))
    inside = cv2.erode(bare, np.ones((reach, reach), dtype=np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if cv2.countNonZero(inside) < side:
        return None
    energy = squared_gradient(luma_of(image[top:bottom, left:right]))
    energy = cv2.copyMakeBorder(energy, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return median(cv2.blur(energy, (side, side))[inside > 0])


def _uncover(bare: NDArray[np.uint8], layer: Layer, left: int, top: int) -> None:
    """Take what a layer covers out of a mask whose first pixel lies there in the layer's picture."""
    rows, columns = layer.window
    first, last = max(rows.start, top), min(rows.stop, top + bare.shape[0])
    start, stop = max(columns.start, left), min(columns.stop, left + bare.shape[1])
    if first < last and start < stop:
        over = layer.alpha[first - rows.start : last - rows.start, start - columns.start : stop - columns.start]
        bare[first - top : last - top, start - left : stop - left][over > 0.5 / 255] = 0


class Surface(NamedTuple):
    """What grain and folds are matched to: the luma of a layer, and where it is opaque all around.

    Attributes:
        luma: ``(h, w) float32`` in [0, 255].
        side: Of the squares that local means are taken over, pixels.
        solid: ``(h - 2, w - 2) bool``: all but the outermost pixels whose square is opaque.
    """

    luma: NDArray[np.float32]
    side: int
    solid: NDArray[np.bool_]

    def median(self, values: NDArray[np.float32]) -> float:
        """Median of local means of ``(h - 2, w - 2)`` values where the layer is solid; infinite where it is nowhere."""
        if values.size == 0:  # the tip of something that lies outside the picture
            return float("inf")
        inside = cv2.blur(values, (self.side, self.side))[self.solid]
        return median(inside) if inside.size else float("inf")


def surface_of(layer: Layer) -> Surface:
    """The surface of a layer."""
    opaque = (layer.alpha[1:-1, 1:-1] > 0.98).astype(np.uint8)
    side = max(3, min(opaque.shape) // 12)
    if opaque.size:
        opaque = cv2.erode(opaque, np.ones((side + 2, side + 2), dtype=np.uint8))
    return Surface(luma_of(layer.color), side, opaque.astype(bool))


class Noise(NamedTuple):
    """What a layer lacks of the photograph's noise.

    Attributes:
        tile: ``(h, w, 3) float32`` in grey levels, to be repeated over the layer.
        energy: Its gradient energy.
    """

    tile: NDArray[np.float32]
    energy: float


def sample_grain(
    grain: Grain, surface: Surface, *, unit: float, relief: float, scale: float, rng: np.random.Generator
) -> Noise | None:
    """The noise that a layer lacks; None where it lacks none.

    A random-phase texture of the skin's own grain (Galerne, Gousseau and Morel 2011): white noise, the same for all
    channels, filtered by a patch of skin. Its spectrum, chroma included, is the patch's: sensor noise, compression
    and pores.

    Args:
        grain: The skin's, at the scale of the picture.
        surface: Of what will be laid over the picture, enlarged by ``scale``.
        unit: Distance between the eyes, in pixels of the picture.
        relief: Gradient energy of the skin at the scale of the layer, which noise alone shall not exceed.
        scale: Pixels of the picture to one of the layer's.
        rng: Where the noise comes from.
    """
    own = np.pi / 2 * surface.median(np.abs(fine_structure(surface.luma))) ** 2
    wanted = grain.noise - own / scale**2
    if wanted <= 0 or not grain.kernel.any():
        return None
    height, width = (min(round(side * scale), _TILE) for side in surface.luma.shape)
    # Filtered, this is as good as normal, and takes a tenth of the time to draw. Its mean passes no such kernel.
    noise = rng.random((height, width), dtype=np.float32)
    half = grain.kernel.shape[0] // 2
    endless = cv2.copyMakeBorder(noise, half, half, half, half, cv2.BORDER_WRAP)
    inner = (slice(half, half + height), slice(half, half + width))
    # What such noise has of each is the sum of squares of its kernel, filtered by what measures it.
    kernel = cv2.copyMakeBorder(luma_of(grain.kernel), 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
    energy = float(cv2.sumElems(squared_gradient(kernel))[0])
    limits = (
        (wanted, cv2.norm(fine_structure(kernel), cv2.NORM_L2SQR)),
        (min(_STRONGEST, _STRONGEST_ON_SMALL * unit) ** 2, cv2.norm(kernel, cv2.NORM_L2SQR)),
        (relief * scale**2, energy),
    )
    gain = min(most / max(own, 1e-6) for most, own in limits)
    strong = grain.kernel * np.float32(math.sqrt(12 * gain))  # the noise's own variance is a twelfth
    tile = cv2.merge([cv2.filter2D(endless, -1, channel)[inner] for channel in cv2.split(strong)])
    return Noise(tile, energy * gain)


def match_relief(layer: Layer, surface: Surface, *, relief: float, noise: float, unit: float) -> Layer:
    """The layer with its folds as deep as the skin's, where that is within reason.

    Args:
        layer: Already as soft as the picture.
        surface: Of the layer.
        relief: Gradient energy of the skin.
        noise: Gradient energy of the noise that the layer will be given.
        unit: Distance between the eyes, in pixels.
    """
    luma = surface.luma
    own = surface.median(squared_gradient(luma))
    wanted = relief - min(noise, (1 - _LEAST_FOLDS) * relief)
    gain = min(max(math.sqrt(wanted / max(own, 1e-6)), _GAIN_RANGE[0]), _GAIN_RANGE[1])
    step = max(1, int(_FOLD * unit / 2))
    height, width = luma.shape
    cells = (max(width // step, 1), max(height // step, 1))
    coarse, share = (
        cv2.GaussianBlur(cv2.resize(values, cells, interpolation=cv2.INTER_AREA), (0, 0), _FOLD * unit / step)
        for values in (luma, layer.alpha)
    )
    level = cv2.resize(coarse / np.maximum(share, 1e-3), (width, height), interpolation=cv2.INTER_LINEAR)
    deeper = np.float32(gain) - np.float32(gain - 1) * (level * layer.alpha / np.maximum(luma, 1.0))
    deeper = np.minimum(np.maximum(deeper, 0.5), 1.8)
    return replace(layer, color=cv2.multiply(layer.color, cv2.merge([deeper] * 3)))
