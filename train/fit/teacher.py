"""A trained classifier that another network learns from: its probabilities of the very pictures that one is shown."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from maskaug.train.errors import TrainError
from maskaug.train.fit.compute import ComputeConfig
from maskaug.train.model.checkpoint import load_model
from maskaug.train.model.network import forward_logits
from maskaug.train.model.recipes import Recipe
from maskaug.train.run_dir import RunDir


class TeacherError(TrainError):
    """A run cannot teach the network as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Teacher:
    """A network in evaluation mode; called, it gives targets.

    Attributes:
        network: ``(N, 3, S, S)`` normalised pictures to ``(N, 1)`` logits, placed where the student is.
        size: S, which need not be the student's.
        flips: Whether its logits are means over a picture and its mirror image.
        temperature, bias: By which its logits are divided, and what is added then.
        compute: How it is computed.
        checksum: SHA-256 of all that decides what it says.
    """

    network: nn.Module
    size: int
    flips: bool
    temperature: float
    bias: float
    compute: ComputeConfig
    checksum: str

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """``(N,) float32`` calibrated probabilities of a mask, of ``(N, 3, P, P)`` inputs of the student."""
        if inputs.shape[-1] != self.size:
            inputs = interpolate(inputs, size=(self.size, self.size), mode="area")
        with self.compute.autocast():
            return torch.sigmoid(forward_logits(self.network, inputs, flips=self.flips) / self.temperature + self.bias)


def load_teacher(
    run: Path, recipe: Recipe, device: torch.device, compute_for: Callable[[nn.Module], ComputeConfig]
) -> Teacher:
    """The best network of a finished run, for a student of this recipe.

    Both see the same pictures, each at its own size: framing and normalisation must be equal.

    Args:
        run: The teacher's folder.
        recipe: The student's.
        device: Where both are computed.
        compute_for: How a network is computed there.

    Raises:
        CheckpointError, CalibrationError: the run cannot be used.
        TeacherError: it has not finished, or sees pictures otherwise than the student.
    """
    classifier = load_model(run, device)
    if not RunDir(run).calibration.is_file():
        raise TeacherError(f"{run} is not calibrated and cannot teach; finish it with: maskaug train --resume {run}")
    own = {
        "framing": classifier.preparation.framing,
        "mean": tuple(classifier.normalisation.mean),
        "std": tuple(classifier.normalisation.std),
    }
    for name, value in own.items():
        if getattr(recipe, name) != value:
            raise TeacherError(
                f"{run} cannot teach: its pictures have {name} {_told(value)}, the student's "
                f"{_told(getattr(recipe, name))}, and both must see the same; give --set {name}={_told(value)}"
            )
    whole = hashlib.sha256(RunDir(run).best.read_bytes() + RunDir(run).calibration.read_bytes()).hexdigest()
    compute = compute_for(classifier.network)
    return Teacher(
        network=compute.place(classifier.network).requires_grad_(False),
        size=classifier.size,
        flips=classifier.flips,
        temperature=classifier.calibration.temperature,
        bias=classifier.calibration.bias,
        compute=compute,
        checksum=whole,
    )


def _told(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
