"""Occluders: things before a face that are no masks, made with a mask's own compositing.

Each file of this folder that registers an :class:`OccluderSpec` adds a kind: a new one needs no other line anywhere.
"""

import importlib
import pkgutil

from maskaug.masktheface_wrapper.occluders.null_overlay import null_overlay, sample_null_mask
from maskaug.masktheface_wrapper.occluders.registry import OCCLUDERS, OccluderParams, OccluderSpec, register
from maskaug.masktheface_wrapper.occluders.sampling import sample_occluder

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)

__all__ = [
    "OCCLUDERS",
    "OccluderParams",
    "OccluderSpec",
    "null_overlay",
    "register",
    "sample_null_mask",
    "sample_occluder",
]
