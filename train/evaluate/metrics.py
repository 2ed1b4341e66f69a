"""How good a classifier is: labels and logits in; metrics with their bootstrap intervals out."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isnan

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray
from sklearn.metrics import auc, average_precision_score
from torchmetrics.functional.classification import binary_calibration_error

from maskaug.train.model.scores import Scores

ECE_BINS = 20  # of equal width
STRICT_FPR = 0.01

_QUANTILES = (0.025, 0.975)
_NEEDS_BOTH = "needs pictures of both classes"
_NEEDS_MASKED = "needs masked pictures"
_NEEDS_UNMASKED = "needs unmasked pictures"


@dataclass(frozen=True)
class MetricValue:
    """A metric's value with its 95 % interval.

    Attributes:
        value: nan where it is undefined.
        low, high: nan where there is no interval.
        why: Why the value is undefined; empty where it is not.
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")
    why: str = ""


def recall(scores: Scores) -> float:
    """Share of the masked pictures that are called masked."""
    return _mean(scores.decided[scores.labels])


def specificity(scores: Scores) -> float:
    """Share of the unmasked pictures that are called unmasked."""
    return _mean(~scores.decided[~scores.labels])


def _accuracy(scores: Scores) -> float:
    return _mean(scores.decided == scores.labels)


def _balanced_accuracy(scores: Scores) -> float:
    return (recall(scores) + specificity(scores)) / 2


def _loss(scores: Scores) -> float:
    return _mean(scores.losses)


def _area(scores: Scores) -> float:
    return float(auc(*scores.roc))


def _average_precision(scores: Scores) -> float:
    return float(average_precision_score(scores.labels, scores.probabilities))


def _f1(scores: Scores) -> float:
    right = np.count_nonzero(scores.decided & scores.labels)
    return 2 * right / max(1, int(scores.decided.sum() + scores.labels.sum()))


def calibration_error(scores: Scores) -> float:
    """Expected calibration error of the probability of a mask, over 20 bins of equal width.

    The mean over bins, weighted by their pictures, of ``|share of masked pictures - mean probability|``:
    Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015.
    """
    probabilities = torch.from_numpy(scores.probabilities)
    labels = torch.from_numpy(scores.labels.astype(np.int64))
    return float(binary_calibration_error(probabilities, labels, n_bins=ECE_BINS, norm="l1"))


def _brier(scores: Scores) -> float:
    """Mean squared distance of probability and label: Brier, Monthly Weather Review 78, 1950."""
    return _mean((scores.probabilities - scores.labels) ** 2)


def _strict_recall(scores: Scores) -> float:
    """Recall at the lowest threshold at which at most 1 % of the unmasked pictures are called masked."""
    false, true = scores.roc
    return float(true[false <= STRICT_FPR].max())


def _mean(values: NDArray[np.generic]) -> float:
    return float(values.mean()) if len(values) else float("nan")


# By name: how it is computed, and what it needs to be defined.
_METRICS: dict[str, tuple[Callable[[Scores], float], str]] = {
    "accuracy": (_accuracy, ""),
    "balanced_accuracy": (_balanced_accuracy, _NEEDS_BOTH),
    "loss": (_loss, ""),
    "auc": (_area, _NEEDS_BOTH),
    "average_precision": (_average_precision, _NEEDS_BOTH),
    "f1": (_f1, _NEEDS_MASKED),
    "ece": (calibration_error, ""),
    "brier": (_brier, ""),
    "recall": (recall, _NEEDS_MASKED),
    "specificity": (specificity, _NEEDS_UNMASKED),
    "recall_at_1pct_fpr": (_strict_recall, _NEEDS_BOTH),
}
METRICS = tuple(_METRICS)
# The titles of the metrics, for tables.
TITLES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "loss": "loss",
    "auc": "AUC",
    "average_precision": "average precision",
    "f1": "F1",
    "ece": "calibration error",
    "brier": "Brier score",
    "recall": "recall (masked)",
    "specificity": "specificity (unmasked)",
    "recall_at_1pct_fpr": "recall at 1 % false alarms",
}


def compute_metrics(
    scores: Scores,
    *,
    groups: NDArray[np.generic] | None = None,
    names: tuple[str, ...] = METRICS,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, MetricValue]:
    """The metrics of a set of pictures, each with its 95 % percentile bootstrap interval.

    Pictures that belong together, such as a face and its masked copies, are resampled together: they are not
    independent, and intervals over single pictures would be too narrow (Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993, chapters 8 and 13).

    Args:
        scores: What a classifier says of N pictures.
        groups: ``(N,)``: what each picture belongs to; None: every picture is on its own.
        names: Of the metrics wanted.
        resamples: Bootstrap samples; 0 for no intervals.
        seed: Of the resampling.
    """
    # A resample may hold one class only: what is undefined there is left out of the quantiles.
    with sklearn.config_context(skip_parameter_validation=True, assume_finite=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = {name: _value(name, scores) for name in names}
        resampled = np.array(
            [[_value(name, scores[picks]) for name in names] for picks in _resamples(scores, groups, resamples, seed)]
        )
    estimates = {}
    for column, name in enumerate(names):
        value = values[name]
        low = high = float("nan")
        if not isnan(value) and len(resampled) and not np.isnan(resampled[:, column]).all():
            low, high = (float(bound) for bound in np.nanquantile(resampled[:, column], _QUANTILES))
            if name == "ece":  # resampling adds noise to every bin, and the error is made of their distances
                bias = float(np.nanmean(resampled[:, column])) - value
                low, high = max(0.0, low - bias), max(0.0, high - bias)
        estimates[name] = MetricValue(value, low, high, _METRICS[name][1] if isnan(value) else "")
    return estimates


def _value(name: str, scores: Scores) -> float:
    compute, needs = _METRICS[name]
    missing = {
        _NEEDS_BOTH: not scores.both,
        _NEEDS_MASKED: not scores.labels.any(),
        _NEEDS_UNMASKED: bool(scores.labels.all()),
    }
    return float("nan") if missing.get(needs, False) else compute(scores)


def _resamples(
    scores: Scores, groups: NDArray[np.generic] | None, resamples: int, seed: int
) -> Iterator[NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    members = _members(groups) if groups is not None else [np.array([index]) for index in range(len(scores))]
    if len(members) < 2:
        return
    for _ in range(resamples):
        yield np.concatenate([members[pick] for pick in rng.integers(len(members), size=len(members))])


def _members(groups: NDArray[np.generic]) -> list[NDArray[np.intp]]:
    """Indices of the pictures of each group."""
    _, index = np.unique(groups, return_inverse=True)
    order = np.argsort(index, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(index[order])) + 1)
