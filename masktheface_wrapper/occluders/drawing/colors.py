"""Colours of things as one meets them, and dyes near them."""

from collections.abc import Mapping

import numpy as np

from maskaug.masktheface_wrapper.cloth.sampling import weighted_choice

# Weights by colour.
CLOTH = {
    "#242427": 4, "#77797d": 2.5, "#d9d7d2": 2, "#2c3550": 2, "#8c2f35": 1.5, "#5d6b4a": 1, "#c9a9a0": 0.7,
    "#3f6f8f": 1, "#7b5a86": 0.5, "#d8b24a": 0.5, "#a4c5d8": 0.7, "#c9b699": 1,
}  # fmt: skip
_HAIR = {"#1d1815": 4, "#3a2a20": 4, "#5c4330": 2, "#8a6a45": 1, "#77736e": 1.5, "#c9c5bd": 1, "#8f4a22": 0.8}


def near(rng: np.random.Generator, colors: Mapping[str, float]) -> str:
    """One of the colours, lighter or darker, its hue about the same: a dark one would soon have another."""
    chosen = np.array(list(bytes.fromhex(weighted_choice(rng, colors)[1:])))
    drawn = chosen * rng.uniform(0.8, 1.2) + rng.normal(0, 4) + rng.normal(0, 1.5, 3)
    red, green, blue = np.clip(np.round(drawn), 8, 240).astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def sample_hair_color(rng: np.random.Generator) -> str | None:
    """A colour of hair; None: the person's own."""
    return None if rng.random() < 0.45 else near(rng, _HAIR)
