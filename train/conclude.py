"""The end of a run: calibration, predictions and report, from the network that was kept."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.pictures import write_atomic
from maskaug.train.calibration import Calibration, save_calibration
from maskaug.train.dataset import Dataset
from maskaug.train.faces import measured, save_margins
from maskaug.train.predictions import TRAINED_ON_FILE, Predictions, write_predictions
from maskaug.train.report import write_report


def conclude(run: Path, dataset: Dataset, calibration: Calibration, logits: NDArray[np.float32]) -> Predictions:
    """Write down how the network that was kept is calibrated, and what it says of validation.

    Args:
        run: The folder.
        dataset: What it was trained and selected on.
        calibration: Of the network.
        logits: ``(N,)`` logits of the validation pictures as they are.

    Raises:
        OSError: a file cannot be written.
    """
    val = dataset.val
    save_calibration(run, calibration)
    predictions = Predictions.of(val.samples, val.sha256, logits, val.sizes)
    save_margins(run, measured(sample.row for part in (dataset.train, val) for sample in part.samples))
    write_atomic(run / TRAINED_ON_FILE, "".join(f"{sha256}\n" for sha256 in dataset.train.sha256).encode(), run)
    write_predictions(run, predictions, calibration)  # a run that has them is finished
    write_report(run)
    return predictions
