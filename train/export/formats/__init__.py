"""Formats of exported networks: one file each.

Each file of this folder that registers an :class:`ExportFormat` adds one to ``maskaug export --to``: a new one needs no
other line anywhere.
"""

import importlib
import pkgutil

from maskaug.train.export.formats.registry import FORMATS, ExportError, ExportFormat, register

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)

__all__ = ["FORMATS", "ExportError", "ExportFormat", "register"]
