"""Strokes: hairs, each a short curve with a brightness of its own."""

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.occluders.drawing.canvas import Canvas, Field, single

_FINE = 2  # pixels of the drawing to one of the canvas's, where hairs are finer than these
_SHIFT = 4  # fractional bits
_TONES = 6
_ROUNDS = 3  # light hair lies over dark and dark over light


def draw_strokes(
    canvas: Canvas, curves: NDArray[np.floating], tones: NDArray[np.floating], width_mm: float
) -> tuple[Field, Field]:
    """Coverage and tone of hairs.

    Args:
        canvas: They lie over; it is not painted.
        curves: ``(n, k, 2)``: points along each, in pixels of the picture.
        tones: ``(n,)`` in [0, 1].
        width_mm: Of each hair, or tuft of hairs.

    Returns:
        Share of each pixel that hairs cover, and their tone there.
    """
    fine = _FINE if width_mm < 0.9 * canvas.pixel else 1
    height, width = canvas.alpha.shape
    drawn = np.zeros((height * fine, width * fine, 3), dtype=np.uint8)
    place = np.round(((curves - canvas.corner + 0.5) * fine - 0.5) * (1 << _SHIFT)).astype(np.int32)
    level = np.clip(tones * _TONES, 0, _TONES - 1).astype(int)
    thick = max(1, round(width_mm / canvas.pixel * fine))
    for turn in range(_ROUNDS):
        for tone in range(_TONES):
            chosen = place[turn::_ROUNDS][level[turn::_ROUNDS] == tone]
            ink = (255, round(255 * (tone + 0.5) / _TONES), 0)
            cv2.polylines(drawn, list(chosen), False, ink, thick, cv2.LINE_AA, _SHIFT)
    if fine > 1:
        drawn = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)
    cover = single(drawn[..., 0] * np.float32(1 / 255))
    return cover, single(drawn[..., 1] / np.maximum(drawn[..., 0], 1))


def scatter(rng: np.random.Generator, canvas: Canvas, density: Field, count: int) -> NDArray[np.float32]:
    """``(n, 2)`` pixels of the picture, about ``count`` of them, spread where ``density`` is high."""
    total = float(density.sum())
    if total < 1:
        return np.empty((0, 2), dtype=np.float32)
    height, width = density.shape
    # Of points spread evenly, as many fall where the density is high as its mean says.
    tries = min(int(count * density.size / total), 40 * count)
    points = rng.random((tries, 2), dtype=np.float32) * np.array([width - 1, height - 1], dtype=np.float32)
    x, y = np.round(points).astype(int).T
    return np.asarray(points[rng.random(tries) < density[y, x]] + canvas.corner, dtype=np.float32)
