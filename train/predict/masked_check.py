"""Which faces already wear a mask, as the bundled classifier sees them: a check that `generate` can be given."""

import importlib.util
from functools import cache

import numpy as np
from numpy.typing import NDArray

from maskaug.assets import bundled_classifier
from maskaug.core.arrays import check_image
from maskaug.train.model.onnx_classifier import OnnxClassifier, load_onnx

# Likelier than not, which is more than the classifier's own threshold: of unmasked faces as few as can be are to be
# missing from a data set.
_SURELY = 0.5


def masked_check_available() -> bool:
    """Whether the bundled classifier is there, and onnxruntime to run it."""
    return bundled_classifier().is_file() and importlib.util.find_spec("onnxruntime") is not None


def wears_mask(image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which faces wear a mask; each process loads the classifier when it first asks.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        boxes: ``(N, 4)``: left, top, right, bottom in pixels, as `FaceFinder.boxes` gives them.

    Returns:
        ``(N,)``.

    Raises:
        OnnxError, ClassesError: the classifier is damaged.
        ModuleNotFoundError: onnxruntime is not installed.
        TypeError, ValueError: it is no such picture.
    """
    check_image(image)
    classifier = _classifier()
    pictures = np.stack([classifier.prepare(image, box) for box in boxes])
    surely: NDArray[np.bool_] = classifier.probabilities(pictures) >= max(_SURELY, classifier.threshold)
    return surely


@cache
def _classifier() -> OnnxClassifier:
    # The pictures of a set are shared out to processes: more threads in each would be in each other's way.
    return load_onnx(bundled_classifier(), threads=1)
