"""What a network's outputs mean: one logit for two classes, one a class for more; their losses and probabilities.

Whoever trains, calibrates, exports or teaches asks :func:`head_for`, and knows of no number of classes. Logits have a
shape each: ``(N,)`` of two classes, ``(N, K)`` of K. From probabilities to decisions: `maskaug.train.model.decision`.
"""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, logit, softmax
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from maskaug.core.classes import MASKED
from maskaug.train.model.decision import of_both

Labels = NDArray[np.integer]  # (N,): places among the classes, from 0; whatever these are called
Logits = NDArray[np.floating]  # (N,) of two classes, (N, K) of K

_LEAST = 1e-7  # probability: what float32 can tell from 0, and nearly what it can tell from 1


class Head(ABC):
    """The meaning of a network's first outputs.

    Attributes:
        classes: K, how many there are.
        outputs: How many outputs say it; others may follow while the network learns.
        logit_shape: Of a picture's logits.
    """

    classes: int
    outputs: int
    logit_shape: tuple[int, ...]

    @abstractmethod
    def logits(self, outputs: Tensor) -> Tensor:
        """Of a network's ``(N, ...)`` outputs."""

    @abstractmethod
    def targets(self, labels: Tensor, smoothing: float) -> Tensor:
        """What the probabilities are to be, of ``(N,)`` labels: off 0 and 1 by ``smoothing``, shared by all classes."""

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Sum of the cross-entropies, in nats; the targets have the form of :meth:`probabilities`."""

    @abstractmethod
    def right(self, logits: Tensor, labels: Tensor) -> Tensor:
        """How many pictures the logits call by their label."""

    @abstractmethod
    def probabilities(self, logits: Tensor) -> Tensor:
        """``(N,)`` of the masked class of two; ``(N, K)`` of all of K."""

    @abstractmethod
    def evidence(self, outputs: Tensor) -> Tensor:
        """``(N,)``: the larger, the surer the network is of what its ``(N, ...)`` outputs say."""

    @abstractmethod
    def class_probabilities(self, logits: Logits) -> NDArray[np.float64]:
        """``(N, K)``."""

    @abstractmethod
    def logits_from(self, probabilities: NDArray[np.floating]) -> NDArray[np.float32]:
        """The inverse of :meth:`class_probabilities`, for probabilities in float32, which may be rounded to 0 or 1."""

    @abstractmethod
    def losses(self, labels: Labels, logits: Logits) -> NDArray[np.float64]:
        """Cross-entropy of each picture, ``(N,)``, in nats."""


class LogitHead(Head):
    """One logit: of the masked class, against the other."""

    classes, outputs, logit_shape = 2, 1, ()

    def logits(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return outputs[:, 0]

    def targets(self, labels: Tensor, smoothing: float) -> Tensor:  # noqa: D102
        return labels * (1 - smoothing) + smoothing / 2

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:  # noqa: D102
        return binary_cross_entropy_with_logits(logits, targets, reduction="sum")

    def right(self, logits: Tensor, labels: Tensor) -> Tensor:  # noqa: D102
        return ((logits > 0) == (labels > 0.5)).sum()

    def probabilities(self, logits: Tensor) -> Tensor:  # noqa: D102
        return logits.sigmoid()

    def evidence(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return outputs[:, 0] * ((outputs[:, 0] > 0).float() * 2 - 1)

    def class_probabilities(self, logits: Logits) -> NDArray[np.float64]:  # noqa: D102
        return of_both(expit(logits.astype(np.float64)))

    def logits_from(self, probabilities: NDArray[np.floating]) -> NDArray[np.float32]:  # noqa: D102
        return np.asarray(logit(np.clip(probabilities[:, MASKED], _LEAST, 1 - _LEAST)), dtype=np.float32)

    def losses(self, labels: Labels, logits: Logits) -> NDArray[np.float64]:  # noqa: D102
        wide = logits.astype(np.float64)
        # log(1 + e^x), for logits that a probability in float cannot tell from 0 or 1.
        return np.asarray(np.logaddexp(0.0, np.where(labels.astype(bool), -wide, wide)))


class SoftmaxHead(Head):
    """A logit for each of three or more classes."""

    def __init__(self, classes: int) -> None:
        """Of so many classes."""
        self.classes = self.outputs = classes
        self.logit_shape = (classes,)

    def logits(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return outputs[:, : self.classes]

    def targets(self, labels: Tensor, smoothing: float) -> Tensor:  # noqa: D102
        return one_hot(labels.long(), self.classes) * (1 - smoothing) + smoothing / self.classes

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:  # noqa: D102
        return cross_entropy(logits, targets, reduction="sum")

    def right(self, logits: Tensor, labels: Tensor) -> Tensor:  # noqa: D102
        return (logits.argmax(dim=1) == labels).sum()

    def probabilities(self, logits: Tensor) -> Tensor:  # noqa: D102
        return logits.softmax(dim=1)

    def evidence(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return self.logits(outputs).amax(dim=1)

    def class_probabilities(self, logits: Logits) -> NDArray[np.float64]:  # noqa: D102
        return np.asarray(softmax(logits.astype(np.float64), axis=1))

    def logits_from(self, probabilities: NDArray[np.floating]) -> NDArray[np.float32]:  # noqa: D102
        return np.asarray(np.log(np.maximum(probabilities, _LEAST)), dtype=np.float32)

    def losses(self, labels: Labels, logits: Logits) -> NDArray[np.float64]:  # noqa: D102
        wide = log_softmax(logits.astype(np.float64), axis=1)
        return np.asarray(-wide[np.arange(len(wide)), labels.astype(np.intp)])


_LOGIT_HEAD = LogitHead()


def head_for(classes: int) -> Head:
    """The head of so many classes, two or more."""
    return _LOGIT_HEAD if classes == 2 else SoftmaxHead(classes)


def head_of(logits: Logits) -> Head:
    """The head whose logits have this shape."""
    return head_for(2 if logits.ndim == 1 else logits.shape[1])
