"""What judges faces: a run's network in PyTorch, or the same as a file in onnxruntime."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import check_image
from maskaug.core.classes import MASKED
from maskaug.train.data.classes import Classes
from maskaug.train.data.largest_face import largest_box
from maskaug.train.data.preprocess import Preparation


class BaseClassifier(ABC):
    """Pictures in, probabilities of the classes out.

    Attributes:
        preparation: From any picture to what is judged, S pixels a side.
        classes: Names of the K classes, by label.
    """

    preparation: Preparation
    classes: Classes

    @property
    def size(self) -> int:
        """S, the side of its pictures in pixels."""
        return self.preparation.size

    @property
    def frames_faces(self) -> bool:
        """Whether it looks at a picture's face, rather than at the picture."""
        return self.preparation.framing == "face"

    @property
    @abstractmethod
    def threshold(self) -> float:
        """The probability from which on a face is called masked, where there are two classes."""

    @abstractmethod
    def class_probabilities(self, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Of each class, ``(N, K)``, in ``(N, S, S, 3) uint8`` prepared pictures."""

    def probabilities(self, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Of ``classes[MASKED]``, ``(N,)``, in ``(N, S, S, 3) uint8`` prepared pictures."""
        return self.class_probabilities(pictures)[:, MASKED]

    def prepare(self, image: NDArray[np.uint8], box: NDArray[np.floating] | None = None) -> NDArray[np.uint8]:
        """A picture as it is judged, ``(S, S, 3) uint8``.

        Args:
            image: ``(H, W, 3) uint8`` RGB.
            box: ``(4,)`` of the face that is meant; None: the largest, if faces are looked at.

        Raises:
            TypeError, ValueError: it is no such picture.
        """
        check_image(image)
        if box is None and self.frames_faces:
            box = largest_box(image)
        return self.preparation.framed(self.preparation.prepare(image, box).pixels[None])[0]
