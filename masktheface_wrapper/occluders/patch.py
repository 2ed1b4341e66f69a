"""Patches anywhere on the face, and damage to the picture at the mouth."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb
from maskaug.masktheface_wrapper.cloth.sampling import sample_color
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders.drawing.canvas import Canvas, canvas_in, face_frame, single
from maskaug.masktheface_wrapper.occluders.drawing.colors import near
from maskaug.masktheface_wrapper.occluders.registry import OccluderParams, OccluderSpec, Rendered, register

_REACH = 34.0  # mm: half the side of a patch of usual size
_MOUTH = (44.0, 34.0)  # mm: half axes of what damage covers
_CODED = 0.75  # pixels to a mm at which a damaged picture was stored
_OF_PHOTOGRAPH = HarmonizeSteps(light=None, folds=False, contact=False)
_PLAIN = HarmonizeSteps(folds=False)


def render_patch(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """A plain, blurred or pixelated shape that follows nothing of the face."""
    frame = face_frame(context, *range(48, 60)).moved(occluder.shift_x, occluder.shift_y, occluder.tilt)
    rng = np.random.default_rng([occluder.seed, 8])
    long = float(np.exp(rng.uniform(-0.5, 0.5)))
    half_x, half_y = _REACH * occluder.size * long, _REACH * occluder.size / long
    if occluder.form == "bar":
        half_x, half_y = 1.6 * half_x, 0.45 * half_y
    canvas = canvas_in(context, frame, (-half_x, -half_y), (half_x, half_y))
    if canvas is None:
        return None
    x, y = canvas.x / np.float32(half_x), canvas.y / np.float32(half_y)
    if occluder.form == "bar" or (occluder.form == "pixelated" and rng.random() < 0.7):
        distance = np.maximum(np.abs(x) - 1, np.abs(y) - 1) * min(half_x, half_y)
        cover = canvas.coverage(single(distance))
    elif occluder.form == "polygon":
        corners = int(rng.integers(3, 8))
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners)) + rng.uniform(0, 6)
        radius = rng.uniform(0.55, 1.0, corners)
        points = np.stack([np.cos(angle) * radius * half_x, np.sin(angle) * radius * half_y], axis=1)
        cover = canvas.polygon(frame.pixels(points))
    else:
        cover = canvas.coverage(single((np.hypot(x, y) - 1) * min(half_x, half_y)))
    if occluder.form in ("blurred", "pixelated"):
        cover = canvas.smooth(cover, rng.uniform(0, 4))
        pixels = _seen(canvas, context)
        size = rng.uniform(4, 14)
        damaged = _blurred(canvas, pixels, 0.6 * size) if occluder.form == "blurred" else _blocks(canvas, pixels, size)
        canvas.paint(cover, damaged)
        return canvas.layer(), _OF_PHOTOGRAPH
    slope = rng.normal(0, 0.08, 2)
    shade = np.clip(1 + slope[0] * x + slope[1] * y + rng.uniform(0, 0.03) * canvas.noise(rng, 6, 6), 0.7, 1.3)
    canvas.paint(cover, single(shade)[..., None] * np.array(hex_to_rgb(occluder.paint), dtype=np.float32))
    return canvas.layer(), _PLAIN


def render_damage(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """The region of the mouth as a bad copy shows it."""
    frame = face_frame(context, *range(48, 60)).moved(occluder.shift_x, occluder.shift_y, occluder.tilt)
    rng = np.random.default_rng([occluder.seed, 9])
    half_x, half_y = _MOUTH[0] * occluder.size, _MOUTH[1] * occluder.size
    canvas = canvas_in(context, frame, (-1.3 * half_x, -1.3 * half_y), (1.3 * half_x, 1.3 * half_y))
    if canvas is None:
        return None
    soft = rng.uniform(0.1, 0.3)
    place = np.hypot(canvas.x / np.float32(half_x), canvas.y / np.float32(half_y))
    cover = single(np.clip((1 + soft - place) / (2 * soft), 0, 1))
    pixels = _seen(canvas, context)
    if occluder.form == "jpeg":
        damaged = _jpeg(canvas, pixels, int(rng.integers(2, 14)))
    elif occluder.form == "pixelated":
        damaged = _blocks(canvas, pixels, rng.uniform(5, 15))
    else:
        damaged = _smeared(canvas, pixels, rng)
    canvas.paint(cover, damaged)
    return canvas.layer(), _OF_PHOTOGRAPH


def _seen(canvas: Canvas, context: FaceContext) -> Image:
    return context.image[canvas.window]


def _blurred(canvas: Canvas, pixels: Image, mm: float) -> Image:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), max(mm / canvas.pixel, 0.8)), dtype=np.uint8)


def _blocks(canvas: Canvas, pixels: Image, mm: float) -> Image:
    height, width = pixels.shape[:2]
    side = max(mm / canvas.pixel, 2.0)
    few = max(1, round(width / side)), max(1, round(height / side))
    coarse = cv2.resize(pixels, few, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _jpeg(canvas: Canvas, pixels: Image, quality: int) -> Image:
    height, width = pixels.shape[:2]
    shrink = min(1.0, _CODED * canvas.pixel)
    size = max(8, round(width * shrink)), max(8, round(height * shrink))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))[..., ::-1]
    return np.asarray(cv2.resize(decoded, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _smeared(canvas: Canvas, pixels: Image, rng: np.random.Generator) -> Image:
    """Dragged along a line, as by a finger over wet paint."""
    reach = max(3, round(rng.uniform(14, 40) / canvas.pixel))
    angle = rng.uniform(0, np.pi)
    kernel = np.zeros((reach, reach), dtype=np.uint8)
    middle = (reach - 1) / 2
    ray = np.array([np.cos(angle), np.sin(angle)]) * middle
    start, end = np.round(middle - ray).astype(int), np.round(middle + ray).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1, 1)
    weights = kernel.astype(np.float32) / float(kernel.sum())
    return np.asarray(cv2.filter2D(pixels, -1, weights, borderType=cv2.BORDER_REFLECT_101), dtype=np.uint8)


def _sample_patch(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    at_mouth = rng.random() < 1 / 3
    return {
        "color": near(rng, {"#141416": 1, "#3a3a3c": 0.5}) if rng.random() < 0.5 else sample_color(rng),
        # What covers all from nose to chin would be a mask to anyone.
        "size": np.exp(rng.uniform(np.log(0.35), np.log(1.0 if at_mouth else 1.5))),
        "shift_x": rng.normal(0, 8) if at_mouth else rng.uniform(-65, 65),
        "shift_y": rng.normal(0, 8) if at_mouth else rng.uniform(-115, 40),
        "tilt": rng.uniform(-90, 90) if rng.random() < 0.7 else 0.0,
    }


def _sample_damage(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    return {
        "size": rng.uniform(0.7, 1.6),
        "shift_x": rng.normal(0, 6),
        "shift_y": rng.normal(0, 8),
        "tilt": rng.normal(0, 20),
    }


register(
    OccluderSpec(
        "patch",
        ("ellipse", "polygon", "bar", "blurred", "pixelated"),
        often=1.0,
        sample=_sample_patch,
        render=render_patch,
    )
)
register(OccluderSpec("damage", ("jpeg", "pixelated", "smear"), often=0.6, sample=_sample_damage, render=render_damage))
