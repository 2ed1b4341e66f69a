"""What turns a network's logits into probabilities and decisions: found on validation pictures, kept with the run."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit
from sklearn.metrics import roc_curve

from maskaug.core.classes import MASKED
from maskaug.core.files import write_atomic
from maskaug.core.options import problem_of
from maskaug.train.errors import TrainError
from maskaug.train.model.head import Labels, Logits, head_of
from maskaug.train.model.scores import Scores
from maskaug.train.run_dir import RunDir

_TEMPERATURES, _BIASES = (0.05, 20.0), (-20.0, 20.0)


class CalibrationError(TrainError):
    """A run's calibration cannot be read; the message says why and what to do."""


class Calibration(BaseModel):
    """Temperature, bias and threshold of a run.

    Of two classes, the probability of a mask is ``sigmoid(logit / temperature + bias)``, and a mask is what has at
    least ``threshold``. Of more, the probabilities are ``softmax(logits / temperature + bias)`` with a bias a class,
    and the likeliest class is said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(default=1.0, gt=0, description="by which logits are divided")
    bias: float | tuple[float, ...] = Field(default=0.0, description="which is added then: one, or one a class")
    threshold: float = Field(default=0.5, ge=0, le=1, description="of the probability after that, of two classes")
    pictures: int = Field(default=0, ge=0, description="of the validation set it was found on")
    loss_before: float | None = Field(default=None, description="mean cross-entropy on it as trained")
    loss_after: float | None = Field(default=None, description="and calibrated")
    note: str = Field(default="", description="why it is not calibrated, if so")

    def probabilities(self, logits: Logits) -> NDArray[np.float64]:
        """Of a mask, ``(N,) float64``."""
        return self.class_probabilities(logits)[:, MASKED]

    def class_probabilities(self, logits: Logits) -> NDArray[np.float64]:
        """Of all K classes, ``(N, K) float64``."""
        return head_of(logits).class_probabilities(self.calibrated(logits))

    def score(self, labels: Labels, logits: Logits) -> Scores:
        """What the calibrated classifier says of pictures with ``(N,)`` labels, and logits.

        Raises:
            ValueError: see :meth:`maskaug.train.model.scores.Scores.of`.
        """
        return Scores.of(labels, self.calibrated(logits).astype(np.float32), self.threshold)

    def calibrated(self, logits: Logits) -> NDArray[np.float64]:
        """The logits, ``(N,)`` or ``(N, K)``, with temperature and bias."""
        return np.asarray(logits.astype(np.float64) / self.temperature + np.asarray(self.bias))


def calibrate(labels: Labels, logits: Logits) -> Calibration:
    """Find temperature, bias and threshold on validation pictures, never on those that metrics are reported for.

    Args:
        labels: ``(N,)``: places among the classes, from 0.
        logits: ``(N,)`` of two classes, ``(N, K)`` of K; these get no threshold.
    """
    classes = head_of(logits).classes
    if len(np.unique(labels)) < classes:
        needed = "both classes" if classes == 2 else "all classes"
        return Calibration(pictures=len(labels), note=f"not calibrated: validation needs pictures of {needed}")
    fit = _temperature_and_bias if classes == 2 else _temperature_and_biases
    temperature, bias = fit(labels, logits)
    found = Calibration(temperature=temperature, bias=bias, pictures=len(labels))
    threshold = float(expit(_threshold(labels, found.calibrated(logits)))) if classes == 2 else found.threshold
    return found.model_copy(
        update={
            "threshold": threshold,
            "loss_before": float(Scores.of(labels, logits).losses.mean()),
            "loss_after": float(found.score(labels, logits).losses.mean()),
        }
    )


def lower_threshold(calibration: Calibration, bare: Logits, false_alarms: float) -> Calibration:
    """Lower the threshold of two classes as far as bare faces allow, and raise the probabilities to half of that.

    Overlays are known more surely than real masks: what divides them from bare faces lies too high for photographs of
    real ones. Bare faces are real in either, and tell how low it may lie. Where the odds of a real mask are even is not
    known; the bias has it in the middle between the two, on the scale of logits.

    Args:
        calibration: Of two classes.
        bare: ``(N,)`` logits of photographs of bare faces, as they are, that were not learnt from.
        false_alarms: The share of these that may be called masked; where that is less than one, nothing changes.
    """
    allowed = min(int(false_alarms * len(bare)), len(bare) - 1)
    if allowed < 1:
        return calibration
    surest = np.sort(bare)[::-1][[allowed]]  # of those that are to be called bare
    lower = logit(calibration.threshold) - calibration.calibrated(surest).item()
    if lower <= 0:
        return calibration
    raised = calibration.model_copy(update={"bias": float(np.asarray(calibration.bias)) + lower / 2})
    return raised.model_copy(update={"threshold": float(np.nextafter(raised.probabilities(surest).item(), 1))})


def save_calibration(run: Path, calibration: Calibration) -> None:
    """Write ``RUN/calibration.json``, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_atomic(RunDir(run).calibration, calibration.model_dump_json(indent=2).encode() + b"\n", run)


