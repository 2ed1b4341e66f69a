"""Mask template packs and the script that draws them; and the bundled networks."""

from pathlib import Path


def standard_pack() -> Path:
    """Folder of the pack that ships with the package."""
    return Path(__file__).parent / "standard"


def bundled_classifier(*, three_classes: bool = False) -> Path:
    """The ``.onnx`` file that judges where no run is named; a copy of the package may lack it.

    Args:
        three_classes: Whether to tell masks that are worn incorrectly from the others.
    """
    return Path(__file__).parent / "classifier" / ("three_classes.onnx" if three_classes else "model.onnx")


def orientation_model() -> Path:
    """The ``.onnx`` file of the network that tells which way up a face is."""
    return Path(__file__).parent / "orientation" / "model.onnx"


def placement_model() -> Path:
    """The ``.onnx`` file of the network that tells whether landmarks lie on a face's features."""
    return Path(__file__).parent / "placement" / "model.onnx"


def face_check_model() -> Path:
    """The ``.onnx`` file of the network that tells whether a detector's box shows a face."""
    return Path(__file__).parent / "face_check" / "model.onnx"
