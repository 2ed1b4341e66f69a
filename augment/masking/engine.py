"""The engine that options ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.assets import standard_pack
from maskaug.augment.masking.options import EngineOptions
from maskaug.core.turns import turn_image
from maskaug.masktheface_wrapper import (
    Face,
    FaceContext,
    FaceFinder,
    MaskDistribution,
    MaskEngine,
    NamedMask,
    Overlay,
    load_pack,
    load_textures,
    weighted_choice,
)

_UPRIGHT_KNOWN = 0.5  # probability that the likeliest of the four ways up is right


def load_engine(options: EngineOptions, *, find: bool = True) -> tuple[MaskEngine, MaskDistribution]:
    """The engine that the options ask for, and the distribution that its masks are sampled from.

    Args:
        options: Pack, textures, and what may be sampled.
        find: Whether the engine is to find faces; if not, no model is loaded.

    Raises:
        ModelError, PackError: a model, the pack or a texture cannot be used, or the pack lacks a kind.
    """
    pack = load_pack(options.pack or standard_pack())
    for kind in options.kinds or ():
        pack.of_kind(kind)
    codes = options.code or ()
    for code in codes:
        pack.named(code.name)
    prints = load_textures(path for path in (options.pattern, options.textures) if path)
    own = {code.texture: load_textures([code.texture]) for code in codes if code.texture}
    distribution = MaskDistribution(
        kinds=options.kinds,
        variety=options.variety,
        wear=options.wear,  # type: ignore[arg-type]  # checked to be ways of wearing
        color=options.color,
        color_weight=options.color_weight,
        patterns=tuple(prints),
        pattern_weight=options.pattern_weight,
        fixed=tuple(
            NamedMask(code.name, code.color, next(iter(own[code.texture])) if code.texture else None) for code in codes
        ),
    )
    textures = {name: texture for found in (prints, *own.values()) for name, texture in found.items()}
    return MaskEngine(FaceFinder(options.landmarks) if find else None, pack, textures), distribution


def is_upright_known(faces: list[Face]) -> bool:
    """Whether it can be told which way up a picture's largest face is; true if it shows none."""
    return not faces or faces[0].upright >= _UPRIGHT_KNOWN


def turned_upright(image: NDArray[np.uint8], faces: list[Face]) -> tuple[NDArray[np.uint8], list[Face], int]:
    """A picture, its faces, and the number of quarter turns counterclockwise after which its largest face is upright.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        faces: Of the picture, largest first.
    """
    turns = faces[0].turns if faces else 0
    if turns == 0:
        return image, faces, 0
    return turn_image(image, turns), [face.turned(turns, image.shape[:2]) for face in faces], turns


@dataclass(frozen=True)
class MaskedPicture:
    """A picture whose faces were to get masks.

    Attributes:
        image: ``(H, W, 3) uint8`` RGB, with all masks that are good enough.
        alpha: ``(H, W) uint8``: how much of each pixel these cover.
        overlays: One for each face, in their order; picture and alpha of each are those of all.
        worn: Whether each is in the picture.
    """

    image: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    overlays: tuple[Overlay, ...]
    worn: tuple[bool, ...]


def mask_all(
    engine: MaskEngine,
    image: NDArray[np.uint8],
    faces: Sequence[Face],
    distribution: MaskDistribution,
    rng: np.random.Generator,
    *,
    min_quality: float = 0.0,
    contexts: Sequence[FaceContext | None] = (),
) -> MaskedPicture:
    """A mask on every face, all worn alike; a face stays bare where its overlay is not good enough.

    Args:
        engine: Renders the masks.
        image: ``(H, W, 3) uint8`` RGB.
        faces: Of the picture.
        distribution: What masks are sampled from.
        rng: Where every random number comes from.
        min_quality: Overlays with a lower score are left out.
        contexts: Of the faces in this picture, where they have been measured: from `MaskEngine.measure`.
    """
    distribution = replace(distribution, wear={weighted_choice(rng, distribution.wear): 1.0})
    overlays = list[Overlay]()
    masked, alpha = image, np.zeros(image.shape[:2], dtype=np.uint8)
    for face, known in zip_longest(faces, contexts):
        params = engine.sample(rng, distribution)
        context = known or engine.measure(masked, face)
        # The first good mask makes a picture of our own; to copy that for each face would take as long as the masks.
        window = slice(None) if face.turns else context.window
        ours = masked is not image and not face.turns
        under = masked[window].copy() if ours else None
        overlay = engine.apply(masked, face, params, context, in_place=ours)
        if overlay.quality >= min_quality:
            masked = overlay.image
            alpha[window] = cv2.max(alpha[window], overlay.alpha[window])
        elif under is not None:
            masked[window] = under
        overlays.append(replace(overlay, image=image, alpha=alpha))  # those of each face would fill the memory
    worn = tuple(overlay.quality >= min_quality for overlay in overlays)
    return MaskedPicture(masked, alpha, tuple(replace(overlay, image=masked) for overlay in overlays), worn)
