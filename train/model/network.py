"""A trained classifier: pictures in, logits out."""

from dataclasses import dataclass

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch import Tensor, nn

from maskaug.core.arrays import check_images
from maskaug.train.data.classes import Classes
from maskaug.train.data.normalise import Normalisation
from maskaug.train.data.preprocess import Preparation
from maskaug.train.model.base_classifier import BaseClassifier
from maskaug.train.model.calibration import Calibration
from maskaug.train.model.head import Head, head_for

_BATCH_NORM_MOMENTUM = 0.1  # PyTorch's own
TIMM = "timm:"  # before the names of timm's networks; the others are torchvision's


@dataclass(frozen=True)
class Classifier(BaseClassifier):
    """A network in evaluation mode with what it needs before and after.

    Attributes:
        network: ``(N, 3, S, S)`` normalised pictures to the ``(N, ...)`` outputs of its head.
        preparation: From any picture to what it sees, S pixels a side.
        flips: Whether its logits are means over a picture and its mirror image.
        normalisation: From pixels to what it takes.
        calibration: What its logits mean.
        device: Where it runs.
        classes: Names of the classes, by label.
    """

    network: nn.Module
    preparation: Preparation
    flips: bool
    normalisation: Normalisation
    calibration: Calibration
    device: torch.device
    classes: Classes

    @property
    def threshold(self) -> float:
        """The probability from which on a face is called masked."""
        return self.calibration.threshold

    @property
    def head(self) -> Head:
        """What the network's outputs mean."""
        return head_for(len(self.classes))

    def class_probabilities(self, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Of each class, ``(N, K)``, in ``(N, S, S, 3) uint8`` prepared pictures.

        Raises:
            TypeError, ValueError: they are no such pictures.
        """
        check_images(pictures)
        return self.calibration.class_probabilities(self.logits(pictures))

    def batch(self, pictures: NDArray[np.uint8]) -> Tensor:
        """``(N, S, S, 3) uint8`` prepared pictures as the network takes them."""
        writable = np.require(pictures, requirements="W")  # PyTorch warns of a cache that is mapped read-only
        scaled = torch.from_numpy(writable).to(self.device).permute(0, 3, 1, 2).float() / 255
        return self.normalisation(scaled)

    @torch.inference_mode()
    def logits(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of ``(N, S, S, 3) uint8`` prepared pictures, ``(N,)`` or ``(N, K) float32``."""
        found = forward_logits(self.network, self.batch(pictures), self.head, flips=self.flips)
        return np.asarray(found.cpu().numpy())


def build_network(arch: str, outputs: int = 1, *, zero_init_residual: bool = False) -> nn.Module:
    """A classifier, its weights drawn at random; its first outputs are those of a head.

    Batch normalisation keeps up with a short training: torchvision's MobileNetV3 follows by 0.01 a step, made for a
    million pictures an epoch; after hundreds of steps it would still answer every picture alike.

    Args:
        arch: Its name in torchvision; or, after ``timm:``, in timm.
        outputs: Of its last layer.
        zero_init_residual: Whether the residual blocks of a ResNet begin as identities: one of 50 layers then learns
            from its first steps as a shallow one does (Goyal et al., arXiv:1706.02677, 2017, section 5.1). Other
            networks stay as they are.

    Raises:
        ValueError: there is no such network.
        ImportError: it is one of timm's, which is not installed.
    """
    network = _timm_network(arch, outputs) if arch.startswith(TIMM) else _network(arch, outputs, zero_init_residual)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.momentum is not None:
            layer.momentum = max(layer.momentum, _BATCH_NORM_MOMENTUM)
    return network


def _network(arch: str, outputs: int, zero_init_residual: bool) -> nn.Module:
    builder = torchvision.models.get_model_builder(arch)
    residual = {"zero_init_residual": True} if zero_init_residual and builder.__module__.endswith(".resnet") else {}
    network: nn.Module = builder(weights=None, num_classes=outputs, **residual)
    return network


def _timm_network(arch: str, outputs: int) -> nn.Module:
    import timm  # noqa: PLC0415 - an extra, for its networks only

    name = arch.removeprefix(TIMM)
    if not timm.is_model(name):
        raise ValueError(f"timm has no network {name!r}")
    network: nn.Module = timm.create_model(name, pretrained=False, num_classes=outputs)
    return network


def keep_outputs(state: dict[str, Tensor], outputs: int, kept: slice) -> dict[str, Tensor]:
    """Of the weights of a network with so many outputs, those of a network with some of them alone."""
    return {name: value[kept].clone() if value.shape[:1] == (outputs,) else value for name, value in state.items()}


def forward_logits(network: nn.Module, inputs: Tensor, head: Head, *, flips: bool) -> Tensor:
    """``float32`` logits of ``(N, 3, S, S)`` normalised pictures; with ``flips``, means over them and their mirrors."""
    if not flips:
        return head.logits(network(inputs)).float()
    # In one pass: exported, a network that is asked twice keeps its batch normalisation, and OpenCV cannot read it.
    both = head.logits(network(torch.cat([inputs, inputs.flip(3)]))).float()
    return both.unflatten(0, (2, -1)).mean(dim=0)
