"""How good a classifier is: labels and logits in; metrics with their bootstrap intervals out.

Two classes have the metrics of a detector of masks; more have means over the classes, and a few of each class.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isnan

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest, rankdata
from sklearn.metrics import average_precision_score
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

from maskaug.train.model.scores import OneVsRest, Scores

ECE_BINS = 20  # of equal width
STRICT_FPR = 0.01

_QUANTILES = (0.025, 0.975)
_NEEDS_BOTH = "needs pictures of both classes"
_NEEDS_MASKED = "needs masked pictures"
_NEEDS_UNMASKED = "needs unmasked pictures"
_NEEDS_ALL = "needs pictures of all classes"
_NEEDS_CLASS = "needs pictures of the class"
_NEEDS_OTHERS = "needs pictures of the class and of others"


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


Chosen = NDArray[np.bool_]  # (N,): some of N pictures


@dataclass(frozen=True)
class _Metric:
    """A metric of a table.

    Attributes:
        title: In the table.
        compute: Its value; nan where it is undefined.
        needs: What it needs to be defined.
        share_of: The pictures that it is a share of; None if it is no share.
    """

    title: str
    compute: Callable[[Scores], float]
    needs: str = ""
    share_of: Callable[[Scores], Chosen] | None = None


def recall(scores: OneVsRest) -> float:
    """Share of the pictures of the class that are called so; nan without any."""
    return _mean(scores.decided[scores.labels])


def specificity(scores: OneVsRest) -> float:
    """Share of the other pictures that are called otherwise; nan without any."""
    return _mean(~scores.decided[~scores.labels])


def precision(scores: OneVsRest) -> float:
    """Share of the pictures called so that are of the class; 0 without any, for it was never right."""
    return _right(scores) / max(1, int(scores.decided.sum())) if scores.labels.any() else float("nan")


def f1(scores: OneVsRest) -> float:
    """Harmonic mean of precision and recall; nan without a picture of the class."""
    if not scores.labels.any():
        return float("nan")
    return 2 * _right(scores) / int(scores.decided.sum() + scores.labels.sum())


def area(scores: OneVsRest) -> float:
    """Under the ROC curve; nan without pictures of the class and of others.

    The share of the pairs of a picture of the class and another in which the first is the likelier one, ties counted
    half: Hanley and McNeil, Radiology 143, 1982. From ranks, for a thousand resamples, it is faster than the curve.
    """
    if not scores.both:
        return float("nan")
    ours = int(np.count_nonzero(scores.labels))
    others = len(scores.labels) - ours
    return float((rankdata(scores.probabilities)[scores.labels].sum() - ours * (ours + 1) / 2) / (ours * others))


def _right(scores: OneVsRest) -> int:
    return int(np.count_nonzero(scores.decided & scores.labels))


def _average_precision(scores: OneVsRest) -> float:
    return float(average_precision_score(scores.labels, scores.probabilities)) if scores.both else float("nan")


def _strict_recall(scores: OneVsRest) -> float:
    """Recall at the lowest threshold at which at most 1 % of the unmasked pictures are called masked."""
    if not scores.both:
        return float("nan")
    false, true = scores.roc
    return float(true[false <= STRICT_FPR].max())


def _accuracy(scores: Scores) -> float:
    return _mean(scores.decided == scores.labels)


def _loss(scores: Scores) -> float:
    return _mean(scores.losses)


def _balanced_accuracy(scores: Scores) -> float:
    return (recall(scores.masked) + specificity(scores.masked)) / 2


def calibration_error(scores: OneVsRest) -> float:
    """Expected calibration error of the probability of a class, over 20 bins of equal width.

    The mean over bins, weighted by their pictures, of ``|share of pictures of the class - mean probability|``:
    Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015.
    """
    probabilities = torch.from_numpy(np.ascontiguousarray(scores.probabilities))
    labels = torch.from_numpy(scores.labels.astype(np.int64))
    return float(binary_calibration_error(probabilities, labels, n_bins=ECE_BINS, norm="l1"))


def _top_calibration_error(scores: Scores) -> float:
    """The same of the probability of the likeliest class: Guo et al., ICML 2017."""
    given = torch.from_numpy(scores.probabilities), torch.from_numpy(scores.labels)
    return float(multiclass_calibration_error(*given, num_classes=scores.classes, n_bins=ECE_BINS, norm="l1"))


def _brier(scores: OneVsRest) -> float:
    """Mean squared distance of probability and label: Brier, Monthly Weather Review 78, 1950."""
    return _mean((scores.probabilities - scores.labels) ** 2)


def _brier_of_all(scores: Scores) -> float:
    """The same, summed over the classes, as Brier has it."""
    return _mean(((scores.probabilities - np.eye(scores.classes)[scores.labels]) ** 2).sum(axis=1))


def _mean(values: NDArray[np.generic]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _of_masked(compute: Callable[[OneVsRest], float]) -> Callable[[Scores], float]:
    return lambda scores: compute(scores.masked)


def _of_class(compute: Callable[[OneVsRest], float], label: int) -> Callable[[Scores], float]:
    return lambda scores: compute(scores.one_vs_rest(label))


def _all(scores: Scores) -> Chosen:
    return np.ones(len(scores), dtype=bool)


def _macro(compute: Callable[[OneVsRest], float]) -> Callable[[Scores], float]:
    """The mean over the classes, each against all others; nan where one is missing."""
    return lambda scores: float(np.mean([compute(scores.one_vs_rest(label)) for label in range(scores.classes)]))


_BINARY: Mapping[str, _Metric] = {
    "accuracy": _Metric("accuracy", _accuracy, share_of=_all),
    "balanced_accuracy": _Metric("balanced accuracy", _balanced_accuracy, _NEEDS_BOTH),
    "loss": _Metric("loss", _loss),
    "auc": _Metric("AUC", _of_masked(area), _NEEDS_BOTH),
    "average_precision": _Metric("average precision", _of_masked(_average_precision), _NEEDS_BOTH),
    "f1": _Metric("F1", _of_masked(f1), _NEEDS_MASKED),
    "ece": _Metric("calibration error", _of_masked(calibration_error)),
    "brier": _Metric("Brier score", _of_masked(_brier)),
    "recall": _Metric("recall (masked)", _of_masked(recall), _NEEDS_MASKED, lambda scores: scores.masked.labels),
    "specificity": _Metric(
        "specificity (unmasked)", _of_masked(specificity), _NEEDS_UNMASKED, lambda scores: ~scores.masked.labels
    ),
    "recall_at_1pct_fpr": _Metric("recall at 1 % false alarms", _of_masked(_strict_recall), _NEEDS_BOTH),
}
_MULTICLASS: Mapping[str, _Metric] = {
    "accuracy": _Metric("accuracy", _accuracy, share_of=_all),
    "balanced_accuracy": _Metric("balanced accuracy (mean recall)", _macro(recall), _NEEDS_ALL),
    "macro_f1": _Metric("macro F1", _macro(f1), _NEEDS_ALL),
    "loss": _Metric("loss", _loss),
    "auc": _Metric("AUC (mean, each class against the rest)", _macro(area), _NEEDS_ALL),
    "ece": _Metric("calibration error of the likeliest class", _top_calibration_error),
    "brier": _Metric("Brier score", _brier_of_all),
}
_OF_A_CLASS: Mapping[str, Callable[[int], _Metric]] = {
    "recall": lambda label: _Metric(
        "recall", _of_class(recall, label), _NEEDS_CLASS, lambda scores: scores.one_vs_rest(label).labels
    ),
    "precision": lambda label: _Metric(
        "precision", _of_class(precision, label), _NEEDS_CLASS, lambda scores: scores.one_vs_rest(label).decided
    ),
    "f1": lambda label: _Metric("f1", _of_class(f1, label), _NEEDS_CLASS),
    "auc": lambda label: _Metric("auc", _of_class(area, label), _NEEDS_OTHERS),
}
METRICS = tuple(_BINARY)  # of two classes


def _metrics_of(classes: int) -> Mapping[str, _Metric]:
    return _BINARY if classes == 2 else _MULTICLASS


def metric_titles(classes: int) -> dict[str, str]:
    """The titles of the metrics of so many classes, for tables, by name."""
    return {name: metric.title for name, metric in _metrics_of(classes).items()}


def compute_metrics(
    scores: Scores,
    *,
    groups: NDArray[np.generic] | None = None,
    names: tuple[str, ...] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, MetricValue]:
    """The metrics of a set of pictures, each with its 95 % percentile bootstrap interval, or Wilson's.

    Pictures that belong together, such as a face and its masked copies, are resampled together: they are not
    independent, and intervals over single pictures would be too narrow (Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993, chapters 8 and 13). A share of 0 or 1, which every resample repeats, has Wilson's interval.

    Args:
        scores: What a classifier says of N pictures.
        groups: ``(N,)``: what each picture belongs to; None: every picture is on its own.
        names: Of the metrics wanted; None: all that its number of classes has.
        resamples: Bootstrap samples; 0 for no intervals.
        seed: Of the resampling.
    """
    known = _metrics_of(scores.classes)
    wanted = {name: known[name] for name in names or known}
    return _estimates(wanted, scores, groups=groups, resamples=resamples, seed=seed)


def compute_class_metrics(
    scores: Scores, *, groups: NDArray[np.generic] | None = None, resamples: int = 1000, seed: int = 0
) -> list[dict[str, MetricValue]]:
    """Recall, precision, F1 and AUC of each class against the others, by label; as :func:`compute_metrics` has them.

    Of two classes there are none: their metrics say it.
    """
    return [
        _estimates(
            {name: metric(label) for name, metric in _OF_A_CLASS.items()},
            scores,
            groups=groups,
            resamples=resamples,
            seed=seed,
        )
        for label in (range(scores.classes) if scores.classes > 2 else ())
    ]


def _estimates(
    metrics: Mapping[str, _Metric],
    scores: Scores,
    *,
    groups: NDArray[np.generic] | None,
    resamples: int,
    seed: int,
) -> dict[str, MetricValue]:
    # A resample may lack a class: what is undefined there is left out of the quantiles.
    with sklearn.config_context(skip_parameter_validation=True, assume_finite=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = {name: metric.compute(scores) for name, metric in metrics.items()}
        drawn = (scores[picks] for picks in _resamples(scores, groups, resamples, seed))
        resampled = np.array([[metric.compute(one) for metric in metrics.values()] for one in drawn])
    estimates = {}
    for column, (name, value) in enumerate(values.items()):
        low = high = float("nan")
        if not isnan(value) and len(resampled) and not np.isnan(resampled[:, column]).all():
            low, high = (float(bound) for bound in np.nanquantile(resampled[:, column], _QUANTILES))
            if name == "ece":  # resampling adds noise to every bin, and the error is made of their distances
                bias = float(np.nanmean(resampled[:, column])) - value
                low, high = max(0.0, low - bias), max(0.0, high - bias)
            share_of = metrics[name].share_of
            if low == high and share_of is not None and (chosen := share_of(scores)).any():
                low, high = _of_none_or_all(value, chosen, groups)
        estimates[name] = MetricValue(value, low, high, metrics[name].needs if isnan(value) else "")
    return estimates


def _of_none_or_all(value: float, chosen: Chosen, groups: NDArray[np.generic] | None) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of 0 or 1, which all resamples repeat; of groups, for these are independent."""
    count = int(chosen.sum()) if groups is None else len(np.unique(groups[chosen]))
    low, high = binomtest(round(value * count), count).proportion_ci(method="wilson")
    return float(low), float(high)


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
