"""Data sets: a folder of unmasked faces in, a balanced, traceable, reproducible data set out.

`RandomMask` does the same inside a training loop; it is imported when first asked for, for it needs PyTorch.
"""

from typing import TYPE_CHECKING, Any

from maskaug.augment.curate.options import CurateOptions
from maskaug.augment.curate.selection import CurateError
from maskaug.augment.generate.annotations import AnnotationError
from maskaug.augment.generate.generate import GenerateError, Summary, generate
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.scan import ScanError
from maskaug.augment.masking.apply import ApplyError, apply
from maskaug.augment.masking.options import ApplyOptions
from maskaug.augment.online.landmark_cache import cache_landmarks, load_landmarks, pixels_key, save_landmarks
from maskaug.augment.reviews.log import ReviewError
from maskaug.augment.reviews.options import AgreementOptions
from maskaug.core.manifest import SCHEMA, read_manifest
from maskaug.core.pictures import PictureError

if TYPE_CHECKING:
    from maskaug.augment.online.random_mask import RandomMask

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
        from maskaug.augment.online.random_mask import RandomMask  # noqa: PLC0415  PyTorch takes seconds, and may be absent

        return RandomMask
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
