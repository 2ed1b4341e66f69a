"""`Detector`: what every detector of the cascade looks like; a new one is a file in this folder with a subclass."""

from abc import abstractmethod
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.core.resize import shrink

# In a picture of one large face, "faces" below this share of its size are texture, badges and ears.
SMALLEST_SHARE = 0.25
_NARROWEST = 4  # pixels of what a detector searches: a strip that shows no face

Boxes = NDArray[np.float32]  # (N, 4): left, top, right, bottom in pixels, as dlib's HOG detector draws them


class Detector(Protocol):
    """Finds boxes of faces in a picture.

    Threads share a detector: what `detect` changes must be one of its own for each thread, or lie behind a lock.

    Attributes:
        name: Told as `Face.detector`, written into manifests.
        most_apart: By how much two landmark estimates in one of its boxes may disagree, in distances between the eyes,
            where the limit is to be tighter than the one for all detectors.
        quick: Whether a picture in which it finds nothing is also turned, and searched three times more.
    """

    name: str
    most_apart: float = 1.0
    quick: bool = False

    @abstractmethod
    def detect(self, image: Image) -> Boxes:
        """Boxes of faces in an ``(H, W, 3) uint8`` RGB picture, in any order; ``(0, 4)`` if there are none.

        The landmark model was trained on the boxes of dlib's HOG detector, about 1.08 times as wide as a face's
        68 points and centred on their middle. A box of another shape must be converted into one of this shape.
        """

    def detect_beside(self, image: Image, known: Boxes) -> Boxes:
        """Boxes of faces in a picture that shows others for certain, in boxes ``(N, 4)``; these may be among them.

        It may do without looking for what is narrower than `SMALLEST_SHARE` of the widest.
        """
        return self.detect(image)


def no_boxes() -> Boxes:
    """``(0, 4) float32``."""
    return np.zeros((0, 4), dtype=np.float32)


def intersection_over_union(box: NDArray[np.float32], boxes: Boxes) -> NDArray[np.float32]:
    """``(N,)``: by how much a box ``(4,)`` and each of ``(N, 4)`` are the same, 0 to 1."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    both = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.asarray(both / (areas + np.prod(box[2:] - box[:2]) - both + 1e-6), dtype=np.float32)


def is_strip(image: Image, side: float) -> bool:
    """Whether a picture is too narrow to show a face, as it is or with ``side`` pixels along its longest side."""
    narrow, longest = min(image.shape[:2]), max(image.shape[:2])
    return narrow * min(side, longest) < longest * _NARROWEST


def resized(image: Image, side: float) -> tuple[Image, float]:
    """The picture shrunk or enlarged so that its longest side is ``side``, and by what factor."""
    factor = side / max(image.shape[:2])
    if factor <= 1:
        return shrink(image, factor), factor
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)), factor
