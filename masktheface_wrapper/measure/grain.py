"""Grain: the fine structure of a photograph, measured on bare skin."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points
from maskaug.core.color import luma_of
from maskaug.masktheface_wrapper.measure.skin import Skin

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


@dataclass(frozen=True)
class Grain:
    """Noise of bare skin, as it came through the camera.

    Attributes:
        noise: Its variance, in grey levels squared, by Immerkaer's operator.
        kernel: ``(k, k, 3) float32``: a calm patch without its low frequencies, faded out at its borders.
    """

    noise: float
    kernel: NDArray[np.float32]


def measure_grain(image: Image, landmarks: Points, skin: Skin, unit: float) -> Grain | None:
    """The grain of a face whose eyes are ``unit`` pixels apart; None if no bare skin lies inside the picture."""
    patches = _patches(image, landmarks, unit)
    if not len(patches):
        return None
    likeness = skin.likeness(patches.reshape(-1, *patches.shape[2:])).reshape(len(patches), -1).mean(axis=1)
    enough = likeness > _SKIN_ENOUGH
    if enough.sum() >= _FEWEST:
        patches = patches[enough]
    # All at once: as one picture below the other.
    count, side = patches.shape[:2]
    noises = noise_variance(luma_of(patches.reshape(-1, side, 3)).reshape(count, side, side).transpose(1, 2, 0))
    calm = int(np.argsort(noises)[int(_CALM * count)])
    return Grain(float(noises[calm]), _kernel(patches[calm].astype(np.float32)))


def _patches(image: Image, landmarks: Points, unit: float) -> Image:
    """``(N, k, k, 3) uint8`` patches of bare skin that lie inside the picture."""
    side = min(max(round(_PATCH * unit), _PATCH_RANGE[0]), _PATCH_RANGE[1])
    start, end = landmarks[_FIRST], landmarks[_SECOND]
    corner = np.rint(start + (end - start) * _SHOWN[:, 2:] - side / 2).astype(int)
    inside = (corner >= 0).all(axis=1) & (corner + side <= (image.shape[1], image.shape[0])).all(axis=1)
    found = [image[y : y + side, x : x + side] for x, y in corner[inside].tolist()]
    return np.stack(found) if found else np.empty((0, side, side, 3), dtype=np.uint8)


def _kernel(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    """A patch as a filter kernel: of odd size, without low frequencies, faded out at its borders, without a mean."""
    side = patch.shape[0] - 1 + patch.shape[0] % 2
    window = _window(side)
    fine = patch - cv2.GaussianBlur(patch, (0, 0), 1.0)
    values = cv2.multiply(fine[:side, :side], cv2.merge([window] * 3))
    return np.asarray(values - values.mean(axis=(0, 1)), dtype=np.float32)


@cache
def _window(side: int) -> NDArray[np.float32]:
    """``(side, side)``: what fades a patch out at its borders."""
    along = np.hanning(side + 2)[1:-1].astype(np.float32)
    return np.asarray(along[:, None] * along[None, :])


def fine_structure(luma: NDArray[np.floating]) -> NDArray[np.float32]:
    """Immerkaer's operator (1996) on all but the outermost pixels of ``(h, w, ...)``, scaled for white noise.

    The difference of two Laplacians: smooth shading and straight edges pass it unseen.
    """
    down = luma[:-2] - 2 * luma[1:-1] + luma[2:]
    return np.asarray((down[:, :-2] - 2 * down[:, 1:-1] + down[:, 2:]) / 6, dtype=np.float32)


def noise_variance(luma: NDArray[np.floating]) -> NDArray[np.float32]:
    """Variance of the noise in ``(h, w, ...)`` luma, ``(...)``; from the mean modulus, which edges raise least."""
    return np.asarray(np.pi / 2 * np.abs(fine_structure(luma)).mean(axis=(0, 1)) ** 2, dtype=np.float32)


def squared_gradient(luma: NDArray[np.floating]) -> NDArray[np.float32]:
    """Of all but the outermost pixels of ``(h, w)``, by central differences."""
    across = luma[1:-1, 2:] - luma[1:-1, :-2]
    down = luma[2:, 1:-1] - luma[:-2, 1:-1]
    return np.asarray((across * across + down * down) / 4, dtype=np.float32)


def gradient_energy(luma: NDArray[np.float32]) -> float:
    """The mean of the squared gradient of ``(h, w)``."""
    return float(cv2.mean(squared_gradient(luma))[0])
