"""Meshes to pixels: which point of a surface each pixel of a region shows."""

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points

# Neighbouring triangles share their edge: a pixel on it is better drawn twice than not at all.
_SLACK = 1e-3
_NEXT = [1, 2, 0]  # corner of a triangle


def rasterise(
    vertices: Points,
    depth: NDArray[np.floating],
    triangles: NDArray[np.int64],
    attributes: NDArray[np.float32],
    size: tuple[int, int],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Draw a mesh, interpolating its vertices' attributes linearly within each triangle.

    Args:
        vertices: ``(N, 2)``: x and y in pixels; pixel centres are at whole numbers.
        depth: ``(N,)``: distance from the camera; nearer triangles hide farther ones.
        triangles: ``(M, 3)``: vertex numbers, clockwise in the picture (y down) when seen from outside.
            Triangles seen from inside are not drawn.
        attributes: ``(N, K)``.
        size: Height and width of the region.

    Returns:
        ``(H, W, K) float32`` attributes, 0 where nothing was drawn, and ``(H, W) bool``: where something was.
    """
    height, width = size
    x, y = vertices.astype(np.float32).T[:, triangles.T]  # (3, M) each
    front = np.flatnonzero((x[1] - x[0]) * (y[2] - y[1]) - (y[1] - y[0]) * (x[2] - x[1]) > 1e-6)
    # The painter's order: the farthest triangle first, so that the nearest is written last.
    farthest = np.argsort(depth[triangles[front]] @ (-1.0, -1.0, -1.0), kind="stable")
    front = front[farthest]
    x, y = x[:, front], y[:, front]
    across, down = x[_NEXT] - x, y[_NEXT] - y

    # All triangles at once: first the rows each crosses, then the run of pixels it fills in each row.
    first = np.ceil(np.maximum(y.min(axis=0), 0)).astype(np.int64)
    last = np.floor(np.minimum(y.max(axis=0), height - 1)).astype(np.int64)
    owner, step = _expand(np.maximum(last - first + 1, 0))
    row = first[owner] + step
    row_ = row.astype(np.float32)

    # In a row, each edge bounds the triangle from one side: a climbing edge from the left, as the corners
    # run clockwise. Slopes are worked out once a triangle; a level edge bounds nothing.
    slope = across / np.where(down == 0, np.float32(1), down)
    offset = x - y * slope
    far = np.float32(np.inf)
    bounds = np.concatenate([slope, np.where(down < 0, offset, -far), np.where(down > 0, offset, far)])
    slopes, lefts, rights = bounds.take(owner, axis=1).reshape(3, 3, -1)
    slopes *= row_
    lefts += slopes
    rights += slopes
    start = np.maximum(np.maximum(lefts[0], lefts[1]), lefts[2])
    end = np.minimum(np.minimum(rights[0], rights[1]), rights[2])
    begin = np.ceil(np.minimum(np.maximum(start - np.float32(_SLACK), 0), width))
    counts = np.floor(np.maximum(np.minimum(end + np.float32(_SLACK), width - 1), -1)) - begin
    run, step = _expand(np.maximum(counts + 1, 0).astype(np.int64))
    place = (row * width + begin.astype(np.int64)).take(run)
    place += step

    # Attributes are affine over a triangle: a value at the run's first pixel and an increment a pixel.
    values = attributes.T[:, triangles[front].T]  # (K, 3, M)
    along1, along2 = values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
    area = across[0] * down[1] - across[1] * down[0]
    slope_x = (along1 * down[2] + along2 * down[0]) / -area
    slope_y = (along1 * across[2] + along2 * across[0]) / area
    at_corner = values[:, 0] - slope_x * x[0] - slope_y * y[0]
    plans = np.concatenate([at_corner, slope_x, slope_y]).take(owner, axis=1).reshape(3, len(values), -1)
    increments = plans[1]
    at_begin = plans[0] + increments * begin + plans[2] * row_
    along = step.astype(np.float32)
    drawn = np.zeros((len(values), height * width), dtype=np.float32)
    for plane, value, increment in zip(drawn, at_begin, increments, strict=True):
        found = increment.take(run)
        found *= along
        found += value.take(run)
        plane[place] = found
    covered = np.zeros(height * width, dtype=bool)
    covered[place] = True
    return np.moveaxis(drawn.reshape(-1, height, width), 0, -1), covered.reshape(height, width)


def _expand(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For counts (2, 0, 3): owners (0, 0, 2, 2, 2) and steps (0, 1, 0, 1, 2)."""
    owner = np.arange(len(counts)).repeat(counts)
    begins = counts.cumsum() - counts
    return owner, np.arange(len(owner)) - begins.take(owner)
