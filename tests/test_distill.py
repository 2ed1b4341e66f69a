import json

import numpy as np
import onnxruntime
import pytest
import torch
from training import CLASSES, balanced

from maskaug.train.data.dataset import load_training_data
from maskaug.train.data.preprocess import Preparation
from maskaug.train.distill.distill import distill, train_options
from maskaug.train.distill.options import DistillOptions
from maskaug.train.evaluate.evaluate import evaluate
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.evaluate.predictions import read_predictions
from maskaug.train.fit.compute import ComputeConfig
from maskaug.train.fit.distributed import DistributedContext
from maskaug.train.fit.loop import train_epoch
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.teacher import TeacherError, load_teacher
from maskaug.train.fit.train import train
from maskaug.train.model.checkpoint import CheckpointError, load_model
from maskaug.train.model.network import build_network
from maskaug.train.model.recipes import RECIPES, REPORT, ROBUST, override, overrides_between
from maskaug.train.model.weights import initial_network
from maskaug.train.predict.options import PredictOptions
from maskaug.train.predict.predict import predict

CPU = ComputeConfig(DistributedContext(0, 1, torch.device("cpu")), bf16=False, channels_last=True)
TINY = override(REPORT, ["arch=tiny", "size=32", "batch_size=8", "lr=0.01", "epochs=1", "rotation=0"])


pytestmark = pytest.mark.usefixtures("quick_reports")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return balanced(tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def teacher(faces, cache, tmp_path_factory):
    """A finished run that sees pictures of its own kind: another mean, both mirror images."""
    run = tmp_path_factory.mktemp("teacher") / "run"
    fields = ["size=32", "batch_size=8", "lr=0.01", "epochs=2", "mean=0.4,0.5,0.6", "flips=true"]
    options = TrainOptions(data=faces, out=run, arch="tiny", set_=fields, wandb="disabled", cache=cache)
    return train(options).run


def options(run, cache, *fields, **given):
    fields = ("size=32", *fields)
    return DistillOptions(run=run, cache=cache, wandb="disabled", **{"arch": "tiny", **given}, set_=fields)


def test_targets_are_the_calibrated_probabilities_of_the_very_inputs(teacher, faces, cache):
    recipe = train_options(options(teacher, cache)).resolved_recipe
    says = load_teacher(teacher, recipe, CLASSES, CPU.distributed.device, lambda network: CPU)
    classifier = load_model(teacher, torch.device("cpu"))
    pictures = np.array(load_training_data(faces, Preparation("picture", 32), cache).val.pixels)
    said = says(classifier.batch(pictures))
    assert not said.requires_grad
    np.testing.assert_allclose(said.numpy(), classifier.probabilities(pictures), atol=1e-6)
    enlarged = pictures.repeat(3, axis=1).repeat(3, axis=2)
    np.testing.assert_allclose(says(classifier.batch(enlarged)).numpy(), said.numpy(), atol=1e-5)


def test_the_teacher_is_asked_of_what_the_student_sees_and_labels_do_not_matter(faces, cache):
    recipe = TINY.model_copy(update={"rotation": 30.0, "label_smoothing": 0.1})
    part = load_training_data(faces, Preparation("picture", 32), cache).train
    torch.manual_seed(0)
    network, _ = initial_network("tiny", "none")
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.lr)
    seen, asked = [], []
    network.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].clone()))

    def always(inputs):
        asked.append(inputs.clone())
        return torch.ones(len(inputs))

    for epoch in range(12):
        learnt = train_epoch(CPU.place(network), optimizer, part, recipe, CPU, seed=0, epoch=epoch, teacher=always)
    assert all(torch.equal(first, second) for first, second in zip(seen, asked, strict=True))
    assert learnt.loss < 0.1, "every picture is said to be masked"
    assert learnt.accuracy == pytest.approx(0.5, abs=0.1), "half of them are"


@pytest.mark.slow
def test_a_student_learns_to_agree(teacher, faces, cache, tmp_path):
    found = distill(options(teacher, cache, "epochs=6", out=tmp_path / "student"))
    run = found.trained.run
    config = json.loads((run / "config.json").read_text())
    assert config["options"]["teacher"] == str(teacher.resolve())
    assert (config["recipe"]["label_smoothing"], config["recipe"]["mean"]) == (0, [0.4, 0.5, 0.6])
    pictures = np.array(load_training_data(faces, Preparation("picture", 32), cache).train.pixels)
    first, second = (load_model(one, torch.device("cpu")).logits(pictures) for one in (teacher, run))
    assert np.corrcoef(first, second)[0, 1] > 0.8
    assert found.exported.path == run / "model.onnx"
    session = onnxruntime.InferenceSession(str(found.exported.path), providers=["CPUExecutionProvider"])
    (said,) = session.run(None, {"images": pictures.transpose(0, 3, 1, 2).copy()})
    np.testing.assert_allclose(said, load_model(run, torch.device("cpu")).probabilities(pictures), atol=0.01)
    # An ordinary run.
    photo = next(faces.rglob("*.png"))
    assert len(list(predict(PredictOptions(run=run, paths=[photo], whole=True)))) == 1
    assert evaluate(EvaluateOptions(run=run, data=faces, split="val", resamples=0)).masked == 6
    assert len(read_predictions(run)) == 12


