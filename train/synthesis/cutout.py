"""Cutouts: pieces of other photographs before a face, as a shoulder, a flag or a passer-by covers it."""

import cv2
import numpy as np

from maskaug.core.arrays import Image, Points
from maskaug.core.landmarks import BROWS, LIPS

_SIDES = 0.7  # standard deviation of the direction it comes from, radians; 0 is from below
_EDGE = (-0.45, 0.5)  # from the middle of the mouth to the edge, in distances from brows to mouth
_RADIUS = (0.8, 6.0)  # of the edge's curve, in the same


def lay_before(image: Image, landmarks: Points, other: Image, rng: np.random.Generator) -> Image:
    """A face with a piece of another photograph before it, which comes from beyond the picture.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        landmarks: Its ``(68, 2)`` points, in pixels.
        other: ``(h, w, 3) uint8`` RGB, the other photograph.
        rng: Where every random number comes from.

    Returns:
        A new picture.
    """
    height, width = image.shape[:2]
    mouth, brows = landmarks[LIPS].mean(axis=0), landmarks[BROWS].mean(axis=0)
    unit = max(float(np.hypot(*(mouth - brows))), 4.0)
    angle = np.arctan2(*(mouth - brows)[::-1]) + rng.normal(0, _SIDES)
    way = np.array([np.cos(angle), np.sin(angle)])
    radius = unit * np.exp(rng.uniform(*np.log(_RADIUS)))
    middle = mouth + way * (unit * rng.uniform(*_EDGE) + radius)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x, y = columns - middle[0], rows - middle[1]
    # A disk, and all that lies behind it.
    along, aside = x * way[0] + y * way[1], y * way[0] - x * way[1]
    distance = np.where(along > 0, np.abs(aside), np.hypot(along, aside)) - radius
    distance += rng.uniform(0, 0.06) * unit * np.sin(aside / (unit * rng.uniform(0.1, 0.5)) + rng.uniform(0, 6))
    alpha = np.clip(0.5 - distance / rng.uniform(1.0, 3.0), 0, 1).astype(np.float32)[..., None]
    piece = _piece(other, width, height, rng)
    gain = np.exp(rng.uniform(0, 0.8) * np.log((image.mean() + 8) / (piece.mean() + 8)))
    shade = 1 - rng.uniform(0, 0.4) * np.exp(-np.maximum(distance, 0) / (0.08 * unit))[..., None]
    return np.clip(image * shade * (1 - alpha) + piece * gain * alpha + 0.5, 0, 255).astype(np.uint8)


def _piece(other: Image, width: int, height: int, rng: np.random.Generator) -> Image:
    """``(height, width, 3) uint8``: a part of the other picture, mirrored half of the time."""
    high, wide = other.shape[:2]
    tall, broad = (max(2, int(side * rng.uniform(0.3, 1.0))) for side in (high, wide))
    top, left = int(rng.integers(high - tall + 1)), int(rng.integers(wide - broad + 1))
    part = np.ascontiguousarray(other[top : top + tall, left : left + broad])
    part = part[:, ::-1] if rng.random() < 0.5 else part
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
