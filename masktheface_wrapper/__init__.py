"""The overlay engine: image array in; masked image, mask alpha and quality out.

Pictures are ``(H, W, 3) uint8`` arrays in RGB order everywhere in this package. No function changes its
input, reads or writes pictures, prints, or takes a random number except from the generator it is given.
"""

from maskaug.core.faces import Face, Pose
from maskaug.masktheface_wrapper.cloth.packs import load_pack
from maskaug.masktheface_wrapper.cloth.sampling import MaskDistribution, NamedMask, Variety, weighted_choice
from maskaug.masktheface_wrapper.cloth.template import Pack, PackError, Template
from maskaug.masktheface_wrapper.cloth.textures import load_textures
from maskaug.masktheface_wrapper.detect.detector import Detector
from maskaug.masktheface_wrapper.detect.finder import FaceFinder, face_from_landmarks
from maskaug.masktheface_wrapper.detect.models import ModelError
from maskaug.masktheface_wrapper.engine import MaskEngine
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.occluders import OccluderParams, sample_occluder
from maskaug.masktheface_wrapper.overlay import MaskParams, Overlay, Wear

__all__ = [
    "Detector",
    "Face",
    "FaceContext",
    "FaceFinder",
    "MaskDistribution",
    "MaskEngine",
    "MaskParams",
    "ModelError",
    "NamedMask",
    "OccluderParams",
    "Overlay",
    "Pack",
    "PackError",
    "Pose",
    "Template",
    "Variety",
    "Wear",
    "face_from_landmarks",
    "load_pack",
    "load_textures",
    "sample_occluder",
    "weighted_choice",
]
