"""Textures of fabric: smooth noise, creases, woven threads and bonding points."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]  # (H, W)


def noise(rng: np.random.Generator, size: tuple[int, int], scale: float) -> Field:
    """Smooth noise of zero mean and unit deviation whose features are ``scale`` pixels large."""
    height, width = size
    # Drawn coarse and enlarged: a wide blur at full size would take seconds.
    step = max(1, int(scale / 4))
    rough = rng.standard_normal((height // step + 8, width // step + 8)).astype(np.float32)
    smooth = cv2.GaussianBlur(rough, (0, 0), scale / step / 2)
    large = cv2.resize(smooth, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)[:height, :width]
    if step > 1:  # relief lighting shows slopes: the coarse grid must not be among them
        large = cv2.GaussianBlur(large, (0, 0), step)
    return np.asarray((large - large.mean()) / large.std(), dtype=np.float32)


def creases(rng: np.random.Generator, size: tuple[int, int], scale: float, stretch: float) -> Field:
    """Soft folds, 0 to 1, ``stretch`` times as long across as down: the zero lines of smooth noise."""
    height, width = size
    squeezed = noise(rng, (height, max(1, int(width / stretch))), scale / stretch)
    field = cv2.resize(squeezed, (width, height), interpolation=cv2.INTER_CUBIC)
    strength = np.clip(0.35 + 0.6 * noise(rng, size, 1.5 * scale), 0, 1)
    fold = np.exp(-((field * 3.0) ** 2)) * strength
    return np.asarray(cv2.GaussianBlur(fold, (0, 0), 3), dtype=np.float32)


def weave(rng: np.random.Generator, size: tuple[int, int], period: float) -> Field:
    """Plain weave of zero mean: threads over and under each other, of slightly uneven thickness."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    x = x + 1.2 * noise(rng, size, 60)
    y = y + 1.2 * noise(rng, size, 60)
    across, down = np.sin(2 * np.pi * x / period), np.sin(2 * np.pi * y / period)
    over = np.sin(np.pi * x / period) * np.sin(np.pi * y / period) > 0
    threads = np.where(over, across, down)
    return np.asarray(0.8 * threads + 0.5 * noise(rng, size, 4.0), dtype=np.float32)


def bumps(size: tuple[int, int], period: float) -> Field:
    """Round bumps, 0 to 1, in a diamond grid."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    wave = np.cos(2 * np.pi * (x + y) / period) * np.cos(2 * np.pi * (x - y) / period)
    return np.asarray(np.clip(wave, 0, 1) ** 2, dtype=np.float32)
