import json
import os
from math import isnan

import numpy as np
import pytest
from classifiers import load, write_network
from generated import MASKED, UNMASKED, Generated, texture
from runs import command, write_pictures

from maskaug.core.pictures import read_picture
from maskaug.train.data.cache import CacheError
from maskaug.train.data.samples import DataError, list_samples
from maskaug.train.evaluate.evaluate import EvaluateError, evaluate
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.evaluate.predictions import read_predictions, write_predictions
from maskaug.train.model.calibration import Calibration

CLASSES = (UNMASKED, MASKED)


pytestmark = pytest.mark.usefixtures("quick_reports")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return write_network(tmp_path_factory.mktemp("network") / "run")


@pytest.fixture
def run(network, tmp_path):
    """A run of its own to write into."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("best.pt", "calibration.json"):
        (folder / name).write_bytes((network / name).read_bytes())
    return folder


def predictor(run, data, **more):
    return evaluate(EvaluateOptions(run=run, data=data, resamples=20, batch_size=3, cache=run.parent / "cache", **more))


def test_every_picture_is_judged_by_the_calibrated_network(run, tmp_path):
    write_pictures(tmp_path / "real" / UNMASKED, 4)
    write_pictures(tmp_path / "real" / MASKED, 5, first=10)
    found = predictor(run, tmp_path / "real")
    assert (found.name, found.masked, found.unmasked, found.notes) == ("real", 5, 4, [])
    assert (found.threshold, found.temperature) == (0.6, 0.5)

    classifier = load(run)
    seen = read_predictions(found.folder)
    pictures = np.stack([classifier.prepare(read_picture(path).pixels) for path in map(tmp_path.joinpath, seen.path)])
    logits = classifier.logits(pictures)
    np.testing.assert_allclose(seen.logit, logits, atol=1e-5)
    assert seen.label.tolist() == [0] * 4 + [1] * 5
    masked = 1 / (1 + np.exp(-logits / 0.5)) >= 0.6
    assert found.metrics["accuracy"].value == pytest.approx((masked == seen.label).mean())

    record = json.loads((run / "evaluations/real/evaluation.json").read_text())
    assert record["figures"]["accuracy"]["value"] == found.metrics["accuracy"].value
    assert record["data"] == str(tmp_path / "real")
    assert ">real<" in (run / "report.html").read_text()


def test_one_class_is_explained(run, tmp_path):
    write_pictures(tmp_path / "real" / MASKED, 3)
    found = predictor(run, tmp_path / "real")
    assert isnan(found.metrics["auc"].value)
    assert found.metrics["recall"].value == found.metrics["accuracy"].value
    assert found.notes == [f"There is no picture of class {UNMASKED}: what needs all classes is undefined."]
    assert json.loads((run / "evaluations/real/evaluation.json").read_text())["figures"]["auc"]["value"] is None


def test_the_manifest_tells_kinds_and_sources(run, tmp_path, photo, face):
    made = Generated(tmp_path / "made")
    for number in range(3):
        made.original("val", f"p{number}", texture(number))
        made.mask("val", f"p{number}", 0, source=f"s{number}")
    made.original("train", "p9", texture(9))
    made.finish()
    found = predictor(run, made.dst)
    assert (found.masked, found.unmasked) == (3, 3), "train is left out"
    seen = read_predictions(found.folder)
    assert sorted(seen.kind) == ["", "", "", "n95", "n95", "n95"]
    assert len(set(seen.groups)) == 6, "each picture names a file of its own as its source"
    assert {one.name for one in found.slices if one.by == "kind of mask"} == {"none", "n95"}
    assert seen.yaw[seen.label == 1].tolist() == [20.0] * 3


def test_pictures_seen_in_training_are_counted(run, tmp_path):
    write_pictures(tmp_path / "real" / UNMASKED, 4)
    write_pictures(tmp_path / "real" / MASKED, 4, first=10)
    seen = read_predictions(predictor(run, tmp_path / "real").folder)
    known = seen.where(np.arange(len(seen)) < 3)
    write_predictions(run, known.where(np.ones(3, dtype=bool)), Calibration())
    assert predictor(run, tmp_path / "real").notes == [
        "3 of 8 pictures are among those the run was validated and calibrated on."
    ]
    (run / "trained_on.txt").write_text("".join(f"{sha256}\n" for sha256 in seen.sha256[3:5]))
    assert predictor(run, tmp_path / "real").notes[0] == "2 of 8 pictures are among those the run was trained on."


def test_a_broken_picture_costs_a_note_and_only_broken_ones_an_error(run, tmp_path):
    write_pictures(tmp_path / "real" / UNMASKED, 2)
    write_pictures(tmp_path / "real" / MASKED, 2)
    (tmp_path / "real" / MASKED / "bad.jpg").write_bytes(b"no picture")
    found = predictor(run, tmp_path / "real")
    assert found.masked == 2
    assert "could not be read: 1; the first: " in found.notes[0]
    (tmp_path / "bad" / MASKED).mkdir(parents=True)
    (tmp_path / "bad" / MASKED / "bad.jpg").write_bytes(b"no picture")
    with pytest.raises(CacheError, match="1 picture, and none can be read"):
        predictor(run, tmp_path / "bad")
    assert not (run / "evaluations" / "bad").exists()


@pytest.mark.skipif(os.name == "nt", reason="names of files are text there")
def test_a_name_that_is_no_text_is_escaped_in_what_is_written(run, tmp_path):
    for label in (UNMASKED, MASKED):
        write_pictures(tmp_path / "real" / label, 2, first=10 * (label == MASKED))
        first = min((tmp_path / "real" / label).iterdir())
        first.rename(first.with_name(os.fsdecode(b"bad\xff" + first.name.encode())))
    found = predictor(run, tmp_path / "real")
    seen = read_predictions(found.folder)
    assert sum("bad\\udcff" in path for path in seen.path) == 2
    assert ">real<" in (run / "report.html").read_text()


def test_pictures_are_decoded_once_for_all_runs(run, tmp_path, monkeypatch):
    write_pictures(tmp_path / "real" / UNMASKED, 2)
    write_pictures(tmp_path / "real" / MASKED, 2)
    first = read_predictions(predictor(run, tmp_path / "real").folder)

    def decoded_again(path):
        raise AssertionError(path)

    monkeypatch.setattr("maskaug.train.data.cache.read_picture", decoded_again)
    second = read_predictions(predictor(run, tmp_path / "real").folder)
    assert (second.logit == first.logit).all()
    assert (second.width > 0).all()
    assert second.sha256 == first.sha256


def test_two_folders_of_one_name_need_names(run, tmp_path):
    for place in ("a", "b"):
        write_pictures(tmp_path / place / "real" / MASKED, 2)
    predictor(run, tmp_path / "a" / "real")
    predictor(run, tmp_path / "a" / "real")
    with pytest.raises(EvaluateError, match="give another with --name"):
        predictor(run, tmp_path / "b" / "real")
    assert predictor(run, tmp_path / "b" / "real", name="other").folder.name == "other"


def test_folders_and_classes_that_do_not_match_are_explained(tmp_path):
    write_pictures(tmp_path / "data/test/with_mask", 1)
    write_pictures(tmp_path / "data/test/without_mask", 1)
    with pytest.raises(DataError, match=r"it has with_mask, without_mask: name .*--classes"):
        list_samples(tmp_path / "data", CLASSES)
    own = list_samples(tmp_path / "data", ("without_mask", "with_mask"))
    assert [(sample.split, sample.label) for sample in own.samples] == [("test", 0), ("test", 1)]
    with pytest.raises(DataError, match="no split 'val' with a class folder; it has test"):
        list_samples(tmp_path / "data", ("without_mask", "with_mask"), "val")
    with pytest.raises(DataError, match="does not exist"):
        list_samples(tmp_path / "gone", CLASSES)
    (tmp_path / "empty" / MASKED).mkdir(parents=True)
    with pytest.raises(DataError, match="holds no picture"):
        list_samples(tmp_path / "empty", CLASSES)


def test_splits_and_further_classes(tmp_path):
    for place in ("train", "val"):
        for name in (*CLASSES, "mask_worn_incorrectly"):
            write_pictures(tmp_path / place / name / "deep", 1)
    (tmp_path / "val" / MASKED / "notes.txt").write_text("no picture")
    held = list_samples(tmp_path, CLASSES)
    assert {sample.split for sample in held.samples} == {"val"}
    assert held.notes == ["Other classes are left out: mask_worn_incorrectly."]
    assert len(list_samples(tmp_path, CLASSES, "train").samples) == 2
    only = list_samples(tmp_path / "train", CLASSES)
    assert {sample.split for sample in only.samples} == {"all"}


def test_the_command_prints_a_table_or_json(run, tmp_path, monkeypatch, capsys):
    write_pictures(tmp_path / "real" / UNMASKED, 2)
    write_pictures(tmp_path / "real" / MASKED, 2)
    arguments = (monkeypatch, capsys, tmp_path, "evaluate", "run", "real", "--resamples", "20", "--cache", "cache")
    shown = command(*arguments)
    assert shown.returncode == 0, shown.stderr
    assert "balanced accuracy" in shown.stdout
    assert "run/report.html" in shown.stdout
    shown = command(*arguments, "--json")
    assert json.loads(shown.stdout)["masked"] == 2
