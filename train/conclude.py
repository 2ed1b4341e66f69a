"""The end of a run: calibration, predictions and report, from the network that was kept."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.train.calibration import Calibration, calibrate, save_calibration
from maskaug.train.dataset import Part
from maskaug.train.predictions import Predictions, write_predictions
from maskaug.train.report import write_report


def conclude(run: Path, val: Part, logits: NDArray[np.float32]) -> tuple[Calibration, Predictions]:
    """Calibrate the network that was kept by its ``(N,)`` logits of validation, and write down what it says of it.

    Raises:
        OSError: a file cannot be written.
    """
    calibration = calibrate(val.labels.astype(np.int64), logits)
    save_calibration(run, calibration)
    rows = (sample.row for sample in val.samples)
    sizes = [(row.get("height") or 0, row.get("width") or 0) for row in rows]
    predictions = Predictions.of(val.samples, val.sha256, logits, sizes)
    write_predictions(run, predictions, calibration)
    write_report(run)
    return calibration, predictions
