"""Corruptions of training pictures: what cameras, light and compression do to photographs, alike for all classes.

Each file of this folder that registers a :class:`Corruption` adds one: a new one needs no other line anywhere. Their
strengths are standard deviations or ranges of uniform draws, chosen by eye so that a person still sees what is worn.
"""

import importlib
import pkgutil

from maskaug.train.corruptions.registry import (
    CORRUPTIONS,
    SPATIAL,
    Corruption,
    corrupt,
    corruption_names,
    generator_for,
    register,
    select_corruptions,
)

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)

__all__ = [
    "CORRUPTIONS",
    "SPATIAL",
    "Corruption",
    "corrupt",
    "corruption_names",
    "generator_for",
    "register",
    "select_corruptions",
]
