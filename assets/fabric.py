"""Relief and texture of fabric: smooth noise, facets, folds, woven threads, fibres and bonding points."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]  # (H, W)
Size = tuple[int, int]  # height, width


def noise(rng: np.random.Generator, size: Size, scale: float) -> Field:
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


def facets(rng: np.random.Generator, size: Size, scale: float) -> Field:
    """Crumple of a stiff sheet, of about unit deviation: flat faces about ``scale`` wide that meet in soft creases."""
    height, width = size
    reach = int(np.hypot(height, width)) + 8
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    # Linear interpolation between random heights makes flat faces; two grids that lie askew, and are bent, no grid.
    x = x + 0.16 * scale * noise(rng, size, 1.6 * scale)
    y = y + 0.16 * scale * noise(rng, size, 1.6 * scale)
    total = np.zeros(size, dtype=np.float32)
    for turn in rng.uniform(0.25, 0.6, 2) * (1, -1):
        cells = int(reach / scale) + 2
        corners = rng.standard_normal((cells, cells)).astype(np.float32)
        faces = cv2.resize(corners, (reach, reach), interpolation=cv2.INTER_LINEAR)
        dx, dy = x - width / 2, y - height / 2
        across = dx * np.cos(turn) - dy * np.sin(turn) + reach / 2
        down = dx * np.sin(turn) + dy * np.cos(turn) + reach / 2
        lookup = np.stack([across, down], axis=-1).astype(np.float32)
        total += cv2.remap(faces, lookup, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    # Creases are as soft as their cloth is thick; the look-up's rounding goes too.
    return np.asarray(cv2.GaussianBlur(total, (0, 0), max(2.5, scale / 32)), dtype=np.float32)


def fold(size: Size, start: tuple[float, float], angle: float, *, length: float, width: float, bend: float) -> Field:
    """One pulled fold of height 1 that starts at a point (x, y) and fades out along its way.

    Args:
        size: Height and width of the field.
        start: Where it begins.
        angle: Direction in radians, clockwise from the right.
        length: How far it runs, in pixels.
        width: How wide its crest is, in pixels.
        bend: Pixels by which its end lies off the straight line.
    """
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    cos, sin = np.cos(angle), np.sin(angle)
    along = ((x - start[0]) * cos + (y - start[1]) * sin) / length
    off = (y - start[1]) * cos - (x - start[0]) * sin - bend * along**2
    # It opens as it runs out, and its crest is sharper than a bell, as cloth under tension is.
    spread = width * (0.6 + 0.9 * np.clip(along, 0, 1))
    crest = 1 / (1 + (off / spread) ** 2) ** 1.5
    rise = np.clip(along / 0.3, 0, 1)
    taper = rise * rise * (3 - 2 * rise) * np.clip(1 - along, 0, 1)
    return np.asarray(crest * taper, dtype=np.float32)


def fan(
    rng: np.random.Generator,
    size: Size,
    start: tuple[float, float],
    toward: float,
    *,
    spread: float,
    count: int,
    reach: float,
) -> Field:
    """Folds that radiate from where cloth is held, ``spread`` radians about the direction ``toward``."""
    total = np.zeros(size, dtype=np.float32)
    for turn in np.linspace(-spread, spread, count):
        total += rng.uniform(0.4, 1.0) * fold(
            size,
            (start[0] + rng.normal(0, 16), start[1] + rng.normal(0, 22)),
            toward + turn + rng.normal(0, 0.10),
            length=reach * rng.uniform(0.5, 1.1),
            width=rng.uniform(6, 17),
            bend=rng.normal(0, 0.13 * reach),
        )
    return total


def weave(rng: np.random.Generator, size: Size, period: float) -> Field:
    """Plain weave of zero mean: threads over and under each other, of slightly uneven thickness."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    x = x + 1.2 * noise(rng, size, 60)
    y = y + 1.2 * noise(rng, size, 60)
    across, down = np.sin(2 * np.pi * x / period), np.sin(2 * np.pi * y / period)
    over = np.sin(np.pi * x / period) * np.sin(np.pi * y / period) > 0
    threads = np.where(over, across, down)
    return np.asarray(0.8 * threads + 0.3 * slubs(rng, size), dtype=np.float32)


def slubs(rng: np.random.Generator, size: Size) -> Field:
    """Threads that are thicker for a while: short streaks along and across, of about unit deviation."""
    height, width = size
    across = cv2.resize(noise(rng, (height, width // 14 + 1), 2.2), (width, height), interpolation=cv2.INTER_LINEAR)
    down = cv2.resize(noise(rng, (height // 14 + 1, width), 2.2), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray((across + down) / 1.4, dtype=np.float32)


def fibres(rng: np.random.Generator, size: Size) -> Field:
    """Cloud of a non-woven's fibres, of about unit deviation: streaks every way, denser here than there."""
    total = 0.6 * noise(rng, size, 16)
    for angle in (20.0, 75.0, 130.0):
        kernel = np.zeros((15, 15), dtype=np.float32)
        cv2.ellipse(kernel, (7, 7), (7, 0), angle, 0, 360, 1.0, -1)
        grain = cv2.filter2D(noise(rng, size, 1.6), -1, kernel / kernel.sum())
        total = total + 0.5 * grain / grain.std()
    return np.asarray(total, dtype=np.float32)


def bumps(size: Size, period: float) -> Field:
    """Round bumps, 0 to 1, in a diamond grid."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    wave = np.cos(2 * np.pi * (x + y) / period) * np.cos(2 * np.pi * (x - y) / period)
    return np.asarray(np.clip(wave, 0, 1) ** 2, dtype=np.float32)
