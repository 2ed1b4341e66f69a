"""The end of a run: calibration, predictions and report, from the network that was kept."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.core.files import checksum_lines, sync_folder, write_atomic
from maskaug.train.data.dataset import TrainingData
from maskaug.train.data.margins import measure_margins, save_margins
from maskaug.train.evaluate.predictions import Predictions, write_predictions
from maskaug.train.evaluate.report import write_report
from maskaug.train.model.calibration import Calibration, save_calibration
from maskaug.train.run_dir import RunDir


def finalize(run: Path, dataset: TrainingData, calibration: Calibration, logits: NDArray[np.float32]) -> Predictions:
    """Write the calibration of the network that was kept, and what it says of the validation pictures.

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
    predictions = Predictions.of(val.samples, val.sha256, logits, val.sizes, dataset.classes)
    save_margins(run, measure_margins(sample.row for part in (dataset.train, val) for sample in part.samples))
    write_atomic(RunDir(run).trained_on, "".join(f"{sha256}\n" for sha256 in dataset.train.sha256).encode(), run)
    write_predictions(run, predictions, calibration)  # a run that has them is finished
    write_report(run)
    files = RunDir(run)
    lasting = [files.config, files.history, files.best, files.best_tensors, files.last, files.calibration]
    lasting += [files.margins, files.trained_on, files.predictions]
    write_atomic(files.checksums, checksum_lines(run, lasting).encode(), run)
    sync_folder(run)
    return predictions
