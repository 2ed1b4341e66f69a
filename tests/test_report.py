import dataclasses
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from runs import predictions, write_run

from maskaug.train.evaluate import report
from maskaug.train.evaluate.metrics import compute_metrics
from maskaug.train.evaluate.predictions import PredictionsError, read_predictions, write_predictions
from maskaug.train.evaluate.report import write_report
from maskaug.train.evaluate.slices import compute_slices
from maskaug.train.model.calibration import Calibration


def no_nan(values):
    return {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in values.items()}


def add_evaluation(run, name, seen, notes=()):
    folder = run / "evaluations" / name
    folder.mkdir(parents=True)
    write_predictions(folder, seen, Calibration())
    found = compute_metrics(Calibration().score(seen.label, seen.logit), resamples=20)
    told = {key: no_nan(dataclasses.asdict(one)) for key, one in found.items()}
    record = {"name": name, "data": "/data", "notes": list(notes), "figures": told}
    (folder / "evaluation.json").write_text(json.dumps(record))


class Tags(HTMLParser):
    """Open tags that nothing closes, and all text."""

    VOID = frozenset({"meta", "link", "img", "br", "path", "use", "rect"})

    def __init__(self, page):
        super().__init__()
        self.open, self.words = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(report, "RESAMPLES", 50)


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "<run> & co")


def test_predictions_come_back_as_they_were_written(tmp_path):
    seen = predictions(tmp_path / "data", [0, 1, 1])
    write_predictions(tmp_path, seen, Calibration(temperature=2.0))
    again = read_predictions(tmp_path)
    for field in dataclasses.fields(seen):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(seen, field.name))
    with pytest.raises(PredictionsError, match="does not exist; train or evaluate first"):
        read_predictions(tmp_path / "data")
    (tmp_path / "predictions.parquet").write_bytes(b"no parquet")
    with pytest.raises(PredictionsError, match="cannot be read"):
        read_predictions(tmp_path)


@pytest.mark.slow
def test_the_page_is_whole_and_needs_nothing_else(run):
    add_evaluation(
        run, "real <photos>", predictions(run.parent / "real", [0, 1] * 20, manifest=False, spread=5, seed=3)
    )
    add_evaluation(run, "masks", predictions(run.parent / "masks", [1] * 10), notes=["There are no unmasked pictures."])
    page = write_report(run).read_text()
    assert "http" not in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    tags = Tags(page)
    assert tags.open == []
    text = " ".join(tags.words)
    for words in (
        "<run> & co",
        "real <photos>",
        "There are no unmasked pictures.",
        "recipe.lr",
        "turn of the head",
        "resnet18 · recipe report",
    ):
        assert words in text
    assert "resnet18 · recipe report" in text
    # ROC and curves once, the three plots of confidence for each of three sets.
    assert page.count("<svg") == 5
    assert "not found" not in page
    assert "Worst errors" in page


@pytest.mark.slow
def test_pictures_that_are_gone_are_said_to_be(run):
    shutil.rmtree(run.parent / "data")
    assert write_report(run).read_text().count("not found") >= 12


def test_a_run_without_validation_or_history_has_a_page(run):
    seen = read_predictions(run)
    write_predictions(run, dataclasses.replace(seen, split=["train"] * len(seen)), Calibration())
    (run / "metrics.csv").unlink()
    (run / "calibration.json").unlink()
    assert "Only training pictures were judged." in write_report(run).read_text()


@pytest.mark.slow
def test_the_page_opens_in_a_browser_without_a_complaint(run, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium")
    page = write_report(run)
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--enable-logging=stderr", "--v=0", "--window-size=1000,3000", f"--screenshot={tmp_path / 'page.png'}"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr
    assert (tmp_path / "page.png").stat().st_size > 50_000


def test_slices_count_every_picture_once_a_division(tmp_path):
    seen = predictions(tmp_path, [0, 1] * 30)
    found = compute_slices(seen, Calibration().score(seen.label, seen.logit))
    divisions = {one.by for one in found}
    assert divisions == {"kind of mask", "origin", "turn of the head", "shorter side"}
    for by in divisions:
        parts = [one for one in found if one.by == by]
        assert np.sum([one.counts for one in parts], axis=0).tolist() == [30, 30]
        assert all(one.accuracy.low <= one.accuracy.value <= one.accuracy.high for one in parts)
    sides = [one.name for one in found if one.by == "shorter side"]
    assert sides == ["below 64 px", "64 to 112 px", "112 to 224 px", "224 px and more"]
    none = next(one for one in found if one.name == "none")
    assert (none.counts, np.isnan(none.auc)) == ((30, 0), True)


def test_folders_are_told_apart_below_the_class(tmp_path):
    seen = predictions(tmp_path, [0, 1] * 2, manifest=False)
    folders = ["a", "a", "b", "b"]
    paths = [f"/data/val/wearing_mask/{folder}/{number}.jpg" for number, folder in enumerate(folders)]
    moved = dataclasses.replace(seen, path=paths)
    found = compute_slices(moved, Calibration().score(moved.label, moved.logit))
    assert [(one.name, sum(one.counts)) for one in found if one.by == "folder"] == [("a", 2), ("b", 2)]
