"""What a training tells while it goes on and at its end."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from training import balanced

from maskaug.cli.training import _print_trained
from maskaug.train.evaluate.predictions import read_predictions
from maskaug.train.fit import loop
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.tracking import Tracker
from maskaug.train.fit.train import TrainCallbacks, train
from maskaug.train.model.calibration import load_calibration


@pytest.mark.usefixtures("quick_reports")
def test_steps_are_told_by_the_clock_and_accuracy_before_and_after_calibration(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loop, "_CHECK_SECONDS", 0.0)
    changes = ["size=32", "batch_size=4", "epochs=1"]
    data = balanced(tmp_path / "faces", train=10, val=6)
    steps = []
    options = TrainOptions(
        data=data, out=tmp_path / "run", arch="tiny", set_=changes, wandb="disabled", cache=tmp_path / "cache"
    )
    trained = train(options, TrainCallbacks(step=lambda done, *_: steps.append(done)))
    assert steps == [4, 8, 12, 16, 20], "each of five, though of twenty one is looked at where they are quick"
    seen = read_predictions(trained.run)
    probabilities = load_calibration(trained.run).probabilities(seen.logit)
    right = (probabilities >= trained.calibration.threshold) == (seen.label == 1)
    assert trained.calibrated_accuracy == pytest.approx(np.mean(right))
    capsys.readouterr()
    _print_trained(trained)
    first, second, _ = capsys.readouterr().out.splitlines()
    assert "before calibration" in first
    assert f"accuracy {trained.best['val_accuracy']:.2%}" in first
    assert second.startswith(f"after calibration, accuracy {trained.calibrated_accuracy:.2%}")


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_where_an_offline_run_is_and_how_to_send_it(tmp_path, monkeypatch, mode):
    place = tmp_path / "wandb/offline-run-1"
    begun = SimpleNamespace(id="1", dir=str(place / "files"), define_metric=lambda *_, **__: None)
    wandb = SimpleNamespace(init=lambda **_: begun, Settings=lambda **_: None)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    tracker = Tracker(tmp_path, mode, project="p", group=None, config={}, known="")
    assert tracker.problems == []
    assert [said.endswith(f"wandb sync {place}") for said in tracker.advice] == ([True] if mode == "offline" else [])
