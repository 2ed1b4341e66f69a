"""`export`: a run's network as one file that other programs run, checked against the network itself."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maskaug.core.classes import CLASSES
from maskaug.train.data.margins import Margins, load_margins
from maskaug.train.errors import TrainError
from maskaug.train.export.options import ExportOptions
from maskaug.train.model.checkpoint import load_model
from maskaug.train.model.network import Classifier, forward_logits
from maskaug.train.model.onnx_classifier import INPUT, OUTPUT, OnnxMetadata

if TYPE_CHECKING:
    from onnx import GraphProto

TOLERANCE = 1e-4  # between probabilities of the network and of the file
# With weights of 11 significant bits, each off by up to 1/4096 of itself: errors of single weights nearly cancel.
HALF_TOLERANCE = 0.01
_CHECKED = 100  # pictures
_SUFFIXES = {"onnx": ".onnx", "torchscript": ".torchscript.pt"}


class ExportError(TrainError):
    """The network cannot be exported; the message says why."""


@dataclass(frozen=True)
class Exported:
    """The file, and the largest difference of a probability from the network's on 100 pictures."""

    path: Path
    difference: float


class ExportableClassifier(nn.Module):
    """From pixels to the calibrated probability of a mask: ``(N, 3, S, S) uint8`` RGB in, ``(N,) float32`` out."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.network = classifier.network.requires_grad_(False)
        self.flips = classifier.flips
        self.temperature, self.bias = classifier.calibration.temperature, classifier.calibration.bias
        self.normalisation = classifier.normalisation

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities of a mask."""
        normalised = self.normalisation(images.float() / 255)
        return torch.sigmoid(forward_logits(self.network, normalised, flips=self.flips) / self.temperature + self.bias)


def export(options: ExportOptions) -> Exported:
    """Write the network with its normalisation, temperature and sigmoid; the threshold goes into the metadata.

    Raises:
        CheckpointError, CalibrationError, MarginsError: the run cannot be used.
        ExportError: the network has no such form, or the file does not say what the network says.
        OSError: it cannot be written.
    """
    classifier = load_model(options.run, torch.device("cpu"))
    path = options.output or options.run / f"model{_SUFFIXES[options.to]}"
    whole = ExportableClassifier(classifier).eval()
    pictures = _pictures(classifier.size)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{os.getpid()}-{path.name}")
    about = _about(classifier, Margins() if classifier.frames_faces else load_margins(options.run))
    try:
        if options.to == "onnx":
            said = _to_onnx(whole, about, pictures, unfinished, half=options.half)
        else:
            said = _to_torchscript(whole, about, pictures, unfinished)
        with torch.inference_mode():
            difference = float(np.abs(said - whole(torch.from_numpy(pictures)).numpy()).max())
        if not difference <= (HALF_TOLERANCE if options.half else TOLERANCE):
            raise ExportError(
                f"the {options.to} file differs by {difference:.2g} from the network; nothing was written"
            )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return Exported(path, difference)


def _about(classifier: Classifier, margins: Margins) -> dict[str, str]:
    return OnnxMetadata(
        classes=",".join(CLASSES),
        input=f"{INPUT}: N x 3 x {classifier.size} x {classifier.size} uint8, RGB",
        output=f"{OUTPUT}: N float32, of {CLASSES[1]}",
        size=classifier.size,
        framing=classifier.preparation.framing,
        margins=margins,
        threshold=classifier.calibration.threshold,
        temperature=classifier.calibration.temperature,
        bias=classifier.calibration.bias,
    ).as_text()


def _to_onnx(
    whole: ExportableClassifier, about: dict[str, str], pictures: NDArray[np.uint8], path: Path, *, half: bool
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
    for node in model.graph.node:  # the exporter's traces: half a megabyte of this machine's paths
        del node.metadata_props[:]
        node.doc_string = ""
    if half:
        _halve(model.graph)
    for key, value in about.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, str(path))
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), quiet, providers=["CPUExecutionProvider"])
    return np.asarray(session.run([OUTPUT], {INPUT: pictures})[0])


def _halve(graph: "GraphProto") -> None:
    """Store matrices and kernels as float16, each cast to float32 when the file is loaded.

    Vectors stay as they are: biases and variances are few, and small differences of them move whole maps.
    """
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415  takes seconds

    casts = []
    for stored in graph.initializer:
        if stored.data_type != TensorProto.FLOAT or len(stored.dims) < 2:
            continue
        name = stored.name
        # A weight beyond 65504 becomes infinite, and the check of the file finds it.
        with np.errstate(over="ignore"):
            weights = numpy_helper.to_array(stored).astype(np.float16)
        stored.CopyFrom(numpy_helper.from_array(weights, f"{name}.half"))
        casts.append(helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]  # what is made must stand before what takes it
    del graph.node[:]
    graph.node.extend(nodes)


def _to_torchscript(
    whole: ExportableClassifier, about: dict[str, str], pictures: NDArray[np.uint8], path: Path
) -> NDArray[np.float32]:
    with warnings.catch_warnings(), torch.inference_mode():
        # PyTorch deprecates the form; programs that load it are why one asks for it.
        warnings.filterwarnings("ignore", message=".*deprecated.*")
        traced = torch.jit.trace(whole, torch.from_numpy(pictures[:2]))
        torch.jit.save(traced, str(path), _extra_files=about)
        loaded = torch.jit.load(str(path))
        return np.asarray(loaded(torch.from_numpy(pictures)).numpy())


def _pictures(size: int) -> NDArray[np.uint8]:
    """Smooth pictures of all brightnesses, colours and contrasts, and noise: ``(100, 3, S, S) uint8``.

    At full contrast a network may be sure of all of them, and probabilities of 1 hide any difference.
    """
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.uniform(-64, 320, (_CHECKED, 3, 5, 5)).astype(np.float32))
    smooth = nn.functional.interpolate(coarse, (size, size), mode="bilinear").numpy()
    noise = rng.normal(0, rng.uniform(0, 40, (_CHECKED, 1, 1, 1)), smooth.shape)
    contrast = np.linspace(0, 1, _CHECKED).reshape(-1, 1, 1, 1)
    return np.clip(127.5 + contrast * (smooth + noise - 127.5), 0, 255).astype(np.uint8)
