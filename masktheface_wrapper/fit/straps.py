"""Straps: loops to the ears or bands round the head, drawn where the head does not hide them."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.cloth.template import Straps
from maskaug.masktheface_wrapper.fit.mesh import FittedMesh
from maskaug.masktheface_wrapper.geometry.pose import Camera
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.skin import Skin

# Paths over the mean head's picture-right side, in the head frame, in mm. Each starts at a place (u, v) of
# the mask's side edge. Ear loops end where the ear springs from the cheek and go on behind it; bands run over
# an ellipsoid that stands for the skull.
_EAR_LOOPS = (
    ((1.0, 0.06), ((71, 14, 84), (74, 2, 98))),
    ((1.0, 0.94), ((66, 62, 76), (71, 40, 98))),
)
_HEAD_BANDS = (
    ((1.0, 0.1), ((73, 8, 86), (77, -18, 108), (72, -48, 140), (40, -78, 176))),
    ((1.0, 0.9), ((66, 74, 74), (68, 66, 100), (60, 62, 130), (36, 62, 160))),
)
_SKULL_CENTER = np.array([0.0, 10.0, 95.0])
_SKULL_RADII = np.array([77.0, 105.0, 100.0])

_FINENESS = 4  # strokes are drawn this much larger and averaged: OpenCV's widths are whole pixels
_SHIFT = 3  # fractional bits of the stroke's coordinates
_SAMPLES = 13


def strap_layers(
    straps: Straps, color: tuple[int, int, int], mesh: FittedMesh, camera: Camera, size: tuple[int, int]
) -> list[Layer]:
    """The straps of a worn mask on a picture of ``size`` (height, width), a layer for each side that shows any."""
    paths = _EAR_LOOPS if straps.style == "ear_loops" else _HEAD_BANDS
    width = max(straps.width_mm * camera.pixels_per_mm, 0.7)
    sides = [[_path(mesh, side, start, knots) for start, knots in paths] for side in (-1.0, 1.0)]
    points = np.array(sides).reshape(-1, 3)
    shape = (len(sides), len(paths), _SAMPLES)
    visible = _faces_camera(points, camera).reshape(shape)
    pixels = mesh.correction(camera.project(points)).reshape(*shape, 2)
    layers = []
    for side_visible, side_pixels in zip(visible, pixels, strict=True):
        # A strap is seen from the mask to where the head begins to hide it.
        ends = [_SAMPLES if shown.all() else int(np.argmin(shown)) for shown in side_visible]
        strokes = [stroke[:end] for stroke, end in zip(side_pixels, ends, strict=True) if end > 1]
        layer = _draw(strokes, width, color, size) if strokes else None
        if layer is not None:
            layers.append(layer)
    return layers


def hide_behind_hair(layer: Layer, image: Image, skin: Skin) -> Layer:
    """Ear loops as far as they lie on skin: hair hides ears, and what is no skin beside a cheek is mostly hair."""
    share = cv2.blur(skin.likeness(image[layer.window]), (3, 3))
    return replace(layer, color=layer.color * share[..., None], alpha=layer.alpha * share)


def _path(
    mesh: FittedMesh, side: float, start: tuple[float, float], knots: tuple[tuple[float, float, float], ...]
) -> NDArray[np.float64]:
    """``(_SAMPLES, 3)`` points in the head frame from the mask's edge along the knots."""
    corners = np.array([mesh.at(side * start[0], start[1]), *((side * x, y, z) for x, y, z in knots)])
    place = np.linspace(0, len(corners) - 1 - 1e-9, _SAMPLES)
    segment = place.astype(int)
    return corners[segment] + (place - segment)[:, None] * (corners[segment + 1] - corners[segment])


def _faces_camera(points: NDArray[np.float64], camera: Camera) -> NDArray[np.bool_]:
    """Whether the skull's surface at ``(N, 3)`` points of the head frame is turned to the camera."""
    outward = (points - _SKULL_CENTER) / _SKULL_RADII**2
    view = points @ camera.rotation.T + camera.translation
    return np.asarray(((outward @ camera.rotation.T) * view).sum(axis=1) < 0)


def _draw(
    strokes: list[NDArray[np.float32]], width: float, color: tuple[int, int, int], size: tuple[int, int]
) -> Layer | None:
    everything = np.concatenate(strokes)
    left, top = np.floor(everything.min(axis=0) - width).astype(int).clip(0)
    right, bottom = np.ceil(everything.max(axis=0) + width + 1).astype(int).clip(max=(size[1], size[0]))
    if right <= left or bottom <= top:
        return None
    # Large faces have straps many pixels wide, which need no finer grid.
    fineness = _FINENESS if width < 8 else 1
    canvas = np.zeros(((bottom - top) * fineness, (right - left) * fineness), dtype=np.uint8)
    for stroke in strokes:
        fine = ((stroke - (left, top) + 0.5) * fineness - 0.5) * 2**_SHIFT
        pixels = np.round(fine).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [pixels], False, 255, max(1, round(width * fineness)), cv2.LINE_AA, _SHIFT)
    alpha = cv2.resize(canvas, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    share = alpha.astype(np.float32) / 255
    flat = np.ones_like(share)
    return Layer(int(left), int(top), share[..., None] * np.array(color, dtype=np.float32), share, flat)
