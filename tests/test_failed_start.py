"""A start that fails leaves nothing: the corrected command can be given at once, and does what it should."""

import shutil
import sys

import pytest
from generated import Generated, texture
from runs import command, write_pictures
from training import CLASSES, TINY, balanced, write_faces

from maskaug.core.files import new_folder
from maskaug.train.fit.loop import LossError

pytestmark = pytest.mark.usefixtures("quick_reports")


@pytest.fixture
def maskaug(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / f"{tmp_path.name}-cache"))
    return lambda *arguments: command(monkeypatch, capsys, tmp_path, *arguments)


@pytest.fixture
def folder(tmp_path):
    """Faces, other faces in folders of other names, a generated set, broken pictures and an unfinished run."""
    balanced(tmp_path / "faces", train=4, val=2)
    balanced(tmp_path / "named", train=2, val=2)
    for split in ("train", "val"):
        for before, after in zip(CLASSES, ("bare", "covered"), strict=True):
            (tmp_path / "named" / split / before).rename(tmp_path / "named" / split / after)
    write_faces(tmp_path / "one", {("train", CLASSES[0]): 2, ("val", CLASSES[0]): 2})
    broken = balanced(tmp_path / "broken", train=1, val=1)
    for path in broken.rglob("*.png"):
        path.write_bytes(b"no picture")
    made = Generated(tmp_path / "set")
    for number in range(2):
        made.original("train", f"f{number}", texture(number))
        made.mask("train", f"f{number}", 0)
    made.finish()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    (tmp_path / "text.onnx").write_text("no network")
    return tmp_path


