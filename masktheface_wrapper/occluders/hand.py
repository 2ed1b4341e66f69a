"""Hands: fingers as capsules in the face's own skin colour, before mouth and chin."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.blend.light import Light, unlit
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders.drawing.canvas import Canvas, canvas_in, face_frame, single
from maskaug.masktheface_wrapper.occluders.drawing.colors import CLOTH, near
from maskaug.masktheface_wrapper.occluders.drawing.relief import Relief, tinted
from maskaug.masktheface_wrapper.occluders.registry import OccluderParams, OccluderSpec, Rendered, register

_STEPS = HarmonizeSteps(light="own")
_ACROSS = (-28.5, -9.5, 9.5, 27.5)  # of the fingers' roots, mm
_LENGTH = (66.0, 78.0, 72.0, 55.0)
_RADIUS = (8.6, 9.0, 8.6, 7.6)
_REDDENING = (-0.12, 0.24, 0.36)  # of red, green and blue, in a colour photograph
_NAIL = np.array([1.08, 1.0, 1.0], dtype=np.float32)


def render_hand(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """A hand with its forearm; at tilt 0 it comes from below."""
    frame = face_frame(context, *range(48, 60)).moved(occluder.shift_x, occluder.shift_y, occluder.tilt)
    size = occluder.size
    rng = np.random.default_rng([occluder.seed, 3])
    # Everything is drawn for a right or a left hand of usual size.
    mirror = 1.0 if rng.random() < 0.5 else -1.0
    frame = type(frame)(frame.origin, frame.axes * (size * mirror, size))
    canvas = canvas_in(context, frame, (-75, -85), (75, 300))
    if canvas is None:
        return None
    relief, tips = Relief(canvas), []
    if occluder.form == "palm":
        tips = _palm(relief, rng)
    elif occluder.form == "fist":
        _fist(relief, rng)
    else:
        tips = _fingers(relief, rng)
    paint_skin(canvas, relief, context, rng, tips=tips, light="own")
    if occluder.ink is not None:
        _sleeve(canvas, hex_to_rgb(occluder.ink), rng)
    return canvas.layer(), _STEPS


def paint_skin(
    canvas: Canvas,
    relief: Relief,
    context: FaceContext,
    rng: np.random.Generator,
    *,
    tips: Sequence[tuple[float, float, float, float]] = (),
    light: Light = "skin",
) -> None:
    """Paint bodies as skin of the face's own colour.

    Args:
        canvas: To be painted.
        relief: The bodies.
        context: The face.
        rng: For blotches.
        tips: Of fingers with nails: x, y and radius in mm, turn in degrees.
        light: By which the canvas will be lit.
    """
    diffuse, mirrored = relief.light()
    hollow = np.clip(1.05 - diffuse, 0, 0.6)
    diffuse = diffuse * (1 + 0.03 * canvas.noise(rng, 12, 12))
    shine = mirrored * mirrored
    shine = shine * shine
    shine = 14 * shine * shine * shine
    skin = _skin_color(context)
    if light != "own":
        skin = unlit(skin, context.skin)
    skin = skin * np.float32(rng.uniform(0.93, 1.08))
    # Hollows are redder: light that comes out of them has been through skin.
    colorful = float(np.clip((1 - context.skin.color.min() / (context.skin.color.max() + 1) - 0.08) / 0.2, 0, 1))
    reddening = [colorful * depth for depth in _REDDENING]
    channels = [part * diffuse * (1 - depth * hollow) + shine for part, depth in zip(skin, reddening, strict=True)]
    color = np.asarray(cv2.merge(channels), dtype=np.float32)
    for x, y, radius, turn in tips:
        window = canvas.reach((x, y), (x, y), radius)
        right, down = canvas.x[window] - np.float32(x), canvas.y[window] - np.float32(y)
        cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        across, along = right * cos + down * sin, down * cos - right * sin
        nail = canvas.coverage(single(np.hypot(across / 0.62, along / 0.85) - radius))
        color[window] += nail[..., None] * (color[window] * (_NAIL - 1) + 9)
    canvas.paint(relief.cover, color)


def _skin_color(context: FaceContext) -> NDArray[np.float32]:
    """``(3,) float32`` RGB: the median of bare skin all over the cheeks; the nose alone often shines."""
    points, height, width = context.landmarks, *context.image.shape[:2]
    places = np.concatenate([points[1:16] + share * (points[33] - points[1:16]) for share in (0.3, 0.55)])
    x, y = np.clip(np.round(places), 0, (width - 1, height - 1)).astype(int).T
    seen = context.image[y, x]
    bare = context.skin.likeness(seen[None])[0] > 0.2
    if bare.sum() < 8:
        return context.skin.color
    return np.asarray(np.median(seen[bare].astype(np.float32), axis=0) + 3, dtype=np.float32)


def _palm(relief: Relief, rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """The back of a hand, its fingers over the mouth."""
    spread = rng.uniform(0.0, 0.16)
    bend = rng.uniform(-4, 4)
    relief.capsule((0, 112), (0, 330), (24, 33), lift=-8)
    for x in _ACROSS:
        relief.capsule((0.62 * x, 108), (0.95 * x, 32), (15, 12), lift=-1.5, merge=9)
    relief.capsule((-27, 92), (-47, 52), (12.5, 11), lift=-4, merge=9)
    relief.capsule((-47, 52), (-45 - 60 * spread, 12), (10.5, 8.5), lift=-2, merge=5)
    tips = []
    for x, length, radius in zip(_ACROSS, _LENGTH, _RADIUS, strict=True):
        root = (x, 26.0)
        knee = (x * (1 + spread) + 0.4 * bend, 26 - 0.5 * length)
        tip = (x * (1 + 2 * spread) + bend, 26 - length)
        relief.capsule(root, knee, (radius * 1.12, radius), lift=1.5, merge=3)
        relief.capsule(knee, tip, (radius, radius * 0.82), lift=1.0, merge=1.5)
        relief.capsule(
            (knee[0], knee[1] - 1), (knee[0], knee[1] + 1), (radius * 0.85, radius * 0.85), lift=1.5, merge=4
        )
        tips.append(
            (tip[0], tip[1] - 1, radius * 0.8, float(np.degrees(np.arctan2(tip[0] - knee[0], knee[1] - tip[1]))))
        )
    return tips if rng.random() < 0.7 else []


def _fist(relief: Relief, rng: np.random.Generator) -> None:
    """A fist, its knuckles up, the thumb across."""
    lean = rng.uniform(-6, 6)
    relief.capsule((lean, 62), (3 * lean, 330), (25, 33), lift=-10)
    relief.capsule((-14, 22), (-10, 48), (24, 22), lift=-12, merge=8)
    relief.capsule((14, 22), (10, 48), (24, 22), lift=-12, merge=8)
    for number, x in enumerate((-29.5, -10.0, 9.5, 28.0)):
        rise = (3.0, 0.0, 1.5, 6.0)[number]
        relief.capsule((x, -14 + rise), (0.93 * x, 18 + rise), (10.6, 10.0), lift=1, merge=1.5)
        relief.capsule((0.93 * x, 20 + rise), (0.9 * x, 34), (9.4, 8.6), lift=2.0, merge=1.0)
    relief.capsule((-36, 52), (-24, 36), (13, 11), lift=2, merge=5)
    relief.capsule((-24, 36), (6, 30 + 0.5 * lean), (10.5, 8.5), lift=6, merge=2)


def _fingers(relief: Relief, rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """One to three fingers up over the lips, the others curled at the chin."""
    raised = int(rng.integers(1, 4))
    relief.capsule((0, 110), (6, 330), (25, 33), lift=-9)
    for x in _ACROSS:
        relief.capsule((0.7 * x, 104), (0.9 * x, 52), (16, 13), lift=-3, merge=9)
    tips = []
    for number, (x, length, radius) in enumerate(zip(_ACROSS, _LENGTH, _RADIUS, strict=True)):
        if number < raised:
            sway = rng.uniform(-4, 4)
            knee, tip = (x + 0.3 * sway, 46 - 0.5 * length), (x + sway, 44 - length)
            relief.capsule((x, 48), knee, (radius * 1.12, radius), lift=2, merge=3)
            relief.capsule(knee, tip, (radius, radius * 0.82), lift=2, merge=1.5)
            tips.append((tip[0], tip[1] - 1, radius * 0.8, float(np.degrees(np.arctan2(sway, 0.5 * length)))))
        else:
            relief.capsule((x, 44), (0.95 * x, 62), (10.2, 9.6), lift=3, merge=1.5)
            relief.capsule((0.95 * x, 66), (0.9 * x, 78), (9.2, 8.4), lift=4, merge=1.0)
    relief.capsule((-34, 92), (-14, 70), (11.5, 9.5), lift=4, merge=4)
    relief.capsule((-14, 70), (10, 66), (9.5, 8.0), lift=6, merge=2)
    return tips if rng.random() < 0.6 else []


def _sleeve(canvas: Canvas, color: tuple[int, int, int], rng: np.random.Generator) -> None:
    """Cloth over the forearm, from the wrist on."""
    start = rng.uniform(118, 150)
    if float(canvas.y.max()) < start - 2:
        return
    slack = 34 + 0.07 * (canvas.y - start) + canvas.noise(rng, 40, 18)
    distance = np.maximum(np.abs(canvas.x) - slack, start + 2 * np.sin(canvas.x / 9) - canvas.y)
    folds = 0.72 + 0.28 * np.cos(canvas.x / 30) + 0.08 * canvas.noise(rng, 16, 9)
    canvas.paint(canvas.coverage(single(distance)), tinted(np.array(color, dtype=np.float32), single(folds)))


def _sample_hand(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    return {
        "size": rng.uniform(0.82, 1.08),
        "shift_x": rng.normal(0, 12),
        "shift_y": rng.normal(4, 12),
        "tilt": sample_lean(rng, 100),
        "ink": near(rng, CLOTH) if rng.random() < 0.6 else None,
    }


def sample_lean(rng: np.random.Generator, most: float) -> float:
    """Degrees by which what is held leans: from below, from either side, or between."""
    return float(most * rng.choice((-1, 1)) * rng.beta(1.0, 1.4))


register(OccluderSpec("hand", ("palm", "fist", "fingers"), often=1.6, sample=_sample_hand, render=render_hand))
