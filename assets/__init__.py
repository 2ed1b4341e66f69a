"""Mask template packs and the script that draws them; and the bundled classifier."""

from pathlib import Path


def standard_pack() -> Path:
    """Folder of the pack that ships with the package."""
    return Path(__file__).parent / "standard"


def bundled_classifier() -> Path:
    """The ``.onnx`` file that judges where no run is named; a copy of the package may lack it."""
    return Path(__file__).parent / "classifier" / "model.onnx"
