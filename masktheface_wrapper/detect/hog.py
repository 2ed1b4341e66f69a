"""dlib's HOG detector, on the picture as it is."""

import threading

import cv2
import dlib
import numpy as np

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.detect.detector import Boxes, Detector, is_strip, no_boxes, resized

_SIDE = 480


class Hog(Detector):
    """Finds faces of 80 pixels and more, upright and bare."""

    name = "hog"
    quick = True

    def detect(self, image: Image) -> Boxes:
        """Boxes it is sure of, in the picture at no more than 480 pixels."""
        if is_strip(image, _SIDE):
            return no_boxes()
        small, factor = resized(image, _SIDE) if max(image.shape[:2]) > _SIDE else (image, 1.0)
        return self.search(small, factor, margin=0, threshold=0.0)

    def search(self, image: Image, factor: float, *, margin: int, threshold: float) -> Boxes:
        """Boxes in a picture that was resized by a factor, with a margin about it, in the original's pixels."""
        if margin:
            image = padded(image, margin)
        found, _, _ = _detector().run(np.ascontiguousarray(image), 0, threshold)
        return to_boxes(found, factor, margin)


_of_thread = threading.local()


def _detector() -> dlib.fhog_object_detector:
    """This thread's: dlib's runs without Python's lock and keeps buffers, so that two threads on one end the process.

    Made when first needed, which takes some tenths of a second.
    """
    if not hasattr(_of_thread, "detector"):
        _of_thread.detector = dlib.get_frontal_face_detector()
    return _of_thread.detector


def padded(image: Image, margin: int) -> Image:
    """The picture with its border pixels repeated about it."""
    return np.asarray(cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_REPLICATE), dtype=np.uint8)


def to_boxes(rectangles: list[dlib.rectangle], factor: float, margin: int) -> Boxes:
    """``(N, 4)`` in the picture that was resized by a factor and given a margin."""
    corners = [(box.left(), box.top(), box.right(), box.bottom()) for box in rectangles]
    return (np.array(corners, dtype=np.float32).reshape(-1, 4) - margin) / np.float32(factor)
