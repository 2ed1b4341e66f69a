"""dlib's CNN detector: the most patient one."""

import threading
from functools import cached_property

import dlib

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.detect.detector import Boxes, Detector, no_boxes, resized
from maskaug.masktheface_wrapper.detect.hog import padded, to_boxes
from maskaug.masktheface_wrapper.detect.models import CNN_MODEL, bundled_model

_SMALLEST_FACE = 80  # pixels that it sees
# A tight crop with room about it, then a portrait as it is.
_SEARCHES = ((150, 50), (320, 0))  # side and margin


class Cnn(Detector):
    """Finds turned, dark and half hidden faces, in a hundred times the time of the others."""

    name = "cnn"

    def __init__(self) -> None:
        """Load nothing yet: most runs never come here."""
        self._lock = threading.Lock()  # the network's layers hold what they last put out

    def detect(self, image: Image) -> Boxes:
        """Boxes at the first size at which there are any.

        Raises:
            ModelError: the model's file is missing.
        """
        for side, margin in _SEARCHES:
            small, factor = resized(image, side)
            if min(small.shape[:2]) + 2 * margin < _SMALLEST_FACE:
                continue  # in far narrower pictures than that, dlib writes beyond its own memory
            with self._lock:
                hits = self._network(padded(small, margin), 0)
            if hits:
                return to_boxes([hit.rect for hit in hits], factor, margin)
        return no_boxes()

    @cached_property
    def _network(self) -> dlib.cnn_face_detection_model_v1:
        return dlib.cnn_face_detection_model_v1(str(bundled_model(CNN_MODEL)))
