"""Too little light and too much of it, as sensors record them."""

import numpy as np
from numpy.typing import NDArray

from maskaug.train.corruptions.registry import Corruption, Pixels, register

GAMMA = 2.2  # of displays: light is proportional to (value / 255) ** GAMMA
_FEWER_STOPS, _MORE_STOPS = (1.0, 5.0), (0.4, 1.8)
_MOST_GAIN = 0.5  # share of the missing stops that the camera makes up for
_SHOT, _READ = 2e-4, 4e-4  # variance of the light per light, and standard deviation of the darkness


def to_light(pixels: Pixels) -> NDArray[np.float32]:
    """Values of 0 to 255 to light of 0 to 1."""
    return np.asarray((pixels.clip(0, 255) / np.float32(255)) ** np.float32(GAMMA), dtype=np.float32)


def from_light(light: NDArray[np.floating]) -> NDArray[np.float32]:
    """Light to values of 0 to 255; what is brighter than 1 is white."""
    return np.asarray(255 * light.clip(0, 1) ** (1 / GAMMA), dtype=np.float32)


def _underexposed(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.floating]:
    """Dark, with the noise of few photons, some of it brightened by the camera."""
    stops = rng.uniform(*_FEWER_STOPS)
    light = to_light(pixels) * 2**-stops
    noise = np.sqrt(_SHOT * light) + _READ
    light = light + noise * rng.standard_normal(light.shape, dtype=np.float32) * rng.uniform(0.3, 1.5)
    return from_light(light * 2 ** (stops * rng.uniform(0, _MOST_GAIN)))


def _overexposed(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.floating]:
    return from_light(to_light(pixels) * 2 ** rng.uniform(*_MORE_STOPS))


register(Corruption("underexposed", order=36, probability=0.12, apply=_underexposed))
register(Corruption("overexposed", order=37, probability=0.08, apply=_overexposed))
