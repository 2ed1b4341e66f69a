"""Mask template packs and the script that draws them."""

from pathlib import Path


def standard_pack() -> Path:
    """Folder of the pack that ships with the package."""
    return Path(__file__).parent / "standard"
