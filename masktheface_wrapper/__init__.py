"""The overlay engine: image array in; masked image, mask alpha and quality out.

Pictures are ``(H, W, 3) uint8`` arrays in RGB order everywhere in this package. No function changes its
input, reads or writes pictures, prints, or draws a random number except from the generator it is given.
"""

from maskaug.core.faces import Face, Pose
from maskaug.masktheface_wrapper.cloth.packs import load_pack
from maskaug.masktheface_wrapper.cloth.sampling import Choice, Fixed, Variety, pick
from maskaug.masktheface_wrapper.cloth.template import Pack, PackError, Template
from maskaug.masktheface_wrapper.cloth.textures import load_textures
from maskaug.masktheface_wrapper.detect.finder import FaceFinder, face_from_landmarks
from maskaug.masktheface_wrapper.detect.models import ModelError
from maskaug.masktheface_wrapper.engine import MaskEngine
from maskaug.masktheface_wrapper.measure.context import Scene
from maskaug.masktheface_wrapper.occluders import Prop, PropKind, draw_prop
from maskaug.masktheface_wrapper.overlay import Overlay, Wear, Wearing

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
