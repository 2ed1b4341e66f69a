"""Masked-face data you can trust: overlays, data sets, review and training in one distribution.

The names below are imported when they are first asked for: importing maskaug itself takes no time and needs no extra.
What they take as options stands beside them: ``GenerateOptions`` and ``CurateOptions`` in ``maskaug.augment``,
``TrainOptions`` and ``EvaluateOptions`` in ``maskaug.train``.
"""

import importlib
from typing import TYPE_CHECKING, Any

from maskaug.core.version import __version__

if TYPE_CHECKING:
    from maskaug.augment import curate, generate
    from maskaug.masktheface_wrapper import MaskEngine
    from maskaug.train import Predictor, evaluate, train

__all__ = ["MaskEngine", "Predictor", "__version__", "curate", "evaluate", "generate", "train"]

# `train` is not among them: it is the folder of that name, which can be called as the function is; see there.
_MODULES = {
    "MaskEngine": "masktheface_wrapper",
    "Predictor": "train",
    "curate": "augment",
    "evaluate": "train",
    "generate": "augment",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
