"""Beards and moustaches: fine strokes that grow away from the lips, on a ground of shaded skin."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points
from maskaug.core.color import LUMA
from maskaug.core.landmarks import BROWS, LIPS
from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders.drawing.canvas import Canvas, FaceFrame, Field, canvas_over, face_frame
from maskaug.masktheface_wrapper.occluders.drawing.colors import sample_hair_color
from maskaug.masktheface_wrapper.occluders.drawing.strokes import draw_strokes, scatter
from maskaug.masktheface_wrapper.occluders.registry import OccluderParams, OccluderSpec, Rendered, register

# Of each beard: how far it stands out below the chin and at the sides, mm; length of its hairs, mm; alpha of the
# ground between them, and of the hairs; how many.
_BEARDS = {
    "full": (20.0, 5.0, 11.0, 0.88, 0.95, 1100),
    "short": (5.0, 1.5, 5.0, 0.6, 0.8, 1000),
    "stubble": (1.0, 0.0, 2.2, 0.26, 0.5, 900),
    "goatee": (9.0, 0.0, 7.0, 0.75, 0.9, 500),
}
_MOUSTACHES = {"thick": (8.0, 0.8, 0.95, 420), "thin": (4.0, 0.5, 0.8, 260), "horseshoe": (7.0, 0.75, 0.9, 520)}
_SOFT_EDGE = 2.2  # mm
_HAIR_MM = 0.7


def render_beard(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """A beard round the lips and along the jaw."""
    below, aside, length, ground, hair, count = _BEARDS[occluder.form]
    frame = face_frame(context, *range(48, 60))
    outline = (
        _goatee(context, frame, below * occluder.size)
        if occluder.form == "goatee"
        else _whole(context, frame, below, aside)
    )
    canvas = canvas_over(context, frame, np.concatenate([outline, frame.pixels([(-60, 60 + below), (60, 0)])]))
    if canvas is None:
        return None
    where = canvas.polygon(outline)
    where *= 1 - canvas.polygon(_lips(context, frame))
    if occluder.form == "goatee":
        where = np.maximum(where, _ring(canvas, context, frame))
    where *= np.clip((canvas.y + 54) / 30, 0, 1)  # sideburns thin out upwards
    return _grown(occluder, context, canvas, where, (length, ground, hair, count))


def render_moustache(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """A moustache between nose and upper lip."""
    length, ground, hair, count = _MOUSTACHES[occluder.form]
    frame = face_frame(context, *range(48, 60))
    points = frame.mm(context.landmarks)
    nose, lip = points[31:36], points[48:55]
    thin = 0.5 if occluder.form == "thin" else 0.12
    top = nose + (0, 2.5) + thin * (lip[[1, 2, 3, 4, 5]] - nose)
    ends = lip[[0, 6]] + np.array([(-5 * occluder.size, 2.0), (5 * occluder.size, 2.0)])
    low = lip[5:0:-1] - np.array((0, 0.8))
    outline = np.concatenate([ends[:1], top, ends[1:], lip[6:], low, lip[:1]])
    canvas = canvas_over(context, frame, frame.pixels([(-55, -35), (55, 60)]))
    if canvas is None:
        return None
    where = canvas.polygon(frame.pixels(outline))
    if occluder.form == "horseshoe":
        for side, corner in ((-1, lip[0]), (1, lip[6])):
            strip = corner + np.array(
                [(side * 1, -3), (side * 10, -2), (side * 11, 14), (side * 7, 34 * occluder.size), (side * 3, 26)]
            )
            where = np.maximum(where, canvas.polygon(frame.pixels(strip)))
    where *= 1 - canvas.polygon(_lips(context, frame))
    return _grown(occluder, context, canvas, where, (length, ground, hair, count))


def _grown(
    occluder: OccluderParams,
    context: FaceContext,
    canvas: Canvas,
    where: Field,
    growth: tuple[float, float, float, int],
) -> tuple[Layer, HarmonizeSteps]:
    """Hair of that length, alpha of ground and of hairs, and number, where it grows."""
    length, ground, hair, count = growth
    rng = np.random.default_rng([occluder.seed, 2])
    soft = canvas.smooth(where, _SOFT_EDGE)
    ragged = soft + 0.2 * canvas.noise(rng, 4, 6) * np.clip(4 * soft * (1 - soft), 0, 1)
    density = np.clip((ragged - 0.3) / 0.45, 0, 1) * np.clip(1 + 0.12 * canvas.noise(rng, 14, 14), 0.5, 1)
    roots = scatter(rng, canvas, density, count)
    tones = rng.beta(2.2, 2.2, len(roots))
    curves = _curves(roots, canvas.frame, length, rng)
    cover, tone = draw_strokes(canvas, curves, tones, _HAIR_MM)
    color = hair_color(occluder, context)
    depth = 0.8 + 0.15 * canvas.noise(rng, 7, 9)
    canvas.paint(np.asarray(ground * density, dtype=np.float32), np.clip(depth, 0.4, 1.2)[..., None] * (0.75 * color))
    canvas.paint(hair * cover, (0.55 + 0.95 * tone)[..., None] * color + 14 * tone[..., None])
    return canvas.layer(), HarmonizeSteps(light="own" if occluder.color is None else "face", folds=False, contact=False)


def hair_color(occluder: OccluderParams, context: FaceContext) -> NDArray[np.float32]:
    """``(3,) float32`` RGB: the occluder's, or that of the person's brows."""
    if occluder.color is not None:
        return np.array(hex_to_rgb(occluder.color), dtype=np.float32)
    height, width = context.image.shape[:2]
    x, y = np.clip(np.round(context.landmarks[BROWS]), 0, (width - 1, height - 1)).astype(int).T
    brows = context.image[y, x].astype(np.float32)
    dark = np.argsort(brows @ LUMA)[: len(brows) // 2]
    # Skin shines through brows.
    return np.asarray(0.75 * np.median(brows[dark], axis=0), dtype=np.float32)


def _curves(
    roots: NDArray[np.float32], frame: FaceFrame, length: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """``(n, 3, 2)`` pixels: hairs that grow away from the middle of the upper lip, and bend down."""
    place = frame.mm(roots)
    away = place - (0, -22)
    away /= np.linalg.norm(away, axis=1, keepdims=True) + 1e-6
    sideways = np.clip(1 - np.abs(place[:, 1:] + 8) / 12, 0, 1)  # on the upper lip hair lies to the sides
    way = away * (1 - sideways) + sideways * np.concatenate([np.sign(place[:, :1]), np.full_like(sideways, 0.45)], 1)
    angle = rng.normal(0, 0.32, len(roots))
    cos, sin = np.cos(angle), np.sin(angle)
    way = np.stack([way[:, 0] * cos - way[:, 1] * sin, way[:, 0] * sin + way[:, 1] * cos], axis=1)
    long = length * rng.uniform(0.6, 1.2, (len(roots), 1))
    middle = place + way * long / 2
    tip = middle + (way * 0.7 + (0, 0.4)) * long / 2
    return frame.pixels(np.stack([place, middle, tip], axis=1))


def _whole(context: FaceContext, frame: FaceFrame, below: float, aside: float) -> Points:
    """Outline of a beard from ear to ear, up to the nose; pixels."""
    points = frame.mm(context.landmarks)
    jaw, nose, corners = points[1:16], points[31:36], points[[48, 54]]
    away = jaw - points[33]
    away /= np.linalg.norm(away, axis=1, keepdims=True) + 1e-6
    chin = np.clip(1 - np.abs(np.arange(-7, 8)) / 5.5, 0, 1)[:, None] ** 0.7
    rim = jaw + away * (aside + (below - aside) * chin)
    sides = []
    for ear, corner, wing in ((points[1], corners[0], nose[0]), (points[15], corners[1], nose[4])):
        sideburn = ear + 0.13 * (points[33] - ear)
        cheek = corner + 0.42 * (wing - corner) + np.sign(corner[0]) * np.array([7.0, 0.0])
        sag = (sideburn + cheek) / 2 + (np.sign(corner[0]) * 9.0, 13.0)
        sides.append(np.stack([sideburn, (sideburn + 2 * sag) / 3, (2 * sag + cheek) / 3, cheek]))
    middle = nose[[1, 2, 3]] + (0, 3.5)
    return frame.pixels(np.concatenate([rim, sides[1], middle[::-1], sides[0][::-1]]))


def _goatee(context: FaceContext, frame: FaceFrame, below: float) -> Points:
    """Outline of hair on the chin; pixels."""
    points = frame.mm(context.landmarks)
    chin, lip = points[8], points[57]
    half = 0.5 * float(points[54, 0] - points[48, 0]) + 2
    middle = (points[48] + points[54]) / 2
    shape = [(-half, 0), (-0.85 * half, 1.0), (0, 1.0), (0.85 * half, 1.0), (half, 0)]
    low = [chin * s + middle * (1 - s) + (x, below * s) for x, s in shape]
    high = lip + np.array([(0.5 * half, 7), (0, 3), (-0.5 * half, 7)])
    return frame.pixels(np.concatenate([low, high]))


def _ring(canvas: Canvas, context: FaceContext, frame: FaceFrame) -> Field:
    """Where hair joins moustache and chin."""
    lips = frame.mm(context.landmarks[LIPS])
    middle = lips.mean(axis=0)
    outer = middle + (lips - middle) * (1.25, 1.0)
    # Highest below the nose, where the lip's own outline is nearly level.
    arch = 1 - ((outer[:, 0] - middle[0]) / (np.ptp(outer[:, 0]) / 2 + 1e-6)) ** 2
    outer[:, 1] += np.where(lips[:, 1] < middle[1], -8.5 * arch, 4.0)
    return canvas.polygon(cv2.convexHull(frame.pixels(outer))[:, 0]) * (1 - canvas.polygon(_lips(context, frame)))


def _lips(context: FaceContext, frame: FaceFrame) -> Points:
    """Outline of the lips, a little inside of it; pixels."""
    lips = frame.mm(context.landmarks[LIPS])
    middle = lips.mean(axis=0)
    return frame.pixels(middle + (lips - middle) * (0.98, 0.96))


def _sample_beard(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    return {"color": sample_hair_color(rng), "size": rng.uniform(0.6, 1.3)}


def _sample_moustache(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    return {"color": sample_hair_color(rng), "size": rng.uniform(0.5, 1.6)}


register(
    OccluderSpec("beard", ("full", "short", "stubble", "goatee"), often=1.6, sample=_sample_beard, render=render_beard)
)
register(
    OccluderSpec(
        "moustache", ("thick", "thin", "horseshoe"), often=0.6, sample=_sample_moustache, render=render_moustache
    )
)
