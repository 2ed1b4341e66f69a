"""Sampling an occluder."""

from collections.abc import Mapping

import numpy as np

from maskaug.masktheface_wrapper.cloth.sampling import weighted_choice
from maskaug.masktheface_wrapper.occluders.registry import OCCLUDERS, OccluderParams

_ROUNDED = ("size", "shift_x", "shift_y", "tilt", "pattern_mm", "pattern_angle")


def sample_occluder(rng: np.random.Generator, kinds: Mapping[str, float] | None = None) -> OccluderParams:
    """Sample a thing, and how it is held or worn.

    Args:
        rng: Where every random number comes from.
        kinds: Weights by kind; None: each as often as its `OccluderSpec.often` says.

    Raises:
        ValueError: the weights are negative or all 0, or there is no occluder of a kind.
    """
    if unknown := sorted(set(kinds or ()) - set(OCCLUDERS)):
        raise ValueError(f"there is no occluder {unknown[0]!r}; there are {', '.join(OCCLUDERS)}")
    usual = {name: spec.often for name, spec in OCCLUDERS.items() if spec.often}
    spec = OCCLUDERS[weighted_choice(rng, usual if kinds is None else kinds)]
    style = str(rng.choice(spec.styles))
    drawn = dict(spec.sample(rng, style))
    drawn |= {name: round(float(drawn[name]), 3) for name in _ROUNDED if name in drawn}
    return OccluderParams(kind=spec.name, style=style, seed=int(rng.integers(2**31)), **drawn)
