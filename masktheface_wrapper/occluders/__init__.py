"""Props: things before a face that are no masks, made with a mask's own compositing."""

from collections.abc import Callable

from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders.facial_hair import render_beard, render_moustache
from maskaug.masktheface_wrapper.occluders.hair import render_hair
from maskaug.masktheface_wrapper.occluders.hand import render_hand
from maskaug.masktheface_wrapper.occluders.headwear import render_hat, render_sunglasses
from maskaug.masktheface_wrapper.occluders.held import render_cup, render_microphone
from maskaug.masktheface_wrapper.occluders.params import STYLES, OccluderKind, OccluderParams
from maskaug.masktheface_wrapper.occluders.patch import null_overlay, render_damage, render_patch, sample_null_mask
from maskaug.masktheface_wrapper.occluders.sampling import sample_occluder
from maskaug.masktheface_wrapper.occluders.scarf import render_scarf

# All but ghosts, which need a mask to be the ghosts of.
_DRESS: dict[OccluderKind, Callable[[OccluderParams, FaceContext], tuple[Layer, HarmonizeSteps] | None]] = {
    "beard": render_beard,
    "moustache": render_moustache,
    "hand": render_hand,
    "scarf": render_scarf,
    "microphone": render_microphone,
    "cup": render_cup,
    "hair": render_hair,
    "patch": render_patch,
    "damage": render_damage,
    "sunglasses": render_sunglasses,
    "hat": render_hat,
}


def render_occluder(occluder: OccluderParams, context: FaceContext) -> tuple[Layer, HarmonizeSteps] | None:
    """Draw a prop for a face: its layer and the steps that it needs; None if all of it lies outside the picture."""
    return _DRESS[occluder.kind](occluder, context)


__all__ = [
    "STYLES",
    "OccluderKind",
    "OccluderParams",
    "null_overlay",
    "render_occluder",
    "sample_null_mask",
    "sample_occluder",
]
