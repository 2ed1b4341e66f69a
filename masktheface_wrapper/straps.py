"""Straps: loops to the ears or bands round the head, drawn where the head does not hide them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.fit import FittedMesh
from maskaug.masktheface_wrapper.pose import Camera
from maskaug.masktheface_wrapper.template import Straps
from maskaug.masktheface_wrapper.warp import Layer

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
_SAMPLES = 24


def strap_layer(straps: Straps, mesh: FittedMesh, camera: Camera, size: tuple[int, int]) -> Layer | None:
    """The straps of a worn mask on a picture of ``size`` (height, width); None where none shows."""
    paths = _EAR_LOOPS if straps.style == "ear_loops" else _HEAD_BANDS
    strokes = [
        stroke
        for side in (-1.0, 1.0)
        for (u, v), knots in paths
        for stroke in _visible(mesh, camera, side, (side * u, v), knots)
    ]
    if not strokes:
        return None
    width = max(straps.width_mm * camera.pixels_per_mm, 0.7)
    return _draw(strokes, width, straps.color, size)


def _visible(
    mesh: FittedMesh,
    camera: Camera,
    side: float,
    start: tuple[float, float],
    knots: tuple[tuple[float, float, float], ...],
) -> list[NDArray[np.float32]]:
    """A strap's path in pixels, from the mask to where the head begins to hide it."""
    anchor = mesh.at(*start)
    path = np.concatenate([anchor[None], np.array(knots, dtype=np.float64) * (side, 1.0, 1.0)])
    place = np.linspace(0, len(path) - 1, _SAMPLES)
    points = np.stack([np.interp(place, np.arange(len(path)), path[:, axis]) for axis in range(3)], axis=1)
    outward = (points - _SKULL_CENTER) / _SKULL_RADII**2
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    view = points @ camera.rotation.T + camera.translation
    view /= np.linalg.norm(view, axis=1, keepdims=True)
    hidden = ((outward @ camera.rotation.T) * view).sum(axis=1) > 0
    end = int(np.argmax(hidden)) if hidden.any() else _SAMPLES
    if end < 2:
        return []
    return [mesh.correction(camera.project(points[:end]))]


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
