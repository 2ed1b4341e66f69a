"""A trained classifier that another network learns from: its probabilities of the very pictures that one is shown."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from maskaug.train.data.classes import Classes
from maskaug.train.errors import TrainError
from maskaug.train.fit.compute import ComputeConfig
from maskaug.train.model.checkpoint import load_model
from maskaug.train.model.head import Head
from maskaug.train.model.network import forward_logits
from maskaug.train.model.recipes import Recipe
from maskaug.train.run_dir import RunDir


class TeacherError(TrainError):
    """A run cannot teach the network as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Teacher:
    """A network in evaluation mode; called, it gives targets.

    Attributes:
        network: ``(N, 3, S, S)`` normalised pictures to outputs, placed where the student is.
        head: What these mean.
        size: S, which need not be the student's.
        flips: Whether its logits are means over a picture and its mirror image.
        temperature, bias: By which its logits are divided, and what is added then, see `Calibration`.
        compute: How it is computed.
        checksum: SHA-256 of all that decides what it says.
    """

    network: nn.Module
    head: Head
    size: int
    flips: bool
    temperature: float
    bias: Tensor
    compute: ComputeConfig
    checksum: str

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Calibrated probabilities, see `Head.probabilities`, of ``(N, 3, P, P)`` inputs of the student."""
        if inputs.shape[-1] != self.size:
            inputs = interpolate(inputs, size=(self.size, self.size), mode="area")
        with self.compute.autocast():
            logits = forward_logits(self.network, inputs, self.head, flips=self.flips)
            return self.head.probabilities(logits / self.temperature + self.bias)


def load_teacher(
    run: Path,
    recipe: Recipe,
    classes: Classes,
    device: torch.device,
    compute_for: Callable[[nn.Module], ComputeConfig],
) -> Teacher:
    """The best network of a finished run, for a student of this recipe.

    Both see the same pictures, each at its own size: framing and normalisation must be equal.

    Args:
        run: The teacher's folder.
        recipe: The student's.
        classes: The student's, as many as the teacher's; their names may be others.
        device: Where both are computed.
        compute_for: How a network is computed there.

    Raises:
        CheckpointError, CalibrationError: the run cannot be used.
        TeacherError: it has not finished, or sees pictures otherwise than the student.
    """
    classifier = load_model(run, device)
    if not RunDir(run).calibration.is_file():
        raise TeacherError(f"{run} is not calibrated and cannot teach; finish it with: maskaug train --resume {run}")
    if len(classifier.classes) != len(classes):
        raise TeacherError(
            f"{run} cannot teach: it knows {', '.join(classifier.classes)}, and the student is to know "
            f"{', '.join(classes)}; name as many with --classes"
        )
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
        head=classifier.head,
        size=classifier.size,
        flips=classifier.flips,
        temperature=classifier.calibration.temperature,
        bias=torch.tensor(classifier.calibration.bias, device=device),
        compute=compute,
        checksum=whole,
    )


def _told(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
