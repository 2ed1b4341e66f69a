"""Sunglasses and hats: on the upper face and above it, with and without a mask."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points
from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb
from maskaug.masktheface_wrapper.cloth.sampling import sample_color
from maskaug.masktheface_wrapper.geometry.face_model import FACE_MODEL
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders.drawing.canvas import Canvas, Field, canvas_over, face_frame
from maskaug.masktheface_wrapper.occluders.drawing.colors import CLOTH, near
from maskaug.masktheface_wrapper.occluders.drawing.relief import lit
from maskaug.masktheface_wrapper.occluders.registry import OccluderParams, OccluderSpec, Rendered, register

_UPPER = slice(17, 48)  # brows, nose and eyes
_LENS = {"square": (29.0, 19.0, 3.2), "round": (24.0, 22.0, 2.0), "aviator": (30.0, 23.0, 2.5)}  # half axes, exponent
_LENS_Y = 3.0  # mm: of their middle below the root of the nose
_SHADOW_MM = 21.0  # as far as contact shadows reach
_CENTER = np.array([0.0, -30.0, 88.0])  # of the hat's dome, in the head frame
_DOME = np.array([82.0, 98.0, 104.0])
_LENSES = {"#121214": 5, "#2a211a": 2, "#1a2430": 1, "#6a7f94": 0.4}


def render_sunglasses(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """Dark glasses. ``ink``: of the frame."""
    frame = face_frame(context, 27)
    half_x, half_y, power = _LENS[occluder.form]
    # Neither they nor their shadow reach the nostrils, however short the nose.
    room = float(frame.mm(context.landmarks[33:34])[0, 1]) - _SHADOW_MM - _LENS_Y - occluder.shift_y
    half_x, half_y = half_x * occluder.size, min(half_y * occluder.size, max(room, 6.0))
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    unit = np.stack([np.sign(cos) * np.abs(cos) ** (2 / power), np.sign(sin) * np.abs(sin) ** (2 / power)], axis=1)
    lenses = []
    for side in (-1, 1):
        shape = unit * (half_x, half_y)
        if occluder.form == "aviator":
            # Wider above, drawn down and outwards.
            shape[:, 0] *= 1 - 0.18 * unit[:, 1]
            shape[:, 0] += side * 3 * unit[:, 1]
        x, y = side * 33 + shape[:, 0], _LENS_Y + shape[:, 1] + occluder.shift_y
        lenses.append(_projected(context, np.stack([x, y, 2 + 0.006 * x**2], axis=1)))
    hinges = _projected(context, np.array([(-66, -4 + occluder.shift_y, 24), (66, -4 + occluder.shift_y, 24)]))
    ends = context.landmarks[[0, 16]]
    bridge = _projected(
        context, np.array([(-8, occluder.shift_y, -4), (0, -3 + occluder.shift_y, -9), (8, occluder.shift_y, -4)])
    )
    canvas = canvas_over(context, frame, np.concatenate([*lenses, hinges, ends]))
    if canvas is None:
        return None
    rng = np.random.default_rng([occluder.seed, 11])
    rim = np.array(hex_to_rgb(occluder.ink or occluder.paint), dtype=np.float32)
    tint = np.array(hex_to_rgb(occluder.paint), dtype=np.float32)
    # Light frames are of metal, and thin.
    width = rng.uniform(0.9, 1.6) if occluder.form != "square" else rng.uniform(2.0, 5.0)
    bars = np.zeros_like(canvas.alpha)
    for hinge, end in zip(hinges, ends, strict=True):
        bars = np.maximum(bars, _line(canvas, np.stack([hinge, end]), max(width, 3.0)))
    bars = np.maximum(bars, _line(canvas, bridge, max(width, 2.5)))
    canvas.paint(bars, rim)
    for outline in lenses:
        glass = canvas.polygon(outline)
        down = np.clip((canvas.y + half_y) / (2 * half_y), 0, 1)
        alpha = glass * (0.96 - rng.uniform(0, 0.12) * down)
        shine = 1 + 0.5 * (1 - down) + 0.25 * np.clip(canvas.noise(rng, 30, 14), -1, 2)
        canvas.paint(np.asarray(alpha, dtype=np.float32), shine[..., None] * tint + 10 * (1 - down)[..., None])
        canvas.paint(_line(canvas, np.concatenate([outline, outline[:1]]), width), rim * 1.1 + 4)
    return canvas.layer(), HarmonizeSteps(light="skin", folds=False)


def render_hat(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """A cap, a knitted hat, or a hood pushed back; nothing below the nostrils. ``ink``: of brim, fold or lining."""
    rng = np.random.default_rng([occluder.seed, 12])
    scale = np.array([1, 1, 1]) * (1 + 0.5 * (occluder.size - 1))
    low = occluder.shift_y
    color = np.array(hex_to_rgb(occluder.paint), dtype=np.float32)
    second = np.array(hex_to_rgb(occluder.ink or occluder.paint), dtype=np.float32)
    dome = _projected(context, _ellipsoid(_DOME * scale * ((1.16, 1.22, 1.1) if occluder.form == "hood" else 1), low))
    outline = cv2.convexHull(dome)[:, 0]
    frame = face_frame(context, 27)
    brim = _projected(context, _brim(low)) if occluder.form == "cap" else outline
    sides = frame.pixels([(-110, 30), (110, 30)]) if occluder.form == "hood" else outline
    canvas = canvas_over(context, frame, np.concatenate([outline, brim, sides]))
    if canvas is None:
        return None
    middle = frame.mm(outline).mean(axis=0)
    half = float(np.ptp(frame.mm(outline)[:, 0])) / 2
    share = np.clip((canvas.x - middle[0]) / half, -0.999, 0.999)
    around = np.arcsin(share) * half
    if occluder.form == "hood":
        _hood(canvas, context, rng, color=color, lining=second, outline=outline)
        return canvas.layer(), HarmonizeSteps(light="skin")
    bulge = 60 * np.sqrt(1 - share**2) + 1.4 * canvas.noise(rng, 20, 26)
    if occluder.form == "beanie":
        bulge = bulge + 0.9 * np.cos(around * (2 * np.pi / rng.uniform(5, 9)))
    diffuse, _ = lit(np.asarray(bulge, dtype=np.float32), canvas, 6.0)
    cover = canvas.polygon(outline)
    canvas.paint(cover, np.clip(diffuse, 0.4, 1.2)[..., None] * color)
    if occluder.form == "beanie":
        band = canvas.polygon(cv2.convexHull(_projected(context, _band(scale, low)))[:, 0])
        canvas.paint(band * 0.999, np.clip(diffuse * 1.05, 0.4, 1.2)[..., None] * second)
    else:
        seam = np.clip(1 - np.abs(around) / 1.2, 0, 1) * cover
        canvas.paint(np.asarray(0.2 * seam, dtype=np.float32), color * 0.5)
        peak = canvas.polygon(cv2.convexHull(brim)[:, 0])
        slope = np.clip(0.95 - 0.006 * np.abs(canvas.x - middle[0]) + 0.05 * canvas.noise(rng, 40, 20), 0.5, 1.1)
        canvas.paint(peak, slope[..., None] * second)
    return canvas.layer(), HarmonizeSteps(light="skin")


def _hood(
    canvas: Canvas,
    context: FaceContext,
    rng: np.random.Generator,
    *,
    color: NDArray[np.float32],
    lining: NDArray[np.float32],
    outline: Points,
) -> None:
    """A hood that stands up behind the head; its sides run out beside the cheeks."""
    frame = canvas.frame
    ears = frame.mm(context.landmarks[[1, 15]])
    top = frame.mm(outline)
    crown = top[top[:, 1] < -40]
    outer = np.concatenate([crown, ears + np.array([(-7.0, -4.0), (7.0, -4.0)])])
    middle = float(ears[:, 0].mean())
    turn = np.linspace(0, np.pi, 24)
    half = float(np.ptp(ears[:, 0])) / 2
    arch = np.stack([middle - (half + 1) * np.cos(turn), ears[:, 1].mean() - 86 * np.sin(turn) ** 0.7], axis=1)
    rim = np.concatenate([arch, [(middle + half + 1, 90), (middle - half - 1, 90)]])
    cloth = canvas.polygon(cv2.convexHull(frame.pixels(outer))[:, 0])
    opening = canvas.polygon(frame.pixels(rim))
    folds = canvas.noise(rng, 22, 40)
    diffuse, _ = lit(np.asarray(30 * canvas.smooth(cloth - opening, 9) + 1.6 * folds, dtype=np.float32), canvas, 8.0)
    ring = np.clip(cloth - opening, 0, 1)
    canvas.paint(ring, np.clip(diffuse, 0.4, 1.25)[..., None] * color)
    inner = np.clip(canvas.smooth(opening, 4) * 2.4 - 0.4, 0, 1) * ring
    canvas.paint(np.asarray(0.75 * inner, dtype=np.float32), lining * 0.45)


def _projected(context: FaceContext, points: NDArray[np.floating]) -> Points:
    """Points of the head frame to pixels, moved by what this face's upper part is off the mean face."""
    camera = context.camera
    off = (context.landmarks[_UPPER] - camera.project(FACE_MODEL[_UPPER])).mean(axis=0)
    return np.asarray(camera.project(points) + off, dtype=np.float32)


