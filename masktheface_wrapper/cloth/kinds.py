"""Kinds of mask as they are sold: the colours of each, and how many are printed."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ClothOfKind:
    """What masks of a kind are made of.

    Attributes:
        colors: Rough weights by colour, ``#rrggbb``.
        printed: Share of the dyed ones that have a pattern.
    """

    colors: Mapping[str, float]
    printed: float = 0.0


# Disposable masks are blue and white, then black; filtering half masks white; cloth masks black, grey and everything.
_KINDS = {
    "surgical": ClothOfKind(
        {
            "#a4c5d8": 5, "#dfe2e4": 4, "#2a2a2c": 2, "#9fc9b8": 1.5, "#e6b9c6": 1, "#8f9499": 0.5, "#b9aed2": 0.5,
            "#6f8fb8": 0.5, "#d9c7ae": 0.3,
        }
    ),
    "kn95": ClothOfKind({"#e2e2e0": 6, "#2b2b2d": 2, "#8d8f92": 1, "#d8c6b0": 0.5, "#e3b8bd": 0.5, "#9db4cf": 0.5}),
    "n95": ClothOfKind({"#e3e0d8": 8, "#d9e0e2": 2, "#2f3032": 0.5, "#c9d9b0": 0.3}),
    "cloth": ClothOfKind(
        {
            "#242427": 6, "#77797d": 2.5, "#d9d7d2": 2, "#2c3550": 1.5, "#8c2f35": 1, "#5d6b4a": 0.7, "#c9a9a0": 0.7,
            "#3f6f8f": 0.7, "#7b5a86": 0.5, "#d8b24a": 0.4, "#c86f3a": 0.3,
        },
        printed=0.35,
    ),
}  # fmt: skip

# Of prints, logos, and whatever kind a pack has that is not known here.
CLOTH_COLORS = _KINDS["cloth"].colors


def cloth_of(kind: str) -> ClothOfKind:
    """What masks of this kind are made of; of a kind that is not in the table, plain cloth of any colour."""
    return _KINDS.get(kind, ClothOfKind(CLOTH_COLORS))
