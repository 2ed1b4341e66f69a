"""Patterns: prints and weaves for cloth, made by procedure over a mask's flat picture."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Share = NDArray[np.float32]  # (h, w) in [0, 1]: how much of the second colour shows
_Pattern = Callable[[NDArray[np.float32], NDArray[np.float32], np.random.Generator], Share]

# Every pattern gets x and y, ``(h, w) float32``, in its own period, and returns where its second colour lies. Their
# edges are as soft as a fifth of a period: what is finer than a texel then greys instead of flickering.
_SOFT = 0.1


def pattern_share(
    name: str, size: tuple[int, int], rng: np.random.Generator, *, mm_per_texel: float, period_mm: float, angle: float
) -> Share:
    """``(h, w) float32`` in [0, 1]: where the second colour of the named pattern lies.

    Args:
        name: One of :data:`PATTERNS`.
        size: Height and width in texels.
        rng: For its layout.
        mm_per_texel: How large a texel is.
        period_mm: After which length the pattern repeats, or how large its shapes are.
        angle: By which it is turned, degrees.
    """
    scale = mm_per_texel / period_mm
    turn = np.radians(angle)
    column = np.arange(size[1], dtype=np.float32) * np.float32(scale) + np.float32(rng.random())
    row = np.arange(size[0], dtype=np.float32) * np.float32(scale) + np.float32(rng.random())
    x = column[None, :] * np.float32(np.cos(turn)) + row[:, None] * np.float32(np.sin(turn))
    y = row[:, None] * np.float32(np.cos(turn)) - column[None, :] * np.float32(np.sin(turn))
    return PATTERNS[name](x, y, rng)


def _wave(x: NDArray[np.float32]) -> Share:
    """Distance from the nearest whole number, 0 to 1."""
    return np.asarray(2 * np.abs(x - np.round(x)), dtype=np.float32)


def _above(values: NDArray[np.float32], limit: float) -> Share:
    return np.asarray(np.clip((values - limit) / (2 * _SOFT) + 0.5, 0, 1), dtype=np.float32)


def _stripes(x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator) -> Share:
    return _above(_wave(x), rng.uniform(0.3, 0.7))


def _checks(x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator) -> Share:
    return np.asarray((_above(_wave(x), 0.5) + _above(_wave(y), 0.5)) / 2, dtype=np.float32)


def _plaid(x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator) -> Share:
    wide, thin = rng.uniform(0.4, 0.6), rng.uniform(0.8, 0.9)
    across = 0.35 * _above(_wave(x), wide) + 0.45 * _above(_wave(2 * x + 0.5), thin)
    down = 0.35 * _above(_wave(y), wide) + 0.45 * _above(_wave(2 * y + 0.5), thin)
    return np.asarray(np.minimum(across + down, 1), dtype=np.float32)


def _dots(x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator) -> Share:
    near = np.minimum(np.hypot(_wave(x), _wave(y)), np.hypot(_wave(x + 0.5), _wave(y + 0.5)))
    return _above(-near, -rng.uniform(0.25, 0.5))


def _camouflage(x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator) -> Share:
    large, small = _blobs(x, y, rng, 1.0), _blobs(x, y, rng, 0.6)
    return np.asarray(0.55 * _above(large, 0.25) + 0.45 * _above(small, 0.4), dtype=np.float32)


def _scattered(x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator) -> Share:
    """Small shapes at random places: what a print of flowers, stars or letters is from some way off."""
    return _above(_blobs(x, y, rng, 0.45), rng.uniform(0.8, 1.2))


def _melange(x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator) -> Share:
    grain = rng.random(x.shape, dtype=np.float32)
    return np.asarray(0.5 * cv2.blur(grain, (3, 1)), dtype=np.float32)


def _two_tone(x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator) -> Share:
    place = (y - y.min()) / max(float(y.max() - y.min()), 1e-3)
    return _above(place, rng.uniform(0.35, 0.75))


def _blobs(x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator, size: float) -> Share:
    """Smooth noise of unit deviation whose features are ``size`` periods large."""
    cells = rng.standard_normal((24, 24)).astype(np.float32)
    place = np.stack([np.broadcast_to(x / size % 22, x.shape), np.broadcast_to(y / size % 22, x.shape)], axis=-1)
    return np.asarray(cv2.remap(cells, np.asarray(place, dtype=np.float32), None, cv2.INTER_CUBIC))


PATTERNS: dict[str, _Pattern] = {
    "stripes": _stripes,
    "checks": _checks,
    "plaid": _plaid,
    "dots": _dots,
    "camouflage": _camouflage,
    "scattered": _scattered,
    "melange": _melange,
    "two_tone": _two_tone,
}
