"""Meshes to pixels: which point of a surface each pixel of a region shows."""

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points

# Neighbouring triangles share their edge: a pixel on it is better drawn twice than not at all.
_SLACK = 1e-3


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
    corners = vertices.astype(np.float32)[triangles]
    edges = corners[:, (1, 2, 0)] - corners
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    front = area > 1e-6
    triangles, corners, edges, area = triangles[front], corners[front], edges[front], area[front]

    # All triangles at once: first the rows each crosses, then the run of pixels it fills in each row.
    first = np.ceil(corners[..., 1].min(axis=1)).clip(min=0).astype(np.int64)
    last = np.floor(corners[..., 1].max(axis=1)).clip(max=height - 1).astype(np.int64)
    owner, step = _expand((last - first + 1).clip(min=0))
    row = first[owner] + step

    # In a row, each edge bounds the triangle from one side: a climbing edge from the left, as the corners
    # run clockwise. Slopes are worked out once a triangle; a level edge bounds nothing.
    climb = edges[..., 1]
    slope = edges[..., 0] / np.where(climb == 0, 1, climb)
    offset = corners[..., 0] - corners[..., 1] * slope
    start = np.full(len(row), -np.inf, dtype=np.float32)
    end = np.full(len(row), np.inf, dtype=np.float32)
    for edge in range(3):
        crossing = offset[owner, edge] + row.astype(np.float32) * slope[owner, edge]
        rises = climb[owner, edge]
        np.maximum(start, crossing, out=start, where=rises < 0)
        np.minimum(end, crossing, out=end, where=rises > 0)
    begin = np.ceil(start - _SLACK).clip(0, width).astype(np.int64)
    counts = (np.floor(end + _SLACK).clip(-1, width - 1).astype(np.int64) - begin + 1).clip(min=0)
    _, step = _expand(counts)

    # Attributes are affine over a triangle: a value at the run's first pixel and an increment a pixel.
    values = attributes[triangles]
    along1, along2 = values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
    side1, side2 = edges[:, 0], -edges[:, 2]
    slope_x = (along1 * side2[:, 1:] - along2 * side1[:, 1:]) / area[:, None]
    slope_y = (along2 * side1[:, :1] - along1 * side2[:, :1]) / area[:, None]
    across, down = begin - corners[owner, 0, 0], row - corners[owner, 0, 1]

    place = np.repeat(row * width + begin, counts) + step
    along = step.astype(np.float32)
    drawn = np.zeros((attributes.shape[1], height * width), dtype=np.float32)
    for channel, plane in enumerate(drawn):
        increment = slope_x[owner, channel]
        at_begin = values[owner, 0, channel] + increment * across + slope_y[owner, channel] * down
        plane[place] = np.repeat(at_begin, counts) + np.repeat(increment, counts) * along
    covered = np.zeros(height * width, dtype=bool)
    covered[place] = True
    return np.moveaxis(drawn.reshape(-1, height, width), 0, -1), covered.reshape(height, width)


def _expand(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For counts (2, 0, 3): owners (0, 0, 2, 2, 2) and steps (0, 1, 0, 1, 2)."""
    owner = np.repeat(np.arange(len(counts)), counts)
    begins = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - begins[owner]
