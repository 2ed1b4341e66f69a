"""Optics: the blur and the grain of the photograph, measured on the face and given to the overlay."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.overlay import Image, Points
from maskaug.masktheface_wrapper.skin import LUMA, Skin
from maskaug.masktheface_wrapper.warp import Layer

_EYES = slice(17, 48)  # brows, nose and eyes: the sharpest edges of a face
_REBLUR = (1.0, 3.0)  # pixels
_CALMING = 0.2  # blur that hides a grey level of noise, as a share of the blur that follows
_STEEPEST = 96.0  # percentile of the gradient
_BLUR_RANGE = (0.55, 12.0)
_DRAWN_BLUR = 0.35  # standard deviation, in pixels, of the filters a layer was drawn through

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
_CALM = 0.3  # quantile of patches, by their noise
# Standard deviation of noise, in grey levels; on small faces, where what seems noise is the face, for each pixel
# between the eyes.
_STRONGEST, _STRONGEST_ON_SMALL = 10.0, 0.12
_FOLD = 0.15  # blur that leaves out folds, in distances between the eyes
_GAIN_RANGE = (0.6, 2.2)
# Above a mask, the skin between brows and cheeks without the eyes; lengths in distances between the eyes, but the
# forehead's in distances from the chin to the brows.
_FEATURES = (slice(17, 22), slice(22, 27), slice(36, 42), slice(42, 48))
_FEATURE_MARGIN, _FOREHEAD, _BLOCK = 0.15, 0.25, 0.12
_TILE = 128  # pixels; noise repeats unseen


@dataclass(frozen=True)
class Grain:
    """Fine structure of bare skin, as it came through the camera.

    Attributes:
        relief: Mean squared gradient of the luma, in grey levels squared a pixel squared; the median over patches.
        noise: Variance of what a blur of one pixel takes away from the luma, in grey levels squared; of the calmer
            patches, for in others it is rather eyelashes than noise.
        kernel: ``(k, k, 3) float32``: a calm patch without its low frequencies, faded out at its borders.
    """

    relief: float
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
    fine = _fine(stacked).reshape(side, side, count, 3)
    noises = (fine @ LUMA).reshape(-1, count).var(axis=0)
    calm = int(np.argsort(noises)[int(_CALM * count)])
    relief = _relief(image, landmarks, unit)
    if relief is None:
        relief = float(np.median(_gradient_energy(patches @ LUMA)))
    # Noise brings about as much gradient energy as it has variance: what exceeds it are rims of glasses, lashes.
    return Grain(relief, min(float(noises[calm]), relief), _kernel(fine[:, :, calm]))


def _relief(image: Image, landmarks: Points, unit: float) -> float | None:
    """Median over the skin above a mask of the local gradient energy; None if too little of it shows."""
    raised = landmarks[17:27] + _FOREHEAD * (landmarks[17:27].mean(axis=0) - landmarks[8])
    cheeks = (landmarks[[2, 14]] + landmarks[[31, 35]]) / 2
    outline = np.concatenate(
        [landmarks[[0, 1]], cheeks[:1], landmarks[[28]], cheeks[1:], landmarks[[15, 16]], raised[::-1]]
    )
    left, top = np.floor(outline.min(axis=0)).astype(int).clip(0)
    right, bottom = np.ceil(outline.max(axis=0) + 1).astype(int).clip(max=image.shape[1::-1])
    if min(right - left, bottom - top) < 5:
        return None
    bare = np.zeros((bottom - top, right - left), dtype=np.uint8)
    corner = np.array((left, top))
    cv2.fillPoly(bare, [np.round(outline - corner).astype(np.int32)], 1)
    margin = round(2 * _FEATURE_MARGIN * unit)
    for part in _FEATURES:
        hull = cv2.convexHull(np.round(landmarks[part] - corner).astype(np.int32))
        cv2.fillConvexPoly(bare, hull, 0)
        cv2.polylines(bare, [hull], True, 0, max(1, margin))
    luma = image[top:bottom, left:right].astype(np.float32) @ LUMA
    energy = np.zeros_like(luma)
    energy[1:-1, 1:-1] = _squared_gradient(luma)
    side = int(max(4, _BLOCK * unit))
    inside = cv2.erode(bare, np.ones((side, side)), borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    if np.count_nonzero(inside) < side:
        return None
    return float(np.median(cv2.blur(energy, (side, side))[inside]))


def soften(layer: Layer, blur: float) -> Layer:
    """The layer as a photograph with a blur of that standard deviation, in pixels, shows it."""
    missing = float(np.sqrt(max(blur**2 - _DRAWN_BLUR**2, 0.0)))
    # Where the picture ends the mask does not.
    color, alpha = (
        cv2.GaussianBlur(values, (0, 0), missing, borderType=cv2.BORDER_REPLICATE)
        for values in (layer.color, layer.alpha)
    )
    return replace(layer, color=color, alpha=alpha)


def lift(layer: Layer, grain: Grain, unit: float) -> Layer:
    """The layer with its folds as deep as the skin's, where that is within reason.

    Args:
        layer: Already as soft as the picture.
        grain: The skin's.
        unit: Distance between the eyes, in pixels.
    """
    luma = layer.color @ LUMA
    own = _layer_energy(luma, layer.alpha)
    # The noise is still to come.
    wanted = max(grain.relief - grain.noise, 0.3 * grain.relief)
    gain = float(np.clip(np.sqrt(wanted / max(own, 1e-6)), *_GAIN_RANGE))
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


def grain_tile(
    grain: Grain, layer: Layer, unit: float, scale: float, rng: np.random.Generator
) -> NDArray[np.float32] | None:
    """The noise that a layer lacks; None where it lacks none.

    A random-phase texture of the skin's own grain (Galerne, Gousseau and Morel 2011): white noise, the same for all
    channels, filtered by a patch of skin. Its spectrum, chroma included, is the patch's: sensor noise, compression
    and pores.

    Args:
        grain: The skin's, at the scale of the picture.
        layer: What will be laid over the picture, enlarged by ``scale``.
        unit: Distance between the eyes, in pixels of the layer.
        scale: Pixels of the picture to one of the layer's.
        rng: Where the noise comes from.

    Returns:
        ``(h, w, 3) float32`` in grey levels, to be repeated over the layer.
    """
    wanted = grain.noise - _layer_noise(layer) / scale**2
    if wanted <= 0 or not grain.kernel.any():
        return None
    height, width = (min(round(side * scale), _TILE) for side in layer.alpha.shape)
    noise = rng.standard_normal((height, width), dtype=np.float32)
    half = grain.kernel.shape[0] // 2
    endless = cv2.copyMakeBorder(noise, half, half, half, half, cv2.BORDER_WRAP)
    inner = (slice(half, half + height), slice(half, half + width))
    strongest = min(_STRONGEST, _STRONGEST_ON_SMALL * unit)
    tile = np.dstack([cv2.filter2D(endless, -1, channel)[inner] for channel in cv2.split(grain.kernel)])
    own = float(_fine(tile @ LUMA).var())
    return np.asarray(tile * np.float32(np.sqrt(min(wanted, strongest**2) / max(own, 1e-6))), dtype=np.float32)


def read_blur(image: Image, landmarks: Points) -> float:
    """Standard deviation of the picture's blur at its sharpest edges about the eyes, in pixels.

    A step edge blurred by s has, when blurred once more by r, a gradient smaller by sqrt(s² + r²) / s (Zhuo and
    Sim 2011). Noise has sharper edges than any eye: it is blurred away first, by as much as there is of it.
    """
    left, top = np.floor(landmarks[_EYES].min(axis=0) - 2).astype(int).clip(0)
    right, bottom = np.ceil(landmarks[_EYES].max(axis=0) + 3).astype(int).clip(0)
    luma = image[top:bottom, left:right].astype(np.float32) @ LUMA
    if min(luma.shape) < 5:
        return _BLUR_RANGE[0]
    noise = float(np.median(np.abs(_fine(luma)))) / 0.6745
    blur = 0.0
    for again in _REBLUR:
        blur = _blur_of_edges(luma, min(_CALMING * noise, 2.0) * again, again)
        # Against a wide blur a narrow one changes too little to be told from noise.
        if blur < 1.5 * again:
            break
    return float(np.clip(blur, *_BLUR_RANGE))


def _blur_of_edges(luma: NDArray[np.float32], before: float, again: float) -> float:
    """Blur of the steepest edges, from how much flatter a blur of ``again`` pixels makes them after ``before``."""
    if before > 0.3:
        luma = cv2.GaussianBlur(luma, (0, 0), before)
    else:
        before = 0.0
    gradient, softer = _gradient(luma), _gradient(cv2.GaussianBlur(luma, (0, 0), again))
    # Chosen by the softer picture: by the other, noise that happened to steepen an edge would be chosen with it.
    steepest = softer >= np.percentile(softer, _STEEPEST)
    ratio = float(np.median(gradient[steepest] / np.maximum(softer[steepest], 1e-3)))
    return float(np.sqrt(max(again**2 / max(ratio**2 - 1, 1e-3) - before**2, 0.0)))


def _gradient(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    across, down = cv2.Sobel(luma, -1, 1, 0, ksize=3, scale=1 / 8), cv2.Sobel(luma, -1, 0, 1, ksize=3, scale=1 / 8)
    return np.asarray(cv2.magnitude(across, down))


def _patches(image: Image, landmarks: Points, unit: float) -> Image:
    """``(N, k, k, 3) uint8`` patches of bare skin that lie inside the picture."""
    side = int(np.clip(round(_PATCH * unit), *_PATCH_RANGE))
    start, end = landmarks[_FIRST], landmarks[_SECOND]
    corner = np.round(start + (end - start) * _SHOWN[:, 2:] - side / 2).astype(int)
    inside = (corner >= 0).all(axis=1) & (corner + side <= (image.shape[1], image.shape[0])).all(axis=1)
    found = [image[y : y + side, x : x + side] for x, y in corner[inside]]
    return np.stack(found) if found else np.empty((0, side, side, 3), dtype=np.uint8)


def _gradient_energy(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean squared central-difference gradient of each of ``(N, h, w)`` pictures."""
    return np.asarray(_squared_gradient(luma).mean(axis=(-2, -1)))


