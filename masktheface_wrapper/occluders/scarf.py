"""Scarves: cloth round the neck, behind the jaw and below the chin."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.landmarks import BROWS, JAW
from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb
from maskaug.masktheface_wrapper.cloth.patterns import PATTERNS, pattern_share
from maskaug.masktheface_wrapper.cloth.sampling import sample_color
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders.drawing.canvas import Canvas, Field, canvas_in, face_frame, single
from maskaug.masktheface_wrapper.occluders.drawing.colors import CLOTH, near
from maskaug.masktheface_wrapper.occluders.drawing.relief import lit
from maskaug.masktheface_wrapper.occluders.registry import OccluderParams, OccluderSpec, Rendered, register

_STEPS = HarmonizeSteps(light="skin")
_SHEET = 160  # texels a side, of the cloth's print
_SHEET_MM = 260.0
_ROUND = 7.0  # mm, of corners


def render_scarf(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """A scarf; mouth and nose stay free."""
    frame = face_frame(context, 8).moved(occluder.shift_x, 0.0, 0.5 * occluder.tilt)
    canvas = canvas_in(context, frame, (-150, -60), (150, 260))
    if canvas is None:
        return None
    rng = np.random.default_rng([occluder.seed, 6])
    x, y = canvas.x, canvas.y
    loose = occluder.form == "loose"
    # The top edge hangs from the nape, where the jaw hides it, to below the chin.
    sag = occluder.shift_y + (14 if loose else 4)
    far = np.abs(x)
    top = sag - (40 if loose else 34) * np.clip(far / 72, 0, 1.1) ** 1.8 + 1.8 * canvas.noise(rng, 22, 200)
    wide = 66 + (22 if loose else 14) * occluder.size + 0.22 * np.clip(y, -40, 90) + 2.5 * canvas.noise(rng, 200, 26)
    depth = (82 if loose else 66) * occluder.size + 6 * canvas.noise(rng, 60, 200)
    cover = canvas.coverage(_rounded(top - y, y - top - depth, far - wide))
    # Folds hang more evenly than the edge.
    down = y - sag + 0.0045 * x * x
    around = np.arcsin(np.clip(x / (wide + 6), -1, 1)) * 80  # along the cloth, mm
    height = _folds(canvas, rng, single(around), single(down), 30 * occluder.size if loose else 24 * occluder.size)
    height -= single(22 * np.clip(far / wide, 0, 1) ** 3)
    print_ = _cloth(occluder, single(around), single(down), rng)
    if rng.random() < 0.5:
        cover, height, print_ = _end(canvas, occluder, rng, (cover, height, print_), sag)
    diffuse = lit(height, canvas, 7.0)[0] * (1 + rng.uniform(0.01, 0.06) * canvas.noise(rng, 2.2, 2.2))
    # Drawn up over the chin, it lies before the jaw as well; never as high as the lips.
    lip = float(frame.mm(context.landmarks[57:58])[0, 1])
    front = np.maximum(sag - 0.0015 * x**2, lip + 6) + 1.6 * canvas.noise(rng, 24, 200)
    before = canvas.coverage(single(np.maximum(front, lip + 4) - y)) if sag < 0 else np.float32(0)
    shown = cover * (1 - _head(canvas, context) * (1 - before))
    canvas.paint(single(shown), print_ * np.clip(diffuse, 0.35, 1.3)[..., None])
    return canvas.layer(), _STEPS


def _rounded(*distances: NDArray[np.floating]) -> Field:
    """The largest of distances in mm, with its corners rounded off."""
    total = sum(np.exp(np.clip(distance / _ROUND, -30, 30)) for distance in distances)
    return single(_ROUND * np.log(total))


def _folds(canvas: Canvas, rng: np.random.Generator, around: Field, down: Field, wrap: float) -> Field:
    """Heights in mm: wraps one above another, with finer folds that run along them."""
    lean = rng.uniform(-0.16, 0.16)
    across = down + lean * around + 4 * canvas.noise(rng, 60, 60) + rng.uniform(0, wrap)
    bulge = 6.5 * np.abs(np.sin(np.pi * across / wrap)) ** 0.8
    cells = rng.standard_normal((32, 32), dtype=np.float32)
    fine = np.zeros_like(down)
    for width, length, weight in ((10.0, 60.0, 2.4), (5.0, 34.0, 0.9)):
        along, over = (around + 0.8 * down) / length, (down + 1.7 * lean * around) / width
        drawn = cv2.remap(cells, single(along), single(over), cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
        fine += np.float32(weight) * np.asarray(drawn)
    return single(bulge + fine)


def _cloth(occluder: OccluderParams, around: Field, down: Field, rng: np.random.Generator) -> NDArray[np.float32]:
    """``(h, w, 3)`` or ``(3,)``: dye and print."""
    cloth = np.array(hex_to_rgb(occluder.paint), dtype=np.float32)
    if occluder.pattern is None:
        return cloth
    ink = np.array(hex_to_rgb(occluder.ink or "#ffffff"), dtype=np.float32)
    share = pattern_share(
        occluder.pattern,
        (_SHEET, _SHEET),
        rng,
        mm_per_texel=_SHEET_MM / _SHEET,
        period_mm=occluder.pattern_mm,
        angle=occluder.pattern_angle,
    )
    scale = np.float32(_SHEET / _SHEET_MM)
    place = (around + _SHEET_MM / 2) * scale, (down + 40) * scale
    drawn = cv2.remap(share, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(cloth + drawn[..., None] * (ink - cloth), dtype=np.float32)


def _end(
    canvas: Canvas,
    occluder: OccluderParams,
    rng: np.random.Generator,
    scarf: tuple[Field, Field, NDArray[np.float32]],
    sag: float,
) -> tuple[Field, Field, NDArray[np.float32]]:
    """The scarf with an end that hangs down before it."""
    cover, height, print_ = scarf
    middle, lean, half = rng.uniform(-45, 45), rng.uniform(-0.25, 0.25), rng.uniform(20, 30) * occluder.size
    across = canvas.x - middle - lean * canvas.y
    start = sag + 22 + 0.02 * across**2
    half_here = half * np.clip(0.72 + 0.01 * (canvas.y - start), 0.6, 1.1)
    inside = canvas.coverage(single(np.maximum(np.abs(across) - half_here, start - canvas.y)))
    hanging = 10 + 5 * np.sqrt(np.clip(1 - (across / half_here) ** 2, 0, 1)) + 2.2 * canvas.noise(rng, 8, 70)
    own = _cloth(occluder, single(canvas.y), single(across), rng)
    if own.ndim == 3:
        print_ = inside[..., None] * own + (1 - inside[..., None]) * print_
    return np.maximum(cover, inside), single(np.where(inside > 0.5, hanging, height)), print_


def _head(canvas: Canvas, context: FaceContext) -> Field:
    """Share of each pixel that the face's outline covers."""
    jaw = context.landmarks[JAW]
    raised = context.landmarks[BROWS] + (context.landmarks[27] - context.landmarks[33])
    return canvas.polygon(np.concatenate([jaw, raised[::-1]]))


def _sample_scarf(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    drawn: dict[str, Any] = {
        "color": sample_color(rng) if rng.random() < 0.3 else near(rng, CLOTH),
        "size": rng.uniform(0.8, 1.35),
        "shift_x": rng.normal(0, 4),
        "shift_y": rng.uniform(-30, 12),
        "tilt": rng.normal(0, 5),
    }
    if rng.random() < 0.4:
        drawn |= {
            "pattern": list(PATTERNS)[int(rng.integers(len(PATTERNS)))],
            "ink": sample_color(rng) if rng.random() < 0.5 else near(rng, CLOTH),
            "pattern_mm": np.exp(rng.uniform(np.log(8), np.log(45))),
            "pattern_angle": rng.choice((0, 45, 90, rng.uniform(0, 180))),
        }
    return drawn


register(OccluderSpec("scarf", ("wound", "loose"), often=1.4, sample=_sample_scarf, render=render_scarf))
