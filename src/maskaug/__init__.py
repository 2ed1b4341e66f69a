"""Masked-face data you can trust: overlays, data sets, review and training in one distribution."""

from maskaug.core.version import __version__

__all__ = ["__version__"]
