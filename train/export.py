"""`export`: a run's network as one file that other programs run, checked against the network itself."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maskaug.train.checkpoint import load_model
from maskaug.train.errors import TrainError
from maskaug.train.model import Classifier, asked
from maskaug.train.options import ExportOptions
from maskaug.train.predictions import CLASSES

INPUT, OUTPUT = "images", "probability"
TOLERANCE = 1e-4  # between probabilities of the network and of the file
_CHECKED = 100  # pictures
_SUFFIXES = {"onnx": ".onnx", "torchscript": ".torchscript.pt"}


class ExportError(TrainError):
    """The network cannot be exported; the message says why."""


@dataclass(frozen=True)
class Exported:
    """The file, and the largest difference of a probability from the network's on 100 pictures."""

    path: Path
    difference: float


class WholeClassifier(nn.Module):
    """From pixels to the calibrated probability of a mask: ``(N, 3, S, S) uint8`` RGB in, ``(N,) float32`` out."""

    mean: Tensor
    std: Tensor

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.network = classifier.network.requires_grad_(False)
        self.flips = classifier.flips
        self.temperature = classifier.calibration.temperature
        self.register_buffer("mean", 255 * torch.tensor(classifier.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(classifier.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities of a mask."""
        normalised = (images.float() - self.mean) / self.std
        return torch.sigmoid(asked(self.network, normalised, flips=self.flips) / self.temperature)


def export(options: ExportOptions) -> Exported:
    """Write the network with its normalisation, temperature and sigmoid; the threshold goes into the metadata.

    Raises:
        CheckpointError, CalibrationError: the run cannot be used.
        ExportError: the network has no such form, or the file does not say what the network says.
        OSError: it cannot be written.
    """
    classifier = load_model(options.run, torch.device("cpu"))
    path = options.output or options.run / f"model{_SUFFIXES[options.to]}"
    whole = WholeClassifier(classifier).eval()
    pictures = _pictures(classifier.size)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        if options.to == "onnx":
            said = _to_onnx(whole, classifier, pictures, unfinished)
        else:
            said = _to_torchscript(whole, classifier, pictures, unfinished)
        with torch.inference_mode():
            difference = float(np.abs(said - whole(torch.from_numpy(pictures)).numpy()).max())
        if not difference <= TOLERANCE:
            raise ExportError(
                f"the {options.to} file differs by {difference:.2g} from the network; nothing was written"
            )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return Exported(path, difference)


def metadata(classifier: Classifier) -> dict[str, str]:
    """What a program must know to use the file."""
    return {
        "classes": ",".join(CLASSES),
        "input": f"{INPUT}: N x 3 x {classifier.size} x {classifier.size} uint8, RGB",
        "output": f"{OUTPUT}: N float32, of {CLASSES[1]}",
        "size": str(classifier.size),
        "framing": classifier.preparation.framing,
        "threshold": str(classifier.calibration.threshold),
        "temperature": str(classifier.calibration.temperature),
    }


def _to_onnx(
    whole: WholeClassifier, classifier: Classifier, pictures: NDArray[np.uint8], path: Path
) -> NDArray[np.float32]:
    import onnx  # noqa: PLC0415  takes seconds
    import onnxruntime  # noqa: PLC0415

    example = torch.from_numpy(pictures[:2])
    shapes = {INPUT: {0: torch.export.Dim("batch")}}
    try:
        program = torch.onnx.export(
            whole,
            (example,),
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        raise ExportError(f"this network has no ONNX form: {str(error).splitlines()[0]}") from error
    if program is None:
        raise ExportError("this network has no ONNX form")
    model = program.model_proto
    for key, value in metadata(classifier).items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, str(path))
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), quiet, providers=["CPUExecutionProvider"])
    return np.asarray(session.run([OUTPUT], {INPUT: pictures})[0])


def _to_torchscript(
    whole: WholeClassifier, classifier: Classifier, pictures: NDArray[np.uint8], path: Path
) -> NDArray[np.float32]:
    with warnings.catch_warnings(), torch.inference_mode():
        # PyTorch deprecates the form; programs that load it are why one asks for it.
        warnings.filterwarnings("ignore", message=".*deprecated.*")
        traced = torch.jit.trace(whole, torch.from_numpy(pictures[:2]))  # type: ignore[no-untyped-call]
        torch.jit.save(traced, str(path), _extra_files=metadata(classifier))
        loaded = torch.jit.load(str(path))  # type: ignore[no-untyped-call]
        return np.asarray(loaded(torch.from_numpy(pictures)).numpy())


def _pictures(size: int) -> NDArray[np.uint8]:
    """Smooth pictures of all brightnesses and colours, and noise: ``(100, 3, S, S) uint8``."""
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.uniform(-64, 320, (_CHECKED, 3, 5, 5)).astype(np.float32))
    smooth = nn.functional.interpolate(coarse, (size, size), mode="bilinear").numpy()
    noise = rng.normal(0, rng.uniform(0, 40, (_CHECKED, 1, 1, 1)), smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)
