"""From pixels in [0, 1] to what a network takes: the one way for training, evaluation and export."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # recipes are read, and commands told of, without PyTorch
    from torch import Tensor

_FLAT = 0.1  # added to the deviation, so that a picture of one grey does not become a picture of its noise


@dataclass(frozen=True)
class Normalisation:
    """What is done to each channel, red first.

    Attributes:
        mean: Is subtracted ...
        std: ... and what remains is divided by this.
        standardize: Whether each picture is brought to mean 0 and standard deviation 1 after that: the strength and the
            colour of the light, and haze, then make next to no difference.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    standardize: bool

    def __call__(self, pictures: "Tensor") -> "Tensor":
        """``(N, 3, S, S) float`` in [0, 1] to the same, normalised."""
        mean, std = (pictures.new_tensor(values).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return self.again((pictures - mean) / std)

    def again(self, pictures: "Tensor") -> "Tensor":
        """What :func:`__call__` has normalised and somebody has resized since: as if it had been resized before."""
        if not self.standardize:
            return pictures
        deviation = pictures.std((2, 3), keepdim=True, correction=0)
        return (pictures - pictures.mean((2, 3), keepdim=True)) / (deviation + _FLAT)