def _ellipsoid(half_axes: NDArray[np.float64], low: float) -> NDArray[np.float64]:
    """``(N, 3)``: points of the upper half of a dome about the head."""
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 28), np.linspace(0, np.pi / 2, 8))
    direction = np.stack([np.sin(turn) * np.cos(rise), -np.sin(rise), -np.cos(turn) * np.cos(rise)], axis=-1)
    return np.asarray(direction.reshape(-1, 3) * half_axes + _CENTER + (0, low, 0))


def _band(scale: NDArray[np.float64], low: float) -> NDArray[np.float64]:
    """``(N, 3)``: the folded rim of a knitted hat."""
    turn = np.linspace(0, 2 * np.pi, 40)
    ring = np.stack([np.sin(turn) * 85, np.zeros(40), -np.cos(turn) * 107], axis=1) * scale
    return np.asarray(np.concatenate([ring, ring * (0.98, 1, 0.98) - (0, 32, 0)]) + _CENTER + (0, low + 4, 0))


def _brim(low: float) -> NDArray[np.float64]:
    """``(N, 3)``: the peak of a cap, over the forehead."""
    turn = np.linspace(-1.15, 1.15, 24)
    inner = np.stack([80 * np.sin(turn), np.full(24, 1.0), -104 * np.cos(turn)], axis=1)
    outer = np.stack([74 * np.sin(turn), 2 + 10 * np.cos(turn), -100 * np.cos(turn) - 62 * np.cos(turn / 1.2)], axis=1)
    return np.asarray(np.concatenate([inner, outer]) + _CENTER + (0, low, 0))