def _squared_gradient(luma: NDArray[np.floating]) -> NDArray[np.float32]:
    """Of all but the outermost pixels of ``(..., h, w)``, by central differences."""
    across = (luma[..., 1:-1, 2:] - luma[..., 1:-1, :-2]) / 2
    down = (luma[..., 2:, 1:-1] - luma[..., :-2, 1:-1]) / 2
    return np.asarray(across**2 + down**2, dtype=np.float32)


def _layer_energy(luma: NDArray[np.floating], alpha: NDArray[np.floating]) -> float:
    """Median over the opaque part of a layer of its luma's gradient energy."""
    return _median_inside(_squared_gradient(luma), alpha[1:-1, 1:-1])


def _layer_noise(layer: Layer) -> float:
    return _median_inside(_fine(layer.color @ LUMA) ** 2, layer.alpha)


def _median_inside(values: NDArray[np.floating], alpha: NDArray[np.floating]) -> float:
    """Median of local means where a layer is opaque all around; infinite where that is nowhere."""
    side = max(3, min(values.shape) // 12)
    means = cv2.blur(values, (side, side))
    opaque = cv2.erode(alpha, np.ones((side + 2, side + 2))) > 0.98
    return float(np.median(means[opaque])) if opaque.any() else float("inf")


def _fine(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """What a blur of one pixel takes away."""
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), 1.0))


def _kernel(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    """A patch as a filter kernel: of odd size, faded out at its borders, without a mean."""
    side = patch.shape[0] - 1 + patch.shape[0] % 2
    window = np.hanning(side + 2)[1:-1].astype(np.float32)
    values = patch[:side, :side] * (window[:, None] * window[None, :])[..., None]
    return np.asarray(values - values.mean(axis=(0, 1)), dtype=np.float32)
