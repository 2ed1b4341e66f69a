"""Straps: loops to the ears or bands round the head, drawn where the head does not hide them."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.cloth.template import Straps
from maskaug.masktheface_wrapper.fit.mesh import FittedMesh
from maskaug.masktheface_wrapper.geometry.pose import Camera
from maskaug.masktheface_wrapper.geometry.window import window_of
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.skin import Skin

# Paths over the mean head's picture-right side, in the head frame, in mm. Each starts at a place (u, v) of
# the mask's side edge. Ear loops end where the ear springs from the cheek and go on behind it; bands run over
# an ellipsoid that stands for the skull.
_Path = tuple[tuple[float, float], tuple[tuple[float, float, float], ...]]
_EAR_LOOPS: tuple[_Path, ...] = (
    ((1.0, 0.06), ((71, 14, 84), (75, 3, 96), (84, -5, 104))),
    ((1.0, 0.94), ((66, 62, 76), (71, 42, 96), (80, 34, 104))),
)
# An ear stands off, and is seen where the skull behind it is not: what the cheek so far before it faces is seen.
_EAR_STANDS_OFF = np.array([0.0, 0.0, 22.0])
_HEAD_BANDS: tuple[_Path, ...] = (
    ((1.0, 0.1), ((73, 8, 86), (77, -18, 108), (72, -48, 140), (40, -78, 176))),
    ((1.0, 0.9), ((66, 74, 74), (68, 66, 100), (60, 62, 130), (36, 62, 160))),
)
# Where a crop's edge cuts off the ear, a strap that ended at the head would end as a bar in the air beside that edge:
# there it runs on over it.
_EAR = (88, 8, 100)
_OVER_THE_EDGE: tuple[_Path, ...] = (
    ((1.0, 0.06), ((75, 10, 90), (100, -8, 108))),
    ((1.0, 0.94), ((70, 56, 80), (96, 22, 104))),
)
_SKULL_CENTER = np.array([0.0, 10.0, 95.0])
_SKULL_RADII = np.array([77.0, 105.0, 100.0])

_FINENESS = 4  # strokes are drawn this much larger and averaged: OpenCV's widths are whole pixels
_SHIFT = 3  # fractional bits of the stroke's coordinates
_SAMPLES = 25
# An ear loop goes on as far as it lies on skin: hair hides ears, and what is no skin beside a cheek is mostly hair.
# Over sideburns it goes on to an ear that is skin. One that is hidden from near its start on is left out, as a stub.
_ON_SKIN = 0.35  # likeness
_EAR_FROM = 0.7  # of the path
_STUB = 0.6  # of the path
_AROUND = np.array([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)])  # rows and columns
_FADES_FROM = 0.75  # of what shows of a strap: it turns from the light as it goes round the head


def strap_layers(
    straps: Straps, color: tuple[int, int, int], mesh: FittedMesh, camera: Camera, *, image: Image, skin: Skin
) -> list[Layer]:
    """The straps of a worn mask, a layer for each side that shows any.

    Args:
        straps: Of the mask's template.
        color: RGB.
        mesh: The mask's, on the face.
        camera: That shows the face.
        image: ``(H, W, 3) uint8`` RGB, without the mask.
        skin: Of the face.
    """
    size = (image.shape[0], image.shape[1])
    width = max(straps.width_mm * camera.pixels_per_mm, 0.7)
    sides = (-1.0, 1.0)
    ears = _project(np.array([_EAR]) * [(side, 1.0, 1.0) for side in sides], mesh, camera)
    cut_off: list[bool] = [not ((ear >= 0) & (ear < size[::-1])).all() for ear in ears]
    loops = straps.style == "ear_loops"
    usual = _EAR_LOOPS if loops else _HEAD_BANDS
    points = np.array(
        [_paths(mesh, side, _OVER_THE_EDGE if cut else usual) for side, cut in zip(sides, cut_off, strict=True)]
    )
    to_ear = np.array([loops or cut for cut in cut_off])
    faces_camera = _faces_camera(points - to_ear[:, None, None, None] * _EAR_STANDS_OFF, camera)
    pixels = _project(points.reshape(-1, 3), mesh, camera)
    on_skin = (_likeness_at(pixels, image, skin) >= _ON_SKIN).reshape(points.shape[:3])
    pixels = pixels.reshape(*points.shape[:3], 2)
    layers = []
    for side in (0, 1):
        flags = zip(faces_camera[side].tolist(), on_skin[side].tolist(), strict=True)
        ends = [_seen(*path, to_ear=bool(to_ear[side])) for path in flags]
        strokes = [stroke[:end] for stroke, end in zip(pixels[side], ends, strict=True) if end > 1]
        layer = _draw(strokes, width, color, size) if strokes else None
        if layer is not None:
            layers.append(layer)
    return layers


def _seen(faces_camera: list[bool], on_skin: list[bool], *, to_ear: bool) -> int:
    """How many samples of a strap are seen, from the mask to where the head begins to hide it; none of a stub."""
    if not to_ear:
        return _leading(faces_camera)
    seen = min(_leading(faces_camera), _seen_until(on_skin))
    return seen if seen >= _STUB * _SAMPLES else 0


def _seen_until(on_skin: list[bool]) -> int:
    """How many samples of an ear loop are seen: all if there is an ear, else those before hair hides it."""
    ear = on_skin[round(_EAR_FROM * len(on_skin)) :]
    return len(on_skin) if sum(ear) > len(ear) / 2 else _leading(on_skin)


def _leading(flags: list[bool]) -> int:
    """How many are true before the first that is not."""
    return flags.index(False) if False in flags else len(flags)


def _likeness_at(pixels: NDArray[np.float32], image: Image, skin: Skin) -> NDArray[np.float32]:
    """``(N,)``: how far the picture shows skin at points ``(N, 2)``; 1 outside of it."""
    height, width = image.shape[:2]
    x, y = np.rint(pixels).astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    found = np.ones(len(pixels), dtype=np.float32)
    if not inside.any():
        return found
    (down, across), shape = _AROUND.T[..., None], (len(_AROUND), -1)
    rows = np.minimum(np.maximum(y[inside] + down, 0), height - 1)
    columns = np.minimum(np.maximum(x[inside] + across, 0), width - 1)
    found[inside] = skin.likeness(image[rows, columns].reshape(*shape, 3)).sum(axis=0) / len(_AROUND)
    return found


def _project(points: NDArray[np.floating], mesh: FittedMesh, camera: Camera) -> NDArray[np.float32]:
    """Where ``(N, 3)`` points of the head frame lie in the picture, ``(N, 2)``."""
    return np.asarray(mesh.correction(camera.project(points.astype(np.float64))), dtype=np.float32)


def _paths(mesh: FittedMesh, side: float, paths: tuple[_Path, ...]) -> NDArray[np.float64]:
    """``(N, _SAMPLES, 3)`` points in the head frame from the mask's edge along the knots of each path."""
    knots = np.array([knots for _, knots in paths], dtype=np.float64) * (side, 1.0, 1.0)
    starts = np.array([mesh.at(side * u, v) for (u, v), _ in paths])
    return _along(knots.shape[1] + 1) @ np.concatenate([starts[:, None], knots], axis=1)


