"""A trained classifier: pictures in, logits out."""

from dataclasses import dataclass

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch import Tensor, nn

from maskaug.train.calibration import Calibration
from maskaug.train.preprocess import prepare


@dataclass(frozen=True)
class Classifier:
    """A network in evaluation mode with what it needs before and after.

    Attributes:
        network: ``(N, 3, S, S)`` normalised pictures to ``(N, 1)`` logits.
        size: S, the side of its pictures in pixels.
        mean, std: Of each channel, red first, for pixels in [0, 1].
        calibration: What its logits mean.
        device: Where it runs.
    """

    network: nn.Module
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    calibration: Calibration
    device: torch.device

    def prepare(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture ``(H, W, 3) uint8`` RGB as the network sees it, ``(S, S, 3) uint8``."""
        return prepare(image, self.size)

    def batch(self, pictures: NDArray[np.uint8]) -> Tensor:
        """``(N, S, S, 3) uint8`` prepared pictures as the network takes them."""
        writable = np.require(pictures, requirements="W")  # PyTorch warns of a cache that is mapped read-only
        scaled = torch.from_numpy(writable).to(self.device).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(values, device=self.device).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return (scaled - mean) / std

    @torch.inference_mode()
    def logits(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of ``(N, S, S, 3) uint8`` prepared pictures, ``(N,) float32``."""
        return np.asarray(self.network(self.batch(pictures))[:, 0].float().cpu().numpy())


def build_network(arch: str) -> nn.Module:
    """A torchvision classifier with one logit, its weights drawn at random."""
    return torchvision.models.get_model(arch, weights=None, num_classes=1)
