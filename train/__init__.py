"""Classifiers: trained on the data sets that `maskaug.augment` makes, evaluated, used and exported.

Names that need PyTorch or the face finder are imported when they are first asked for: PyTorch takes seconds to load,
and may be absent.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from maskaug.train.ablate.options import AblateOptions
from maskaug.train.corruptions import Corruption
from maskaug.train.distill.options import DistillOptions
from maskaug.train.errors import TrainError
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.export.formats import ExportFormat
from maskaug.train.export.options import ExportOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.model.recipes import RECIPES, Recipe, override
from maskaug.train.predict.options import PredictOptions
from maskaug.train.run_dir import RunDir

if TYPE_CHECKING:
    from maskaug.train.ablate.ablate import ablate
    from maskaug.train.ablate.comparison import Ablation
    from maskaug.train.distill.distill import Distilled, distill
    from maskaug.train.evaluate.evaluate import Evaluation, evaluate
    from maskaug.train.export.export import Exported, export
    from maskaug.train.fit.forecast import RunForecast, forecast_run
    from maskaug.train.fit.train import TrainCallbacks, Trained, train
    from maskaug.train.model.base_classifier import BaseClassifier
    from maskaug.train.model.checkpoint import load_model
    from maskaug.train.model.network import Classifier
    from maskaug.train.model.onnx_classifier import OnnxClassifier, load_onnx
    from maskaug.train.predict.predict import predict
    from maskaug.train.predict.predictor import Predictor
    from maskaug.train.predict.results import Predicted, PredictedPicture

__all__ = [
    "RECIPES",
    "AblateOptions",
    "Ablation",
    "BaseClassifier",
    "Classifier",
    "Corruption",
    "DistillOptions",
    "Distilled",
    "EvaluateOptions",
    "Evaluation",
    "ExportFormat",
    "ExportOptions",
    "Exported",
    "OnnxClassifier",
    "PredictOptions",
    "Predicted",
    "PredictedPicture",
    "Predictor",
    "Recipe",
    "RunDir",
    "RunForecast",
    "TrainCallbacks",
    "TrainError",
    "TrainOptions",
    "Trained",
    "ablate",
    "distill",
    "evaluate",
    "export",
    "forecast_run",
    "load_model",
    "load_onnx",
    "override",
    "predict",
    "train",
]

_MODULES = {
    "Ablation": "ablate.comparison",
    "BaseClassifier": "model.base_classifier",
    "Classifier": "model.network",
    "Distilled": "distill.distill",
    "Evaluation": "evaluate.evaluate",
    "Exported": "export.export",
    "OnnxClassifier": "model.onnx_classifier",
    "Predicted": "predict.results",
    "PredictedPicture": "predict.results",
    "Predictor": "predict.predictor",
    "RunForecast": "fit.forecast",
    "TrainCallbacks": "fit.train",
    "Trained": "fit.train",
    "ablate": "ablate.ablate",
    "distill": "distill.distill",
    "evaluate": "evaluate.evaluate",
    "export": "export.export",
    "forecast_run": "fit.forecast",
    "load_model": "model.checkpoint",
    "load_onnx": "model.onnx_classifier",
    "predict": "predict.predict",
    "train": "fit.train",
}

# Here these are the functions, as in `from maskaug.train import evaluate`; the folders of the same names are found by
# their whole names, as in `from maskaug.train.evaluate.report import write_report`.
del ablate, distill, evaluate, export, predict


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _CallableModule(ModuleType):
    """`maskaug.train`, which is both this folder and, as `from maskaug import train` has it, the function."""

    def __call__(self, options: TrainOptions, callbacks: "TrainCallbacks | None" = None) -> "Trained":
        """See :func:`maskaug.train.train`."""
        from maskaug.train.fit.train import train as function  # noqa: PLC0415  PyTorch takes seconds

        return function(options, callbacks)


sys.modules[__name__].__class__ = _CallableModule
