"""Exposures and contrasts other than the photographer wanted."""

import numpy as np
from numpy.typing import NDArray

from maskaug.train.corruptions.registry import Corruption, Pixels, register

_EXPOSED, _GAMMA = 0.4, 0.39  # shares of all pictures with another exposure and contrast, or with another gamma


def _apply(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.floating]:
    if rng.random() < _EXPOSED / (_EXPOSED + _GAMMA):
        mean, contrast, gain = pixels.mean(), *np.exp(rng.normal(0, (0.2, 0.2)))
        return (pixels - mean) * contrast + mean * gain + rng.normal(0, 14)
    return 255 * (pixels.clip(0, None) / 255) ** np.exp(rng.normal(0, 0.3))


register(Corruption("light", order=40, probability=_EXPOSED + _GAMMA, apply=_apply))
