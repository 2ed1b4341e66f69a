"""Light that falls otherwise than on a portrait: from behind, in colours, into the lens, through haze."""

import colorsys

import numpy as np
from numpy.typing import NDArray

from maskaug.core.color import LUMA
from maskaug.train.corruptions.exposure import from_light, to_light
from maskaug.train.corruptions.registry import Corruption, Pixels, register


def _places(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``(1, S)`` across and ``(S, 1)`` down, from -1 to 1."""
    line = np.linspace(-1, 1, size, dtype=np.float32)
    return line[None, :], line[:, None]


def _backlit(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.floating]:
    """The face in its own shadow, what is about it bright."""
    across, down = _places(len(pixels))
    x, y = rng.normal(0, 0.15, 2)
    distance = np.hypot((across - x) / rng.uniform(0.7, 1.1), (down - y) / rng.uniform(0.8, 1.3))
    soft = rng.uniform(0.05, 0.3)
    behind = (1 / (1 + np.exp(-(distance - 1) / soft)))[..., None]
    stops = -rng.uniform(1, 4) * (1 - behind) + rng.uniform(0.3, 2.5) * behind
    flare = rng.uniform(0, 0.04)
    return from_light(to_light(pixels) * 2**stops + flare)


def _hued(rng: np.random.Generator, saturation: tuple[float, float]) -> NDArray[np.float32]:
    """``(3,)``: the colour of a lamp, as bright as a white one."""
    color = np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), 1), dtype=np.float32)
    return np.asarray(color / (color @ LUMA), dtype=np.float32)


def _coloured_light(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.floating]:
    """One lamp of a colour, or two from either side."""
    across, down = _places(len(pixels))
    lamps = [_hued(rng, (0.15, 0.9)) for _ in range(2)]
    light = to_light(pixels)
    if rng.random() < 0.6:
        return from_light(light * lamps[0])
    angle, soft = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.6)
    side = (1 / (1 + np.exp(-(across * np.cos(angle) + down * np.sin(angle)) / soft)))[..., None]
    return from_light(light * (lamps[0] * side + lamps[1] * (1 - side)))


def _glare(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.floating]:
    """A spot or streak of light that whitens what lies below it."""
    across, down = _places(len(pixels))
    angle = rng.uniform(0, np.pi)
    x, y = across - rng.uniform(-1.2, 1.2), down - rng.uniform(-1.2, 1.2)
    along, aside = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    wide = rng.uniform(0.25, 0.9)
    spot = np.exp(-((along / (wide * rng.uniform(1, 4))) ** 2) - (aside / wide) ** 2)[..., None]
    tint = 255 * (1 - rng.uniform(0, 0.25) * rng.random(3))
    return pixels + (tint - pixels) * spot * rng.uniform(0.3, 0.95)


def _haze(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.floating]:
    """A veil of one colour: fog, a dirty lens, a faded print."""
    veil = rng.uniform(90, 245) + rng.normal(0, 8, 3)
    share = rng.uniform(0.15, 0.7)
    return pixels * (1 - share) + veil * share


register(Corruption("backlit", order=32, probability=0.08, apply=_backlit))
register(Corruption("coloured_light", order=33, probability=0.10, apply=_coloured_light))
register(Corruption("glare", order=34, probability=0.08, apply=_glare))
register(Corruption("haze", order=35, probability=0.08, apply=_haze))
