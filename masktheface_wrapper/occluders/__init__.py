"""Props: things before a face that are no masks, made with a mask's own compositing."""

from collections.abc import Callable

from maskaug.masktheface_wrapper.blend.harmonize import Finish
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.context import Scene
from maskaug.masktheface_wrapper.occluders.facial_hair import dress_beard, dress_moustache
from maskaug.masktheface_wrapper.occluders.hair import dress_hair
from maskaug.masktheface_wrapper.occluders.hand import dress_hand
from maskaug.masktheface_wrapper.occluders.headwear import dress_hat, dress_sunglasses
from maskaug.masktheface_wrapper.occluders.held import dress_cup, dress_microphone
from maskaug.masktheface_wrapper.occluders.params import STYLES, Prop, PropKind
from maskaug.masktheface_wrapper.occluders.patch import draw_ghost, dress_damage, dress_patch, ghost_of
from maskaug.masktheface_wrapper.occluders.sampling import draw_prop
from maskaug.masktheface_wrapper.occluders.scarf import dress_scarf

# All but ghosts, which need a mask to be the ghosts of.
_DRESS: dict[PropKind, Callable[[Prop, Scene], tuple[Layer, Finish] | None]] = {
    "beard": dress_beard,
    "moustache": dress_moustache,
    "hand": dress_hand,
    "scarf": dress_scarf,
    "microphone": dress_microphone,
    "cup": dress_cup,
    "hair": dress_hair,
    "patch": dress_patch,
    "damage": dress_damage,
    "sunglasses": dress_sunglasses,
    "hat": dress_hat,
}


def dress_prop(prop: Prop, scene: Scene) -> tuple[Layer, Finish] | None:
    """Draw a prop for a face: its layer and the steps that it needs; None if all of it lies outside the picture."""
    return _DRESS[prop.kind](prop, scene)


__all__ = ["STYLES", "Prop", "PropKind", "draw_ghost", "draw_prop", "dress_prop", "ghost_of"]
