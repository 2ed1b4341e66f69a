"""Props: things before a face that are no masks, made with a mask's own compositing."""

from collections.abc import Callable

from maskaug.masktheface_wrapper.props.draw import draw_prop
from maskaug.masktheface_wrapper.props.facial_hair import dress_beard, dress_moustache
from maskaug.masktheface_wrapper.props.hair import dress_hair
from maskaug.masktheface_wrapper.props.hand import dress_hand
from maskaug.masktheface_wrapper.props.headwear import dress_hat, dress_sunglasses
from maskaug.masktheface_wrapper.props.held import dress_cup, dress_microphone
from maskaug.masktheface_wrapper.props.patch import draw_ghost, dress_damage, dress_patch, ghost_of
from maskaug.masktheface_wrapper.props.prop import STYLES, Prop, PropKind
from maskaug.masktheface_wrapper.props.scarf import dress_scarf
from maskaug.masktheface_wrapper.scene import Scene
from maskaug.masktheface_wrapper.settle import Finish
from maskaug.masktheface_wrapper.warp import Layer

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
