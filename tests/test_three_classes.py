"""Three classes: faces without a mask, with one, and with one that is worn incorrectly; from training to ONNX."""

import json
from math import isnan

import astronaut
import numpy as np
import pytest
import torch
from classifiers import load, write_network
from runs import command
from scipy.special import log_softmax, softmax
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score
from training import THREE_CLASSES, TINY, balanced

from maskaug.augment.generate.generate import generate
from maskaug.augment.generate.options import GenerateOptions
from maskaug.core.classes import INCORRECT, MASKED, UNMASKED
from maskaug.masktheface_wrapper import MaskEngine
from maskaug.train.data.dataset import load_training_data
from maskaug.train.data.samples import wear_of
from maskaug.train.evaluate import report
from maskaug.train.evaluate.evaluate import evaluate
from maskaug.train.evaluate.metrics import compute_class_metrics, compute_metrics
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.evaluate.predictions import read_predictions
from maskaug.train.export.export import export
from maskaug.train.export.options import ExportOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.teacher import TeacherError
from maskaug.train.fit.train import train
from maskaug.train.model.calibration import Calibration, calibrate, load_calibration, save_calibration
from maskaug.train.model.decision import certainty, decide
from maskaug.train.model.head import head_for, head_of
from maskaug.train.model.onnx_classifier import OnnxMetadata, load_onnx
from maskaug.train.model.recipes import ROBUST, override
from maskaug.train.model.scores import Scores
from maskaug.train.predict import predict as predict_module
from maskaug.train.predict.options import PredictOptions
from maskaug.train.predict.predict import predict
from maskaug.train.synthesis.online_dataset import OnlineDataset
from maskaug.train.synthesis.overlay_sampler import make_overlay_sampler

BIASES = Calibration(temperature=0.5, bias=(0.3, -0.1, -0.2))


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return balanced(tmp_path_factory.mktemp("faces"), classes=THREE_CLASSES)


