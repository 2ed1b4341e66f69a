"""The null overlay: a mask's compositing without the mask, so that nothing but its traces is left."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.cloth.sampling import MaskDistribution, sample_mask
from maskaug.masktheface_wrapper.cloth.template import Pack
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders.registry import OccluderParams, OccluderSpec, Rendered, register
from maskaug.masktheface_wrapper.overlay import MaskParams

_STEPS = HarmonizeSteps(light=None, folds=False, contact=False)


def sample_null_mask(occluder: OccluderParams, pack: Pack) -> MaskParams:
    """The mask whose traces a null overlay leaves."""
    return sample_mask(np.random.default_rng([occluder.seed, 10]), pack, MaskDistribution(variety="none"))


def null_overlay(mask: Layer | None, context: FaceContext) -> Rendered:
    """A drawn mask with the picture's own pixels for its colours; None stays None."""
    if mask is None:
        return None
    alpha = mask.alpha.astype(np.float32)
    own = context.image[mask.window].astype(np.float32) * alpha[..., None]
    return Layer(mask.left, mask.top, own, alpha, np.ones_like(alpha)), _STEPS


def _sample(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    return {}


register(OccluderSpec("null_overlay", ("mask",), often=0.8, sample=_sample, render=None))
