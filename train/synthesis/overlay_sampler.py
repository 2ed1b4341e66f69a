"""Overlays sampled and rendered anew each time a training face is seen: masks, and what is mistaken for them.

Overlays get a new mask on the picture they were made from, unmasked faces a hard negative, and some of both sunglasses
or a hat. Not all masks look as the photograph would have them: a network that has seen masks of any shape, light and
sharpness looks for what all have in common.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.assets import standard_pack
from maskaug.core.arrays import Image, Points
from maskaug.masktheface_wrapper import (
    Face,
    FaceContext,
    MaskDistribution,
    MaskEngine,
    Pack,
    Wear,
    face_from_landmarks,
    load_pack,
    sample_occluder,
)
from maskaug.train.corruptions.color import shift_hue
from maskaug.train.synthesis.cutout import lay_before

_TRIES = 3  # a mask may lie outside of what shows of a face
_LEAST_QUALITY = 0.1
_WILD = 0.6  # share of masks that are not as one meets them
_PRINT_WEIGHT = 0.2
_PRINTS = 64
_SMALLEST_PRINT = 24  # pixels

# Where no class is for masks that are worn incorrectly: one that covers the mouth is worn, if badly; one under the chin
# is not.
_UNDER_NOSE = 0.08  # share of the masks
_UNDER_CHIN = 0.12  # share of the hard negatives: a mask that covers neither mouth nor nose
_HEADWEAR: Mapping[str, float] = {"sunglasses": 1.0, "hat": 1.0}
_CUTOUTS = 0.15  # share of the hard negatives that are pieces of other photographs
# Before masks as well: or a hand alone would say that there is none. Beside the mouth, for the mask must show.
_HELD: Mapping[str, float] = {"hand": 2.0, "arm": 1.0, "hair": 1.0, "microphone": 0.5, "head": 0.5}
_BESIDE, _BELOW = (35.0, 80.0), (0.0, 60.0)  # mm

_BENT, _BEND = 0.4, 0.03  # share of masks, and standard deviation in heights of the picture
_RECOLOURED = 0.5


@dataclass(frozen=True)
class OverlaySampler:
    """Samples what is put on faces, and renders it.

    Attributes:
        engine: With prints among its textures.
        distributions: Of masks as one meets them, and of wild ones.
        photographs: ``(h, w, 3) uint8`` RGB: what cutouts are cut from.
        under_chin: Share of the hard negatives that are masks under the chin.
    """

    engine: MaskEngine
    distributions: tuple[MaskDistribution, MaskDistribution]
    photographs: Sequence[Image]
    under_chin: float = _UNDER_CHIN

    def masked(
        self, image: Image, landmarks: Points, rng: np.random.Generator, wear: Wear | None = None
    ) -> Image | None:
        """The face with a mask; None where none shows.

        Args:
            image: ``(H, W, 3) uint8`` RGB, an unmasked face.
            landmarks: Its ``(68, 2)`` points, in pixels.
            rng: Where every random number comes from.
            wear: How the mask is worn; None: as the distributions have it.
        """
        face, context = self._read(image, landmarks)
        for _ in range(_TRIES):
            distribution = self.distributions[int(rng.random() < _WILD)]
            distribution = distribution if wear is None else replace(distribution, wear={wear: 1.0})
            overlay = self.engine.apply(image, face, self.engine.sample(rng, distribution), context)
            if overlay.alpha.any() and overlay.quality >= _LEAST_QUALITY:
                worn, alpha = overlay.image, overlay.alpha
                if rng.random() < _BENT:
                    worn, alpha = warp_elastic(image, worn, alpha, rng)
                return recolor(worn, alpha, rng) if rng.random() < _RECOLOURED else worn
        return None

    def unmasked(self, image: Image, landmarks: Points, rng: np.random.Generator) -> Image:
        """The face with something that is no mask before it, or with a mask under the chin."""
        face, context = self._read(image, landmarks)
        if rng.random() < self.under_chin:
            params = self.engine.sample(rng, MaskDistribution(variety="wide", wear={"under_chin": 1.0}))
            return self.engine.apply(image, face, params, context).image
        if rng.random() < _CUTOUTS:
            other = self.photographs[int(rng.integers(len(self.photographs)))]
            return lay_before(image, landmarks, other, rng)
        return self.engine.occlude(image, face, sample_occluder(rng), context)

    def with_held(self, image: Image, landmarks: Points, rng: np.random.Generator) -> Image:
        """The face, masked or not, with something beside its mouth."""
        occluder = sample_occluder(rng, _HELD)
        place = {"shift_x": float(rng.choice((-1, 1)) * rng.uniform(*_BESIDE)), "shift_y": float(rng.uniform(*_BELOW))}
        return self.engine.occlude(image, face_from_landmarks(landmarks), occluder.model_copy(update=place))

    def with_headwear(self, image: Image, landmarks: Points, rng: np.random.Generator) -> Image:
        """The face with sunglasses or a hat."""
        return self.engine.occlude(image, face_from_landmarks(landmarks), sample_occluder(rng, _HEADWEAR))

    def _read(self, image: Image, landmarks: Points) -> tuple[Face, FaceContext]:
        face = face_from_landmarks(landmarks)
        return face, self.engine.measure(image, face)


def make_overlay_sampler(
    pictures: Sequence[Image], rng: np.random.Generator, *, incorrect: bool = False
) -> OverlaySampler:
    """The standard pack, and prints cut out of ``(h, w, 3) uint8`` RGB pictures.

    Args:
        pictures: Of unmasked faces.
        rng: Where every random number comes from.
        incorrect: Whether masks that are worn incorrectly have a class of their own: then masks are worn correctly
            unless one asks, and no hard negative is one under the chin.
    """
    prints = {
        f"print_{number}": crop_print(pictures[int(rng.integers(len(pictures)))], rng) for number in range(_PRINTS)
    }
    under_nose, under_chin = (0.0, 0.0) if incorrect else (_UNDER_NOSE, _UNDER_CHIN)
    wear: Mapping[Wear, float] = {"correct": 1 - under_nose, "under_nose": under_nose}
    worn = MaskDistribution(variety="real", wear=wear)
    wild = MaskDistribution(variety="wild", wear=wear, patterns=tuple(prints), pattern_weight=_PRINT_WEIGHT)
    return OverlaySampler(MaskEngine(None, _pack(), prints), (worn, wild), tuple(pictures), under_chin)


@cache
def _pack() -> Pack:
    return load_pack(standard_pack())


def crop_print(image: Image, rng: np.random.Generator) -> Image:
    """A piece of an ``(H, W, 3) uint8`` picture in other colours, mirrored so that it can be repeated."""
    height, width = image.shape[:2]
    side = int(rng.integers(_SMALLEST_PRINT, max(min(height, width), _SMALLEST_PRINT + 1)))
    left, top = int(rng.integers(max(width - side, 0) + 1)), int(rng.integers(max(height - side, 0) + 1))
    piece = shift_hue(image[top : top + side, left : left + side], rng, saturation=(0.0, 2.0))
    if rng.random() < 0.3:
        piece = 255 - piece
    row = np.concatenate([piece, piece[:, ::-1]], axis=1)
    return np.ascontiguousarray(np.concatenate([row, row[::-1]]))


def warp_elastic(before: Image, worn: Image, alpha: Image, rng: np.random.Generator) -> tuple[Image, Image]:
    """A mask of another shape than its template's: displaced smoothly, by a different vector everywhere.

    Args:
        before, worn: ``(H, W, 3) uint8``: the picture without and with the mask.
        alpha: ``(H, W) uint8``: what the mask covers.
        rng: Where every random number comes from.

    Returns:
        The picture with the bent mask, and its alpha.
    """
    height, width = alpha.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    across, down = (
        cv2.resize(values, (width, height), interpolation=cv2.INTER_CUBIC)
        for values in rng.normal(0, _BEND * height, (2, 4, 4)).astype(np.float32)
    )
    moved, covered = (
        cv2.remap(values, columns + across, rows + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for values in (worn, alpha)
    )
    return _over(before, moved.astype(np.float32), covered), np.asarray(covered, dtype=np.uint8)


def recolor(worn: Image, alpha: Image, rng: np.random.Generator) -> Image:
    """The mask in another hue, contrast, brightness or sharpness than the photograph's; the face as it was.

    Args:
        worn: ``(H, W, 3) uint8`` RGB: the picture with the mask.
        alpha: ``(H, W) uint8``: what the mask covers.
        rng: Where every random number comes from.
    """
    weight = alpha.astype(np.float32)
    mask = (shift_hue(worn, rng, saturation=(0.5, 2.5)) if rng.random() < 0.4 else worn).astype(np.float32)
    if rng.random() < 0.6:
        mean = np.tensordot(weight, mask, 2) / max(float(weight.sum()), 1.0)
        contrast, gain = np.exp(rng.normal(0, (0.5, 0.3)))
        mask = (mask - mean) * np.float32(contrast) + mean * np.float32(gain) + np.float32(rng.normal(0, 20))
    if rng.random() < 0.3:
        mask = mask + np.float32(rng.uniform(0.5, 2.5)) * (mask - cv2.GaussianBlur(mask, (0, 0), 1.5))
    return _over(worn, mask.astype(np.float32), alpha)


def _over(below: Image, above: NDArray[np.float32], alpha: Image) -> Image:
    share = alpha.astype(np.float32)[..., None] / 255
    return np.clip(below * (1 - share) + above * share + 0.5, 0, 255).astype(np.uint8)
