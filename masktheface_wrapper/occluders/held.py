"""Microphones and cups: ware held before mouth and chin."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders.drawing.canvas import Canvas, Field, canvas_in, face_frame, single
from maskaug.masktheface_wrapper.occluders.drawing.colors import CLOTH, near
from maskaug.masktheface_wrapper.occluders.drawing.relief import Relief, tinted
from maskaug.masktheface_wrapper.occluders.hand import paint_skin, sample_lean
from maskaug.masktheface_wrapper.occluders.registry import OccluderParams, OccluderSpec, Rendered, register

_STEPS = HarmonizeSteps(light="skin", folds=False)
_BALL = 25.0  # mm, radius
_FOAM = 31.0
_WARE = {"#e9e7e2": 4, "#c9b08a": 1, "#2b2b2d": 1, "#b23b34": 0.7, "#3c5f8a": 0.7, "#6f8f6a": 0.4, "#d8b24a": 0.4}
_BALL_COLORS = {"#3a3a3c": 3, "#9a9c9e": 2.5, "#1f1f21": 2}
_FOAM_COLORS = {"#1f1f21": 4, "#b23b34": 1, "#2f4f9a": 1, "#d8b24a": 0.5, "#5a8f4a": 0.4, "#dcdad5": 0.4}
_DRINKS = {"#5a2f14": 2, "#c98a2a": 2, "#e9e2d0": 1, "#b2452a": 1}


def render_microphone(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """A microphone; at tilt 0 its handle points straight down. ``ink``: of the handle."""
    frame = face_frame(context, *range(48, 60)).moved(occluder.shift_x, occluder.shift_y, occluder.tilt)
    frame = type(frame)(frame.origin, frame.axes * occluder.size)
    canvas = canvas_in(context, frame, (-50, -45), (50, 260))
    if canvas is None:
        return None
    rng = np.random.default_rng([occluder.seed, 4])
    handle = np.array(hex_to_rgb(occluder.ink or "#1c1c1e"), dtype=np.float32)
    stick = Relief(canvas)
    stick.capsule((0, 20), (0, 300), (16, 9.5))
    diffuse, mirrored = stick.light()
    canvas.paint(stick.cover, tinted(handle, diffuse) + (70 * mirrored**18)[..., None])
    color = np.array(hex_to_rgb(occluder.paint), dtype=np.float32)
    head = Relief(canvas)
    if occluder.form == "foam":
        head.capsule((0, -4), (0, 14), (_FOAM, _FOAM * 0.86))
        diffuse, _ = head.light()
        canvas.paint(head.cover, tinted(color, diffuse * (1 + 0.07 * canvas.noise(rng, 2, 2))) + 6)
        if rng.random() < 0.5:
            _flag(canvas, rng)
        if rng.random() < 0.5:
            _grip(canvas, context, rng, 95.0)
        return canvas.layer(), _STEPS
    head.capsule((0, 0), (0, 8), (_BALL, _BALL * 0.93))
    diffuse, mirrored = head.light()
    canvas.paint(head.cover, tinted(color, diffuse * _mesh(canvas)) + (60 * mirrored**14)[..., None])
    ring = np.maximum(np.abs(canvas.x) - 20, np.abs(canvas.y - 24 - 3 * np.cos(canvas.x / 14)) - 4)
    shine = 0.55 + 0.6 * np.cos((canvas.x + 7) / 14)
    canvas.paint(canvas.coverage(single(ring)), tinted(np.minimum(color * 0.6 + 50, 200), single(shine)))
    _grip(canvas, context, rng, 70.0)
    return canvas.layer(), _STEPS


def _mesh(canvas: Canvas) -> Field:
    """Brightness of woven wire on a ball."""
    reach = np.float32(1.05 * _BALL)
    u, v = (np.arcsin(np.clip(place / reach, -1, 1)) * 16 for place in (canvas.x + canvas.y * 0.2, canvas.y))
    return single(0.82 + 0.24 * np.cos(u) * np.cos(v))


def _flag(canvas: Canvas, rng: np.random.Generator) -> None:
    """The block with a station's mark below the foam."""
    color = rng.uniform(30, 230, 3)
    box = np.maximum(np.abs(canvas.x) - 27, np.abs(canvas.y - 62) - 22) + 0.5
    canvas.paint(canvas.coverage(single(box)), color * (0.95 if rng.random() < 0.5 else 0.8))
    mark = np.maximum(np.abs(canvas.x) - rng.uniform(10, 19), np.abs(canvas.y - 62) - rng.uniform(5, 13))
    canvas.paint(canvas.coverage(single(mark)), 255 - color)


