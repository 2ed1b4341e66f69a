from math import isnan

import numpy as np
import pytest
from scipy.special import logit

from maskaug.train.evaluate.metrics import METRICS, compute_class_metrics, compute_metrics
from maskaug.train.model.scores import Scores


def scores(labels, probabilities, threshold=0.5):
    return Scores.of(np.array(labels), logit(np.array(probabilities)), threshold)


# Two unmasked and three masked pictures; one of each is called wrongly.
FIVE = ([0, 0, 1, 1, 1], [0.1, 0.6, 0.4, 0.7, 0.9])


def test_figures_by_hand():
    found = compute_metrics(scores(*FIVE), resamples=0)
    expected = {
        "accuracy": 3 / 5,
        "balanced_accuracy": (2 / 3 + 1 / 2) / 2,
        "loss": -np.log([0.9, 0.4, 0.4, 0.7, 0.9]).mean(),
        "auc": 5 / 6,  # of 6 pairs, only (0.6, 0.4) is in the wrong order
        "average_precision": (1 + 1 + 3 / 4) / 3,
        "f1": 2 * 2 / (3 + 3),
        "ece": (0.1 + 0.6 + 0.6 + 0.3 + 0.1) / 5,  # each in a bin of its own
        "brier": (0.01 + 0.36 + 0.36 + 0.09 + 0.01) / 5,
        "recall": 2 / 3,
        "specificity": 1 / 2,
        "recall_at_1pct_fpr": 2 / 3,
    }
    assert set(found) == set(METRICS) == set(expected)
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, abs=1e-6), name
        assert isnan(found[name].low), "without resamples there is no interval"


def test_calibration_error_of_known_bins():
    # 20 bins: ten pictures at 0.83 of which nine are masked, ten at 0.22 of which three are.
    labels = [1] * 9 + [0] + [1] * 3 + [0] * 7
    found = compute_metrics(scores(labels, [0.83] * 10 + [0.22] * 10), names=("ece",), resamples=0)
    assert found["ece"].value == pytest.approx((abs(0.9 - 0.83) + abs(0.3 - 0.22)) / 2, abs=1e-6)


def test_the_threshold_decides():
    strict = compute_metrics(scores(*FIVE, threshold=0.65), resamples=0)
    assert strict["recall"].value == pytest.approx(2 / 3)
    assert strict["specificity"].value == 1.0
    assert strict["auc"].value == pytest.approx(5 / 6)


@pytest.mark.parametrize(
    ("label", "undefined"),
    [
        (1, {"balanced_accuracy", "auc", "average_precision", "specificity", "recall_at_1pct_fpr"}),
        (0, {"balanced_accuracy", "auc", "average_precision", "f1", "recall", "recall_at_1pct_fpr"}),
    ],
)
def test_one_class_leaves_figures_undefined_and_says_why(label, undefined):
    found = compute_metrics(scores([label] * 4, [0.2, 0.6, 0.7, 0.9]), resamples=50)
    assert {name for name, estimate in found.items() if isnan(estimate.value)} == undefined
    assert {name for name, estimate in found.items() if estimate.why} == undefined
    assert all("needs" in found[name].why for name in undefined)
    assert found["accuracy"].value == (0.75 if label else 0.25)


@pytest.mark.slow
def test_intervals_hold_the_value_and_are_reproducible():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 200)
    seen = Scores.of(labels, rng.normal(3 * (2 * labels - 1), 3))
    found = compute_metrics(seen, resamples=200)
    assert found == compute_metrics(seen, resamples=200)
    for name, estimate in found.items():
        assert estimate.low <= estimate.value <= estimate.high, name
        assert estimate.high - estimate.low > 0.005, name
    # The error of a share of n pictures is sqrt(p (1 - p) / n).
    share = found["accuracy"].value
    width = found["accuracy"].high - found["accuracy"].low
    assert width == pytest.approx(2 * 1.96 * np.sqrt(share * (1 - share) / 200), rel=0.25)


def test_where_nothing_is_wrong_the_interval_is_wilsons():
    scores = Scores.of(np.array([0, 1] * 20), np.array([-3.0, 3.0] * 20, dtype=np.float32))
    found = compute_metrics(scores, resamples=50)
    assert (found["accuracy"].low, found["accuracy"].high) == pytest.approx((0.912, 1), abs=1e-3)
    assert (found["recall"].low, found["specificity"].low) == pytest.approx((0.839, 0.839), abs=1e-3)
    pairs = compute_metrics(scores, groups=np.arange(40) // 4, resamples=50)
    assert pairs["accuracy"].low == pytest.approx(0.722, abs=1e-3), "of ten groups"
    never_said = Scores.of(np.arange(30) % 3, np.tile(np.array([[3.0, 2.0, 1.0]], dtype=np.float32), (30, 1)))
    assert compute_class_metrics(never_said, resamples=50)[2]["precision"].value == 0


def test_copies_of_one_picture_are_drawn_together():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 60)
    logits = rng.normal(2 * (2 * labels - 1), 2)
    copied = Scores.of(np.repeat(labels, 10), np.repeat(logits, 10))
    single = compute_metrics(Scores.of(labels, logits), names=("accuracy",))["accuracy"]
    together = compute_metrics(copied, groups=np.repeat(np.arange(60), 10), names=("accuracy",))["accuracy"]
    apart = compute_metrics(copied, names=("accuracy",))["accuracy"]
    assert together.high - together.low == pytest.approx(single.high - single.low, rel=0.15)
    assert apart.high - apart.low < 0.5 * (together.high - together.low)


def test_extreme_logits_have_a_finite_loss():
    found = compute_metrics(Scores.of(np.array([0, 1]), np.array([-900.0, -900.0], dtype=np.float32)), resamples=0)
    assert found["loss"].value == pytest.approx(450)


@pytest.mark.parametrize(
    ("labels", "logits", "said"),
    [
        (np.array([0, 1]), np.array([0.0]), r"labels must be \(N,\)"),
        (np.array([], dtype=int), np.array([]), r"labels must be \(N,\)"),
        (np.array([0, 2]), np.array([0.0, 1.0]), "must be 0 to 1"),
        (np.array([0, 1]), np.array([0.0, np.nan]), "1 logits are not finite"),
    ],
)
def test_what_cannot_be_judged_is_refused(labels, logits, said):
    with pytest.raises(ValueError, match=said):
        Scores.of(labels, logits)
