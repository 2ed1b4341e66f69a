"""A trained classifier: pictures in, logits out."""

from dataclasses import dataclass

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch import Tensor, nn

from maskaug.train.calibration import Calibration
from maskaug.train.largest_face import largest_box
from maskaug.train.preprocess import Preparation


@dataclass(frozen=True)
class Classifier:
    """A network in evaluation mode with what it needs before and after.

    Attributes:
        network: ``(N, 3, S, S)`` normalised pictures to ``(N, 1)`` logits.
        preparation: From any picture to what it sees, S pixels a side.
        flips: Whether its logits are means over a picture and its mirror image.
        mean, std: Of each channel, red first, for pixels in [0, 1].
        calibration: What its logits mean.
        device: Where it runs.
    """

    network: nn.Module
    preparation: Preparation
    flips: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    calibration: Calibration
    device: torch.device

    @property
    def size(self) -> int:
        """S, the side of its pictures in pixels."""
        return self.preparation.size

    @property
    def frames_faces(self) -> bool:
        """Whether it looks at a picture's face, rather than at the picture."""
        return self.preparation.framing == "face"

    def prepare(self, image: NDArray[np.uint8], box: NDArray[np.floating] | None = None) -> NDArray[np.uint8]:
        """A picture as the network sees it, ``(S, S, 3) uint8``.

        Args:
            image: ``(H, W, 3) uint8`` RGB.
            box: ``(4,)`` of the face that is meant; None: the largest, if the network looks at faces.
        """
        if box is None and self.frames_faces:
            box = largest_box(image)
        return self.preparation.framed(self.preparation.prepare(image, box).pixels[None])[0]

    def batch(self, pictures: NDArray[np.uint8]) -> Tensor:
        """``(N, S, S, 3) uint8`` prepared pictures as the network takes them."""
        writable = np.require(pictures, requirements="W")  # PyTorch warns of a cache that is mapped read-only
        scaled = torch.from_numpy(writable).to(self.device).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(values, device=self.device).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return (scaled - mean) / std

    @torch.inference_mode()
    def logits(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of ``(N, S, S, 3) uint8`` prepared pictures, ``(N,) float32``."""
        return np.asarray(asked(self.network, self.batch(pictures), flips=self.flips).cpu().numpy())


def build_network(arch: str, outputs: int = 1) -> nn.Module:
    """A torchvision classifier, its weights drawn at random; the first of its outputs is the logit of a mask."""
    return torchvision.models.get_model(arch, weights=None, num_classes=outputs)


def logit_alone(state: dict[str, Tensor], outputs: int) -> dict[str, Tensor]:
    """Weights of a network with so many outputs as those of the one with the first of them alone."""
    return {name: value[:1].clone() if value.shape[:1] == (outputs,) else value for name, value in state.items()}


def asked(network: nn.Module, inputs: Tensor, *, flips: bool) -> Tensor:
    """``(N,) float32`` logits of ``(N, 3, S, S)`` normalised pictures; with ``flips``, of their mirror images, too."""
    logits = network(inputs)[:, 0].float()
    return (logits + network(inputs.flip(3))[:, 0].float()) / 2 if flips else logits
