"""What `import maskaug` gives."""

import importlib
import subprocess
import sys

import numpy as np
import pytest
from classifiers import write_network

import maskaug
from maskaug import Predictor
from maskaug.core.pictures import PictureError, encode_picture
from maskaug.train import PredictOptions, predict
from maskaug.train.predict.results import PredictedPicture


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_network(tmp_path_factory.mktemp("network") / "run")


def test_importing_it_loads_nothing():
    told = (
        "import sys, maskaug; print(sorted({name.split('.')[0] for name in sys.modules} & {'numpy', 'cv2', 'torch'}))"
    )
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_name_is_there():
    assert set(dir(maskaug)) == {"MaskEngine", "Predictor", "__version__", "curate", "evaluate", "generate", "train"}
    assert all(callable(getattr(maskaug, name)) for name in ("MaskEngine", "Predictor", "curate", "generate", "train"))
    with pytest.raises(AttributeError, match="no attribute 'predictor'"):
        _ = maskaug.predictor


@pytest.mark.slow
def test_names_stay_functions_when_their_folders_are_loaded():
    names = "train, evaluate, curate, generate"
    told = (
        f"import maskaug.train.evaluate.evaluate, maskaug.augment.curate.curate, maskaug.augment.generate.generate\n"
        f"from maskaug import {names}; print(all(map(callable, [{names}])))"
    )
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "True\n"


def test_train_is_the_function_and_the_folder(tmp_path):
    package = importlib.import_module("maskaug.train")
    with pytest.raises(package.TrainError, match="does not exist"):
        maskaug.train(package.TrainOptions(data=tmp_path / "gone", out=tmp_path / "run"))


def test_a_predictor_says_what_the_command_says(run, photo, tmp_path):
    path = tmp_path / "face.png"
    path.write_bytes(encode_picture(photo, "png"))
    predictor = Predictor(run, device="cpu")
    found, same = predictor(path), predictor(photo)
    (expected,) = predict(PredictOptions(run=run, paths=[path], device="cpu"))
    assert found.as_json() == expected.as_json()
    assert PredictedPicture.model_validate(found.as_json()) == found.picture
    assert same.faces == found.faces
    (face,) = found.faces
    assert face.masked == (face.class_name == "wearing_mask")
    assert (face.box.left, face.box.top) == found.boxes[0][:2]
    assert face.box.left + face.box.width == found.boxes[0][2]
    drawn = found.plot()
    assert drawn.shape == photo.shape
    assert drawn.dtype == np.uint8
    changed = (drawn != photo).any(axis=2)
    assert changed[face.box.top, face.box.left + face.box.width // 2]
    assert not changed[face.box.top + face.box.height // 2, face.box.left + face.box.width // 2]


def test_a_predictors_threshold_decides(run, photo):
    (face,) = Predictor(run, device="cpu")(photo).faces
    (low,), (high,) = (
        Predictor(run, device="cpu", threshold=face.probability + step)(photo).faces for step in (-1e-4, 1e-4)
    )
    assert (low.masked, high.masked) == (True, False)


def test_what_cannot_be_used_is_said(run, tmp_path):
    with pytest.raises(ValueError, match="is no training run"):
        Predictor(tmp_path)
    predictor = Predictor(run, device="cpu")
    with pytest.raises(PictureError, match="does not exist"):
        predictor(tmp_path / "gone.jpg")
    with pytest.raises((TypeError, ValueError), match="uint8"):
        predictor(np.zeros((50, 50, 3)))  # type: ignore[arg-type]
