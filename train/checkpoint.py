"""Networks in files."""

from pathlib import Path

import torch

from maskaug.train.calibration import load_calibration
from maskaug.train.errors import TrainError
from maskaug.train.model import Classifier, build_network

BEST_FILE = "best.pt"


class CheckpointError(TrainError):
    """A run holds no usable network; the message says why and what to do."""


def load_model(run: Path, device: torch.device) -> Classifier:
    """The best network of a run, ready to be asked.

    Raises:
        CheckpointError: there is none, or it cannot be read.
        CalibrationError: the calibration is damaged.
    """
    path = run / BEST_FILE
    if not path.is_file():
        raise CheckpointError(f"{run} is no training run: it holds no {BEST_FILE}; make one with: maskaug train DATA")
    saved = torch.load(path, map_location=device, weights_only=True)
    network = build_network(saved["arch"])
    network.load_state_dict(saved["network"])
    return Classifier(
        network.to(device).eval(), saved["size"], saved["mean"], saved["std"], load_calibration(run), device
    )
