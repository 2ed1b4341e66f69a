"""`Predictor`: the same as `maskaug predict`, in Python."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import check_image
from maskaug.core.pictures import read_picture
from maskaug.train.predict.frames import InputFrame
from maskaug.train.predict.options import PredictOptions
from maskaug.train.predict.predict import load_judge
from maskaug.train.predict.results import Predicted
from maskaug.train.predict.streams import is_web_address, read_address


class Predictor:
    """Finds the faces of a picture and says of each whether it wears a mask.

    ``Predictor()("photo.jpg").faces`` are the faces, largest first, each with ``box``, ``class_name``, ``probability``
    and ``masked``; ``.plot()`` draws them, ``.as_json()`` is what ``maskaug predict --json`` prints.
    Models are loaded once, when it is made.
    """

    def __init__(
        self,
        run_or_onnx: str | Path | None = None,
        *,
        three_classes: bool = False,
        threshold: float | None = None,
        device: str = "auto",
    ) -> None:
        """Load what judges.

        Args:
            run_or_onnx: Folder of a training run, or a ``.onnx`` file of `maskaug export`; None: the bundled
                classifier.
            three_classes: Whether the bundled classifier of three classes judges.
            threshold: The probability from which on a face is called masked; None: the classifier's own.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1`` ... for a run; files use the CPU.

        Raises:
            ValueError: run_or_onnx is neither, or an option is out of its range.
            CheckpointError, CalibrationError, OnnxError: the run or the file cannot be used.
            PredictError, TrainOptionError: there is no such classifier, or it cannot do what is asked.
            ModelError: a model of the face finder cannot be used.
            ModuleNotFoundError: PyTorch, for a run, or onnxruntime is not installed.
        """
        named = None if run_or_onnx is None else os.fspath(run_or_onnx)
        # What is looked at comes later; the options want a name.
        options = PredictOptions(
            run=named, paths=["-"], three_classes=three_classes, threshold=threshold, device=device
        )
        if named is not None and not (options.trained or options.file):
            raise ValueError(f"{named} is no training run and no .onnx file; leave it out for the bundled classifier")
        self._judge = load_judge(options)

    def __call__(self, picture: str | Path | NDArray[np.uint8]) -> Predicted:
        """What is said of a picture.

        Args:
            picture: A file, an http address, or ``(H, W, 3) uint8`` RGB.

        Raises:
            PictureError: it cannot be read.
            TypeError, ValueError: the array is no such picture.
        """
        if isinstance(picture, np.ndarray):
            check_image(picture)
            frame = InputFrame("", Path("picture.png"), picture)
        elif is_web_address(picture):
            read = read_address(str(picture))
            frame = InputFrame(str(picture), Path("picture.png"), read.pixels, warnings=read.warnings)
        else:
            read = read_picture(Path(picture))
            frame = InputFrame(str(picture), Path(Path(picture).name), read.pixels, warnings=read.warnings)
        return next(self._judge([frame]))