@cache
def _along(corners: int) -> NDArray[np.float64]:
    """``(_SAMPLES, corners)``: weights of corners in the samples of the line through them."""
    place = np.linspace(0, corners - 1, _SAMPLES)
    return np.asarray(np.maximum(1 - np.abs(place[:, None] - np.arange(corners)), 0))


def _faces_camera(points: NDArray[np.float64], camera: Camera) -> NDArray[np.bool_]:
    """Whether the skull's surface at ``(..., 3)`` points of the head frame is turned to the camera."""
    outward = (points - _SKULL_CENTER) / _SKULL_RADII**2
    from_camera = points + camera.translation @ camera.rotation
    return np.asarray(np.einsum("...i,...i", outward, from_camera) < 0)


def _draw(
    strokes: list[NDArray[np.float32]], width: float, color: tuple[int, int, int], size: tuple[int, int]
) -> Layer | None:
    window = window_of(np.concatenate(strokes), size, width)
    if window is None:
        return None
    left, top, right, bottom = window
    # Large faces have straps many pixels wide, which need no finer grid.
    fineness = _FINENESS if width < 8 else 1
    canvas = np.zeros(((bottom - top) * fineness, (right - left) * fineness), dtype=np.uint8)
    for stroke in strokes:
        fine = ((stroke - (left, top) + 0.5) * fineness - 0.5) * 2**_SHIFT
        pixels = np.rint(fine).astype(np.int32)
        thick, last = max(1, round(width * fineness)), len(pixels) - 1
        # From its faint end to the mask: of two pieces that meet, the stronger one is seen.
        full = int(_FADES_FROM * last)
        for number in range(last - 1, full - 1, -1):
            tone = round(255 * min((1.05 - (number + 1) / last) / (1.05 - _FADES_FROM), 1.0))
            cv2.polylines(canvas, [pixels[number : number + 2, None]], False, tone, thick, cv2.LINE_AA, _SHIFT)
        cv2.polylines(canvas, [pixels[: full + 1, None]], False, 255, thick, cv2.LINE_AA, _SHIFT)
    alpha = cv2.resize(canvas, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    share = alpha.astype(np.float32)
    share *= np.float32(1 / 255)
    return Layer(left, top, cv2.merge([share * channel for channel in color]), share, np.ones_like(share))
