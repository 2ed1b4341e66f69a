"""Sampling a mask: its template, its cloth, and how it is worn."""

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np

from maskaug.core.color import LUMA
from maskaug.masktheface_wrapper.cloth.kinds import CLOTH_COLORS, cloth_of
from maskaug.masktheface_wrapper.cloth.patterns import PATTERNS
from maskaug.masktheface_wrapper.cloth.template import Pack, Template
from maskaug.masktheface_wrapper.overlay import MaskParams, Wear

# How different masks are from each other; see `MaskDistribution`.
Variety = Literal["none", "real", "wide", "wild"]
_Name = TypeVar("_Name", bound=str)

# How differently people wear the same mask; standard deviations, and a limit at twice that.
# These are multiplied by the variety's own: sideways, down, tilt, scale, slack.
_SHIFT_X_MM, _SHIFT_Y_MM, _TILT_DEGREES, _SCALE, _SLACK_MM = 1.2, 1.8, 1.2, 0.012, 1.2
_SPREAD = {"none": (1, 1, 1, 1, 1), "real": (1, 1, 1, 1, 1), "wide": (2, 1, 2, 2, 2), "wild": (3, 2, 4, 6, 2)}

_DYED = {"none": 0.0, "real": 0.6, "wide": 0.9, "wild": 0.9}  # share whose colour is not the template's
_LIGHT_CLOTH = 120.0  # luma; what is darker shows no relief when dyed
_STRAPS = ("#e8e8e6", "#2a2a2c")
# Skin of all tones, and lips: cloth of these colours is told from a face by all else but its colour.
_SKIN = {"#f1cdb4": 1, "#d9a583": 1, "#b57a55": 1, "#8a5638": 1, "#553322": 1, "#b8545a": 1, "#d98a8c": 1}

# The top edge's way down the mask's own height: to below the nostrils, to below the lip or under the chin.
_SLIDE: dict[Wear, tuple[float, float]] = {
    "correct": (0.0, 0.0),
    "under_nose": (0.34, 0.45),
    "under_chin": (0.66, 0.92),
}
_WILD_SLIDE = (-0.15, 0.12)  # half of them where they belong, the others down to the tip of the nose


@dataclass(frozen=True)
class NamedMask:
    """A mask a user asked for by name.

    Attributes:
        name: A kind of the pack, or one of its templates.
        color: ``#rrggbb`` of its cloth, or None.
        pattern: Name of its texture, or None.
    """

    name: str
    color: str | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class MaskDistribution:
    """What may be sampled, and how often; None or 0 leave it to the variety.

    Attributes:
        kinds: Weights by kind; all of the pack alike if None.
        variety: ``none`` keeps the templates' colours and differs only as people wear the same mask; ``real`` has
            colours, prints and fits as one meets them; ``wide`` anything; ``wild`` more than one meets: looser fits,
            gaudier and skin-like colours, for classifiers to learn from.
        wear: Weights by way of wearing.
        color, color_weight: A colour of the user's, and the share of masks that have it.
        patterns, pattern_weight: Names of the user's textures, and the share of masks that have one.
        fixed: One of these each time, instead of what the kinds, the variety and the user's colours would give.
    """

    kinds: Mapping[str, float] | None = None
    variety: Variety = "real"
    wear: Mapping[Wear, float] = field(default_factory=lambda: {"correct": 1.0})
    color: str | None = None
    color_weight: float = 0.5
    patterns: Sequence[str] = ()
    pattern_weight: float = 0.5
    fixed: Sequence[NamedMask] = ()


def sample_mask(rng: np.random.Generator, pack: Pack, distribution: MaskDistribution) -> MaskParams:
    """Sample a template, its cloth, and how it sits.

    Raises:
        PackError: the pack has no mask of a kind.
        ValueError: the weights are negative or all 0.
    """
    wear = weighted_choice(rng, distribution.wear)
    if distribution.fixed:
        templates, cloth = _sample_named(rng, pack, distribution.fixed)
    else:
        kind = weighted_choice(
            rng, dict.fromkeys(pack.kinds, 1.0) if distribution.kinds is None else distribution.kinds
        )
        templates, cloth = pack.of_kind(kind), _sample_cloth(rng, kind, distribution)
    if cloth:
        templates = _dyeable(templates)
    name = weighted_choice(rng, {template.name: template.weight for template in templates})
    across, down, tilt, scale, slack = np.clip(rng.standard_normal(5), -2, 2) * _SPREAD[distribution.variety]
    low, high = _WILD_SLIDE if distribution.variety == "wild" and wear == "correct" else _SLIDE[wear]
    return MaskParams(
        template=name,
        kind=pack.templates[name].kind,
        wear=wear,
        slide=round(max(0.0, float(rng.uniform(low, high))), 3),
        shift_x=round(float(across * _SHIFT_X_MM), 3),
        shift_y=round(float(down * _SHIFT_Y_MM), 3),
        tilt=round(float(tilt * _TILT_DEGREES), 3),
        scale=round(float(1 + scale * _SCALE), 4),
        slack=0.0 if distribution.variety == "none" else round(float(slack * _SLACK_MM), 3),
        seed=int(rng.integers(2**31)),
        **cloth,
        **_sample_wear(rng, distribution.variety),
    )


