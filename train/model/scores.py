"""What a classifier says of labelled pictures."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import roc_curve

Labels = NDArray[np.integer]  # (N,): 0 is unmasked, 1 is masked, whatever the classes are called
Logits = NDArray[np.floating]  # (N,)


@dataclass(frozen=True)
class Scores:
    """What a classifier says of labelled pictures of two classes.

    Attributes:
        labels: ``(N,) bool``: whether a mask is worn.
        probabilities: ``(N,) float64``: of a mask.
        losses: ``(N,) float64``: cross-entropy of each picture, from the logits, in nats.
        decided: ``(N,) bool``: whether the classifier says mask.
    """

    labels: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    losses: NDArray[np.float64]
    decided: NDArray[np.bool_]

    @classmethod
    def of(cls, labels: Labels, logits: Logits, threshold: float = 0.5) -> "Scores":
        """From ``(N,)`` labels of 0 and 1, and logits; a mask is what has a probability of at least ``threshold``.

        Raises:
            ValueError: the arrays do not fit together, hold no picture or other labels, or a logit is not finite.
        """
        if labels.shape != logits.shape or labels.ndim != 1 or not len(labels):
            raise ValueError(f"labels and logits must be of one shape (N,), but are {labels.shape} and {logits.shape}")
        if not np.isin(labels, (0, 1)).all():
            raise ValueError("labels must be 0 or 1")
        if not np.isfinite(logits).all():
            raise ValueError(f"{np.count_nonzero(~np.isfinite(logits))} logits are not finite; the network is broken")
        wide = logits.astype(np.float64)
        masked = labels.astype(bool)
        # log(1 + e^x), for logits that a probability in float cannot tell from 0 or 1.
        losses = np.logaddexp(0.0, np.where(masked, -wide, wide))
        probabilities = expit(wide)
        return cls(masked, probabilities, losses, probabilities >= threshold)

    def __getitem__(self, picks: NDArray[np.intp]) -> "Scores":
        return Scores(self.labels[picks], self.probabilities[picks], self.losses[picks], self.decided[picks])

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def roc(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False alarms and recall, as shares, at every threshold; for pictures of both classes."""
        false, true, _ = roc_curve(self.labels, self.probabilities)
        return false, true

    @property
    def both(self) -> bool:
        """Whether there are pictures of both classes."""
        return bool(self.labels.any() and not self.labels.all())