@pytest.fixture
def maskaug(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments):
        done = command(monkeypatch, capsys, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        return done

    return run


def validation(count, scale, shift, seed=0):
    """Labels drawn by the softmax of logits, and these logits made wrong."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, (count, 3))
    labels = (softmax(true, axis=1).cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return labels, scale * (true - shift)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_arrays_and_tensors_mean_the_same(classes):
    rng = np.random.default_rng(classes)
    head = head_for(classes)
    outputs = rng.normal(0, 3, (40, head.outputs + 4)).astype(np.float32)  # landmarks follow
    labels = rng.integers(0, classes, 40)
    logits = head.logits(torch.from_numpy(outputs))
    assert logits.shape == (40, *head.logit_shape)
    assert head_of(logits.numpy()).classes == classes
    probabilities = head.class_probabilities(logits.numpy())
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(40))
    said = head.probabilities(logits).numpy()
    np.testing.assert_allclose(said, probabilities[:, MASKED] if classes == 2 else probabilities, atol=1e-6)
    losses = head.losses(labels, logits.numpy())
    np.testing.assert_allclose(losses, -np.log(probabilities[np.arange(40), labels]))
    targets = head.targets(torch.from_numpy(labels).float(), 0.0)
    assert float(head.loss(logits, targets)) == pytest.approx(losses.sum(), rel=1e-5)
    assert int(head.right(logits, torch.from_numpy(labels).float())) == (decide(probabilities, 0.5) == labels).sum()
    np.testing.assert_allclose(head.logits_from(probabilities), _centred(logits.numpy(), probabilities), atol=1e-3)


def _centred(logits, probabilities):
    return logits if logits.ndim == 1 else np.log(np.maximum(probabilities, 1e-7))


def test_smoothed_targets_are_shared_by_all_classes():
    targets = head_for(3).targets(torch.tensor([2.0, 0.0]), 0.3)
    assert targets.numpy() == pytest.approx(np.array([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1]]))


def test_the_likeliest_class_is_said_whatever_the_threshold():
    probabilities = np.array([[0.2, 0.3, 0.5], [0.4, 0.35, 0.25], [0.1, 0.8, 0.1]])
    for threshold in (0.01, 0.5, 0.99):
        assert decide(probabilities, threshold).tolist() == [INCORRECT, UNMASKED, MASKED]
        assert certainty(probabilities, threshold) == pytest.approx([0.2, 0.05, 0.7])


def test_temperature_and_biases_undo_what_is_wrong_with_logits(tmp_path):
    shift = np.array([1.0, -0.5, -0.5])
    labels, logits = validation(20_000, 2.5, shift)
    found = calibrate(labels, logits)
    assert found.temperature == pytest.approx(2.5, rel=0.05)
    assert found.bias == pytest.approx(shift, abs=0.08)
    assert np.sum(found.bias) == pytest.approx(0, abs=1e-9)
    assert found.loss_after < found.loss_before - 0.1
    scores = found.score(labels, logits)
    assert compute_metrics(scores, names=("ece",), resamples=0)["ece"].value < 0.02
    save_calibration(tmp_path, found)
    assert load_calibration(tmp_path) == found
    kept = labels != INCORRECT
    assert calibrate(labels[kept], logits[kept]).note == "not calibrated: validation needs pictures of all classes"


def test_separated_classes_have_a_finite_temperature():
    labels = np.repeat([0, 1, 2], 40)
    found = calibrate(labels, 8.0 * np.eye(3)[labels])
    assert found.temperature > 0.5
    assert found.probabilities(8.0 * np.eye(3)).max() < 1 - 1e-3


def test_metrics_are_scikit_learns():
    labels, logits = validation(300, 1.0, np.zeros(3), seed=3)
    scores = Scores.of(labels, logits)
    found = {name: one.value for name, one in compute_metrics(scores, resamples=0).items()}
    assert found["macro_f1"] == pytest.approx(f1_score(labels, scores.decided, average="macro"))
    assert found["balanced_accuracy"] == pytest.approx(recall_score(labels, scores.decided, average="macro"))
    areas = roc_auc_score(labels, scores.probabilities, multi_class="ovr", average="macro")
    assert found["auc"] == pytest.approx(areas)
    assert found["accuracy"] == pytest.approx((labels == scores.decided).mean())
    assert found["loss"] == pytest.approx(-log_softmax(logits, axis=1)[np.arange(300), labels].mean())
    assert found["brier"] == pytest.approx(((scores.probabilities - np.eye(3)[labels]) ** 2).sum(axis=1).mean())
    each = compute_class_metrics(scores, resamples=30)
    for name, of in (("recall", recall_score), ("precision", precision_score), ("f1", f1_score)):
        expected = of(labels, scores.decided, average=None)
        assert [one[name].value for one in each] == pytest.approx(expected)
        assert all(one[name].low < one[name].value < one[name].high for one in each)
    assert scores.confusion.sum(axis=1).tolist() == list(scores.counts) == np.bincount(labels).tolist()
    assert np.diag(scores.confusion).sum() == (labels == scores.decided).sum()


def test_a_class_without_pictures_leaves_means_undefined():
    labels, logits = validation(80, 1.0, np.zeros(3))
    scores = Scores.of(labels, logits)[np.flatnonzero(labels != INCORRECT)]
    found = compute_metrics(scores, resamples=0)
    assert {name for name, one in found.items() if isnan(one.value)} == {"balanced_accuracy", "macro_f1", "auc"}
    assert found["macro_f1"].why == "needs pictures of all classes"
    last = compute_class_metrics(scores, resamples=0)[INCORRECT]
    assert all(isnan(one.value) for one in last.values())
    assert last["f1"].why == "needs pictures of the class"
    never = Scores.of(np.array([0, 1, 2]), np.array([[9.0, 0, 0], [0, 9, 0], [0, 9, 0]]))
    assert compute_class_metrics(never, resamples=0)[INCORRECT]["precision"].value == 0, "never said, never right"


@pytest.mark.parametrize(
    ("labels", "logits", "said"),
    [
        (np.array([0, 3]), np.zeros((2, 3)), "labels of 3 classes must be 0 to 2"),
        (np.array([0, 1]), np.zeros((3, 3)), r"labels must be \(N,\)"),
        (np.array([0, 1]), np.full((2, 3), np.nan), "6 logits are not finite"),
    ],
)
def test_what_cannot_be_judged_is_refused(labels, logits, said):
    with pytest.raises(ValueError, match=said):
        Scores.of(labels, logits)


@pytest.mark.slow
def test_from_training_to_onnx(faces, tmp_path, maskaug, monkeypatch):
    """The whole life of a run of three classes, by the command line; its intervals are of few resamples."""
    monkeypatch.setattr(report, "RESAMPLES", 20)
    told = maskaug("train", faces, *TINY, "--set", "lr=0.03", "--set", "epochs=12", "--out", "run").stderr
    assert "3 classes are learnt: not_wearing_mask, wearing_mask, mask_worn_incorrectly" in told
    assert "macro F1" in told
    run = tmp_path / "run"
    saved = torch.load(run / "best.pt", weights_only=True)
    assert saved["classes"] == list(THREE_CLASSES)
    assert saved["network"]["8.weight"].shape == (3, 16)
    assert len(json.loads((run / "calibration.json").read_text())["bias"]) == 3
    seen = read_predictions(run)
    assert (seen.logit.shape, seen.classes) == ((18, 3), THREE_CLASSES)
    assert "val_macro_f1" in (run / "metrics.csv").read_text().splitlines()[0]

    shown = maskaug("evaluate", "run", faces, "--split", "val", "--resamples", "20").stdout
    for words in ("macro F1", "class / called", "precision", "mask_worn_incorrectly pictures"):
        assert words in shown, shown
    record = json.loads((run / "evaluations" / faces.name / "evaluation.json").read_text())
    assert record["pictures"] == dict.fromkeys(THREE_CLASSES, 6)
    assert record["figures"]["macro_f1"]["value"] > 0.8, "colours are easily told"
    assert [one["class"] for one in record["classes"]] == list(THREE_CLASSES)
    assert np.array(record["confusion"]).sum(axis=1).tolist() == [6, 6, 6]
    page = (run / "report.html").read_text()
    assert "A picture is called by its likeliest class" in page
    assert "<h3>Classes</h3>" in page
    assert "validation: mask_worn_incorrectly" in page, "each class has its curve"

    maskaug("export", "run", "--half")
    said = [maskaug("predict", by, faces / "val", "--whole", "--json").stdout for by in ("run", "run/model.onnx")]
    first, second = ([json.loads(line)["faces"][0] for line in lines.splitlines()] for lines in said)
    assert len(first) == 18
    for one, other in zip(first, second, strict=True):
        assert (one["class"], one["masked"]) == (other["class"], one["class"] == "wearing_mask")
        assert list(one["probabilities"]) == list(THREE_CLASSES)
        assert one["class"] == max(one["probabilities"], key=one["probabilities"].get)
        assert list(one["probabilities"].values()) == pytest.approx(list(other["probabilities"].values()), abs=0.01)
    assert {one["class"] for one in first} == set(THREE_CLASSES)
    head, *_ = maskaug("predict", "run", faces / "val", "--whole", "--draw", "drawn", "--explain").stdout.splitlines()
    titles = [f"P({name})" for name in THREE_CLASSES]
    assert head.split() == [*titles, "verdict", "place", "picture"]

    by_file = json.loads(maskaug("evaluate", "run/model.onnx", faces, "--split", "val", "--json").stdout)
    assert by_file["confusion"] == record["confusion"]
    assert by_file["figures"]["loss"]["value"] == pytest.approx(record["figures"]["loss"]["value"], abs=0.02)
    assert "run/model.onnx" not in str(list(tmp_path.iterdir())), "a file's evaluation is printed only"

    maskaug("distill", "run", "--arch", "tiny", "--wandb", "disabled", "--set", "epochs=1")
    assert load_onnx(run / "distilled" / "model.onnx").classes == THREE_CLASSES
    grid = ("--vary", "lr=0.03,0.01", "--seeds", "1", "--wandb", "disabled", "--set", "arch=tiny", "--set", "size=32")
    table = maskaug("ablate", faces, *grid, "--set", "epochs=1", "--on", faces / "val", "--out", "grid").stdout
    assert "macro_f1" in table
    assert "macro_f1" in (tmp_path / "grid" / "ablation.md").read_text()


@pytest.mark.usefixtures("quick_reports")
def test_a_run_resumed_keeps_its_classes(faces, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fields = ["size=32", "batch_size=8", "epochs=2"]

    def options(out):
        return TrainOptions(data=faces, out=out, arch="tiny", set_=fields, wandb="disabled", deterministic=True)

    try:
        whole = train(options(tmp_path / "whole")).run
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("maskaug.train.fit.train._finish", _stop)
            train(options(tmp_path / "cut"))
        cut = train(TrainOptions(resume=tmp_path / "cut")).run
    finally:
        torch.use_deterministic_algorithms(False)
    for name in ("best.safetensors", "calibration.json", "predictions.parquet"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name
    two = TrainOptions(
        data=faces, out=tmp_path / "two", arch="tiny", set_=fields, wandb="disabled", classes=THREE_CLASSES[:2]
    )
    with pytest.raises(TeacherError, match="it knows not_wearing_mask, wearing_mask, mask_worn_incorrectly, and the"):
        train(two.model_copy(update={"teacher": whole}))
    assert not (tmp_path / "two").exists()


def _stop(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("to", [pytest.param("onnx", marks=pytest.mark.slow), "torchscript"])
def test_files_say_what_the_network_says(tmp_path, to):
    run = write_network(tmp_path / "run", calibration=BIASES, classes=THREE_CLASSES)
    exported = export(ExportOptions(run=run, to=to))
    assert exported.difference < 1e-4
    pictures = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3)).astype(np.uint8)
    expected = load(run).class_probabilities(pictures)
    assert expected.shape == (5, 3)
    if to == "onnx":
        file = load_onnx(exported.path)
        np.testing.assert_allclose(file.class_probabilities(pictures), expected, atol=1e-4)
        assert file.about.bias == BIASES.bias
        assert file.about.output == f"probability: N x 3 float32, of {', '.join(THREE_CLASSES)}"
        assert OnnxMetadata.read(file.about.as_text()) == file.about


@pytest.mark.usefixtures("quick_reports")
def test_what_a_classifier_of_two_says_of_the_third_folder_is_told(faces, tmp_path):
    run = write_network(tmp_path / "run", calibration=Calibration(threshold=0.0))
    options = EvaluateOptions(run=run, data=faces, split="val", resamples=0, cache=tmp_path / "cache")
    found = evaluate(options)
    assert (found.masked, found.unmasked) == (6, 6)
    said = "Of 6 pictures of mask_worn_incorrectly, a class the classifier does not know, 100.0% (61.0% to 100.0%) are "
    assert f"{said}called wearing_mask." in found.notes
    save_calibration(run, Calibration(threshold=1.0))
    assert any("not know, 0.0% (0.0% to 39.0%) are called wearing_mask." in note for note in evaluate(options).notes)


@pytest.fixture
def three(tmp_path, monkeypatch):
    """A file of three classes in the place of the bundled one, which says of all faces that the mask is worn badly."""
    run = write_network(tmp_path / "run", calibration=Calibration(bias=(0.0, 0.0, 9.0)), classes=THREE_CLASSES)
    path = export(ExportOptions(run=run)).path
    files = {True: path, False: tmp_path / "gone.onnx"}
    monkeypatch.setattr(predict_module, "bundled_classifier", lambda *, three_classes: files[three_classes])
    return path


@pytest.mark.slow
def test_the_bundled_classifier_of_three_classes_is_asked_for(three, faces):
    picture = next(faces.rglob("*.png"))
    (found,) = predict(PredictOptions(run=picture, whole=True, three_classes=True))
    assert (found.labels, found.masked, found.classes) == ((INCORRECT,), (False,), THREE_CLASSES)
    with pytest.raises(ValueError, match="--three-classes asks the bundled classifier; leave it out, or"):
        PredictOptions(run=three, paths=[picture], three_classes=True)


def test_without_one_it_is_said_how_to_make_one(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(predict_module, "bundled_classifier", lambda **_: tmp_path / "gone.onnx")
    with pytest.raises(predict_module.PredictError, match="no classifier of three classes comes with this copy"):
        next(predict(PredictOptions(run=faces, three_classes=True)))


@pytest.fixture
def wears(monkeypatch):
    """How each mask that is sampled is worn."""
    found, sample = [], MaskEngine.sample

    def noted(self, rng, distribution):
        params = sample(self, rng, distribution)
        found.append(params.wear)
        return params

    monkeypatch.setattr(MaskEngine, "sample", noted)
    return found


@pytest.mark.slow
def test_masks_rendered_anew_are_worn_as_their_class_says(tmp_path, wears):
    astronaut.write_faces(tmp_path / "faces", {"train": 6, "val": 6})
    wear = "correct=.5,under_nose=.25,under_chin=.25"
    generate(
        GenerateOptions(src=tmp_path / "faces", dst=tmp_path / "data", wear=wear, copies=3, workers=1, min_quality=0)
    )
    recipe = override(ROBUST, ["arch=tiny", "size=32", "corruptions=none", "headwear=0", "occluder_share=1"])
    part = load_training_data(tmp_path / "data", recipe.preparation, tmp_path / "cache", classes=THREE_CLASSES).train
    shown = OnlineDataset(part, recipe, 0, 0)
    seen = set()
    for number, sample in enumerate(part.samples):
        wears.clear()
        _, label, _ = shown[number]
        assert label == sample.label
        if label == UNMASKED:
            assert not wears, "none under the chin is a hard negative"
        else:
            assert set(wears) == {wear_of(sample.row)}
            seen.add((label, wear_of(sample.row)))
    assert seen == {(MASKED, "correct"), (INCORRECT, "under_nose"), (INCORRECT, "under_chin")}


def test_of_two_classes_some_masks_are_under_the_nose_or_the_chin(wears, photo, face):
    points = face.landmarks.astype(np.float32)
    for incorrect, expected in ((False, {"correct", "under_nose"}), (True, {"correct"})):
        wears.clear()
        sampler = make_overlay_sampler([photo], np.random.default_rng(0), incorrect=incorrect)
        rng = np.random.default_rng(1)
        for _ in range(30):
            sampler.engine.sample(rng, sampler.distributions[0])
        assert set(wears) == expected
        assert (sampler.under_chin > 0) is not incorrect
    assert (sampler.masked(photo, points, rng, "under_chin") != photo).any()
    assert wears[-1] == "under_chin"
