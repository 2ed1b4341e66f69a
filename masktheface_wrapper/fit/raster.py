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
    # The painter's order: the farthest triangle first, so that the nearest is written last.
    triangles = triangles[np.argsort(-depth[triangles].sum(axis=1), kind="stable")]
    x, y = vertices.astype(np.float32).T[:, triangles.T]  # (3, M) each
    across, down = x[_NEXT] - x, y[_NEXT] - y
    area = across[0] * down[1] - across[1] * down[0]
    front = area > 1e-6
    triangles, x, y = triangles[front], x[:, front], y[:, front]
    across, down, area = across[:, front], down[:, front], area[front]

    # All triangles at once: first the rows each crosses, then the run of pixels it fills in each row.
    first = np.ceil(np.maximum(y.min(axis=0), 0)).astype(np.int64)
    last = np.floor(np.minimum(y.max(axis=0), height - 1)).astype(np.int64)
    owner, step = _expand(np.maximum(last - first + 1, 0))
    row = first[owner] + step

    # In a row, each edge bounds the triangle from one side: a climbing edge from the left, as the corners
    # run clockwise. Slopes are worked out once a triangle; a level edge bounds nothing.
    slope = across / np.where(down == 0, 1, down)
    offset = x - y * slope
    bounds = np.concatenate([slope, np.where(down < 0, offset, -np.inf), np.where(down > 0, offset, np.inf)])
    slopes, lefts, rights = np.take(bounds.astype(np.float32), owner, axis=1).reshape(3, 3, -1)
    slopes *= row.astype(np.float32)
    lefts += slopes
    rights += slopes
    start = np.maximum(np.maximum(lefts[0], lefts[1]), lefts[2])
    end = np.minimum(np.minimum(rights[0], rights[1]), rights[2])
    begin = np.ceil(np.minimum(np.maximum(start - _SLACK, 0), width)).astype(np.int64)
    stop = np.floor(np.maximum(np.minimum(end + _SLACK, width - 1), -1)).astype(np.int64)
    counts = np.maximum(stop - begin + 1, 0)
    _, step = _expand(counts)

    # Attributes are affine over a triangle: a value at the run's first pixel and an increment a pixel.
    values = attributes.T[:, triangles.T]  # (K, 3, M)
    along1, along2 = values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
    slope_x = (along2 * down[0] + along1 * down[2]) / -area
    slope_y = (along2 * across[0] + along1 * across[2]) / area
    at_corner = values[:, 0] - slope_x * x[0] - slope_y * y[0]
    run, along = np.arange(len(owner)).repeat(counts), step.astype(np.float32)
    place = np.take(row * width + begin, run) + step
    begin_, row_ = begin.astype(np.float32), row.astype(np.float32)
    drawn = np.zeros((len(values), height * width), dtype=np.float32)
    for plane, *plan in zip(drawn, at_corner, slope_x, slope_y, strict=True):
        corner, increment, descent = np.take(np.stack(plan).astype(np.float32), owner, axis=1)
        at_begin = corner + increment * begin_ + descent * row_
        plane[place] = np.take(at_begin, run) + np.take(increment, run) * along
    covered = np.zeros(height * width, dtype=bool)
    covered[place] = True
    return np.moveaxis(drawn.reshape(-1, height, width), 0, -1), covered.reshape(height, width)


def _expand(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For counts (2, 0, 3): owners (0, 0, 2, 2, 2) and steps (0, 1, 0, 1, 2)."""
    owner = np.repeat(np.arange(len(counts)), counts)
    begins = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - begins[owner]