def _line(canvas: Canvas, points: Points, width_mm: float) -> Field:
    """Share of each pixel that a line of that width covers."""
    drawn = np.zeros(canvas.alpha.shape, dtype=np.uint8)
    place = np.round((points - canvas.corner) * 16).astype(np.int32)
    width = width_mm / canvas.pixel
    cv2.polylines(drawn, [place], False, 255, max(1, round(width)), cv2.LINE_AA, 4)
    return drawn.astype(np.float32) * np.float32(min(width, 1.0) / 255)


def _sample_sunglasses(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    return {
        "color": near(rng, _LENSES),
        "ink": near(
            rng, {"#161618": 4, "#4a3020": 1} if style == "square" else {"#161618": 2, "#a08a4a": 1, "#9a9c9e": 1}
        ),
        "size": rng.uniform(0.85, 1.12),
        "shift_y": rng.normal(0, 2.5),
    }


def _sample_hat(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    return {
        "color": sample_color(rng) if rng.random() < 0.25 else near(rng, CLOTH),
        "ink": near(rng, CLOTH) if rng.random() < 0.3 else None,
        "size": rng.uniform(0.9, 1.15),
        "shift_y": rng.normal(0, 5),
    }


register(
    OccluderSpec(
        "sunglasses", ("square", "round", "aviator"), often=0, sample=_sample_sunglasses, render=render_sunglasses
    )
)
register(OccluderSpec("hat", ("cap", "beanie", "hood"), often=0, sample=_sample_hat, render=render_hat))
