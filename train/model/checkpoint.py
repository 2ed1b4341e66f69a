"""Networks in files."""

from pathlib import Path

import torch
from torch import Tensor

from maskaug.core.classes import CLASSES
from maskaug.train.data.classes import check_classes
from maskaug.train.data.normalise import Normalisation
from maskaug.train.data.preprocess import Preparation
from maskaug.train.errors import TrainError
from maskaug.train.model.calibration import load_calibration
from maskaug.train.model.head import head_for
from maskaug.train.model.network import Classifier, build_network
from maskaug.train.model.weights import WeightsError, safe_load
from maskaug.train.run_dir import RunDir


class CheckpointError(TrainError):
    """A run holds no usable network; the message says why and what to do."""


def load_model(run: Path, device: torch.device) -> Classifier:
    """The best network of a run, ready to judge pictures.

    Args:
        run: The folder of the run.
        device: Where the network computes.

    Raises:
        CheckpointError: there is none, or it cannot be read.
        ClassesError: it has been trained on classes that cannot be judged.
        CalibrationError: the calibration is damaged.
    """
    path = RunDir(run).best
    if not path.is_file():
        raise CheckpointError(
            f"{run} is no training run: it holds no {RunDir(run).best.name}; make one with: maskaug train DATA"
        )
    try:
        saved = safe_load(path)
        classes = check_classes(saved.get("classes", CLASSES))
        network = build_network(saved["arch"], head_for(len(classes)).outputs)
        network.load_state_dict(saved["network"])
        preparation = Preparation(saved.get("framing", "picture"), saved["size"])  # older runs know no other
        normalisation = Normalisation(saved["mean"], saved["std"])
        seen = preparation, saved.get("flips", False), normalisation
    except (WeightsError, AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        told = str(error) if isinstance(error, WeightsError) else f"{path} is no checkpoint of maskaug train: {error}"
        raise CheckpointError(" ".join(told.split())) from error
    return Classifier(network.to(device).eval(), *seen, load_calibration(run), device, classes)


def load_network(path: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint that :func:`maskaug.train.fit.state.save_best` has written.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    try:
        state: dict[str, Tensor] = safe_load(path)["network"]
    except (WeightsError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} holds no network: {error}") from error
    return state
