"""Mask shells: the 3D surfaces that a flat template is bent over, in the head frame, in millimetres.

A shell is charted by (u, v): u from -1 at the picture-left side edge over 0 at the midline to 1, v from 0 at
the top edge to 1 at the bottom edge. It stands off the mean face as a worn mask does: taut over the nose,
along the cheeks to the jaw line, and round under the chin.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.cloth.template import ShellName

COLUMNS, ROWS = 17, 13  # of the mesh; a whole number of facets between two points of the control net

# Control nets of the picture-right half, (x, y, z) in the head frame: rows v = 0, 1/4 .. 1 from the top
# edge to the bottom edge, columns u = 0, 1/4 .. 1 from the midline to the side edge. Drawn by hand over the
# mean face: the edges lie on its skin (nose at point 28, cheek below the eyelid, jaw from point 2 to 4,
# 6 mm below the chin), the rest stands off as far as masks of that cut do.
_NETS: dict[ShellName, list[list[tuple[float, float, float]]]] = {
    # Surgical: spans nose tip, cheeks and chin like a taut cloth.
    "wrap": [
        [(0, 9, -9), (18, 18, 0), (39, 26, 11), (57, 31, 32), (67, 36, 70)],
        [(0, 40, -33), (24, 44, -16), (45, 47, 6), (60, 49, 33), (66, 53, 64)],
        [(0, 68, -31), (25, 68, -20), (45, 66, 3), (58, 66, 31), (63, 67, 58)],
        [(0, 98, -22), (23, 95, -14), (42, 90, 7), (54, 83, 30), (60, 79, 53)],
        [(0, 123, 8), (20, 118, 11), (37, 107, 22), (49, 95, 36), (57, 85, 50)],
    ],
    # KN95 and cloth: two halves that meet in a fold standing off the mouth.
    "fold": [
        [(0, 9, -10), (18, 18, 0), (39, 26, 11), (57, 31, 32), (67, 36, 70)],
        [(0, 42, -38), (23, 45, -21), (45, 47, 4), (60, 49, 33), (66, 53, 64)],
        [(0, 70, -41), (24, 69, -24), (45, 67, 1), (58, 66, 31), (63, 67, 58)],
        [(0, 99, -29), (23, 95, -16), (42, 90, 6), (54, 83, 30), (60, 79, 53)],
        [(0, 124, 6), (20, 118, 10), (37, 107, 22), (49, 95, 36), (57, 85, 50)],
    ],
    # N95: a dome pressed against the face along its rim.
    "cup": [
        [(0, 8, -9), (18, 17, 0), (39, 26, 11), (57, 31, 32), (67, 36, 70)],
        [(0, 38, -38), (24, 41, -30), (45, 46, -3), (60, 49, 32), (66, 53, 64)],
        [(0, 67, -44), (26, 67, -36), (47, 66, -6), (59, 66, 29), (63, 67, 58)],
        [(0, 97, -34), (24, 95, -26), (43, 90, 1), (54, 83, 29), (60, 79, 53)],
        [(0, 124, 5), (20, 118, 10), (37, 107, 22), (49, 95, 36), (57, 85, 50)],
    ],
}

# Where a mask goes that slides off the chin: rows v = 5/4 and 3/2, under the chin and before the throat.
_BELOW_CHIN: list[list[tuple[float, float, float]]] = [
    [(0, 127, 30), (18, 125, 34), (33, 119, 45), (45, 109, 58), (55, 98, 68)],
    [(0, 150, 46), (17, 148, 50), (31, 142, 60), (43, 132, 74), (53, 121, 86)],
]
_SIDES_SLIDE = 0.75  # the loops hold the side edges back


@dataclass(frozen=True)
class Shell:
    """A shell as a mesh of ``ROWS x COLUMNS`` vertices.

    Attributes:
        net: ``(K, 3) float64``: control points in the head frame, in mm.
        outward: ``(K, 3) float64``: unit normals at the control points.
        net_chart: ``(K, 2) float64``: u and v of the control points.
        blend: ``(ROWS * COLUMNS, K) float64``: weights of the control points in each vertex, row by row. What is
            smooth over the shell is worked out at the control points and blended.
        normals: ``(ROWS * COLUMNS, 3) float64``: unit normals that point away from the face.
        chart: ``(ROWS * COLUMNS, 2) float32``: u and v of each point.
        triangles: ``(M, 3) int64``: corners, clockwise in a picture when seen from outside.
    """

    net: NDArray[np.float64]
    outward: NDArray[np.float64]
    net_chart: NDArray[np.float64]
    blend: NDArray[np.float64]
    normals: NDArray[np.float64]
    chart: NDArray[np.float32]
    triangles: NDArray[np.int64]


@lru_cache(maxsize=256)
def shell(name: ShellName, slide: float = 0.0) -> Shell:
    """The named shell: its control net mirrored, and interpolated smoothly.

    Args:
        name: Its cut.
        slide: How far the mask has slid down the face, in heights of the mask; its lower part then lies under the
            chin.
    """
    half = _slid(np.array(_NETS[name], dtype=np.float64), slide)
    mirrored = half[:, :0:-1] * (-1, 1, 1)
    net = np.concatenate([mirrored, half], axis=1)
    blend = _blend(net.shape[0], net.shape[1])
    grid = (blend @ net.reshape(-1, 3)).reshape(ROWS, COLUMNS, 3)
    return Shell(
        net=net.reshape(-1, 3),
        outward=_outward(net).reshape(-1, 3),
        blend=blend,
        normals=_outward(grid).reshape(-1, 3),
        chart=_chart(ROWS, COLUMNS).reshape(-1, 2).astype(np.float32),
        net_chart=_chart(*net.shape[:2]).reshape(-1, 2),
        triangles=_triangles(),
    )


def _slid(half: NDArray[np.float64], slide: float) -> NDArray[np.float64]:
    """The half net moved down the surface that the worn mask lies on, continued below the chin."""
    if slide == 0:
        return half
    surface = np.concatenate([half, _BELOW_CHIN])
    rows, columns = half.shape[:2]
    moved = np.empty_like(half)
    for column in range(columns):
        top = slide * (1 - (1 - _SIDES_SLIDE) * (column / (columns - 1)) ** 2)
        place = np.linspace(top, min(1 + slide / 2, 1.5), rows) * (rows - 1)
        for axis in range(3):
            moved[:, column, axis] = np.interp(place, np.arange(len(surface)), surface[:, column, axis])
    return moved


def _chart(rows: int, columns: int) -> NDArray[np.float64]:
    u, v = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(0, 1, rows))
    return np.stack([u, v], axis=-1)


def _outward(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit normals of a ``(rows, columns, 3)`` grid that point away from the face."""
    across = np.cross(np.gradient(grid, axis=0), np.gradient(grid, axis=1))
    return np.asarray(across / np.linalg.norm(across, axis=-1, keepdims=True))


@cache
def _blend(rows: int, columns: int) -> NDArray[np.float64]:
    return np.asarray(np.kron(_catmull_rom(rows, ROWS), _catmull_rom(columns, COLUMNS)), dtype=np.float64)


def _catmull_rom(points: int, samples: int) -> NDArray[np.float64]:
    """``(samples, points)`` weights that interpolate evenly spaced points by a Catmull-Rom spline."""
    # One linearly extrapolated point at each end lets the curve reach the last ones.
    padded = np.zeros((points + 2, points))
    padded[1:-1] = np.eye(points)
    padded[0, :2], padded[-1, -2:] = (2, -1), (-1, 2)
    place = np.linspace(0, points - 1, samples)
    index = np.minimum(place.astype(int), points - 2)
    t = (place - index)[:, None]
    p0, p1, p2, p3 = (padded[index + step] for step in range(4))
    return np.asarray(
        (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3) / 2
    )


@cache
def _triangles() -> NDArray[np.int64]:
    index = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    upper = np.stack([a, b, c], axis=-1)
    lower = np.stack([a, c, d], axis=-1)
    return np.concatenate([upper.reshape(-1, 3), lower.reshape(-1, 3)])
