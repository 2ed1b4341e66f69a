"""The largest face of a picture, masked or not: what face framing frames."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from maskaug.core.version import __version__
from maskaug.masktheface_wrapper import Face, FaceFinder
from maskaug.masktheface_wrapper.detect.finder import default_detectors


@cache
def _finder() -> FaceFinder:
    """One finder for all threads, loaded when first needed."""
    return FaceFinder()


def largest_box(image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """``(4,)``: left, top, right, bottom of the largest face in an ``(H, W, 3) uint8`` RGB picture; None without one.

    Raises:
        ModelError: a model of the finder cannot be used.
    """
    boxes = _finder().boxes(image)
    return boxes[0] if len(boxes) else None


def finder_key() -> str:
    """Changes where boxes may: with the version of maskaug, and with the detectors that are installed."""
    return f"maskaug {__version__}, {' '.join(detector.name for detector in default_detectors())}"


def face_in(image: NDArray[np.uint8], box: NDArray[np.float32]) -> Face | None:
    """The face in a box of :func:`largest_box`, with its landmarks; None where these cannot be found.

    Raises:
        ModelError: a model of the finder cannot be used.
    """
    return _finder().from_box(image, box)