def _sample_named(
    rng: np.random.Generator, pack: Pack, fixed: Sequence[NamedMask]
) -> tuple[tuple[Template, ...], dict[str, object]]:
    """The templates one of the user's names stands for, and the cloth it asks for."""
    one = fixed[int(rng.integers(len(fixed)))]
    cloth: dict[str, object] = {}
    if one.color:
        cloth["color"] = one.color
    if one.pattern:
        cloth |= {"pattern": one.pattern, "pattern_mm": round(float(rng.uniform(50, 190)), 1)}
    return pack.named(one.name), cloth


def _sample_cloth(rng: np.random.Generator, kind: str, distribution: MaskDistribution) -> dict[str, object]:
    """Colour and pattern; empty for the template's own."""
    if distribution.color and rng.random() < distribution.color_weight:
        return {"color": distribution.color}
    if distribution.patterns and rng.random() < distribution.pattern_weight:
        name = distribution.patterns[int(rng.integers(len(distribution.patterns)))]
        return {"pattern": name, "pattern_mm": round(float(rng.uniform(50, 190)), 1)}
    if rng.random() >= _DYED[distribution.variety]:
        return {}
    sold = cloth_of(kind)
    wide = distribution.variety in ("wide", "wild")
    cloth: dict[str, object] = {"color": sample_color(rng) if wide and rng.random() < 0.5 else _near(rng, sold.colors)}
    if distribution.variety == "wild" and rng.random() < 0.35:
        cloth["color"] = _near(rng, _SKIN) if rng.random() < 0.4 else _gaudy_color(rng)
    if rng.random() < (0.4 if wide else sold.printed):
        cloth |= {
            "pattern": list(PATTERNS)[int(rng.integers(len(PATTERNS)))],
            "ink": sample_color(rng) if rng.random() < 0.5 else _near(rng, CLOTH_COLORS),
            "pattern_mm": round(float(np.exp(rng.uniform(np.log(6), np.log(32)))), 1),
            "pattern_angle": round(float(rng.choice((0, 0, 45, 90, rng.uniform(0, 180)))), 1),
        }
    if rng.random() < 0.3:
        cloth["strap_color"] = cloth["color"] if rng.random() < 0.6 else str(rng.choice(_STRAPS))
    if rng.random() < (0.15 if wide else 0.05):
        cloth["logo"] = _near(rng, CLOTH_COLORS)
    return cloth


def _sample_wear(rng: np.random.Generator, variety: Variety) -> dict[str, float]:
    """Wrinkles of use, and how thin the cloth is."""
    if variety == "none":
        return {}
    thin = float(rng.random())
    return {
        "wrinkles": round(float(rng.uniform(0, 0.7 if variety == "real" else 1.0)), 3),
        "translucency": round(max(0.0, thin - 0.8) * (0.4 if variety == "real" else 0.9), 3),
    }


def _dyeable(templates: tuple[Template, ...]) -> tuple[Template, ...]:
    """Those of light cloth; if none is, all."""
    return tuple(one for one in templates if float(one.cloth @ LUMA) >= _LIGHT_CLOTH) or templates


def _near(rng: np.random.Generator, colors: Mapping[str, float]) -> str:
    """One of the colours, as another maker's dye has it."""
    chosen = bytes.fromhex(weighted_choice(rng, colors)[1:])
    drawn = np.array(list(chosen)) * rng.uniform(0.88, 1.12) + rng.normal(0, 6, 3)
    return _hex(drawn)


def sample_color(rng: np.random.Generator) -> str:
    """Any colour at all, as ``#rrggbb``; strong ones are rarer."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), float(rng.beta(1.2, 1.6)), rng.uniform(0.12, 0.95))
    return _hex(np.array([red, green, blue]) * 255)


def _gaudy_color(rng: np.random.Generator) -> str:
    return _hex(np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.4, 1), rng.uniform(0.4, 1))) * 255)


def _hex(color: np.ndarray) -> str:
    red, green, blue = np.clip(np.round(color), 8, 240).astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def weighted_choice(rng: np.random.Generator, weights: Mapping[_Name, float]) -> _Name:
    """One of the names, with a probability in proportion to its weight.

    Raises:
        ValueError: the weights are negative or all 0.
    """
    total = sum(weights.values())
    if total <= 0 or min(weights.values()) < 0:
        raise ValueError(f"weights must be 0 or more and not all 0, but got {dict(weights)}")
    threshold = rng.random() * total
    for name, weight in weights.items():
        threshold -= weight
        if threshold < 0:
            return name
    return list(weights)[-1]
