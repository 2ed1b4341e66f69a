import csv
import json
import os
import pickle
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any
from urllib.error import URLError

import astronaut
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sharded import as_parquet, as_shards
from torchvision.models import WeightsEnum
from torchvision.transforms import functional
from training import CLASSES, COMMAND, TINY, balanced, write_faces

from maskaug.augment.generate.generate import generate
from maskaug.augment.generate.options import GenerateOptions
from maskaug.train.data.cache import load_pictures
from maskaug.train.data.dataset import load_training_data
from maskaug.train.data.preprocess import Preparation
from maskaug.train.data.samples import DataError, list_samples, resolve_classes
from maskaug.train.evaluate.evaluate import evaluate
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.evaluate.predictions import read_predictions
from maskaug.train.fit.begin import RunError
from maskaug.train.fit.compute import ComputeConfig
from maskaug.train.fit.distributed import DistributedContext
from maskaug.train.fit.loop import LossError, batch_plan, logits_of, train_epoch
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.train import TrainCallbacks, train
from maskaug.train.fit.transforms import draw_angles, rotate
from maskaug.train.model.checkpoint import CheckpointError, load_model
from maskaug.train.model.device import bf16_pays
from maskaug.train.model.head import head_for
from maskaug.train.model.network import build_network
from maskaug.train.model.recipes import REPORT, override
from maskaug.train.model.weights import ArchError, WeightsError, initial_network

SMALL_PICTURES = Preparation("picture", 32)
CPU = ComputeConfig(DistributedContext(0, 1, torch.device("cpu")), bf16=False, channels_last=True)
pytestmark = pytest.mark.usefixtures("quick_reports")
TIMES = ("samples_per_s", "waiting", "seconds")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return balanced(tmp_path_factory.mktemp("faces"))


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    torch.use_deterministic_algorithms(False)


def small(data, out, *more, **options):
    changes = ["size=32", "batch_size=8", "lr=0.001", "epochs=2", *more]
    return TrainOptions(data=data, out=out, arch="tiny", set_=changes, wandb="disabled", **options)


