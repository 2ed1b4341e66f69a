"""What a classifier says of labelled pictures."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from maskaug.core.classes import MASKED
from maskaug.train.model.decision import decide
from maskaug.train.model.head import Labels, Logits, head_of


@dataclass(frozen=True)
class OneVsRest:
    """What a classifier says of one class, against all others.

    Attributes:
        labels: ``(N,) bool``: whether a picture is of the class.
        probabilities: ``(N,) float64``: of the class.
        decided: ``(N,) bool``: whether the classifier says it is.
    """

    labels: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    decided: NDArray[np.bool_]

    @cached_property
    def roc(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False alarms and recall, as shares, at every threshold; for pictures of the class and of others."""
        false, true, _ = roc_curve(self.labels, self.probabilities)
        return false, true

    @property
    def both(self) -> bool:
        """Whether there are pictures of the class and others."""
        return bool(self.labels.any() and not self.labels.all())


@dataclass(frozen=True)
class Scores:
    """What a classifier says of labelled pictures of K classes.

    Attributes:
        labels: ``(N,) intp``: the class of each, by its place.
        probabilities: ``(N, K) float64``.
        losses: ``(N,) float64``: cross-entropy of each picture, from the logits, in nats.
        decided: ``(N,) intp``: the class the classifier says.
    """

    labels: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    losses: NDArray[np.float64]
    decided: NDArray[np.intp]

    @classmethod
    def of(cls, labels: Labels, logits: Logits, threshold: float = 0.5) -> "Scores":
        """From ``(N,)`` labels from 0, and logits: ``(N,)`` of two classes, ``(N, K)`` of K.

        Of two classes, a mask is what has a probability of at least ``threshold``; of more, the likeliest is said.

        Raises:
            ValueError: the arrays do not fit together, hold no picture or other labels, or a logit is not finite.
        """
        if labels.ndim != 1 or logits.ndim not in (1, 2) or len(labels) != len(logits) or not len(labels):
            raise ValueError(
                f"labels must be (N,), and logits (N,) or (N, K), but they are {labels.shape} and {logits.shape}"
            )
        head = head_of(logits)
        if not np.isin(labels, range(head.classes)).all():
            raise ValueError(f"labels of {head.classes} classes must be 0 to {head.classes - 1}")
        if not np.isfinite(logits).all():
            raise ValueError(f"{np.count_nonzero(~np.isfinite(logits))} logits are not finite; the network is broken")
        probabilities = head.class_probabilities(logits)
        decided = decide(probabilities, threshold)
        return cls(labels.astype(np.intp), probabilities, head.losses(labels, logits), decided)

    def __getitem__(self, picks: NDArray[np.intp]) -> "Scores":
        return Scores(self.labels[picks], self.probabilities[picks], self.losses[picks], self.decided[picks])

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        """K."""
        return self.probabilities.shape[1]

    @property
    def counts(self) -> tuple[int, ...]:
        """Pictures of each class."""
        return tuple(np.bincount(self.labels, minlength=self.classes).tolist())

    @cached_property
    def masked(self) -> OneVsRest:
        """Of the masked class."""
        return self.one_vs_rest(MASKED)

    @property
    def confusion(self) -> NDArray[np.intp]:
        """``(K, K)``: pictures by their class, and by the one they are called."""
        pairs = np.bincount(self.labels * self.classes + self.decided, minlength=self.classes**2)
        return pairs.reshape(self.classes, self.classes)

    def one_vs_rest(self, label: int) -> OneVsRest:
        """Of the class of that label."""
        return OneVsRest(self.labels == label, self.probabilities[:, label], self.decided == label)
