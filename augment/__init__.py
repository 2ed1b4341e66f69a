"""Data sets: a folder of unmasked faces in, a balanced, traceable, reproducible data set out.

`RandomMask` does the same inside a training loop. Names that need an extra, such as PyTorch, are imported when they are
first asked for, because it may be absent.
"""

import importlib
from typing import TYPE_CHECKING, Any

from maskaug.augment.curate.exports import ExportFormat
from maskaug.augment.curate.options import CurateOptions
from maskaug.augment.curate.selection import CurateError
from maskaug.augment.generate.annotations import AnnotationError
from maskaug.augment.generate.forecast import Forecast, forecast
from maskaug.augment.generate.generate import generate
from maskaug.augment.generate.generated_set import GeneratedSet, GeneratedSetError, open_generated
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.resume import GenerateError
from maskaug.augment.generate.scan import ScanError
from maskaug.augment.generate.summary import Summary
from maskaug.augment.masking.apply import Applied, ApplyError, apply
from maskaug.augment.masking.options import ApplyOptions
from maskaug.augment.online.landmark_cache import cache_landmarks, load_landmarks, pixels_key, save_landmarks
from maskaug.augment.reviews.log import ReviewError
from maskaug.augment.reviews.options import AgreementOptions
from maskaug.augment.verify.options import VerifyOptions
from maskaug.augment.verify.verify import Verified, VerifyError, verify
from maskaug.core.errors import MaskaugError
from maskaug.core.files import LockedError
from maskaug.core.manifest import SCHEMA, ManifestError, read_manifest
from maskaug.core.pictures import PictureError

if TYPE_CHECKING:
    from maskaug.augment.curate.curate import Curated, curate
    from maskaug.augment.online.random_mask import RandomMask
    from maskaug.augment.reviews.agreement import Agreement, agreement

__all__ = [
    "SCHEMA",
    "Agreement",
    "AgreementOptions",
    "AnnotationError",
    "Applied",
    "ApplyError",
    "ApplyOptions",
    "CurateError",
    "CurateOptions",
    "Curated",
    "ExportFormat",
    "Forecast",
    "GenerateError",
    "GenerateOptions",
    "GeneratedSet",
    "GeneratedSetError",
    "LockedError",
    "ManifestError",
    "MaskaugError",
    "PictureError",
    "RandomMask",
    "ReviewError",
    "ScanError",
    "Summary",
    "Verified",
    "VerifyError",
    "VerifyOptions",
    "agreement",
    "apply",
    "cache_landmarks",
    "curate",
    "forecast",
    "generate",
    "load_landmarks",
    "open_generated",
    "pixels_key",
    "read_manifest",
    "save_landmarks",
    "verify",
]

_MODULES = {
    "Agreement": "reviews.agreement",
    "Curated": "curate.curate",
    "RandomMask": "online.random_mask",
    "agreement": "reviews.agreement",
    "curate": "curate.curate",
}

# Here this is the function, as in `from maskaug.augment import curate`; the folder of that name is found by whole
# names, as in `from maskaug.augment.curate.exports import register`.
del curate


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
