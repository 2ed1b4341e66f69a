"""`export`: a run's network as one file that other programs run, checked against the network itself."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maskaug.core.classes import MASKED
from maskaug.core.files import new_folder
from maskaug.train.data.classes import Classes
from maskaug.train.data.margins import Margins, load_margins
from maskaug.train.errors import TrainOptionError
from maskaug.train.export.formats import FORMATS, ExportError
from maskaug.train.export.options import ExportOptions
from maskaug.train.model.checkpoint import load_model
from maskaug.train.model.network import Classifier, forward_logits
from maskaug.train.model.onnx_classifier import INPUT, OUTPUT, OnnxMetadata
from maskaug.train.run_dir import RunDir

TOLERANCE = 1e-4  # between probabilities of the network and of the file
# With weights of 11 significant bits, each off by up to 1/4096 of itself: errors of single weights nearly cancel.
HALF_TOLERANCE = 0.01
_CHECKED = 100  # pictures


@dataclass(frozen=True)
class Exported:
    """The file, and the largest difference of a probability from the network's on 100 pictures."""

    path: Path
    difference: float


class ExportableClassifier(nn.Module):
    """From pixels to calibrated probabilities: ``(N, 3, S, S) uint8`` RGB in; ``float32`` out, ``(N,)`` of the masked
    class of two, ``(N, K)`` of all of K.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.network = classifier.network.requires_grad_(False)
        self.flips = classifier.flips
        self.head = classifier.head
        self.temperature, bias = classifier.calibration.temperature, classifier.calibration.bias
        self.bias = torch.tensor(bias) if isinstance(bias, tuple) else bias
        self.normalisation = classifier.normalisation

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities."""
        normalised = self.normalisation(images.float() / 255)
        logits = forward_logits(self.network, normalised, self.head, flips=self.flips)
        return self.head.probabilities(logits / self.temperature + self.bias)


def export(options: ExportOptions) -> Exported:
    """Write the network with its normalisation and calibration; the threshold goes into the metadata.

    Raises:
        CheckpointError, CalibrationError, MarginsError: the run cannot be used.
        ExportError: the network has no such form, or the file does not say what the network says.
        TrainOptionError: the output's name is that of another kind of file.
        OSError: it cannot be written.
    """
    export_format = FORMATS[options.to]
    path = options.output or RunDir(options.run).exported(export_format.suffix)
    suffix = f".{export_format.suffix.rpartition('.')[2]}"
    if path.suffix.lower() != suffix:  # or a file of another kind might be replaced
        raise TrainOptionError(f"--output {path} must end in {suffix}, as files of --to {options.to} do")
    classifier = load_model(options.run, torch.device("cpu"))
    whole = ExportableClassifier(classifier).eval()
    pictures = _pictures(classifier.size)
    unfinished = path.with_name(f".{os.getpid()}-{path.name}")
    about = _about(classifier, Margins() if classifier.frames_faces else load_margins(options.run))
    with new_folder(path.parent):
        try:
            said = export_format.write(whole, about, pictures, unfinished, half=options.half)
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
        classes=",".join(classifier.classes),
        input=f"{INPUT}: N x 3 x {classifier.size} x {classifier.size} uint8, RGB",
        output=f"{OUTPUT}: {_output(classifier.classes)}",
        size=classifier.size,
        framing=classifier.preparation.framing,
        margins=margins,
        threshold=classifier.calibration.threshold,
        temperature=classifier.calibration.temperature,
        bias=classifier.calibration.bias,
    ).as_text()


def _output(classes: Classes) -> str:
    if len(classes) == 2:
        return f"N float32, of {classes[MASKED]}"
    return f"N x {len(classes)} float32, of {', '.join(classes)}"


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