def test_the_recipe_is_the_teachers_as_it_was(teacher, cache):
    composed = train_options(DistillOptions(run=teacher, cache=cache, set_=["lr=0.002"]))
    taught, student = (RECIPES[composed.recipe], composed.resolved_recipe)
    assert student == override(
        taught,
        [
            *("arch=mobilenet_v3_small", "size=96", "batch_size=8", "lr=0.002", "epochs=2", "mean=0.4,0.5,0.6"),
            "flips=true",
        ],
    )
    assert composed.out == teacher / "distilled"
    assert override(REPORT, overrides_between(REPORT, ROBUST)) == ROBUST
    assert overrides_between(ROBUST, ROBUST) == []


def test_resumed_it_ends_as_one_that_was_not_stopped(teacher, cache, tmp_path, monkeypatch):
    whole = train(train_options(options(teacher, cache, "epochs=3", out=tmp_path / "whole", precision="fp32"))).run
    composed = train_options(options(teacher, cache, "epochs=3", out=tmp_path / "cut", precision="fp32"))
    calls = []

    def stop(*arguments, **named):
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        return train_epoch(*arguments, **named)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("maskaug.train.fit.train.train_epoch", stop)
        train(composed)
    cut = tmp_path / "cut"
    assert not (cut / "report.html").exists()
    train(TrainOptions(resume=cut))
    first, second = (torch.load(run / "last.pt", weights_only=True) for run in (whole, cut))
    assert first["teacher"] == second["teacher"] != ""
    for name, value in first["network"].items():
        torch.testing.assert_close(second["network"][name], value, rtol=1e-4, atol=1e-5)


def test_another_teacher_than_before_is_refused(teacher, cache, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("best.pt", "calibration.json", "config.json"):
        (mine / name).write_bytes((teacher / name).read_bytes())
    run = train(train_options(options(mine, cache, "epochs=1", out=tmp_path / "student"))).run
    calibration = json.loads((mine / "calibration.json").read_text())
    (mine / "calibration.json").write_text(json.dumps({**calibration, "temperature": 3.0}))
    with pytest.raises(CheckpointError, match="has learnt from another teacher"):
        train(TrainOptions(resume=run))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("framing=face", "have framing picture, the student's face, .* --set framing=picture"),
        ("mean=0.5,0.5,0.5", r"have mean 0\.4,0\.5,0\.6, the student's 0\.5,0\.5,0\.5"),
        ("std=0.5,0.5,0.5", r"have std 1\.0,1\.0,1\.0"),
    ],
)
def test_a_teacher_of_other_pictures_is_refused_before_there_is_a_folder(teacher, cache, tmp_path, change, said):
    with pytest.raises(TeacherError, match=said):
        distill(options(teacher, cache, change, out=tmp_path / "student"))
    assert not (tmp_path / "student").exists()


@pytest.mark.slow
def test_the_default_student_answers_as_it_learns_after_few_steps():
    """Its running averages must follow: by torchvision's it answers all pictures alike for hundreds of steps."""
    torch.manual_seed(0)
    network = build_network(DistillOptions.model_fields["arch"].default)
    pictures = torch.randn(64, 3, 8, 8).repeat_interleave(4, 2).repeat_interleave(4, 3)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    with torch.no_grad():
        for _ in range(150):
            learning = network.train()(pictures)[:, 0]
        answers = network.eval()(pictures)[:, 0]
    assert torch.corrcoef(torch.stack([learning, answers]))[0, 1] > 0.95
    assert 0.8 < answers.std() / learning.std() < 1.25


def test_a_run_that_has_not_ended_cannot_teach(teacher, cache, tmp_path):
    with pytest.raises(TeacherError, match="is no training run that can teach"):
        distill(options(tmp_path, cache))
    (tmp_path / "config.json").write_bytes((teacher / "config.json").read_bytes())
    with pytest.raises(CheckpointError, match=r"holds no best\.pt"):
        distill(options(tmp_path, cache, out=tmp_path / "student"))
    (tmp_path / "best.pt").write_bytes((teacher / "best.pt").read_bytes())
    with pytest.raises(
        TeacherError, match="is not calibrated and cannot teach; finish it with: maskaug train --resume"
    ):
        distill(options(tmp_path, cache, out=tmp_path / "student"))


@pytest.mark.parametrize("recipe", RECIPES.values())
def test_every_recipe_can_be_told_in_changes(recipe):
    assert override(ROBUST, overrides_between(ROBUST, recipe)) == recipe
