"""The end of a run: calibration, predictions and report, from the network that was kept."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.train.calibration import Calibration, calibrate, save_calibration
from maskaug.train.dataset import Part
from maskaug.train.predictions import Predictions, write_predictions
from maskaug.train.report import write_report
from maskaug.train.samples import yaw_of


def conclude(run: Path, val: Part, logits: NDArray[np.float32]) -> tuple[Calibration, Predictions]:
    """Calibrate the network that was kept by its ``(N,)`` logits of validation, and write down what it says of it.

    Raises:
        OSError: a file cannot be written.
    """
    calibration = calibrate(val.labels.astype(np.int64), logits)
    save_calibration(run, calibration)
    predictions = _predictions(val, logits)
    write_predictions(run, predictions, calibration)
    write_report(run)
    return calibration, predictions


def _predictions(part: Part, logits: NDArray[np.float32]) -> Predictions:
    rows = [sample.row for sample in part.samples]
    quality = [row.get("quality") if row.get("status") == "masked" else None for row in rows]
    return Predictions(
        path=[str(sample.path.resolve()) for sample in part.samples],
        sha256=part.sha256,
        split=[sample.split for sample in part.samples],
        label=part.labels.astype(np.int8),
        logit=logits,
        kind=[row.get("kind") or "" for row in rows],
        template=[row.get("template") or "" for row in rows],
        quality=np.array([np.nan if value is None else value for value in quality], dtype=np.float32),
        source=[row.get("source") or "" for row in rows],
        status=[row.get("status") or "" for row in rows],
        yaw=np.array([yaw_of(row) for row in rows], dtype=np.float32),
        width=np.array([row.get("width") or 0 for row in rows], dtype=np.int32),
        height=np.array([row.get("height") or 0 for row in rows], dtype=np.int32),
    )
