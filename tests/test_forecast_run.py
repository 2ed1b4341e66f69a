"""A dry run of `train`."""

import json
import tempfile

import pytest
import tiny_network  # noqa: F401  the networks of these tests
import training

from maskaug.train import TrainOptions, train
from maskaug.train.fit import forecast as forecasting
from maskaug.train.fit.begin import RunError
from maskaug.train.fit.forecast import forecast_run
from maskaug.train.run_dir import RunDir


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


@pytest.fixture
def options(tmp_path):
    data = training.balanced(tmp_path / "data", train=12, val=6)
    changes = ["size=32", "batch_size=4", "epochs=40"]
    return TrainOptions(
        data=data, out=tmp_path / "run", cache=tmp_path / "cache", arch="tiny", set_=changes, wandb="disabled"
    )


def test_a_short_epoch_is_waited_for(options, tmp_path, quick_reports):
    found = forecast_run(options)
    counts = {"train": 12, "val": 6}
    assert found.pictures == {(split, label): n for split, n in counts.items() for label in training.CLASSES}
    assert (found.run, found.epochs, found.arch) == (tmp_path / "run", 40, "tiny")
    assert not found.run.exists()
    assert not list((tmp_path / "temporary").glob("maskaug*"))
    assert 0 < found.seconds < 200
    train(options.model_copy(update={"set_": [*options.set_[:2], "epochs=1"]}))
    files = RunDir(found.run)
    written = sum(path.stat().st_size for path in (files.best, files.last, found.run / "best.safetensors"))
    assert found.parameters * 5 * 4 <= found.size <= written
    assert written - found.size < 60_000  # names and metrics
    with pytest.raises(RunError, match="is not empty"):
        forecast_run(options)


def test_a_long_one_is_not(options, monkeypatch):
    monkeypatch.setattr(forecasting, "_LOOK", 0.0)
    monkeypatch.setattr("maskaug.train.fit.loop._CHECK_EVERY", 1)
    seen = []
    monkeypatch.setattr(forecasting._Pace, "epoch", lambda *_: seen.append(1))
    found = forecast_run(options)
    assert seen == []
    assert found.seconds == pytest.approx(40 * (24 + 12 / 3) / found.pictures_per_second)


def test_one_process_looks(options, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RunError, match="leave out torchrun"):
        forecast_run(options)
    with pytest.raises(ValueError, match="leave out --dry-run"):
        TrainOptions(resume=options.out, dry_run=True)


def test_the_command(options, maskaug, tmp_path):
    typed = ["train", options.data, "--out", "run", "--cache", "cache", "--arch", "tiny", "--set", "size=32"]
    done = maskaug(*typed, "--wandb", "disabled", "--dry-run")
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "pictures, train/wearing_mask 12" in words
    assert f"nothing was written; do it with: maskaug train {options.data} --out run --arch tiny" in words
    assert "--dry-run" not in done.stdout
    assert not (tmp_path / "run").exists()
    told = json.loads(maskaug(*typed, "--wandb", "disabled", "--dry-run", "--json").stdout)
    assert told["pictures"]["val/wearing_mask"] == 6