def history(run):
    with (run / "metrics.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(file)]


def test_one_batch_is_learnt_by_heart(faces, tmp_path):
    recipe = override(REPORT, ["arch=tiny", "size=32", "batch_size=24", "rotation=0", "lr=0.03"])
    part = load_training_data(faces, SMALL_PICTURES, tmp_path).train
    torch.manual_seed(0)
    network, _ = initial_network("tiny", "none")
    network = CPU.place(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.lr)
    losses = [train_epoch(network, optimizer, part, recipe, CPU, seed=0, epoch=epoch).loss for epoch in range(25)]
    assert losses[0] > 0.4
    assert losses[-1] < 0.05


def test_a_run_leaves_all_that_it_takes_to_use_and_repeat_it(faces, tmp_path):
    told = []
    trained = train(
        small(faces, tmp_path / "run"), TrainCallbacks(epoch=lambda row, epochs: told.append((row["epoch"], epochs)))
    )
    run = trained.run
    assert told == [(1, 2), (2, 2)]
    assert {path.name for path in run.iterdir()} >= {
        *("config.json", "metrics.csv", "best.pt", "best.safetensors", "last.pt"),
        *("calibration.json", "predictions.parquet", "report.html"),
    }
    rows = history(run)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(trained.best["val_loss"]) == min(float(row["val_loss"]) for row in rows)
    classifier = load_model(run, torch.device("cpu"))
    saved = load_file(run / "best.safetensors")
    assert all(torch.equal(saved[name], value) for name, value in classifier.network.state_dict().items())
    predictions = read_predictions(run)
    assert sorted(predictions.label.tolist()) == [0] * 6 + [1] * 6
    again = small(faces, tmp_path / "again")
    assert history(train(again).run) == rows, "the same seed, the same figures"
    config = json.loads((run / "config.json").read_text())
    assert config["recipe"]["lr"] == 0.001
    with pytest.raises(RunError, match="not empty; go on with: maskaug train --resume"):
        train(small(faces, run))


@pytest.mark.parametrize("memory_format", ["channels_last", "contiguous"])
def test_predictions_of_the_run_are_those_of_the_kept_network(faces, tmp_path, monkeypatch, memory_format):
    formats, place = set(), ComputeConfig.place

    def seen(self, network):
        formats.add(self.channels_last)
        return place(self, network)

    monkeypatch.setattr(ComputeConfig, "place", seen)
    run = train(small(faces, tmp_path / "run", precision="fp32", memory_format=memory_format)).run
    assert formats == {memory_format == "channels_last"}
    classifier, predictions = load_model(run, torch.device("cpu")), read_predictions(run)
    pictures = load_training_data(faces, SMALL_PICTURES, tmp_path / "cache").val.pixels
    assert classifier.logits(np.array(pictures)) == pytest.approx(predictions.logit, abs=1e-4)


@pytest.mark.slow
def test_killed_and_resumed_ends_as_if_never_stopped(faces, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(small(faces, whole, "epochs=4", deterministic=True))
    options = [*TINY, "--set", "epochs=4", "--deterministic", "--out", str(killed), "--save-every", "1"]
    process = subprocess.Popen([*COMMAND, "train", str(faces), *options], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("epoch 2"):
            process.send_signal(signal.SIGKILL)
            break
    process.wait(timeout=30)
    process.stderr.close()
    assert not (killed / "report.html").exists()
    told = []
    train(TrainOptions(resume=killed), TrainCallbacks(epoch=lambda row, _: told.append(row["epoch"])))
    assert told in ([3, 4], [4]), "the third may have been kept before the kill"
    assert history(killed) == history(whole)
    for name in ("best.safetensors", "predictions.parquet", "calibration.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    ends = [torch.load(run / "last.pt", weights_only=True)["network"] for run in (killed, whole)]
    assert all(torch.equal(ends[0][name], value) for name, value in ends[1].items())


class _Stopped(Exception):
    """In the middle of an epoch."""


def test_a_run_goes_on_in_the_middle_of_an_epoch(faces, tmp_path):
    """Steps that were done are not done again, and the end is that of a run that was never stopped."""
    options = {"arch": "tiny_dropout", "deterministic": True}
    changes = ("size=32", "batch_size=4", "epochs=2", "corruptions=blur", "weights=none")

    def run_of(name, **more):
        told = {"data": faces, "out": tmp_path / name, "wandb": "disabled", "set_": changes}
        return TrainOptions.model_validate({**told, **options, **more})

    def stop(done, total, *_):
        if done == total:  # the last step of the first epoch; the one before is the last that was kept
            raise _Stopped

    whole = train(run_of("whole")).run
    with pytest.raises(_Stopped):
        train(run_of("stopped", save_every=1), TrainCallbacks(step=stop))
    assert not (tmp_path / "stopped" / "metrics.csv").exists()
    seen = []
    stopped = train(
        TrainOptions(resume=tmp_path / "stopped"), TrainCallbacks(step=lambda *told: seen.append(told[0]))
    ).run
    assert seen[0] == 24, "the first step that is told is the last of the first epoch"
    assert history(stopped) == history(whole)
    assert (stopped / "best.safetensors").read_bytes() == (whole / "best.safetensors").read_bytes()


def test_resuming_with_other_pictures_is_refused(tmp_path):
    data = balanced(tmp_path / "faces")
    run = train(small(data, tmp_path / "run", "epochs=1")).run
    write_faces(data, {("train", CLASSES[0]): 12}, seed=5)
    with pytest.raises(CheckpointError, match="their checksum differs"):
        train(TrainOptions(resume=run))
    with pytest.raises(RunError, match="no training run"):
        train(TrainOptions(resume=tmp_path / "gone"))


def test_a_loss_that_is_not_finite_stops_the_run(faces, tmp_path):
    with pytest.raises(LossError, match=r"--set lr=0\.001"):
        train(small(faces, tmp_path / "run", "lr=1e20", "clip_norm=1e30", "epochs=3"))
    for name in ("best.pt", "last.pt"):
        path = tmp_path / "run" / name
        if path.exists():
            values = torch.load(path, weights_only=True)["network"].values()
            assert all(torch.isfinite(value).all() for value in values if value.is_floating_point())


@pytest.mark.slow
def test_two_processes_learn_what_one_does(faces, tmp_path):
    """Though they read shards, and it files; with a network that normalises each picture by itself: batch norm sees
    only its process's share."""
    shards = as_shards(faces, tmp_path / "shards")
    changes = ("size=32", "batch_size=9", "epochs=3", "lr=0.01")
    options = {"data": faces, "arch": "tiny_group_norm", "precision": "fp32", "wandb": "disabled"}
    train(TrainOptions.model_validate({**options, "out": tmp_path / "one", "set_": changes}))
    two = [COMMAND[0], "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *COMMAND[1:]]
    given = [
        "--arch",
        "tiny_group_norm",
        "--precision",
        "fp32",
        "--wandb",
        "disabled",
        "--save-every",
        "1",
        "--out",
        str(tmp_path / "two"),
    ]
    for change in changes:
        given += ["--set", change]
    done = subprocess.run([*two, "train", str(shards), *given], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [
        [float(value) for row in history(tmp_path / run) for name, value in row.items() if name != "grad_norm"]
        for run in ("one", "two")
    ]
    assert rows[1] == pytest.approx(rows[0], abs=2e-5)
    assert len(read_predictions(tmp_path / "two")) == 12
    assert (tmp_path / "two" / "trained_on.txt").read_bytes() == (tmp_path / "one" / "trained_on.txt").read_bytes()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves files to the garbage collector
def test_shards_teach_what_the_folder_does(faces, tmp_path):
    """The same weights, byte for byte; and pictures are found again, to judge, to show and to group them."""
    shards, parquet = as_shards(faces, tmp_path / "shards"), as_parquet(faces, tmp_path / "set")
    (shards / "train-000009.tar.gz").write_bytes(b"")
    notes = []
    runs = [
        train(small(data, tmp_path / f"run_{data.name}", "epochs=1"), TrainCallbacks(note=notes.append)).run
        for data in (faces, shards, parquet)
    ]
    assert len({(run / "best.safetensors").read_bytes() for run in runs}) == 1
    assert len({(run / "trained_on.txt").read_bytes() for run in runs}) == 1
    assert [note for note in notes if "1 thing cannot be used" in note and "is compressed" in note]
    pages = [(run / "report.html").read_text().count("data:image/jpeg") for run in runs]
    assert pages[0] > 0 and len(set(pages)) == 1
    groups = tmp_path / "groups.csv"
    groups.write_text("file,camera\n" + "".join(f"val-000000.tar/{CLASSES[0]}-{n}.png,{n % 2}\n" for n in range(6)))
    found = evaluate(EvaluateOptions(run=runs[0], data=shards, split="val", groups=groups, resamples=0))
    assert found.counts == (6, 6) and {one.name for one in found.slices if one.by == "camera"} == {"0", "1"}
    assert not any(one.name.endswith(".tar") for one in found.slices)
    with pytest.raises(DataError, match=r"have no class 'a' or 'b'; they have not_wearing_mask, wearing_mask"):
        list_samples(shards, ("a", "b"))
    assert resolve_classes(shards) == CLASSES
    with pytest.raises(DataError, match=r"gone\.tar cannot be read: No such file"):
        list_samples(tmp_path / "gone.tar", CLASSES)


def test_batches_hold_every_picture_once_and_never_one_alone():
    for count in (1, 2, 16, 17, 18, 31):
        batches = list(batch_plan(count, 8, seed=1, epoch=0))
        assert sorted(np.concatenate(batches)) == list(range(count))
        assert count == 1 or min(len(batch) for batch in batches) > 1
    assert [batch.tolist() for batch in batch_plan(30, 8, 1, 0)] != [
        batch.tolist() for batch in batch_plan(30, 8, 1, 1)
    ]


def test_pictures_turn_as_torchvision_turns_them():
    pictures = torch.rand(4, 3, 33, 33)
    angles = torch.tensor([0.0, 12.5, -29.0, 30.0])
    expected = torch.stack([functional.rotate(one, float(angle)) for one, angle in zip(pictures, angles, strict=True)])
    same = (rotate(pictures, angles) - expected).abs().amax(dim=1) < 1e-6
    assert same.float().mean() > 0.995, "but for pixels whose source lies half-way between two"
    drawn = draw_angles(30, 7, 2, np.arange(500))
    assert np.abs(drawn).max() <= 30
    assert drawn.std() == pytest.approx(30 / 3**0.5, rel=0.1)
    assert (draw_angles(30, 7, 2, np.array([499, 3])) == drawn[[499, 3]]).all(), "whatever the batch"


@pytest.mark.parametrize(
    ("arch", "supported", "pays"),
    [("resnet18", True, True), ("resnet18", False, False), ("mobilenet_v3_small", True, False)],
)
def test_bf16_is_for_machines_that_compute_with_it_and_not_for_depthwise_layers(monkeypatch, arch, supported, pays):
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: supported)
    assert bf16_pays(torch.device("cpu"), build_network(arch)) is pays


@dataclass(frozen=True)
class Beside(DistributedContext):
    """One of two processes, as a thread."""

    values: list[Any]
    all_here: Barrier

    def all_gather(self, value):
        self.values[self.rank] = value
        self.all_here.wait(timeout=60)
        return list(self.values)


def test_every_process_gets_all_logits(faces, tmp_path):
    pictures = load_training_data(faces, SMALL_PICTURES, tmp_path).val.pixels[:11]
    recipe = override(REPORT, ["size=32"])
    network, _ = initial_network("tiny", "none")
    alone = logits_of(CPU.place(network), pictures, recipe, CPU, head_for(2))
    assert len(set(alone.tolist())) == 11
    values, all_here = [None, None], Barrier(2)

    def logits(rank):
        context = Beside(rank, 2, torch.device("cpu"), values, all_here)
        compute = ComputeConfig(context, bf16=False, channels_last=True)
        return logits_of(network, pictures, recipe, compute, head_for(2))

    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(logits, (0, 1)))
    assert [len(part) for part in values] == [6, 5]
    for one in both:
        np.testing.assert_allclose(one, alone, atol=1e-6)


def test_a_corrupt_picture_costs_a_warning(tmp_path):
    data = balanced(tmp_path / "faces")
    (data / "train" / CLASSES[1] / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    notes = []
    train(small(data, tmp_path / "run", "epochs=1"), TrainCallbacks(note=notes.append))
    assert len(notes) == 1
    assert notes[0].startswith("1 picture of train cannot be read and is left out")
    assert "0.png" in notes[0]


def test_what_is_odd_is_said_and_what_is_impossible_refused(tmp_path):
    unequal = write_faces(
        tmp_path / "unequal",
        {("train", CLASSES[0]): 13, ("train", CLASSES[1]): 4, ("val", CLASSES[0]): 2, ("val", CLASSES[1]): 2},
    )
    twin = unequal / "val" / CLASSES[0] / "0.png"
    twin.write_bytes((unequal / "train" / CLASSES[0] / "3.png").read_bytes())
    notes = load_training_data(unequal, SMALL_PICTURES, tmp_path / "cache").notes
    assert any("The classes of train are unequal: 13 of not_wearing_mask and 4" in note for note in notes)
    assert any(note.startswith("1 picture of val is the same as one of train") for note in notes)
    empty = write_faces(
        tmp_path / "empty", {("train", CLASSES[0]): 3, ("train", CLASSES[1]): 3, ("val", CLASSES[0]): 2}
    )
    with pytest.raises(DataError, match=r"val has no picture of class wearing_mask"):
        load_training_data(empty, SMALL_PICTURES, tmp_path / "cache")
    one = write_faces(tmp_path / "one", {("train", CLASSES[0]): 3, ("train", CLASSES[1]): 3})
    with pytest.raises(DataError, match="no split 'val'"):
        load_training_data(one, SMALL_PICTURES, tmp_path / "cache")


def test_decoded_pictures_are_kept_until_they_are_stale(tmp_path, monkeypatch):
    data = balanced(tmp_path / "faces")
    paths = sorted(data.rglob("*.png"))
    first = load_pictures(paths, SMALL_PICTURES, tmp_path / "cache")
    pixels = np.array(first.pixels)
    monkeypatch.setattr("maskaug.train.data.cache.read_picture", None)
    again = load_pictures(paths, SMALL_PICTURES, tmp_path / "cache")
    assert (again.pixels == pixels).all()
    assert again.sha256 == first.sha256
    monkeypatch.undo()
    assert load_pictures(paths, Preparation("picture", 48), tmp_path / "cache").pixels.shape[1:] == (48, 48, 3)
    (kept,) = [path for path in (tmp_path / "cache").glob("*.npy") if np.load(path).shape[1] == 32]
    kept.write_bytes(kept.read_bytes()[:-100])
    assert (load_pictures(paths, SMALL_PICTURES, tmp_path / "cache").pixels == pixels).all(), "a cut file is made anew"
    paths[0].write_bytes(paths[-1].read_bytes())
    os.utime(paths[0], ns=(time.time_ns(), time.time_ns() + 10**9))
    changed_one = load_pictures(paths, SMALL_PICTURES, tmp_path / "cache")
    assert (changed_one.pixels[0] == pixels[-1]).all()
    assert not list((tmp_path / "cache").glob(".*"))


class Malicious:
    def __reduce__(self):
        return os.system, ("touch stolen",)


@pytest.mark.parametrize("name", ["best.pt", "last.pt"])
def test_a_checkpoint_that_runs_a_program_is_refused(faces, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    run = train(small(faces, tmp_path / "run", "epochs=1")).run
    torch.save({"network": Malicious()}, run / name)
    with pytest.raises(CheckpointError, match="can run any program"):
        load_model(run, torch.device("cpu")) if name == "best.pt" else train(TrainOptions(resume=run))
    (run / name).write_bytes(pickle.dumps(Malicious(), protocol=2))
    with pytest.raises(CheckpointError, match=name):
        load_model(run, torch.device("cpu")) if name == "best.pt" else train(TrainOptions(resume=run))
    assert not (tmp_path / "stolen").exists()


def test_weights_that_cannot_be_fetched_are_explained(monkeypatch, tmp_path):
    def offline(self, *args, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(WeightsEnum, "get_state_dict", offline)
    with pytest.raises(WeightsError) as raised:
        initial_network("resnet50", "imagenet")
    for told in ("resnet50-", ".pth", str(tmp_path / "hub" / "checkpoints"), "--weights PATH"):
        assert told in str(raised.value)
    with pytest.raises(WeightsError, match="IMAGENET1K_V1"):
        initial_network("resnet18", "IMAGENET22K")
    with pytest.raises(ArchError, match="resnet50"):
        initial_network("resnet5o", "none")


def test_weights_of_a_file_are_taken_over_but_for_the_last_layer(tmp_path):
    torch.manual_seed(1)
    network, _ = initial_network("resnet18", "none")
    state = network.state_dict()
    state["fc.weight"], state["fc.bias"] = torch.zeros(1000, 512), torch.zeros(1000)
    state["left.over"] = torch.zeros(3)
    torch.save(state, tmp_path / "weights.pth")
    other, notes = initial_network("resnet18", str(tmp_path / "weights.pth"))
    assert torch.equal(other.state_dict()["layer1.0.conv1.weight"], state["layer1.0.conv1.weight"])
    assert other.state_dict()["fc.weight"].shape == (1, 512)
    assert "last layer starts at random" in notes[0]
    assert "left.over" in notes[1]
    with pytest.raises(WeightsError, match="of another network"):
        initial_network("resnet50", str(tmp_path / "weights.pth"))
    with pytest.raises(WeightsError, match="cannot be read"):
        initial_network("resnet18", str(tmp_path / "gone.pth"))


@pytest.mark.slow
def test_weights_and_biases_offline(faces, tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    notes = []
    options = small(faces, tmp_path / "run", "epochs=1").model_copy(update={"wandb": "auto"})
    train(options, TrainCallbacks(note=notes.append))
    (folder,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    (note,) = notes
    assert note.startswith(f"Weights & Biases: the run is in {folder}")
    assert f"wandb sync {folder}" in note


@pytest.mark.slow
def test_no_key_and_no_password_is_written(faces, tmp_path, monkeypatch, capfd):
    """Neither W&B's key nor what a git remote's address may hold: not to the run, W&B's own files, or the terminal."""
    key, password = "k" * 8 + "0123456789abcdef" * 2, "hunter2-in-the-address"
    monkeypatch.setenv("WANDB_API_KEY", key)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "remote", "add", "origin", f"https://user:{password}@example.org/it.git"], check=True)
    options = small(faces, tmp_path / "run", "epochs=1").model_copy(update={"wandb": "offline"})
    train(options)
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*"))
    printed = "".join(capfd.readouterr())
    for secret in (key, password):
        assert secret not in printed
        found = [
            path for path in (tmp_path / "run").rglob("*") if path.is_file() and secret.encode() in path.read_bytes()
        ]
        assert found == []


def test_what_goes_wrong_at_weights_and_biases_costs_nothing(faces, tmp_path, monkeypatch):
    import wandb

    def refuse(*args, **kwargs):
        raise wandb.errors.CommError("no such project")

    monkeypatch.setattr(wandb, "init", refuse)
    notes = []
    options = small(faces, tmp_path / "run", "epochs=1").model_copy(update={"wandb": "online"})
    run = train(options, TrainCallbacks(note=notes.append)).run
    assert notes == ["Weights & Biases: no such project; the run goes on without it; its own files have all metrics"]
    assert (run / "report.html").exists()


@pytest.mark.slow
def test_other_names_of_classes_are_learnt_and_told(tmp_path):
    data = write_faces(
        tmp_path / "faces", {(split, label): count for split, count in (("train", 6), ("val", 4)) for label in CLASSES}
    )
    for split in ("train", "val"):
        for before, after in zip(CLASSES, ("bare", "covered"), strict=True):
            (data / split / before).rename(data / split / after)
    with pytest.raises(DataError, match=r"it has bare, covered: name the folder of .*--classes UNMASKED,MASKED"):
        train(small(data, tmp_path / "run", "epochs=1"))
    run = train(small(data, tmp_path / "named", "epochs=1", classes=("bare", "covered"), seed=1)).run
    assert json.loads((run / "config.json").read_text())["classes"] == ["bare", "covered"]
    assert load_model(run, torch.device("cpu")).classes == ("bare", "covered")
    assert read_predictions(run).classes == ("bare", "covered")
    assert "of class covered" in (run / "report.html").read_text()
    assert train(TrainOptions(resume=run)).run == run
    found = evaluate(EvaluateOptions(run=run, data=data, split="val", resamples=0))
    assert (found.masked, found.unmasked) == (4, 4), "the run's names are the default"


@pytest.mark.slow
def test_a_generated_set_names_its_classes(tmp_path):
    astronaut.write_faces(tmp_path / "faces", {"train": 3, "val": 2})
    generate(GenerateOptions(src=tmp_path / "faces", dst=tmp_path / "data", masked_class="covered", workers=1))
    assert resolve_classes(tmp_path / "data") == (CLASSES[0], "covered")
    assert resolve_classes(tmp_path / "data", ("bare", "hidden")) == ("bare", "hidden")
    (tmp_path / "data" / "config.json").unlink()  # as in a curated set
    assert resolve_classes(tmp_path / "data") == (CLASSES[0], "covered")
    assert resolve_classes(tmp_path / "faces") == CLASSES
    run = train(small(tmp_path / "data", tmp_path / "run", "epochs=1")).run
    assert read_predictions(run).classes == (CLASSES[0], "covered")
