"""A random mask on a face whose landmarks are known: what the transforms for training have in common."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maskaug.assets import standard_pack
from maskaug.augment.online.landmark_cache import pixels_key
from maskaug.core.arrays import check_image
from maskaug.core.errors import MaskaugError, failure
from maskaug.core.landmarks import CHIN, LEFT_EYE, MIRRORED, NOSE_ROOT, RIGHT_EYE
from maskaug.masktheface_wrapper import (
    Face,
    FaceContext,
    MaskDistribution,
    MaskEngine,
    Wear,
    face_from_landmarks,
    load_pack,
)

_KEPT_BYTES = 64e6  # of pictures that were read, in each process

Label = int | Mapping[str, int]


class WornMask(NamedTuple):
    """A picture with a mask, ``(H, W, 3) uint8`` RGB, and how it is worn."""

    image: NDArray[np.uint8]
    wear: Wear


@dataclass(frozen=True)
class KnownFace:
    """Puts masks on faces whose landmarks are given or kept; small when pickled, because it does not hold the engine.

    Attributes:
        landmarks: ``(68, 2) float32`` by `pixels_key`.
        kinds: What masks are sampled from, as `MaskEngine.sample` takes it.
        min_quality: Overlays scored lower are dropped.
        pack: Folder of templates; None: those that ship with maskaug.
    """

    landmarks: Mapping[str, NDArray[np.float32]]
    kinds: MaskDistribution | str | Mapping[str, float] | None
    min_quality: float
    pack: Path | None
    _contexts: dict[str, FaceContext] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.min_quality <= 1:
            raise ValueError(f"min_quality must be in [0, 1], but is {self.min_quality}")

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return KnownFace, (self.landmarks, self.kinds, self.min_quality, self.pack)

    def mask(
        self, pixels: NDArray[np.uint8], points: NDArray[np.floating] | None, rng: np.random.Generator
    ) -> WornMask | None:
        """The picture with a mask, or None: landmarks unknown, all of the mask outside, or below the quality.

        What the engine or a library raises over one picture is a warning, and the picture stays bare: it does not end
        a training.

        Args:
            pixels: ``(H, W, 3) uint8`` RGB.
            points: ``(68, 2)`` landmarks in pixels, mirrored or not; None: those kept for these pixels.
            rng: Where every random number comes from.

        Raises:
            TypeError, ValueError: it is no such picture.
        """
        check_image(pixels)
        engine = _engine(self.pack)
        key = None if points is not None else pixels_key(pixels)
        if points is None:
            points = self.landmarks.get(str(key))
        if points is None:
            return None
        face = face_from_landmarks(renumbered(np.asarray(points, dtype=np.float32)))
        params = engine.sample(rng, self.kinds)
        try:
            context = engine.measure(pixels, face) if key is None else self._measured(engine, pixels, face, key)
            if self.min_quality > 0:
                overlay = engine.apply(pixels, face, params, context)
                image, alpha, good = overlay.image, overlay.alpha, overlay.quality >= self.min_quality
            else:
                (image, alpha), good = engine.put_on(pixels, face, params, context), True
        except MaskaugError:
            raise
        except Exception as error:
            warnings.warn(f"a picture {pixels.shape} gets no mask: {failure(error)}", RuntimeWarning, stacklevel=2)
            return None
        return WornMask(image, params.wear) if good and alpha.any() else None

    def _measured(self, engine: MaskEngine, pixels: NDArray[np.uint8], face: Face, key: str) -> FaceContext:
        context = self._contexts.get(key) or engine.measure(pixels, face)
        # Every picture comes once an epoch: making room for new ones would lose each before it is seen again.
        if key not in self._contexts and (len(self._contexts) + 1) * pixels.nbytes < _KEPT_BYTES:
            self._contexts[key] = context
        return context


def renumbered(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(68, 2)`` landmarks as the face in the picture has them: those of a mirrored face change sides."""
    across = points[RIGHT_EYE].mean(axis=0) - points[LEFT_EYE].mean(axis=0)
    down = points[CHIN] - points[NOSE_ROOT]
    return points if across[0] * down[1] > across[1] * down[0] else points[MIRRORED]


def relabelled(label: Label, wear: Wear) -> int:
    """The class of a masked picture.

    Raises:
        ValueError: the mask is worn in a way that has no label.
    """
    if isinstance(label, int):
        return label
    try:
        return label[wear]
    except KeyError:
        known = ", ".join(label)
        raise ValueError(f"no label is given for masks worn {wear!r}, only for {known}") from None


@cache
def _engine(pack: Path | None) -> MaskEngine:
    """One for each process and pack, loaded when first needed."""
    return MaskEngine(None, load_pack(pack or standard_pack()))
