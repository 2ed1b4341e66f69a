"""Data sets: a folder of unmasked faces in, a balanced, traceable, reproducible data set out."""

from maskaug.augment.annotations import AnnotationError
from maskaug.augment.apply import ApplyError, apply
from maskaug.augment.generate import GenerateError, Summary, generate
from maskaug.augment.manifest import SCHEMA, read_manifest
from maskaug.augment.options import ApplyOptions, GenerateOptions
from maskaug.augment.pictures import PictureError
from maskaug.augment.scan import ScanError

__all__ = [
    "SCHEMA",
    "AnnotationError",
    "ApplyError",
    "ApplyOptions",
    "GenerateError",
    "GenerateOptions",
    "PictureError",
    "ScanError",
    "Summary",
    "apply",
    "generate",
    "read_manifest",
]
