"""Hair over the face: strands, a lock, or long hair down both sides."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points
from maskaug.core.color import LUMA
from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.blend.light import Light
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders.drawing.canvas import Canvas, canvas_over, face_frame
from maskaug.masktheface_wrapper.occluders.drawing.colors import sample_hair_color
from maskaug.masktheface_wrapper.occluders.drawing.strokes import draw_strokes
from maskaug.masktheface_wrapper.occluders.facial_hair import hair_color
from maskaug.masktheface_wrapper.occluders.registry import OccluderParams, OccluderSpec, Rendered, register

_STEPS = 12  # points along a hair
# Courses of long hair on the picture's right side, from the skull down, in the head frame, mm: along the face, and
# farthest from it. Corners of a Bezier curve.
_INNER = np.array(
    [(26, -96, 40), (52, -86, 38), (68, -50, 38), (69, 10, 42), (64, 60, 45), (60, 120, 48), (57, 210, 60)]
)
_OUTER = np.array(
    [(38, -122, 78), (78, -118, 85), (100, -70, 92), (98, 0, 95), (97, 60, 95), (100, 120, 95), (102, 210, 95)]
)
# Where a head has hair, if anywhere.
_HAIRY = np.array(
    [(0, -92, 34), (-30, -88, 36), (30, -88, 36), (-56, -64, 55), (56, -64, 55), (-74, -25, 92), (74, -25, 92)]
)


def render_hair(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """Hair before the face."""
    rng = np.random.default_rng([occluder.seed, 7])
    if occluder.form == "long":
        return _long(occluder, context, rng)
    curves, tones = [], []
    side = 1.0 if occluder.shift_x >= 0 else -1.0
    lock = occluder.form == "lock"
    for _ in range(1 if lock else int(rng.integers(2, 7))):
        hairs = _bundle(rng, occluder, side * (1 if lock or rng.random() < 0.8 else -1))
        curves.append(hairs)
        tones.append(np.clip(rng.normal(0.5, 0.08) + rng.normal(0, 0.22, len(hairs)), 0, 1))
    paths = _on_face(np.concatenate(curves), context)
    canvas = canvas_over(context, face_frame(context, 27), paths.reshape(-1, 2))
    if canvas is None:
        return None
    _paint(canvas, _color(occluder, context), paths, np.concatenate(tones), 0.75)
    return canvas.layer(), HarmonizeSteps(light=_light(occluder), folds=False, contact=lock)


def _bundle(rng: np.random.Generator, occluder: OccluderParams, side: float) -> NDArray[np.float64]:
    """``(n, _STEPS, 2)`` mm of the head frame: hairs from the scalp over a temple, down by the mouth."""
    lock = occluder.form == "lock"
    count = int(rng.integers(60, 110)) if lock else int(rng.integers(4, 16))
    spread = (30 if lock else rng.uniform(3, 12)) * occluder.size
    corners = np.array(
        [
            (rng.uniform(8, 46), rng.uniform(-106, -90)),
            (rng.uniform(54, 78), rng.uniform(-80, -40)),
            (rng.uniform(56, 74), rng.uniform(0, 50)),
            (rng.uniform(14, 60), rng.uniform(60, 125) + occluder.shift_y),
        ]
    )
    corners[:, 0] += abs(occluder.shift_x) * np.array([-0.3, -0.2, 0.1, -0.4])
    # Each hair on a course of its own near the bundle's; together at the scalp and again at the tip.
    place = rng.uniform(-0.5, 0.5, (count, 1))
    each = np.repeat(corners[None], count, axis=0)
    each[..., 0] += place * spread * np.array([0.7, 1.2, 1.2, rng.uniform(0.1, 0.6)]) + rng.normal(0, 1.5, (count, 4))
    each[..., 1] += rng.normal(0, 4, (count, 4)) - np.abs(place) * np.array([0, 0, 0, 22.0])
    end = rng.uniform(0.8, 1.0, count)
    hairs = np.einsum("nsk,nkc->nsc", _bezier(4, np.zeros(count), end), each)
    hairs[..., 0] += rng.uniform(0, 2) * np.sin(np.linspace(0, rng.uniform(3, 9), _STEPS) + rng.uniform(0, 6))
    return np.asarray(hairs * (side, 1))


def _long(occluder: OccluderParams, context: FaceContext, rng: np.random.Generator) -> Rendered:
    """Long hair down both sides, before the edges of the cheeks."""
    curves, tones, counts = [], [], []
    for side in (-1.0, 1.0):
        count = 80
        place = np.sort(rng.beta(0.8, 1.0, count))[:, None, None]
        along = _INNER * (1 - place) + _OUTER * place
        closer = np.array([0, 0.2, 0.8, 1, 1, 1.2, 1.4])
        along[..., 0] += (rng.normal(-1, 4) + side * 0.25 * occluder.shift_x) * closer
        along[..., 0] += rng.normal(0, 2.6, (count, 7)) * closer + (occluder.size - 1) * 14 * place[..., 0] * closer
        along[..., 0] += (
            rng.uniform(0, 9) * np.sin(np.linspace(0, rng.uniform(6, 11), 7) + rng.uniform(0, 6)) * closer / 1.4
        )
        along[..., 1] += rng.normal(0, 5, (count, 1))
        hairs = np.einsum("nsk,nkc->nsc", _bezier(7, rng.uniform(0.06, 0.36, count), np.ones(count)), along)
        hairs *= (side, 1, 1)
        curves.append(hairs)
        tones.append(
            np.clip(0.5 + 0.12 * np.sin(place[:, 0, 0] * 17 + rng.uniform(0, 6)) + rng.normal(0, 0.2, count), 0, 1)
        )
        counts.append(count)
    points = np.concatenate(curves)
    paths = context.camera.project(points.reshape(-1, 3)).reshape(*points.shape[:2], 2)
    canvas = canvas_over(context, face_frame(context, 27), paths.reshape(-1, 2))
    if canvas is None:
        return None
    color = _color(occluder, context)
    mass = np.zeros_like(canvas.alpha)
    for start in (0, counts[0]):
        inner, outer = paths[start + 6], paths[start + counts[0] - 4]
        mass = np.maximum(mass, canvas.polygon(np.concatenate([inner, outer[::-1]])))
    mass = canvas.smooth(mass, 1.5) * np.clip((canvas.y + 70) / 50, 0, 1)
    canvas.paint(np.asarray(mass, dtype=np.float32), 0.62 * color)
    order = rng.permutation(len(paths))
    _paint(canvas, color, paths[order], np.concatenate(tones)[order], 1.5)
    return canvas.layer(), HarmonizeSteps(light=_light(occluder), folds=False)


def _color(occluder: OccluderParams, context: FaceContext) -> NDArray[np.float32]:
    """``(3,) float32`` RGB: the occluder's, or what the person's hair seems to be."""
    if occluder.color is not None:
        return np.array(hex_to_rgb(occluder.color), dtype=np.float32)
    height, width = context.image.shape[:2]
    places = np.round(context.camera.project(_HAIRY)).astype(int)
    inside = places[((places >= 0) & (places < (width, height))).all(axis=1)]
    if len(inside) < 3:
        return hair_color(occluder, context)
    seen = context.image[inside[:, 1], inside[:, 0]].astype(np.float32)
    # The dark ones: others are skin, or what is behind.
    dark = np.argsort(seen @ LUMA)[: (len(seen) + 1) // 2]
    return np.asarray(np.median(seen[dark], axis=0) + 6, dtype=np.float32)


def _light(occluder: OccluderParams) -> Light:
    return "own" if occluder.color is None else "skin"


def _bezier(corners: int, start: NDArray[np.floating], end: NDArray[np.floating]) -> NDArray[np.float64]:
    """``(n, _STEPS, corners)``: weights of the corners along curves between these parameters."""
    t = np.linspace(start, end, _STEPS, axis=1)[..., None]
    power = np.arange(corners)
    binomial = np.array([1.0, *np.cumprod((corners - power[1:]) / power[1:])])
    return np.asarray(binomial * t**power * (1 - t) ** (corners - 1 - power))


def _on_face(curves: NDArray[np.float64], context: FaceContext) -> Points:
    """``(n, k, 2)`` mm of the head frame to pixels, on a rounded face."""
    x, y = curves[..., 0], curves[..., 1]
    depth = 45 * (x / 66) ** 2 - 12 + 0.004 * np.clip(-y, 0, 90) ** 2
    points = np.stack([x, y, depth], axis=-1)
    return context.camera.project(points.reshape(-1, 3)).reshape(*curves.shape[:2], 2)


def _paint(
    canvas: Canvas, color: NDArray[np.float32], paths: Points, tones: NDArray[np.floating], width_mm: float
) -> None:
    cover, tone = draw_strokes(canvas, paths, tones, width_mm)
    sheen = 0.95 + 0.2 * np.cos((canvas.y + 20) / 34)
    brightness = (0.58 + 0.75 * tone) * sheen
    canvas.paint(0.95 * cover, cv2.merge([brightness * part + 10 * tone for part in color]))


def _sample_hair(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    return {
        "color": None if style == "long" and rng.random() < 0.6 else sample_hair_color(rng),
        "size": rng.uniform(0.6, 1.4),
        "shift_x": rng.uniform(-22, 22),
        "shift_y": rng.uniform(-10, 20),
    }


register(OccluderSpec("hair", ("strands", "lock", "long"), often=1.0, sample=_sample_hair, render=render_hair))
