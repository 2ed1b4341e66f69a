"""Small networks with weights drawn at random, saved as a training run saves them."""

import tiny_network  # noqa: F401  registers the network `tiny`
import torch

from maskaug.core.classes import CLASSES
from maskaug.train.model.calibration import Calibration, save_calibration
from maskaug.train.model.checkpoint import load_model
from maskaug.train.model.head import head_for
from maskaug.train.model.network import build_network

SIZE = 64


def write_network(run, *, arch="tiny", calibration=None, classes=CLASSES, flips=False):
    """``RUN/best.pt``: a network whose logits are spread about 0."""
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    network = build_network(arch, head_for(len(classes)).outputs)
    seen = {"size": SIZE, "mean": (0.5,) * 3, "std": (1.0,) * 3, "classes": list(classes), "flips": flips}
    torch.save({"arch": arch, "network": network.state_dict(), **seen}, run / "best.pt")
    save_calibration(run, calibration or Calibration(temperature=0.5, threshold=0.6))
    return run


def load(run):
    return load_model(run, torch.device("cpu"))
