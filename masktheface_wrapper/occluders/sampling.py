"""Drawing a prop at random."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from maskaug.masktheface_wrapper.cloth.patterns import PATTERNS
from maskaug.masktheface_wrapper.cloth.sampling import sample_color, weighted_choice
from maskaug.masktheface_wrapper.occluders.params import STYLES, OccluderKind, OccluderParams

# How often each is drawn where nothing is said: all but what goes with a mask as well as without.
_OFTEN: dict[OccluderKind, float] = {
    "beard": 1.6,
    "moustache": 0.6,
    "hand": 1.6,
    "scarf": 1.4,
    "microphone": 1.0,
    "cup": 1.0,
    "hair": 1.0,
    "patch": 1.0,
    "damage": 0.6,
    "ghost": 0.8,
}
_HAIR = {"#1d1815": 4, "#3a2a20": 4, "#5c4330": 2, "#8a6a45": 1, "#77736e": 1.5, "#c9c5bd": 1, "#8f4a22": 0.8}
_CLOTH = {
    "#242427": 4, "#77797d": 2.5, "#d9d7d2": 2, "#2c3550": 2, "#8c2f35": 1.5, "#5d6b4a": 1, "#c9a9a0": 0.7,
    "#3f6f8f": 1, "#7b5a86": 0.5, "#d8b24a": 0.5, "#a4c5d8": 0.7, "#c9b699": 1,
}  # fmt: skip
_WARE = {"#e9e7e2": 4, "#c9b08a": 1, "#2b2b2d": 1, "#b23b34": 0.7, "#3c5f8a": 0.7, "#6f8f6a": 0.4, "#d8b24a": 0.4}
_MICROPHONE = {"#3a3a3c": 3, "#9a9c9e": 2.5, "#1f1f21": 2}
_FOAM = {"#1f1f21": 4, "#b23b34": 1, "#2f4f9a": 1, "#d8b24a": 0.5, "#5a8f4a": 0.4, "#dcdad5": 0.4}
_DRINKS = {"#5a2f14": 2, "#c98a2a": 2, "#e9e2d0": 1, "#b2452a": 1}
_LENSES = {"#121214": 5, "#2a211a": 2, "#1a2430": 1, "#6a7f94": 0.4}


def sample_occluder(rng: np.random.Generator, kinds: Mapping[OccluderKind, float] | None = None) -> OccluderParams:
    """Draw a thing, and how it is held or worn.

    Args:
        rng: Where every random number comes from.
        kinds: Weights by kind; None: all but sunglasses and hats, each about as often as one meets it.

    Raises:
        ValueError: the weights are negative or all 0.
    """
    kind = weighted_choice(rng, _OFTEN if kinds is None else kinds)
    style = str(rng.choice(STYLES[kind]))
    drawn: dict[str, Any] = _DRAWN[kind](rng, style)
    for name in ("size", "shift_x", "shift_y", "tilt", "pattern_mm", "pattern_angle"):
        if name in drawn:
            drawn[name] = round(float(drawn[name]), 3)
    return OccluderParams(kind=kind, style=style, seed=int(rng.integers(2**31)), **drawn)


def _beard(rng: np.random.Generator, style: str) -> dict[str, object]:
    return {"color": _hair_color(rng), "size": rng.uniform(0.6, 1.3)}


def _moustache(rng: np.random.Generator, style: str) -> dict[str, object]:
    return {"color": _hair_color(rng), "size": rng.uniform(0.5, 1.6)}


def _hand(rng: np.random.Generator, style: str) -> dict[str, object]:
    return {
        "size": rng.uniform(0.82, 1.08),
        "shift_x": rng.normal(0, 12),
        "shift_y": rng.normal(4, 12),
        "tilt": _from_below(rng, 100),
        "ink": _near(rng, _CLOTH) if rng.random() < 0.6 else None,
    }


def _scarf(rng: np.random.Generator, style: str) -> dict[str, object]:
    drawn: dict[str, object] = {
        "color": sample_color(rng) if rng.random() < 0.3 else _near(rng, _CLOTH),
        "size": rng.uniform(0.8, 1.35),
        "shift_x": rng.normal(0, 4),
        "shift_y": rng.uniform(-30, 12),
        "tilt": rng.normal(0, 5),
    }
    if rng.random() < 0.4:
        drawn |= {
            "pattern": list(PATTERNS)[int(rng.integers(len(PATTERNS)))],
            "ink": sample_color(rng) if rng.random() < 0.5 else _near(rng, _CLOTH),
            "pattern_mm": np.exp(rng.uniform(np.log(8), np.log(45))),
            "pattern_angle": rng.choice((0, 45, 90, rng.uniform(0, 180))),
        }
    return drawn


def _microphone(rng: np.random.Generator, style: str) -> dict[str, object]:
    return {
        "color": _near(rng, _FOAM if style == "foam" else _MICROPHONE),
        "ink": _near(rng, {"#1c1c1e": 4, "#8d8f92": 1, "#b9a25a": 0.3}),
        "size": rng.uniform(0.85, 1.2),
        "shift_x": rng.normal(0, 14),
        "shift_y": rng.uniform(0, 42),
        "tilt": _from_below(rng, 75),
    }


def _cup(rng: np.random.Generator, style: str) -> dict[str, object]:
    colors = {"mug": _WARE, "paper": {"#e9e7e2": 3, "#c9b08a": 1.5, "#7a5236": 0.7, "#2f6b4a": 0.5}}
    return {
        "color": _near(rng, colors.get(style, {"#d5dadc": 1})),
        "ink": _near(rng, _DRINKS if style == "glass" else _CLOTH) if rng.random() < 0.6 else None,
        "size": rng.uniform(0.85, 1.1),
        "shift_x": rng.normal(0, 6),
        "shift_y": rng.uniform(-14, 8),
        "tilt": rng.normal(0, 9),
    }


def _hair(rng: np.random.Generator, style: str) -> dict[str, object]:
    return {
        "color": None if style == "long" and rng.random() < 0.6 else _hair_color(rng),
        "size": rng.uniform(0.6, 1.4),
        "shift_x": rng.uniform(-22, 22),
        "shift_y": rng.uniform(-10, 20),
    }


def _patch(rng: np.random.Generator, style: str) -> dict[str, object]:
    at_mouth = rng.random() < 1 / 3
    return {
        "color": _near(rng, {"#141416": 1, "#3a3a3c": 0.5}) if rng.random() < 0.5 else sample_color(rng),
        # What covers all from nose to chin would be a mask to anyone.
        "size": np.exp(rng.uniform(np.log(0.35), np.log(1.0 if at_mouth else 1.5))),
        "shift_x": rng.normal(0, 8) if at_mouth else rng.uniform(-65, 65),
        "shift_y": rng.normal(0, 8) if at_mouth else rng.uniform(-115, 40),
        "tilt": rng.uniform(-90, 90) if rng.random() < 0.7 else 0.0,
    }


def _damage(rng: np.random.Generator, style: str) -> dict[str, object]:
    return {
        "size": rng.uniform(0.7, 1.6),
        "shift_x": rng.normal(0, 6),
        "shift_y": rng.normal(0, 8),
        "tilt": rng.normal(0, 20),
    }


def _ghost(rng: np.random.Generator, style: str) -> dict[str, object]:
    return {}


def _sunglasses(rng: np.random.Generator, style: str) -> dict[str, object]:
    return {
        "color": _near(rng, _LENSES),
        "ink": _near(
            rng, {"#161618": 4, "#4a3020": 1} if style == "square" else {"#161618": 2, "#a08a4a": 1, "#9a9c9e": 1}
        ),
        "size": rng.uniform(0.85, 1.12),
        "shift_y": rng.normal(0, 2.5),
    }


def _hat(rng: np.random.Generator, style: str) -> dict[str, object]:
    return {
        "color": sample_color(rng) if rng.random() < 0.25 else _near(rng, _CLOTH),
        "ink": _near(rng, _CLOTH) if rng.random() < 0.3 else None,
        "size": rng.uniform(0.9, 1.15),
        "shift_y": rng.normal(0, 5),
    }


def _near(rng: np.random.Generator, colors: Mapping[str, float]) -> str:
    """One of the colours, lighter or darker, its hue about the same: a dark one would soon have another."""
    chosen = np.array(list(bytes.fromhex(weighted_choice(rng, colors)[1:])))
    drawn = chosen * rng.uniform(0.8, 1.2) + rng.normal(0, 4) + rng.normal(0, 1.5, 3)
    red, green, blue = np.clip(np.round(drawn), 8, 240).astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _hair_color(rng: np.random.Generator) -> str | None:
    """A colour of hair; None: the person's own."""
    return None if rng.random() < 0.45 else _near(rng, _HAIR)


def _from_below(rng: np.random.Generator, most: float) -> float:
    """Degrees by which what is held leans: from below, from either side, or between."""
    return float(most * rng.choice((-1, 1)) * rng.beta(1.0, 1.4))


_DRAWN = {
    "beard": _beard,
    "moustache": _moustache,
    "hand": _hand,
    "scarf": _scarf,
    "microphone": _microphone,
    "cup": _cup,
    "hair": _hair,
    "patch": _patch,
    "damage": _damage,
    "ghost": _ghost,
    "sunglasses": _sunglasses,
    "hat": _hat,
}
