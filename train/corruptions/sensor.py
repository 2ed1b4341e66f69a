"""Noise, as small sensors have it in the dark."""

import numpy as np
from numpy.typing import NDArray

from maskaug.train.corruptions.registry import Corruption, Pixels, register


def _noise(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.floating]:
    return pixels + rng.normal(0, rng.uniform(1, 12), pixels.shape)


register(Corruption("noise", order=80, probability=0.3, apply=_noise))