def contents(folder):
    return sorted((path, path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*"))


TRAINING = [*TINY, "--out", "new/out"]
STARTS = [
    ("train", "gone", *TRAINING),
    ("train", "one", *TRAINING),
    ("train", "named", *TRAINING),
    ("train", "named", *TRAINING, "--classes", "bare,hidden"),
    ("train", "broken", *TRAINING),
    ("train", "faces", *TRAINING, "--set", "colour=red"),
    ("train", "faces", *TRAINING, "--arch", "resnet5o"),
    ("train", "faces", *TRAINING, "--weights", "gone.pt"),
    ("train", "faces", *TRAINING, "--device", "abacus"),
    ("train", "faces", *TRAINING, "--teacher", "run"),
    ("train", "faces", *TINY, "--out", "run"),
    ("train", "--resume", "run"),
    ("train", "--resume", "gone"),
    ("evaluate", "gone", "faces"),
    ("evaluate", "run", "faces"),
    ("predict", "gone.jpg", "--draw", "new/out"),
    ("predict", "faces", "--draw", "new/out", "--explain"),
    ("predict", "text.onnx", "faces", "--draw", "new/out"),
    ("predict", "faces", "--draw", "new/out", "--device", "cuda"),
    ("ablate", "gone", "--vary", "seed=1", "--out", "new/out"),
    ("ablate", "gone", "--vary", "lr=0.1", "--out", "new/out"),
    ("ablate", "named", "--vary", "lr=0.1", "--out", "new/out"),
    ("ablate", "faces", "--vary", "arch=tiny,resnet5o", "--out", "new/out"),
    ("ablate", "faces", "--vary", "lr=0.1", "--on", "named", "--out", "new/out"),
    ("ablate", "broken", "--vary", "lr=0.1", "--set", "arch=tiny", "--out", "new/out"),
    ("distill", "run", "--out", "new/out"),
    ("distill", "gone", "--out", "new/out"),
    ("curate", "faces", "new/out"),
    ("curate", "set", "set/out"),
    ("curate", "set", "new/out", "--to", "paper"),
    ("generate", "gone", "new/out"),
    ("generate", "faces", "new/out", "--source-class", "gone"),
    ("generate", "faces", "new/out", "--annotations", "gone.csv"),
    ("generate", "faces", "new/out", "--pack", "faces"),
    ("generate", "faces", "new/out", "--copies", "-1"),
    ("export", "run", "--output", "new/out/model.onnx"),
    ("export", "gone", "--output", "new/out/model.onnx"),
    ("review", "faces", "--serve"),
    ("review", "set", "--serve", "--keys", "gone.json"),
    ("review", "set", "--serve", "--kind", "visor"),
    ("apply", "gone.jpg", "-o", "new/out"),
]


@pytest.mark.parametrize("arguments", STARTS, ids=" ".join)
def test_it_leaves_nothing(maskaug, folder, arguments):
    before = contents(folder)
    done = maskaug(*arguments)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert contents(folder) == before


def test_a_port_that_is_taken_leaves_no_record(maskaug, folder):
    import socket

    before = contents(folder)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = maskaug("review", "set", "--serve", "--annotator", "anna", "--port", taken.getsockname()[1])
    assert (done.returncode, "give --port another" in done.stderr) == (1, True)
    assert contents(folder) == before


@pytest.mark.slow
def test_the_corrected_command_does_what_it_should(maskaug, folder):
    assert maskaug("train", "named", *TRAINING, "--set", "epochs=1").returncode == 1
    done = maskaug("train", "named", *TRAINING, "--set", "epochs=1", "--classes", "bare,covered")
    assert done.returncode == 0, done.stderr
    grid = ("--vary", "lr=0.1", "--set", "arch=tiny", "--set", "size=32", "--set", "epochs=1", "--seeds", "1")
    assert maskaug("ablate", "broken", *grid, "--wandb", "disabled").returncode == 1
    done = maskaug("ablate", "named", *grid, "--wandb", "disabled", "--classes", "bare,covered", "--on", "faces")
    assert done.returncode == 1, "the folders of --on have other names"
    assert "--on-classes" in done.stderr
    given = ("--classes", "bare,covered", "--on", "faces", "--on-classes", ",".join(CLASSES))
    done = maskaug("ablate", "named", *grid, "--wandb", "disabled", *given)
    assert done.returncode == 0, done.stderr


def test_a_run_that_fails_in_its_first_epoch_leaves_nothing(maskaug, folder, monkeypatch):
    def diverge(*_, **__):
        raise LossError("the loss is not finite")

    monkeypatch.setattr("maskaug.train.fit.train.train_epoch", diverge)
    before = contents(folder)
    assert maskaug("train", "faces", *TRAINING).returncode == 1
    (folder / "empty").mkdir()
    assert maskaug("train", "faces", *TINY, "--out", "empty").returncode == 1
    (folder / "empty").rmdir()  # which fails if it has something in it
    assert contents(folder) == before


@pytest.mark.slow
def test_an_evaluation_that_fails_keeps_the_one_before(maskaug, folder, monkeypatch):
    assert maskaug("train", "faces", *TRAINING, "--set", "epochs=1").returncode == 0
    write_pictures(folder / "real" / CLASSES[0], 2)
    write_pictures(folder / "real" / CLASSES[1], 2)
    assert maskaug("evaluate", "new/out", "real", "--resamples", "0").returncode == 0
    before = contents(folder)

    def full(*_):
        raise OSError(28, "No space left on device", "evaluation.json")

    monkeypatch.setattr(sys.modules["maskaug.train.evaluate.evaluate"], "write_atomic", full)
    done = maskaug("evaluate", "new/out", "real", "--resamples", "0")
    assert (done.returncode, done.stderr) == (
        1,
        "maskaug: evaluation.json: No space left on device; mend that, and begin again\n",
    )
    assert contents(folder) == before


def test_a_set_that_cannot_be_put_in_its_place_keeps_the_one_before(maskaug, folder, monkeypatch):
    from pathlib import Path

    assert maskaug("curate", "set", "final").returncode == 0
    before, rename = contents(folder), Path.rename

    def interrupted(self, target):
        if self.name == ".final.partial":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    assert maskaug("curate", "set", "final", "--overwrite").returncode == 130
    assert contents(folder) == before


def test_a_new_folder_stays_where_there_is_something_to_keep(tmp_path):
    with pytest.raises(ValueError, match="not this"), new_folder(tmp_path / "a" / "b"):
        raise ValueError("not this")
    assert not (tmp_path / "a").exists()
    with pytest.raises(ValueError, match="not this"), new_folder(tmp_path / "a" / "b"):
        (tmp_path / "a" / "kept").touch()
        raise ValueError("not this")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["kept"]
    shutil.rmtree(tmp_path / "a")
    with new_folder(tmp_path / "a" / "b"):
        pass
    assert (tmp_path / "a" / "b").is_dir()
