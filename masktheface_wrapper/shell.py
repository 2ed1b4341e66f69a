"""Mask shells: the 3D surfaces that a flat template is bent over, in the head frame, in millimetres.

A shell is charted by (u, v): u from -1 at the picture-left side edge over 0 at the midline to 1, v from 0 at
the top edge to 1 at the bottom edge. It stands off the mean face as a worn mask does: taut over the nose,
along the cheeks to the jaw line, and round under the chin.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ShellName = Literal["wrap", "fold", "cup"]

COLUMNS, ROWS = 25, 17  # of the mesh; a whole number of facets between two points of the control net

# Control nets of the picture-right half, (x, y, z) in the head frame: rows v = 0, 1/4 .. 1 from the top
# edge to the bottom edge, columns u = 0, 1/4 .. 1 from the midline to the side edge. Drawn by hand over the
# mean face: the edges lie on its skin (nose at point 28, cheek below the eyelid, jaw from point 2 to 4,
# 6 mm below the chin), the rest stands off as far as masks of that cut do.
_NETS: dict[ShellName, list[list[tuple[float, float, float]]]] = {
    # Surgical: spans nose tip, cheeks and chin like a taut cloth.
    "wrap": [
        [(0, 11, -9), (18, 21, 0), (39, 30, 11), (57, 35, 32), (67, 38, 70)],
        [(0, 40, -33), (24, 44, -16), (45, 47, 6), (60, 49, 33), (66, 53, 64)],
        [(0, 68, -31), (25, 68, -20), (45, 66, 3), (58, 66, 31), (63, 67, 58)],
        [(0, 98, -22), (23, 95, -14), (42, 90, 7), (54, 83, 30), (60, 79, 53)],
        [(0, 123, 8), (20, 118, 11), (37, 107, 22), (49, 95, 36), (57, 85, 50)],
    ],
    # KN95 and cloth: two halves that meet in a fold standing off the mouth.
    "fold": [
        [(0, 11, -10), (18, 21, 0), (39, 30, 11), (57, 35, 32), (67, 38, 70)],
        [(0, 42, -38), (23, 45, -21), (45, 47, 4), (60, 49, 33), (66, 53, 64)],
        [(0, 70, -41), (24, 69, -24), (45, 67, 1), (58, 66, 31), (63, 67, 58)],
        [(0, 99, -29), (23, 95, -16), (42, 90, 6), (54, 83, 30), (60, 79, 53)],
        [(0, 124, 6), (20, 118, 10), (37, 107, 22), (49, 95, 36), (57, 85, 50)],
    ],
    # N95: a dome pressed against the face along its rim.
    "cup": [
        [(0, 10, -9), (18, 20, 0), (39, 30, 11), (57, 35, 32), (67, 38, 70)],
        [(0, 38, -38), (24, 41, -30), (45, 46, -3), (60, 49, 32), (66, 53, 64)],
        [(0, 67, -44), (26, 67, -36), (47, 66, -6), (59, 66, 29), (63, 67, 58)],
        [(0, 97, -34), (24, 95, -26), (43, 90, 1), (54, 83, 29), (60, 79, 53)],
        [(0, 124, 5), (20, 118, 10), (37, 107, 22), (49, 95, 36), (57, 85, 50)],
    ],
}


@dataclass(frozen=True)
class Shell:
    """A shell as a mesh of ``ROWS x COLUMNS`` vertices.

    Attributes:
        net: ``(K, 3) float64``: control points in the head frame, in mm.
        blend: ``(ROWS * COLUMNS, K) float64``: weights of the control points in each vertex, row by row. What is
            smooth over the shell is worked out at the control points and blended.
        normals: ``(ROWS * COLUMNS, 3) float64``: unit normals that point away from the face.
        chart: ``(ROWS * COLUMNS, 2) float32``: u and v of each point.
        triangles: ``(M, 3) int64``: corners, clockwise in a picture when seen from outside.
    """

    net: NDArray[np.float64]
    blend: NDArray[np.float64]
    normals: NDArray[np.float64]
    chart: NDArray[np.float32]
    triangles: NDArray[np.int64]


@cache
def shell(name: ShellName) -> Shell:
    """The named shell: its control net mirrored, and interpolated smoothly."""
    half = np.array(_NETS[name], dtype=np.float64)
    mirrored = half[:, :0:-1] * (-1, 1, 1)
    net = np.concatenate([mirrored, half], axis=1)
    blend = np.asarray(np.kron(_catmull_rom(len(net), ROWS), _catmull_rom(net.shape[1], COLUMNS)), dtype=np.float64)
    grid = (blend @ net.reshape(-1, 3)).reshape(ROWS, COLUMNS, 3)
    u, v = np.meshgrid(np.linspace(-1, 1, COLUMNS), np.linspace(0, 1, ROWS))
    outward = np.cross(np.gradient(grid, axis=0), np.gradient(grid, axis=1))
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    return Shell(
        net=net.reshape(-1, 3),
        blend=blend,
        normals=outward.reshape(-1, 3),
        chart=np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32),
        triangles=_triangles(),
    )


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


def _triangles() -> NDArray[np.int64]:
    index = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    upper = np.stack([a, b, c], axis=-1)
    lower = np.stack([a, c, d], axis=-1)
    return np.concatenate([upper.reshape(-1, 3), lower.reshape(-1, 3)])
