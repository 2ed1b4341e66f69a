"""Boxes and landmarks of faces that the user has: tables, VOC, YOLO, COCO, or what an earlier run found.

Each file of this folder that registers an :class:`AnnotationFormat` adds a format to ``maskaug generate
--annotations``: a new one needs no other line anywhere.
"""

import importlib
import pkgutil

from maskaug.augment.generate.annotations.known import Annotations, KnownFaces, PictureAnnotationError, open_annotations
from maskaug.augment.generate.annotations.registry import (
    FORMATS,
    AnnotationError,
    AnnotationFormat,
    AnnotationSet,
    MarkedFace,
    MarkedPicture,
    register,
)

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)

__all__ = [
    "FORMATS",
    "AnnotationError",
    "AnnotationFormat",
    "AnnotationSet",
    "Annotations",
    "KnownFaces",
    "MarkedFace",
    "MarkedPicture",
    "PictureAnnotationError",
    "open_annotations",
    "register",
]