def load_calibration(run: Path) -> Calibration:
    """The calibration of a run; where it has none, logits are taken as they are.

    Raises:
        CalibrationError: the file is damaged.
    """
    path = RunDir(run).calibration
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Calibration(note="not calibrated")
    except (OSError, ValidationError) as error:
        found = error.errors()[0] if isinstance(error, ValidationError) else None
        reason = ": ".join(map(str, [*found["loc"], problem_of(found)])) if found else str(error).splitlines()[0]
        raise CalibrationError(f"{path} cannot be read ({reason}); delete it to go without a calibration") from error


def _temperature_and_bias(labels: Labels, logits: Logits) -> tuple[float, float]:
    """Those of the least cross-entropy: Platt, Probabilistic outputs for support vector machines, 1999.

    Where the classes are separated, ever smaller temperatures would lower it. So the targets are Platt's, which stay
    off 0 and 1 by one picture in the number of the class.
    """
    masked = labels.astype(bool)
    targets = np.where(masked, (masked.sum() + 1) / (masked.sum() + 2), 1 / ((~masked).sum() + 2))
    wide = logits.astype(np.float64)

    def loss(found: NDArray[np.float64]) -> float:
        calibrated = wide / np.exp(found[0]) + found[1]
        return float((np.logaddexp(0.0, calibrated) - targets * calibrated).mean())

    bounds = (tuple(np.log(_TEMPERATURES)), _BIASES)
    log_temperature, bias = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=bounds).x
    return float(np.exp(log_temperature)), float(bias)


def _temperature_and_biases(labels: Labels, logits: Logits) -> tuple[float, tuple[float, ...]]:
    """The same of K classes: Guo et al., On calibration of modern neural networks, ICML 2017, and a bias a class.

    Platt's targets, of more classes: a picture counts for each class as often as if there were one more of every class
    in its own. Adding one number to all biases changes nothing: their mean is 0.
    """
    wide, count = logits.astype(np.float64), np.bincount(labels.astype(np.intp))
    share = 1 / (count + len(count))[labels.astype(np.intp)]
    targets = np.repeat(share[:, None], len(count), axis=1)
    targets[np.arange(len(labels)), labels.astype(np.intp)] += count[labels.astype(np.intp)] * share

    def loss(found: NDArray[np.float64]) -> float:
        return float(-(targets * log_softmax(wide / np.exp(found[0]) + found[1:], axis=1)).sum(axis=1).mean())

    bounds = (tuple(np.log(_TEMPERATURES)), *[_BIASES] * len(count))
    log_temperature, *biases = minimize(loss, np.zeros(1 + len(count)), method="L-BFGS-B", bounds=bounds).x
    return float(np.exp(log_temperature)), tuple((np.array(biases) - np.mean(biases)).tolist())


def _threshold(labels: Labels, logits: Logits) -> float:
    """The logit from which on a picture is called masked, by balanced accuracy.

    Of all thresholds within one standard error of the best, the nearest to 0: a few pictures are no reason to move
    (the rule of Breiman et al., Classification and regression trees, 1984, for the size of trees).
    """
    false, true, cuts = roc_curve(labels, logits.astype(np.float64), drop_intermediate=False)
    balanced = (true + 1 - false) / 2
    best = int(balanced.argmax())
    count = np.bincount(labels.astype(np.intp), minlength=2)
    variance = true[best] * (1 - true[best]) / count[1] + false[best] * (1 - false[best]) / count[0]
    # A cut decides alike from its logit down to, but without, the next lower one.
    nearest = []
    for index in np.flatnonzero(balanced >= balanced[best] - np.sqrt(variance) / 2):
        upper = cuts[index]
        lower = cuts[index + 1] if index + 1 < len(cuts) else -np.inf
        inside = (lower + upper) / 2 if np.isfinite(lower + upper) else (upper if np.isfinite(upper) else lower + 1)
        nearest.append(0.0 if lower < 0 <= upper else float(inside))
    return min(nearest, key=abs)
