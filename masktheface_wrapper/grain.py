"""Grain: the fine structure of the photograph, measured on bare skin and given to the overlay."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.overlay import Image, Points
from maskaug.masktheface_wrapper.skin import LUMA, Skin
from maskaug.masktheface_wrapper.warp import Layer

# Where skin shows above a mask: between these landmarks, by this share from the first to the second.
_SHOWN = np.array(
    [(36, 0, 0.35), (45, 16, 0.35), (40, 31, 0.3), (47, 35, 0.3), (41, 31, 0.4), (46, 35, 0.4), (27, 28, 0.0),
     (27, 28, 0.7), (36, 1, 0.4), (45, 15, 0.4), (36, 31, 0.45), (45, 35, 0.45), (36, 2, 0.4), (45, 14, 0.4),
     (21, 27, -1.0), (22, 27, -1.0), (19, 37, -1.0), (24, 44, -1.0), (20, 38, -1.4), (23, 43, -1.4)]
)  # fmt: skip
_FIRST, _SECOND = _SHOWN[:, 0].astype(int), _SHOWN[:, 1].astype(int)
_PATCH = 0.13  # side, in distances between the eyes
_PATCH_RANGE = (5, 24)  # pixels
_FEWEST = 3
_SKIN_ENOUGH = 0.6  # mean likeness of a patch to the face's skin
_CALM = 0.4  # quantile of patches, by their noise: others hold eyelashes and rims of glasses
# Standard deviation of noise, in grey levels; on small faces, where what seems noise is the face, for each pixel
# between the eyes.
_STRONGEST, _STRONGEST_ON_SMALL = 10.0, 0.14
_TILE = 128  # pixels; noise repeats unseen

# Visible skin: what no mask covers of the head from the nose up, without brows and eyes; lengths in distances between
# the eyes, but the forehead's in distances from the chin to the brows.
_FEATURES = (slice(17, 22), slice(22, 27), slice(36, 42), slice(42, 48))
_FEATURE_MARGIN, _EDGE_MARGIN, _FOREHEAD, _BLOCK = 0.15, 0.06, 0.25, 0.12
_FOLD = 0.15  # blur that leaves out folds, in distances between the eyes
_GAIN_RANGE = (0.25, 1.8)
_LEAST_FOLDS = 0.15  # share of the skin's relief that folds keep, however noisy the skin is


@dataclass(frozen=True)
class Grain:
    """Noise of bare skin, as it came through the camera.

    Attributes:
        noise: Its variance, in grey levels squared, by Immerkaer's operator.
        kernel: ``(k, k, 3) float32``: a calm patch without its low frequencies, faded out at its borders.
    """

    noise: float
    kernel: NDArray[np.float32]


def read_grain(image: Image, landmarks: Points, skin: Skin, unit: float) -> Grain | None:
    """The grain of a face whose eyes are ``unit`` pixels apart; None if no bare skin lies inside the picture."""
    patches = _patches(image, landmarks, unit)
    if not len(patches):
        return None
    likeness = skin.likeness(patches.reshape(-1, *patches.shape[2:])).reshape(patches.shape[:3]).mean(axis=(1, 2))
    enough = likeness > _SKIN_ENOUGH
    if enough.sum() >= _FEWEST:
        patches = patches[enough]
    # All at once: as the channels of one small picture.
    count, side = patches.shape[:2]
    stacked = patches.transpose(1, 2, 0, 3).reshape(side, side, -1).astype(np.float32)
    noises = _variance(stacked.reshape(side, side, count, 3) @ LUMA)
    calm = int(np.argsort(noises)[int(_CALM * count)])
    return Grain(float(noises[calm]), _kernel(stacked[:, :, 3 * calm : 3 * calm + 3]))


def read_relief(image: Image, landmarks: Points, layer: Layer, unit: float) -> float | None:
    """Median over the visible skin of the local gradient energy; None if too little of it shows.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        landmarks: ``(68, 2)`` of a face.
        layer: What it wears.
        unit: Distance between its eyes, in pixels.

    Returns:
        Mean square of the luma's gradient, in grey levels a pixel, squared.
    """
    raised = landmarks[17:27] + _FOREHEAD * (landmarks[17:27].mean(axis=0) - landmarks[8])
    outline = cv2.convexHull(np.concatenate([landmarks[[0, 1, 2, 30, 14, 15, 16]], raised]))[:, 0]
    left, top = np.floor(outline.min(axis=0)).astype(int).clip(0)
    right, bottom = np.ceil(outline.max(axis=0) + 1).astype(int).clip(max=image.shape[1::-1])
    if min(right - left, bottom - top) < 5:
        return None
    corner = np.array((left, top))
    bare = np.zeros((bottom - top, right - left), dtype=np.uint8)
    cv2.fillConvexPoly(bare, np.round(outline - corner).astype(np.int32), 1)
    for part in _FEATURES:
        hull = cv2.convexHull(np.round(landmarks[part] - corner).astype(np.int32))
        cv2.fillConvexPoly(bare, hull, 0)
        cv2.polylines(bare, [hull], True, 0, max(1, round(2 * _FEATURE_MARGIN * unit)))
    covered = np.zeros(image.shape[:2], dtype=bool)
    covered[layer.window] = layer.alpha > 0.5 / 255
    bare[covered[top:bottom, left:right]] = 0
    side = int(max(4, _BLOCK * unit))
    reach = side + 2 * round(max(2.0, _EDGE_MARGIN * unit))
    inside = cv2.erode(bare, np.ones((reach, reach)), borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    if np.count_nonzero(inside) < side:
        return None
    energy = np.zeros(inside.shape, dtype=np.float32)
    energy[1:-1, 1:-1] = _squared_gradient(image[top:bottom, left:right].astype(np.float32) @ LUMA)
    return float(np.median(cv2.blur(energy, (side, side))[inside]))


def grain_tile(
    grain: Grain, layer: Layer, *, unit: float, relief: float, scale: float, rng: np.random.Generator
) -> NDArray[np.float32] | None:
    """The noise that a layer lacks; None where it lacks none.

    A random-phase texture of the skin's own grain (Galerne, Gousseau and Morel 2011): white noise, the same for all
    channels, filtered by a patch of skin. Its spectrum, chroma included, is the patch's: sensor noise, compression
    and pores.

    Args:
        grain: The skin's, at the scale of the picture.
        layer: What will be laid over the picture, enlarged by ``scale``.
        unit: Distance between the eyes, in pixels of the picture.
        relief: Gradient energy of the skin at the scale of the layer, which noise alone shall not exceed.
        scale: Pixels of the picture to one of the layer's.
        rng: Where the noise comes from.

    Returns:
        ``(h, w, 3) float32`` in grey levels, to be repeated over the layer.
    """
    own = np.pi / 2 * _median_inside(np.abs(_operator(layer.color @ LUMA)), layer) ** 2
    wanted = grain.noise - own / scale**2
    if wanted <= 0 or not grain.kernel.any():
        return None
    height, width = (min(round(side * scale), _TILE) for side in layer.alpha.shape)
    noise = rng.standard_normal((height, width), dtype=np.float32)
    half = grain.kernel.shape[0] // 2
    endless = cv2.copyMakeBorder(noise, half, half, half, half, cv2.BORDER_WRAP)
    inner = (slice(half, half + height), slice(half, half + width))
    tile = np.dstack([cv2.filter2D(endless, -1, channel)[inner] for channel in cv2.split(grain.kernel)])
    luma = tile @ LUMA
    limits = (
        (wanted, float(_variance(luma))),
        (min(_STRONGEST, _STRONGEST_ON_SMALL * unit) ** 2, float(luma.var())),
        (relief * scale**2, float(_squared_gradient(luma).mean())),
    )
    gain = min(most / max(own, 1e-6) for most, own in limits)
    return np.asarray(tile * np.float32(np.sqrt(gain)), dtype=np.float32)


def lift(layer: Layer, relief: float, unit: float, noise: NDArray[np.float32] | None, scale: float) -> Layer:
    """The layer with its folds as deep as the skin's, where that is within reason.

    Args:
        layer: Already as soft as the picture.
        relief: Gradient energy of the skin.
        unit: Distance between the eyes, in pixels.
        noise: What :func:`grain_tile` will add.
        scale: Its pixels to one of the layer's.
    """
    luma = layer.color @ LUMA
    own = _median_inside(_squared_gradient(luma), layer)
    if noise is not None:
        relief -= min(float(_squared_gradient(noise @ LUMA).mean()) / scale**2, (1 - _LEAST_FOLDS) * relief)
    gain = float(np.clip(np.sqrt(relief / max(own, 1e-6)), *_GAIN_RANGE))
    step = max(1, int(_FOLD * unit / 2))
    height, width = luma.shape
    both = cv2.merge([luma, layer.alpha.astype(np.float32)])
    coarse = cv2.resize(both, (max(width // step, 1), max(height // step, 1)), interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), _FOLD * unit / step)
    level = cv2.resize(
        coarse[..., 0] / np.maximum(coarse[..., 1], 1e-3), (width, height), interpolation=cv2.INTER_LINEAR
    )
    deeper = 1 + (gain - 1) * (1 - level * layer.alpha / np.maximum(luma, 1.0))
    return replace(layer, color=layer.color * np.clip(deeper, 0.5, 1.8)[..., None])


def _patches(image: Image, landmarks: Points, unit: float) -> Image:
    """``(N, k, k, 3) uint8`` patches of bare skin that lie inside the picture."""
    side = int(np.clip(round(_PATCH * unit), *_PATCH_RANGE))
    start, end = landmarks[_FIRST], landmarks[_SECOND]
    corner = np.round(start + (end - start) * _SHOWN[:, 2:] - side / 2).astype(int)
    inside = (corner >= 0).all(axis=1) & (corner + side <= (image.shape[1], image.shape[0])).all(axis=1)
    found = [image[y : y + side, x : x + side] for x, y in corner[inside]]
    return np.stack(found) if found else np.empty((0, side, side, 3), dtype=np.uint8)


def _kernel(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    """A patch as a filter kernel: of odd size, without low frequencies, faded out at its borders, without a mean."""
    side = patch.shape[0] - 1 + patch.shape[0] % 2
    window = np.hanning(side + 2)[1:-1].astype(np.float32)
    fine = patch - cv2.GaussianBlur(patch, (0, 0), 1.0)
    values = fine[:side, :side] * (window[:, None] * window[None, :])[..., None]
    return np.asarray(values - values.mean(axis=(0, 1)), dtype=np.float32)


def _operator(luma: NDArray[np.floating]) -> NDArray[np.float32]:
    """Immerkaer's operator (1996) on all but the outermost pixels of ``(h, w, ...)``, scaled for white noise.

    The difference of two Laplacians: smooth shading and straight edges pass it unseen.
    """
    return np.asarray(np.diff(np.diff(luma, 2, axis=0), 2, axis=1) / 6, dtype=np.float32)


def _variance(luma: NDArray[np.floating]) -> NDArray[np.float32]:
    """Variance of the noise in ``(h, w, ...)`` luma, ``(...)``; from the mean modulus, which edges raise least."""
    return np.asarray(np.pi / 2 * np.abs(_operator(luma)).mean(axis=(0, 1)) ** 2, dtype=np.float32)


def _squared_gradient(luma: NDArray[np.floating]) -> NDArray[np.float32]:
    """Of all but the outermost pixels of ``(h, w)``, by central differences."""
    across = (luma[1:-1, 2:] - luma[1:-1, :-2]) / 2
    down = (luma[2:, 1:-1] - luma[:-2, 1:-1]) / 2
    return np.asarray(across**2 + down**2, dtype=np.float32)


def _median_inside(values: NDArray[np.floating], layer: Layer) -> float:
    """Median of local means where a layer is opaque all around; infinite where that is nowhere.

    Args:
        values: Of all but the layer's outermost pixels.
        layer: The layer.
    """
    if values.size == 0:  # the tip of something that lies outside the picture
        return float("inf")
    side = max(3, min(values.shape) // 12)
    means = cv2.blur(values, (side, side))
    opaque = cv2.erode(layer.alpha[1:-1, 1:-1], np.ones((side + 2, side + 2))) > 0.98
    return float(np.median(means[opaque])) if opaque.any() else float("inf")
