"""The registry of corruptions: which there are, which a recipe wants, and how they are applied."""

import difflib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image

Pixels = NDArray[np.float32]  # (S, S, 3) RGB; black is 0, white 255, and values may lie beyond between two corruptions

# What moves the frame rather than changes its pixels; see `maskaug.train.synthesis.spatial`. Comes before the others.
SPATIAL = ("crop", "affine")
_SPARED = 0.2  # share of the pictures that get none of the others: sharp, bright photographs are met as well


@dataclass(frozen=True)
class Corruption:
    """One way in which photographs are corrupted.

    Attributes:
        name: By which recipes name it; unique.
        order: Corruptions are applied in ascending order, as they happen to a photograph: first optics, then light and
            colour, then the sensor, then the file.
        probability: With which a picture gets it that is not spared them all; a fifth are.
        apply: Takes ``(S, S, 3) float32`` RGB pixels, 0 to 255, and the generator of all its random numbers; returns
            the corrupted pixels, as floats or ``uint8``, and leaves its input as it is.
    """

    name: str
    order: float
    probability: float
    apply: Callable[[Pixels, np.random.Generator], NDArray[np.floating] | Image]


# Corruptions by name, in the order in which they are applied.
CORRUPTIONS: dict[str, Corruption] = {}


def register(corruption: Corruption) -> None:
    """Add a corruption: recipes with ``corruptions=all`` have it from then on.

    Raises:
        ValueError: its name is taken, or is none that a recipe can hold; or its probability is not in [0, 1].
    """
    if corruption.name in corruption_names():
        raise ValueError(f"there is a corruption {corruption.name!r} already; give this one another name")
    if not corruption.name.isidentifier() or corruption.name in ("all", "none"):
        raise ValueError(f"a corruption's name is letters, digits and _, not all or none, but got {corruption.name!r}")
    if not 0 <= corruption.probability <= 1:
        raise ValueError(f"{corruption.name}: probability must be in [0, 1], but got {corruption.probability}")
    known = sorted([*CORRUPTIONS.values(), corruption], key=lambda one: (one.order, one.name))
    CORRUPTIONS.clear()
    CORRUPTIONS.update({one.name: one for one in known})


def corruption_names() -> tuple[str, ...]:
    """All there are, in the order in which they are applied: the spatial ones, then the others."""
    return (*SPATIAL, *CORRUPTIONS)


def select_corruptions(wanted: Sequence[str]) -> tuple[str, ...]:
    """Names of corruptions, in the order in which they are applied.

    Args:
        wanted: Names; or names with ``-`` before them, for all but these; or ``all``, or ``none``.

    Raises:
        ValueError: there is no such corruption, or names with and without ``-`` are mixed.
    """
    if list(wanted) in (["all"], ["none"], []):
        return corruption_names() if list(wanted) == ["all"] else ()
    left_out = [name for name in wanted if name.startswith("-")]
    if left_out and len(left_out) < len(wanted):
        raise ValueError("name the corruptions that are wanted, or with - before each those that are not, but not both")
    named = {_known(name.removeprefix("-")) for name in wanted}
    return tuple(name for name in corruption_names() if (name in named) != bool(left_out))


def corrupt(picture: Image, names: Sequence[str], key: tuple[int, ...]) -> Image:
    """A picture with those of the named corruptions that chance gives it.

    Args:
        picture: ``(S, S, 3) uint8`` RGB.
        names: Of corruptions; the spatial ones among them are passed over.
        key: Numbers that all random numbers are derived from: the same key, the same picture.

    Returns:
        ``(S, S, 3) uint8`` RGB.
    """
    if generator_for(key, "spared").random() < _SPARED:
        return picture.copy()
    pixels = picture.astype(np.float32)
    for name, corruption in CORRUPTIONS.items():
        if name not in names:
            continue
        rng = generator_for(key, name)
        if rng.random() < corruption.probability:
            pixels = np.asarray(corruption.apply(pixels, rng), dtype=np.float32)
    return to_uint8(pixels)


def generator_for(key: tuple[int, ...], name: str) -> np.random.Generator:
    """The random numbers of one corruption of one picture, whichever other corruptions there are."""
    return np.random.default_rng((*key, zlib.crc32(name.encode())))


def to_uint8(pixels: NDArray[np.floating]) -> Image:
    """Pixels rounded to the nearest ``uint8``; what lies beyond 0 and 255 is cut off."""
    return np.clip(pixels + 0.5, 0, 255).astype(np.uint8)


def _known(name: str) -> str:
    if name not in corruption_names():
        close = difflib.get_close_matches(name, corruption_names(), n=1)
        meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(corruption_names())}"
        raise ValueError(f"there is no corruption {name!r}; {meant}")
    return name
