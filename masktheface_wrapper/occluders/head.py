"""Heads: somebody else's, seen from behind, before the lower face or beside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders.drawing.canvas import canvas_in, face_frame
from maskaug.masktheface_wrapper.occluders.drawing.colors import CLOTH, near, sample_hair_color
from maskaug.masktheface_wrapper.occluders.drawing.relief import Relief, lit, tinted
from maskaug.masktheface_wrapper.occluders.facial_hair import hair_color
from maskaug.masktheface_wrapper.occluders.hand import paint_skin
from maskaug.masktheface_wrapper.occluders.registry import OccluderParams, OccluderSpec, Rendered, register

_STEPS = HarmonizeSteps(light="skin", folds=False)
_SKULL = (74.0, 84.0)  # mm: radii at the nape and at the crown


def render_head(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """A head from behind, its crown at the frame's origin; ``ink``: of a cap or a collar."""
    frame = face_frame(context, *range(48, 60)).moved(occluder.shift_x, occluder.shift_y, occluder.tilt)
    canvas = canvas_in(context, frame, (-150, -10), (150, 300))
    if canvas is None:
        return None
    rng = np.random.default_rng([occluder.seed, 11])
    nape, crown = (radius * occluder.size for radius in _SKULL)
    bald, collar = Relief(canvas), Relief(canvas)
    bald.capsule((0, crown), (0, crown + 55), (crown, nape))
    bald.capsule((0, crown + 60), (0, crown + 240), (0.7 * nape, 0.8 * nape), merge=10)
    paint_skin(canvas, bald, context, rng)
    if occluder.form != "bald":
        hair = Relief(canvas)
        hair.capsule((0, crown), (rng.uniform(-8, 8), crown + rng.uniform(20, 130)), (crown + 5, nape + 4))
        lie = rng.uniform(1.2, 5)
        ridges = canvas.noise(rng, lie, 14 * lie) if rng.random() < 0.7 else canvas.noise(rng, 3 * lie, 3 * lie)
        diffuse, shine = lit(np.maximum(hair.height, -12) + 1.2 * ridges, canvas, 6.0)
        cover = canvas.smooth(hair.cover, rng.uniform(0.5, 3))
        strands = np.clip(diffuse * (1 + 0.18 * ridges), 0.2, 1.5) + 0.5 * shine**30
        canvas.paint(cover, tinted(hair_color(occluder, context), strands))
    if occluder.ink:
        down = crown + (rng.uniform(0, 60) if rng.random() < 0.4 else rng.uniform(120, 170))
        collar.capsule((-40, down), (40, down), (62 * occluder.size, 62 * occluder.size))
        folds = 2 * canvas.noise(rng, 18, 40)
        diffuse, _ = lit(np.maximum(collar.height, -12) + folds, canvas, 7.0)
        canvas.paint(collar.cover, tinted(np.array(hex_to_rgb(occluder.ink), dtype=np.float32), diffuse))
    return canvas.layer(), _STEPS


def _sample_head(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    return {
        "color": sample_hair_color(rng),
        "ink": near(rng, CLOTH) if rng.random() < 0.4 else None,
        "size": rng.uniform(0.8, 1.4),
        "shift_x": rng.normal(0, 45),
        "shift_y": rng.uniform(-28, 40),
        "tilt": rng.normal(0, 30),
    }


register(OccluderSpec("head", ("hair", "bald"), often=0.6, sample=_sample_head, render=render_head))
