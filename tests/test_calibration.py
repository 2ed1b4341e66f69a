import numpy as np
import pytest
from scipy.special import expit, logit

from maskaug.train.model.calibration import (
    Calibration,
    CalibrationError,
    calibrate,
    load_calibration,
    lower_threshold,
    save_calibration,
)


def validation(count, scale, shift=0.0, seed=0):
    """Labels, and logits that are ``scale`` times too large and off by ``shift``."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, count)
    return (rng.random(count) < expit(true)).astype(int), scale * true + shift


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_over_and_under_confidence(scale):
    labels, logits = validation(20_000, scale)
    found = calibrate(labels, logits)
    assert found.temperature == pytest.approx(scale, rel=0.06)
    assert found.loss_after <= found.loss_before + 1e-6
    assert found.pictures == 20_000


def test_the_bias_undoes_a_shift_and_the_threshold_stays():
    labels, logits = validation(20_000, 1.0, shift=2.0)
    found = calibrate(labels, logits)
    scores = found.score(labels, logits)
    middle = Calibration(temperature=found.temperature).score(labels, logits)
    assert (scores.decided == labels).mean() > (middle.decided == labels).mean() + 0.05
    assert np.multiply(found.bias, found.temperature) == pytest.approx(-2, abs=0.15)
    assert found.threshold == 0.5
    assert found.loss_after < found.loss_before - 0.1
    unmoved = calibrate(*validation(20_000, 1.0))
    assert unmoved.threshold == 0.5
    assert np.abs(unmoved.bias) < 0.1


def test_the_threshold_moves_where_one_class_is_much_rarer():
    labels, logits = validation(20_000, 1.0)
    kept = (labels == 0) | (np.arange(20_000) % 10 == 0)
    found = calibrate(labels[kept], logits[kept])
    assert 0.02 < found.threshold < 0.3, "both classes count alike"


def test_separated_classes_have_a_finite_temperature_and_a_threshold_between_them():
    labels = np.array([0] * 50 + [1] * 50)
    found = calibrate(labels, np.where(labels, 4.0, -4.0))
    assert 0.5 < found.temperature < 2
    assert found.threshold == 0.5
    off = calibrate(labels, np.where(labels, 9.0, 3.0))
    assert off.score(labels, np.where(labels, 9.0, 3.0)).decided.tolist() == labels.astype(bool).tolist()


def test_one_class_is_not_calibrated_and_says_so():
    found = calibrate(np.ones(5, dtype=int), np.arange(5.0))
    assert (found.temperature, found.threshold) == (1.0, 0.5)
    assert "both classes" in found.note


def test_bare_faces_lower_the_threshold_and_never_raise_it():
    found = Calibration(temperature=2.0, bias=1.0, threshold=0.6)
    bare = np.linspace(-8, -3, 400)
    lowered = lower_threshold(found, bare, 0.005)
    assert (lowered.probabilities(bare) >= lowered.threshold).sum() == 2, "one in 200, and no more"
    assert lowered.threshold < found.threshold
    assert lowered.temperature == 2.0
    lowest = -3 / 2 + 1 - logit(0.6)  # of the surest bare face, in logits above the threshold
    assert lowered.bias == pytest.approx(1.0 - lowest / 2, abs=0.02), "half of the way"
    assert logit(lowered.threshold) == pytest.approx(logit(0.6) + lowest / 2, abs=0.02), "and the other half"
    assert lower_threshold(found, bare, 1.0).threshold < lowered.threshold
    assert lower_threshold(found, bare + 20, 0.005) == found
    assert lower_threshold(found, bare[:150], 0.005) == found, "too few to tell"
    assert lower_threshold(found, bare, 0.0) == found


def test_it_is_kept_with_the_run(tmp_path):
    assert load_calibration(tmp_path) == Calibration(note="not calibrated")
    found = calibrate(*validation(200, 2.0))
    save_calibration(tmp_path, found)
    assert load_calibration(tmp_path) == found
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.json"]
    (tmp_path / "calibration.json").write_text('{"temperature": -1}')
    with pytest.raises(CalibrationError, match=r"calibration\.json cannot be read \(temperature: must be above 0"):
        load_calibration(tmp_path)
