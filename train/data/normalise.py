"""From pixels in [0, 1] to what a network takes: the one way for training, evaluation and export."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # recipes are read, and commands told of, without PyTorch
    from torch import Tensor


@dataclass(frozen=True)
class Normalisation:
    """What is done to each channel, red first.

    Attributes:
        mean: Is subtracted ...
        std: ... and what remains is divided by this.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __call__(self, pictures: "Tensor") -> "Tensor":
        """``(N, 3, S, S) float`` in [0, 1] to the same, normalised."""
        mean, std = (pictures.new_tensor(values).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return (pictures - mean) / std
