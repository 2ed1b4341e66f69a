"""Arms: a forearm or an upper arm before the face, bare or in a sleeve."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders.drawing.canvas import canvas_in, face_frame
from maskaug.masktheface_wrapper.occluders.drawing.colors import CLOTH, near
from maskaug.masktheface_wrapper.occluders.drawing.relief import Relief, lit, tinted
from maskaug.masktheface_wrapper.occluders.hand import paint_skin
from maskaug.masktheface_wrapper.occluders.registry import OccluderParams, OccluderSpec, Rendered, register

_STEPS = HarmonizeSteps(light="skin")
_LONG = 260.0  # mm on either side of the middle: out of most frames


def render_arm(occluder: OccluderParams, context: FaceContext) -> Rendered:
    """An arm across the lower face; at tilt 0 it lies level."""
    frame = face_frame(context, *range(48, 60)).moved(occluder.shift_x, occluder.shift_y, occluder.tilt)
    canvas = canvas_in(context, frame, (-_LONG, -90), (_LONG, 90))
    if canvas is None:
        return None
    rng = np.random.default_rng([occluder.seed, 10])
    relief = Relief(canvas)
    thin, thick = (radius * occluder.size for radius in (rng.uniform(24, 32), rng.uniform(34, 52)))
    bow = rng.uniform(-25, 25)
    relief.capsule((-1.3 * _LONG, bow), (0, 0), (thick, (thick + thin) / 2), merge=12)
    relief.capsule((0, 0), (1.3 * _LONG, bow), ((thick + thin) / 2, thin), merge=12)
    if occluder.form == "bare":
        paint_skin(canvas, relief, context, rng)
        return canvas.layer(), _STEPS
    folds = 2.5 * canvas.noise(rng, rng.uniform(8, 20), rng.uniform(20, 50))
    diffuse, _ = lit(np.maximum(relief.height, -12) + folds, canvas, 7.0)
    cloth = np.array(hex_to_rgb(occluder.paint), dtype=np.float32)
    canvas.paint(relief.cover, tinted(cloth, np.clip(diffuse, 0.3, 1.3)))
    return canvas.layer(), _STEPS


def _sample_arm(rng: np.random.Generator, style: str) -> Mapping[str, Any]:
    return {
        "color": near(rng, CLOTH),
        "size": rng.uniform(0.7, 1.3),
        "shift_x": rng.normal(0, 40),
        "shift_y": rng.uniform(-12, 45),
        "tilt": rng.normal(0, 35),
    }


register(OccluderSpec("arm", ("bare", "sleeve"), often=0.8, sample=_sample_arm, render=render_arm))
