"""What turns a network's logits into probabilities and decisions: found on validation pictures, kept with the run."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.optimize import minimize_scalar
from scipy.special import expit
from sklearn.metrics import roc_curve

from maskaug.augment.pictures import write_atomic
from maskaug.train.errors import TrainError
from maskaug.train.metrics import Judged, Labels, Logits

CALIBRATION_FILE = "calibration.json"

_TEMPERATURES = (0.05, 20.0)


class CalibrationError(TrainError):
    """A run's calibration cannot be read; the message says why and what to do."""


class Calibration(BaseModel):
    """Temperature and threshold of a run.

    The probability of a mask is ``sigmoid(logit / temperature)``; a mask is what has at least ``threshold`` of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(default=1.0, gt=0, description="by which logits are divided")
    threshold: float = Field(default=0.5, ge=0, le=1, description="of the probability after that")
    pictures: int = Field(default=0, ge=0, description="of the validation set it was found on")
    loss_before: float | None = Field(default=None, description="mean cross-entropy on it as trained")
    loss_after: float | None = Field(default=None, description="and with the temperature")
    note: str = Field(default="", description="why it is not calibrated, if so")

    def probabilities(self, logits: Logits) -> NDArray[np.float64]:
        """Of a mask, ``(N,) float64``."""
        return np.asarray(expit(logits.astype(np.float64) / self.temperature))

    def judge(self, labels: Labels, logits: Logits) -> Judged:
        """What the calibrated classifier says of pictures with ``(N,)`` labels and logits.

        Raises:
            ValueError: see :meth:`maskaug.train.metrics.Judged.of`.
        """
        return Judged.of(labels, logits / self.temperature, self.threshold)


def calibrate(labels: Labels, logits: Logits) -> Calibration:
    """Find temperature and threshold on validation pictures, never on those a figure is reported for.

    Args:
        labels: ``(N,)``: 0 is unmasked, 1 is masked.
        logits: ``(N,)``.
    """
    masked = int(labels.sum())
    if not 0 < masked < len(labels):
        note = "not calibrated: validation needs pictures of both classes"
        return Calibration(pictures=len(labels), note=note)
    temperature = _temperature(labels, logits)
    return Calibration(
        temperature=temperature,
        threshold=float(expit(_threshold(labels, logits) / temperature)),
        pictures=len(labels),
        loss_before=float(Judged.of(labels, logits).losses.mean()),
        loss_after=float(Judged.of(labels, logits / temperature).losses.mean()),
    )


def save_calibration(run: Path, calibration: Calibration) -> None:
    """Write ``RUN/calibration.json``, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_atomic(run / CALIBRATION_FILE, calibration.model_dump_json(indent=2).encode() + b"\n", run)


def load_calibration(run: Path) -> Calibration:
    """The calibration of a run; where it has none, logits are taken as they are.

    Raises:
        CalibrationError: the file is damaged.
    """
    path = run / CALIBRATION_FILE
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Calibration(note="not calibrated")
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise CalibrationError(f"{path} cannot be read ({reason}); delete it to go without a calibration") from error


def _temperature(labels: Labels, logits: Logits) -> float:
    """The temperature of the least cross-entropy: Guo et al., On calibration of modern neural networks, ICML 2017.

    Where no validation picture is on the wrong side of 0, ever smaller temperatures would lower it. Then the targets
    are those of Platt (Probabilistic outputs for support vector machines, 1999), which stay off 0 and 1 by one picture
    in the number of the class.
    """
    masked = labels.astype(bool)
    targets = masked.astype(np.float64)
    if ((logits > 0) == masked).all():
        targets = np.where(masked, (masked.sum() + 1) / (masked.sum() + 2), 1 / ((~masked).sum() + 2))
    wide = logits.astype(np.float64)

    def loss(log_temperature: float) -> float:
        scaled = wide / np.exp(log_temperature)
        return float((np.logaddexp(0.0, scaled) - targets * scaled).mean())

    bounds = tuple(np.log(_TEMPERATURES))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


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
