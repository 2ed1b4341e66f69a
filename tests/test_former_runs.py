"""A run that version 0.1.0 has trained: later versions load it, judge by it, go on with it and learn from it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_network  # noqa: F401  registers the network `tiny`
import torch

from maskaug.core.classes import CLASSES
from maskaug.train.distill.distill import distill
from maskaug.train.distill.options import DistillOptions
from maskaug.train.evaluate.evaluate import evaluate
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.evaluate.predictions import read_predictions
from maskaug.train.export.export import export
from maskaug.train.export.options import ExportOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.run_config import read_config
from maskaug.train.fit.train import train
from maskaug.train.model.checkpoint import load_model
from maskaug.train.model.onnx_classifier import load_onnx
from maskaug.train.model.recipes import ROBUST
from maskaug.train.predict.options import PredictOptions
from maskaug.train.predict.predict import predict

FORMER = Path(__file__).resolve().parent / "data" / "v0.1.0"
DATA = FORMER / "generated"

pytestmark = pytest.mark.usefixtures("quick_reports")


@pytest.fixture(autouse=True)
def _small(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def run(tmp_path):
    """A copy, and its data where its configuration says."""
    run = Path(shutil.copytree(FORMER / "run", tmp_path / "run"))
    for path in run.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    config = json.loads((run / "config.json").read_text())
    config["options"].update(data=str(DATA), cache=str(tmp_path / "cache"))
    (run / "config.json").write_text(json.dumps(config))
    return run


def test_its_recipe_is_told_in_todays_words(run):
    config = read_config(run)
    assert (config.recipe.online_masks, config.recipe.occluder_share) == (True, 0.5)
    assert (config.recipe.corruptions, config.recipe.zero_init_residual) == (ROBUST.corruptions, True)
    # What the recipe did not have then, this run does not get.
    assert config.recipe == config.options.resolved_recipe.model_copy(update={"false_alarms": 0.0})
    assert config.classes == CLASSES


def test_it_is_loaded_and_judges_as_it_did(run):
    classifier, before = load_model(run, torch.device("cpu")), read_predictions(run)
    saved = json.loads((run / "calibration.json").read_text())
    assert (classifier.threshold, classifier.calibration.temperature) == (saved["threshold"], saved["temperature"])
    assert classifier.classes == before.classes == CLASSES
    found = evaluate(EvaluateOptions(run=run, data=DATA, split="val", name="again", resamples=50))
    assert (found.masked, found.unmasked) == (2, 2)
    np.testing.assert_allclose(np.sort(read_predictions(found.folder).logit), np.sort(before.logit), atol=1e-3)
    page = (run / "report.html").read_text()
    assert ">again<" in page
    assert ">val<" in page, "the evaluation of that version stands beside the new one"


@pytest.mark.slow
def test_it_predicts_and_is_exported(run):
    path = next((DATA / "val" / CLASSES[1]).glob("*.jpg"))
    exported = export(ExportOptions(run=run))
    one, other = (next(predict(PredictOptions(run=by, paths=[path], whole=True))) for by in (run, exported.path))
    assert other.probabilities == pytest.approx(one.probabilities, abs=1e-4)
    assert load_onnx(exported.path).classes == CLASSES


@pytest.mark.slow
def test_it_goes_on(run):
    """Its last epoch is done again, with today's random numbers for the corruptions."""
    last = torch.load(run / "last.pt", weights_only=True)
    whole = last["history"]
    torch.save({**last, "history": whole[:1]}, run / "last.pt")
    trained = train(TrainOptions(resume=run))
    again = torch.load(run / "last.pt", weights_only=True)["history"]
    assert [row["epoch"] for row in again] == [1, 2]
    assert again[0] == whole[0]
    assert trained.run == run
    assert (run / "report.html").exists()


@pytest.mark.slow
def test_it_teaches(run, tmp_path):
    options = DistillOptions(run=run, out=tmp_path / "student", arch="tiny", set_=["epochs=1"], wandb="disabled")
    found = distill(options)
    student = read_config(found.trained.run)
    assert student.recipe.corruptions == ROBUST.corruptions
    assert load_onnx(found.exported.path).classes == CLASSES
