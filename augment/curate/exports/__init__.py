"""Export formats: the pictures that were chosen as folders, as tar shards, or as anything else.

Each file of this folder that registers an :class:`ExportFormat` adds a format to ``maskaug curate --to``: a new one
needs no other line anywhere.
"""

import importlib
import pkgutil

from maskaug.augment.curate.exports.registry import EXPORT_FORMATS, Chosen, ExportFormat, check_unchanged, register

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)

__all__ = ["EXPORT_FORMATS", "Chosen", "ExportFormat", "check_unchanged", "register"]
