"""Folders as a training run and its evaluations leave them, with made-up logits: for tests of what reads them."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from generated import texture

from maskaug.cli.app import main
from maskaug.core.classes import CLASSES
from maskaug.core.pictures import encode_picture
from maskaug.train.evaluate.predictions import Predictions, write_predictions
from maskaug.train.model.calibration import calibrate, save_calibration


def predictions(folder: Path, labels, *, split="val", spread=2.0, manifest=True, seed=0) -> Predictions:
    """Pictures written below ``folder``, and logits about ``+-4``; masked ones are made from the unmasked."""
    rng = np.random.default_rng(seed)
    labels = np.array(labels, dtype=np.int8)
    paths = [folder / split / CLASSES[label] / f"{number:03d}.jpg" for number, label in enumerate(labels)]
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_picture(texture(number), "jpeg"))
    masked = [bool(label) and manifest for label in labels]
    count = len(labels)
    return Predictions(
        path=[str(path) for path in paths],
        sha256=[f"{number:064x}" for number in range(count)],
        split=[split] * count,
        label=labels,
        logit=rng.normal(4.0 * (2 * labels - 1), spread).astype(np.float32),
        kind=[str(rng.choice(["n95", "cloth"])) if one else "" for one in masked],
        template=["n95_white" if one else "" for one in masked],
        quality=np.where(masked, 0.9, np.nan).astype(np.float32),
        source=[f"val/{CLASSES[0]}/{number // 2}.jpg" if manifest else "" for number in range(count)],
        status=[("masked" if one else "original") if manifest else "" for one in masked],
        yaw=np.where(manifest, rng.normal(0, 25, count), np.nan).astype(np.float32),
        width=rng.integers(40, 300, count).astype(np.int32),
        height=rng.integers(40, 300, count).astype(np.int32),
    )


def command(monkeypatch, capsys, folder, *arguments):
    """The command line in this process, started in ``folder``: exit status and what it printed."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["maskaug", *map(str, arguments)])
    monkeypatch.setattr("signal.signal", lambda *_: None)  # the handler would stay
    with pytest.raises(SystemExit) as stopped:
        main()
    printed = capsys.readouterr()
    return SimpleNamespace(returncode=stopped.value.code or 0, stdout=printed.out, stderr=printed.err)


def write_pictures(folder, count, first=0):
    """So many JPEGs of textures."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        (folder / f"{number}.jpg").write_bytes(encode_picture(texture(number), "jpeg"))


def write_run(run: Path, *, epochs=4, count=60) -> Path:
    """A run with half of its validation pictures masked."""
    run.mkdir(parents=True)
    seen = predictions(run.parent / "data", [number % 2 for number in range(count)])
    calibration = calibrate(seen.label, seen.logit)
    save_calibration(run, calibration)
    write_predictions(run, seen, calibration)
    recipe = {"arch": "resnet18", "lr": 0.01, "milestones": [10, 20]}
    config = {"data": str(run.parent / "data"), "recipe": recipe, "options": {"recipe": "report"}}
    (run / "config.json").write_text(json.dumps(config))
    names = ["epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "val_auc", "lr", "note"]
    with (run / "metrics.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        for epoch in range(epochs):
            rows.writerow([epoch, 0.5 / (epoch + 1), abs(2 - epoch) + 0.1, 0.8, 0.7, 0.9, 0.01, ""])
    return run
