"""Warping: a flat template drawn through a fitted mesh, as a layer over one region of the picture."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points
from maskaug.masktheface_wrapper.cloth.template import Template
from maskaug.masktheface_wrapper.fit.mesh import FittedMesh
from maskaug.masktheface_wrapper.fit.raster import rasterise
from maskaug.masktheface_wrapper.fit.shell import COLUMNS, ROWS
from maskaug.masktheface_wrapper.layer import Layer

# The mesh is rasterised at no more than this many pixels a side. What it gives, template coordinates, is
# smooth, and interpolates to larger pictures.
_RASTER_SIDE = 256
# Texels may be this much smaller than a pixel before the next coarser level of the template is taken.
_TEXELS_PER_PIXEL = 1.25


def warp(
    template: Template, mesh: FittedMesh, size: tuple[int, int], level_of: Callable[[int], NDArray[np.uint8]]
) -> Layer | None:
    """Draw a template through a mesh; None if that is all outside the picture.

    Args:
        template: Where the anchors lie on the flat mask.
        mesh: Where the mask lies in the picture.
        size: Height and width of the picture.
        level_of: Gives a level of the mask's cloth, ``(h, w, 4) uint8`` premultiplied RGBA, by its number.
    """
    window = _window(mesh.vertices, size)
    if window is None:
        return None
    left, top, width, height = window
    texels = template.chart_to_pixels(mesh.shell.chart)
    fineness = min(1.0, _RASTER_SIDE / max(width, height))
    raster_size = max(1, round(height * fineness)), max(1, round(width * fineness))
    scale = np.array([raster_size[1] / width, raster_size[0] / height])
    # Pixel centres are at whole numbers in either grid.
    vertices = (mesh.vertices - (left, top) + 0.5) * scale - 0.5
    attributes = np.concatenate([texels, _diffuse(mesh.normals)[:, None]], axis=1)
    drawn, covered = rasterise(vertices, mesh.depth, mesh.shell.triangles, attributes, raster_size)

    density = _texels_per_pixel(texels, vertices) * fineness
    if fineness < 1:
        drawn, coverage = _enlarge(drawn, covered, (width, height))
        premultiplied = _sample(template, level_of, drawn, coverage > 0, density) * coverage[..., None]
    else:
        premultiplied = _sample(template, level_of, drawn, covered, density).astype(np.float32)
    light = drawn[..., 2]
    alpha = np.asarray(premultiplied[..., 3] * np.float32(1 / 255), dtype=np.float32)
    total = float(alpha.sum())
    mean = float(np.vdot(light, alpha)) / total if total > 0 else 1.0
    color = np.ascontiguousarray(premultiplied[..., :3])
    return Layer(left, top, color, alpha, np.asarray(light / max(mean, 1e-3), dtype=np.float32))


def _window(vertices: Points, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Left, top, width and height of the pixels of the picture that the mesh touches."""
    height, width = size
    left, top = np.floor(vertices.min(axis=0)).astype(int).clip(0)
    right, bottom = (np.ceil(vertices.max(axis=0)).astype(int) + 1).clip(max=(width, height))
    if right <= left or bottom <= top:
        return None
    return int(left), int(top), int(right - left), int(bottom - top)


def _diffuse(normals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lambert's cosine for a broad light above the camera, lifted by ambient light as indoors."""
    light = np.array([0.0, -0.55, -0.83], dtype=np.float32)
    return np.asarray(0.6 + 0.4 * np.maximum(normals @ light, 0.0), dtype=np.float32)


def _sample(
    template: Template,
    level_of: Callable[[int], NDArray[np.uint8]],
    drawn: NDArray[np.float32],
    covered: NDArray[np.bool_],
    texels_per_pixel: float,
) -> NDArray[np.uint8]:
    """Look the template up; premultiplied RGBA as ``(h, w, 4) uint8``, all 0 where nothing was drawn."""
    wanted = math.log2(max(texels_per_pixel / _TEXELS_PER_PIXEL, 1.0))
    texture = level_of(min(round(wanted), template.level_count - 1))
    shrink = np.float32(texture.shape[1] / template.rgba.shape[1])
    lookup = (drawn[..., :2] + np.float32(0.5)) * shrink - np.float32(0.5)
    lookup[~covered] = -2.0  # beyond the border, where all is transparent
    sampled = cv2.remap(texture, lookup, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(sampled, dtype=np.uint8)


def _texels_per_pixel(texels: NDArray[np.float32], vertices: NDArray[np.floating]) -> float:
    """How many of the template's texels, side by side, fall on a pixel in the middle of the mesh."""
    middle = [(ROWS // 2) * COLUMNS + COLUMNS // 2 + step for step in (-COLUMNS, COLUMNS, -1, 1)]
    lengths = []
    for places in (texels[middle].tolist(), vertices[middle].tolist()):
        above, below, left, right = places
        lengths.append((math.dist(above, below), math.dist(left, right)))
    return sum(in_texels / max(in_pixels, 1e-3) for in_texels, in_pixels in zip(*lengths, strict=True)) / 2


def _enlarge(
    drawn: NDArray[np.float32], covered: NDArray[np.bool_], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Interpolate a coarse raster to ``size`` (width, height), weighing drawn pixels only."""
    share = covered.astype(np.float32)
    coverage = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)
    values = cv2.resize(drawn * share[..., None], size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(values / np.maximum(coverage, 1e-3)[..., None]), np.asarray(coverage)
