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
    """A shell as a mesh.

    Attributes:
        points: ``(ROWS * COLUMNS, 3) float64`` in the head frame, in mm, row by row.
        normals: ``(ROWS * COLUMNS, 3) float64``: unit normals that point away from the face.
        chart: ``(ROWS * COLUMNS, 2) float32``: u and v of each point.
        triangles: ``(M, 3) int64``: corners, clockwise in a picture when seen from outside.
    """

    points: NDArray[np.float64]
    normals: NDArray[np.float64]
    chart: NDArray[np.float32]
    triangles: NDArray[np.int64]


@cache
def shell(name: ShellName) -> Shell:
    """The named shell: its control net mirrored, and interpolated smoothly."""
    half = np.array(_NETS[name], dtype=np.float64)
    mirrored = half[:, :0:-1] * (-1, 1, 1)
    net = np.concatenate([mirrored, half], axis=1)
    grid = _interpolate(net)
    u, v = np.meshgrid(np.linspace(-1, 1, COLUMNS), np.linspace(0, 1, ROWS))
    across = np.gradient(grid, axis=1)
    down = np.gradient(grid, axis=0)
    outward = np.cross(down, across)
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    return Shell(
        points=grid.reshape(-1, 3),
        normals=outward.reshape(-1, 3),
        chart=np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32),
        triangles=_triangles(),
    )


def _interpolate(net: NDArray[np.float64]) -> NDArray[np.float64]:
    """Catmull-Rom interpolation of a ``(rows, columns, 3)`` net to ``(ROWS, COLUMNS, 3)``; keeps the net's points."""

    def along_first(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        # One linearly extrapolated row at each end lets the curve reach the net's edge.
        padded = np.concatenate([2 * values[:1] - values[1:2], values, 2 * values[-1:] - values[-2:-1]])
        place = np.linspace(0, len(values) - 1, count)
        index = np.minimum(place.astype(int), len(values) - 2)
        t = (place - index)[:, None, None]
        p0, p1, p2, p3 = (padded[index + k] for k in range(4))
        smooth = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
        return np.asarray(smooth / 2)

    rows = along_first(net, ROWS)
    return along_first(rows.swapaxes(0, 1), COLUMNS).swapaxes(0, 1)


def _triangles() -> NDArray[np.int64]:
    index = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    upper = np.stack([a, b, c], axis=-1)
    lower = np.stack([a, c, d], axis=-1)
    return np.concatenate([upper.reshape(-1, 3), lower.reshape(-1, 3)])