def _grip(canvas: Canvas, context: FaceContext, rng: np.random.Generator, start: float) -> None:
    """The hand that holds a handle: four fingers across it, the thumb over them."""
    hand = Relief(canvas)
    side = 1.0 if rng.random() < 0.5 else -1.0
    hand.capsule((side * 30, start + 20), (side * 44, start + 150), (25, 32), lift=-12)
    for number in range(4):
        y = start + 19 * number
        hand.capsule((side * 26, y + 3), (-side * 14, y), (10.5, 9), lift=3, merge=1)
    hand.capsule((side * 30, start + 10), (side * 2, start - 8), (11, 8.5), lift=6, merge=3)
    paint_skin(canvas, hand, context, rng)


def render_cup(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """A vessel with its rim at the lips. ``ink``: of a sleeve, a mark, or what is in a glass."""
    frame = face_frame(context, 48, 54, 57, 51).moved(occluder.shift_x, occluder.shift_y, occluder.tilt)
    frame = type(frame)(frame.origin, frame.axes * occluder.size)
    canvas = canvas_in(context, frame, (-110, -30), (110, 150))
    if canvas is None:
        return None
    rng = np.random.default_rng([occluder.seed, 5])
    side = 1.0 if rng.random() < 0.5 else -1.0
    tip = rng.uniform(-0.12, 0.4)  # sine of how far it is raised: its base shows, or its opening
    wide, narrow, tall = {"mug": (41, 39, 92), "paper": (41, 28, 112), "glass": (35, 30, 110)}[occluder.form]
    tall *= rng.uniform(0.85, 1.1) * np.sqrt(1 - tip**2)
    color = np.array(hex_to_rgb(occluder.paint), dtype=np.float32)
    x, y = canvas.x, canvas.y
    half = wide + (narrow - wide) * np.clip(y / tall, 0, 1)
    share = np.clip(x / half, -1, 1)
    arc = np.sqrt(1 - share**2)
    top, bottom = -0.3 * abs(tip) * wide * arc, tall + abs(tip) * narrow * arc
    body = canvas.coverage(single(np.maximum(np.abs(x) - half, np.maximum(top - y, y - bottom))))
    around = 0.5 + 0.52 * np.cos((share + 0.3) * 1.35) + 0.16 * np.exp(-(((share + 0.45) / 0.12) ** 2))
    if occluder.form == "mug":
        _ear(canvas, color, side, wide, tall)
    glass = occluder.form == "glass"
    if glass:
        rim = np.clip(1 - arc, 0, 1) ** 2
        alpha = body * (0.30 + 0.6 * rim)
        canvas.paint(single(alpha), tinted(np.full(3, 225, dtype=np.float32), single(0.75 * around)))
        if occluder.ink:
            level = canvas.coverage(single(rng.uniform(0.1, 0.5) * tall + 0.12 * side * x - y)) * body
            canvas.paint(
                single(0.78 * level), tinted(np.array(hex_to_rgb(occluder.ink), dtype=np.float32), single(around))
            )
        shine = np.exp(-(((share + 0.55) / 0.07) ** 2)) + 0.6 * np.exp(-(((share - 0.7) / 0.05) ** 2))
        canvas.paint(single(0.6 * shine * body), (250, 250, 250))
    else:
        canvas.paint(body, tinted(color, single(around)))
        if occluder.ink:
            _mark(canvas, occluder, rng, body=body, around=single(around), down=single(y / tall))
    if tip > 0.08:
        base = np.hypot(x / narrow, (y - tall) / (tip * narrow)) - 1
        shade = 0.72 if not glass else 0.95
        cover = canvas.coverage(single(base * tip * narrow)) * (0.4 if glass else 1.0)
        canvas.paint(single(cover), shade * color)
        inner = np.abs(base + 0.18) - 0.04
        canvas.paint(single(0.5 * canvas.coverage(single(inner * tip * narrow))), shade * 0.75 * color)
    elif occluder.form == "paper" and occluder.ink:
        lid = np.maximum(np.abs(x) - wide - 2, np.abs(y - 2) - 6)
        canvas.paint(
            canvas.coverage(single(lid)), tinted(np.array(hex_to_rgb(occluder.ink), dtype=np.float32), single(around))
        )
    if rng.random() < 0.75:
        other = occluder.form == "mug" and rng.random() < 0.5
        _hold(canvas, context, rng, side=-side if other else side, wide=wide, tall=tall)
    return canvas.layer(), _STEPS


def _mark(
    canvas: Canvas, occluder: OccluderParams, rng: np.random.Generator, *, body: Field, around: Field, down: Field
) -> None:
    """A sleeve or bands round a cup, or a round mark."""
    ink = np.array(hex_to_rgb(occluder.ink or occluder.paint), dtype=np.float32)
    distribution = rng.random()
    if distribution < 0.6:
        low, high = np.sort(rng.uniform(0.15, 0.95, 2))
        band = ((down > low) & (down < max(high, low + 0.15))).astype(np.float32)
        canvas.paint(single(canvas.smooth(band, 0.4) * body), tinted(ink, around))
    else:
        mark = np.hypot(canvas.x - rng.uniform(-12, 12), (down - 0.5) * 90) - rng.uniform(8, 18)
        canvas.paint(single(canvas.coverage(single(mark)) * body), tinted(ink, around))


def _ear(canvas: Canvas, color: NDArray[np.float32], side: float, wide: float, tall: float) -> None:
    """The handle of a mug."""
    ring = np.abs(np.hypot((canvas.x - side * wide) / 0.95, (canvas.y - 0.5 * tall) / 1.15) - 23) - 5.5
    shine = 0.85 - 0.12 * side * np.sin(canvas.x / 9) + 0.12 * np.cos(canvas.y / 12)
    canvas.paint(canvas.coverage(single(ring)), tinted(color, single(shine)))


def _hold(
    canvas: Canvas, context: FaceContext, rng: np.random.Generator, *, side: float, wide: float, tall: float
) -> None:
    """Fingers that come round a cup from one side."""
    hand = Relief(canvas)
    start = rng.uniform(0.22, 0.4) * tall
    hand.capsule((side * (wide + 22), start + 34), (side * (wide + 60), start + 160), (26, 34), lift=-14)
    hand.capsule((side * (wide + 8), start + 2), (side * (wide + 12), start + 52), (17, 17), lift=-6, merge=8)
    for number in range(4):
        y, reach = start + 18.5 * number, (6, 12, 9, -2)[number]
        hand.capsule((side * (wide + 6), y + 3), (side * (wide - 28), y), (10, 9.4), lift=2, merge=2)
        hand.capsule((side * (wide - 28), y), (side * (wide - 40 - reach), y + 1.5), (9.4, 7.6), lift=2, merge=1)
    paint_skin(canvas, hand, context, rng)


def _sample_microphone(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    return {
        "color": near(rng, _FOAM_COLORS if style == "foam" else _BALL_COLORS),
        "ink": near(rng, {"#1c1c1e": 4, "#8d8f92": 1, "#b9a25a": 0.3}),
        "size": rng.uniform(0.85, 1.2),
        "shift_x": rng.normal(0, 14),
        "shift_y": rng.uniform(0, 42),
        "tilt": sample_lean(rng, 75),
    }


def _sample_cup(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    colors = {"mug": _WARE, "paper": {"#e9e7e2": 3, "#c9b08a": 1.5, "#7a5236": 0.7, "#2f6b4a": 0.5}}
    return {
        "color": near(rng, colors.get(style, {"#d5dadc": 1})),
        "ink": near(rng, _DRINKS if style == "glass" else CLOTH) if rng.random() < 0.6 else None,
        "size": rng.uniform(0.85, 1.1),
        "shift_x": rng.normal(0, 6),
        "shift_y": rng.uniform(-14, 8),
        "tilt": rng.normal(0, 9),
    }


register(OccluderSpec("microphone", ("ball", "foam"), often=1.0, sample=_sample_microphone, render=render_microphone))
register(OccluderSpec("cup", ("mug", "paper", "glass"), often=1.0, sample=_sample_cup, render=render_cup))
