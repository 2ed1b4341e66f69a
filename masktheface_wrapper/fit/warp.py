"""Warping: a flat template drawn through a fitted mesh, as a layer over one region of the picture."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.cloth.template import Template, Texel
from maskaug.masktheface_wrapper.fit.mesh import FittedMesh
from maskaug.masktheface_wrapper.fit.raster import rasterise
from maskaug.masktheface_wrapper.fit.shell import COLUMNS, ROWS
from maskaug.masktheface_wrapper.geometry.window import window_of
from maskaug.masktheface_wrapper.layer import Layer

# The mesh is rasterised at no more than this many pixels a side. What it gives, template coordinates, is
# smooth, and interpolates to larger pictures.
_RASTER_SIDE = 256
# Texels may be this much smaller than a pixel before the next coarser level of the template is taken.
_TEXELS_PER_PIXEL = 1.25


def warp(template: Template, mesh: FittedMesh, size: tuple[int, int], level_of: Callable[[int], Texel]) -> Layer | None:
    """Draw a template through a mesh; None if that is all outside the picture.

    Args:
        template: Where the anchors lie on the flat mask.
        mesh: Where the mask lies in the picture.
        size: Height and width of the picture.
        level_of: Gives a level of the mask's cloth, ``(h, w, 4) uint8`` premultiplied RGBA, by its number.
    """
    window = window_of(mesh.vertices, size)
    if window is None:
        return None
    left, top, right, bottom = window
    width, height = right - left, bottom - top
    texels = template.chart_to_pixels(mesh.shell.chart)
    fineness = min(1.0, _RASTER_SIDE / max(width, height))
    raster_size = max(1, round(height * fineness)), max(1, round(width * fineness))
    scale = np.array([raster_size[1] / width, raster_size[0] / height])
    # Pixel centres are at whole numbers in either grid.
    vertices = (mesh.vertices - (left, top) + 0.5) * scale - 0.5
    texture = level_of(_level(template, _texels_per_pixel(texels, vertices) * fineness))
    shrink = np.float32(texture.shape[1] / template.size[1])
    lookup = (texels + np.float32(0.5)) * shrink - np.float32(0.5)
    attributes = np.concatenate([lookup, _diffuse(mesh.normals)[:, None]], axis=1)
    drawn, covered = rasterise(vertices, mesh.depth, mesh.shell.triangles, attributes, raster_size)
    if fineness < 1:
        drawn, coverage = _enlarge(drawn, covered, (width, height))
        sampled = cv2.multiply(_sample(texture, drawn, coverage > 0), cv2.merge([coverage] * 4), dtype=cv2.CV_8U)
    else:
        sampled = _sample(texture, drawn, covered)
    light = drawn[..., 2]
    alpha = cv2.extractChannel(sampled, 3) * np.float32(1 / 255)
    total = float(cv2.sumElems(alpha)[0])
    mean = float(np.vdot(light, alpha)) / total if total > 0 else 1.0
    color = cv2.cvtColor(sampled, cv2.COLOR_RGBA2RGB).astype(np.float32)
    return Layer(left, top, color, alpha, light * np.float32(1 / max(mean, 1e-3)))


def _diffuse(normals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lambert's cosine for a broad light above the camera, lifted by ambient light as indoors."""
    light = np.array([0.0, -0.55, -0.83], dtype=np.float32)
    return np.asarray(0.6 + 0.4 * np.maximum(normals @ light, 0.0), dtype=np.float32)


def _level(template: Template, texels_per_pixel: float) -> int:
    """The number of the level whose texels are about as large as a pixel."""
    wanted = math.log2(max(texels_per_pixel / _TEXELS_PER_PIXEL, 1.0))
    return min(round(wanted), template.level_count - 1)


def _sample(texture: Texel, drawn: NDArray[np.float32], covered: NDArray[np.bool_]) -> Texel:
    """Look a texture up, ``(h, w, 4) uint8``, at the first two of what was drawn; all 0 where nothing was drawn."""
    x, y = (np.ascontiguousarray(drawn[..., axis]) for axis in (0, 1))
    x = np.where(covered, x, np.float32(-2))  # beyond the border, where all is transparent
    sampled = cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
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
