"""The overlay engine: image array in; masked image, mask alpha and quality out.

Pictures are ``(H, W, 3) uint8`` arrays in RGB order everywhere in this package. No function changes its
input, reads or writes pictures, prints, or draws a random number except from the generator it is given.
"""

from maskaug.masktheface_wrapper.engine import MaskEngine
from maskaug.masktheface_wrapper.finder import FaceFinder, face_from_landmarks
from maskaug.masktheface_wrapper.models import ModelError
from maskaug.masktheface_wrapper.overlay import Face, Overlay, Pose, Wear, Wearing
from maskaug.masktheface_wrapper.packs import load_pack
from maskaug.masktheface_wrapper.props import Prop, PropKind, draw_prop
from maskaug.masktheface_wrapper.scene import Scene
from maskaug.masktheface_wrapper.template import Pack, PackError, Template
from maskaug.masktheface_wrapper.textures import load_textures
from maskaug.masktheface_wrapper.variety import Choice, Fixed, Variety, pick

__all__ = [
    "Choice",
    "Face",
    "FaceFinder",
    "Fixed",
    "MaskEngine",
    "ModelError",
    "Overlay",
    "Pack",
    "PackError",
    "Pose",
    "Prop",
    "PropKind",
    "Scene",
    "Template",
    "Variety",
    "Wear",
    "Wearing",
    "draw_prop",
    "face_from_landmarks",
    "load_pack",
    "load_textures",
    "pick",
]
