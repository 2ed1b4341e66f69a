"""Data sets: a folder of unmasked faces in, a balanced, traceable, reproducible data set out.

`RandomMask` does the same inside a training loop; it is imported when first asked for, for it needs PyTorch.
"""

from typing import TYPE_CHECKING, Any

from maskaug.augment.annotations import AnnotationError
from maskaug.augment.apply import ApplyError, apply
from maskaug.augment.generate import GenerateError, Summary, generate
from maskaug.augment.landmark_cache import cache_landmarks, load_landmarks, pixels_key, save_landmarks
from maskaug.augment.manifest import SCHEMA, read_manifest
from maskaug.augment.options import AgreementOptions, ApplyOptions, CurateOptions, GenerateOptions
from maskaug.augment.pictures import PictureError
from maskaug.augment.reviews import ReviewError
from maskaug.augment.scan import ScanError
from maskaug.augment.selection import CurateError

if TYPE_CHECKING:
    from maskaug.augment.random_mask import RandomMask

__all__ = [
    "SCHEMA",
    "AgreementOptions",
    "AnnotationError",
    "ApplyError",
    "ApplyOptions",
    "CurateError",
    "CurateOptions",
    "GenerateError",
    "GenerateOptions",
    "PictureError",
    "RandomMask",
    "ReviewError",
    "ScanError",
    "Summary",
    "apply",
    "cache_landmarks",
    "generate",
    "load_landmarks",
    "pixels_key",
    "read_manifest",
    "save_landmarks",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name == "RandomMask":
        from maskaug.augment.random_mask import RandomMask  # noqa: PLC0415  PyTorch takes seconds, and may be absent

        return RandomMask
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
