"""Ctrl-C, and SIGTERM: what was kept is said, with the command that goes on, which can be typed as it stands."""

import importlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import astronaut
import cv2
import numpy as np
import pytest
import typer
from generated import Generated, texture
from runs import write_pictures
from training import CLASSES, COMMAND, TINY, balanced
from typer.testing import CliRunner

from maskaug.augment.curate.options import CurateOptions
from maskaug.augment.generate.options import GenerateOptions
from maskaug.cli.app import app, main
from maskaug.cli.command import command, typed
from maskaug.core.pictures import encode_picture
from maskaug.review_ui import DecisionsExportOptions, ReviewOptions
from maskaug.train.ablate.options import AblateOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.train import train
from maskaug.train.predict.options import PredictOptions

FIT, NAME = "maskaug.train.fit.train", "it's a run"
CHANGES = ["size=32", "batch_size=8", "lr=0.001", "epochs=2"]
SMALL = [*TINY, "--set", "epochs=2"]

pytestmark = pytest.mark.usefixtures("quick_reports")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A trained run, and what it learnt from."""
    place = tmp_path_factory.mktemp("trained")
    balanced(place / "the faces", train=4, val=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        train(
            TrainOptions(data=place / "the faces", out=place / "teacher", arch="tiny", set_=CHANGES, wandb="disabled")
        )
    return place


@pytest.fixture
def folder(template, tmp_path, monkeypatch):
    """The same with pictures to judge and a generated set, all of it in folders that need quotes."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    for label in CLASSES:
        write_pictures(tmp_path / "real ones" / label, 2, first=10 * CLASSES.index(label))
    made = Generated(tmp_path / "the set")
    for number in range(20):
        made.original("train", f"f{number}", texture(number))
        made.mask("train", f"f{number}", 0)
    made.finish()
    (tmp_path / "face.png").write_bytes(encode_picture(astronaut.face(), "png"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def maskaug(monkeypatch, capsys):
    """The command line in this process, signals and all."""
    former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs ignore

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["maskaug", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code or 0, capsys.readouterr()

    yield run
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.fixture
def stop(maskaug):
    """Run a command that gets a signal when a function of a module is called for a certain time; what it says last."""

    def run(place, name, times, *arguments, number=signal.SIGINT):
        module, calls = importlib.import_module(place), []
        function = getattr(module, name)

        def interrupted(*values, **options):
            calls.append(1)
            if len(calls) == times:
                os.kill(os.getpid(), number)
            return function(*values, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, name, interrupted)
            status, printed = maskaug(*arguments)
        assert status == 130, printed.err
        assert "Traceback" not in printed.err
        assert printed.err.splitlines()[-1].startswith("maskaug: stopped")
        return printed.err.splitlines()[-1]

    return run


@pytest.fixture
def go_on(maskaug):
    """Type the command that was printed."""

    def run(said):
        typed_line = re.search("(?:go on|begin again) with: (.*)", said).group(1)
        for line in typed_line.split(" && "):
            program, *arguments = shlex.split(line)
            assert program == "maskaug"
            status, printed = maskaug(*arguments)
            assert status == 0, printed.err
        return printed.out

    return run


def test_a_training_keeps_its_epochs(folder, stop, go_on):
    given = ("train", "the faces", *SMALL, "--out", NAME)
    said = stop(FIT, "train_epoch", 1, *given)
    assert said.startswith("maskaug: stopped; nothing was written; begin again with: maskaug train 'the faces' --out ")
    assert not (folder / NAME).exists()
    said = stop(FIT, "train_epoch", 2, *given, number=signal.SIGTERM)  # as clusters send it
    assert " keeps 1 epoch; go on with: maskaug train --resume " in said
    assert "kept epoch" in go_on(said)
    assert (folder / NAME / "report.html").exists()


def test_a_training_that_is_stopped_at_its_end_keeps_all_epochs(folder, stop, go_on):
    said = stop(FIT, "finalize", 1, "train", "the faces", *SMALL, "--out", NAME)
    assert " keeps 2 epochs; go on with" in said
    go_on(said)


@pytest.mark.slow
def test_a_student_goes_on_and_is_exported(folder, stop, go_on):
    given = ("distill", "teacher", "--arch", "tiny", "--wandb", "disabled", "--out")
    said = stop(FIT, "train_epoch", 1, *given, NAME)
    assert "begin again with: maskaug distill teacher --out " in said
    said = stop(FIT, "train_epoch", 2, *given, NAME)
    assert " && maskaug export " in said
    go_on(said)
    assert (folder / NAME / "model.onnx").is_file()
    said = stop("maskaug.train.distill.distill", "export", 1, *given, "other")
    assert said.endswith("other is trained; go on with: maskaug export other --half")
    go_on(said)


@pytest.mark.slow
def test_a_grid_goes_on(folder, stop, go_on):
    out = folder / NAME
    given = ["ablate", "the faces", "--vary", "lr=0.1,0.01", "--seeds", "1", "--out", NAME, "--wandb", "disabled"]
    given += ["--set", "arch=tiny", "--set", "size=32", "--set", "epochs=1"]
    said = stop(FIT, "train_epoch", 1, *given)
    assert "nothing was written; begin again with: maskaug ablate" in said
    assert not out.exists()
    said = stop(FIT, "train_epoch", 2, *given)
    assert " keeps 1 finished run; go on with: maskaug ablate 'the faces' --vary" in said
    first = (out / "lr=0.1" / "seed0" / "best.pt").stat().st_mtime_ns
    go_on(said)
    assert (out / "ablation.md").is_file()
    assert (out / "lr=0.1" / "seed0" / "best.pt").stat().st_mtime_ns == first, "a finished run is not trained again"


@pytest.mark.parametrize(
    ("where", "arguments", "made"),
    [
        (
            ("maskaug.train.evaluate.evaluate", "compute_metrics", 1),
            ("evaluate", "teacher", "real ones", "--resamples", "0"),
            "teacher/evaluations",
        ),
        (("maskaug.augment.curate.curate", "_fingerprint", 3), ("curate", "the set", "the end"), "the end"),
        (("maskaug.augment.curate.curate", "write_checksums", 1), ("curate", "the set", "the end"), "the end"),
        (("maskaug.train.export.export", "_about", 1), ("export", "teacher", "--output", "the end/it.onnx"), "the end"),
    ],
    ids=["evaluate", "curate", "curate, at its end", "export"],
)
def test_what_keeps_nothing_says_so_and_begins_again(folder, stop, go_on, where, arguments, made):  # noqa: PLR0917
    before = sorted(folder.rglob("*"))
    said = stop(*where, *arguments)
    assert f"nothing was written; begin again with: maskaug {arguments[0]} " in said
    assert [path for path in sorted(folder.rglob("*")) if path not in before and "cache" not in path.parts] == []
    go_on(said)
    assert (folder / made).exists()


def test_a_prediction_keeps_finished_drawings(folder, stop, go_on):
    video = cv2.VideoWriter("a clip.avi", cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (64, 48))
    for shade in range(6):
        video.write(np.full((48, 64, 3), 40 * shade, dtype=np.uint8))
    video.release()
    given = ("predict", "teacher", "face.png", "a clip.avi", "--whole", "--batch-size", "1", "--draw", "it's drawn")
    said = stop("maskaug.train.predict.predict", "_found", 4, *given)
    assert "what is printed holds, and finished drawings are in " in said
    assert [path.name for path in (folder / "it's drawn").iterdir()] == ["face.png"]
    assert go_on(said).splitlines()[0].split()[0] == "P(wearing_mask)"
    assert sorted(path.name for path in (folder / "it's drawn").iterdir()) == ["a clip.mp4", "face.png"]


@pytest.mark.parametrize(
    ("where", "arguments"),
    [
        (("maskaug.augment.generate.generate", "scan", 1), ("generate", "the faces", "out")),
        (("maskaug.augment.masking.apply", "read_picture", 1), ("apply", "face.png")),
        (("maskaug.augment.reviews.agreement", "read_reviews", 1), ("agreement", "the set")),
        (("maskaug.review_ui.review", "PageServer", 1), ("review", "the set", "--serve")),
    ],
    ids=["generate", "apply", "agreement", "review"],
)
@pytest.mark.usefixtures("folder")
def test_every_other_command_says_that_it_was_stopped(stop, where, arguments):
    stop(*where, *arguments)


def test_the_doctor_has_nothing_to_keep(maskaug, monkeypatch):
    monkeypatch.setattr("maskaug.cli.app.examine", lambda: signal.raise_signal(signal.SIGINT))
    status, printed = maskaug("doctor")
    assert (status, printed.err) == (130, "")


@pytest.mark.slow
def test_a_shell_types_what_was_printed(folder):
    """In real processes: the signal, to the whole group as a terminal sends it, and the shell that goes on."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "maskaug"
    program.write_text(f'#!/bin/sh\nexec {COMMAND[0]} {COMMAND[1]} "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    run = [*COMMAND, "train", "the faces", *TINY, "--set", "epochs=500", "--out", NAME]
    with subprocess.Popen(run, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        for line in process.stderr:
            if line.startswith("epoch 2"):
                os.killpg(process.pid, signal.SIGTERM)  # background jobs may ignore SIGINT
                break
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    line = re.search("go on with: (.*)", said).group(1)
    helped = line.replace("maskaug train", "maskaug train --help")
    shown = subprocess.run(helped, shell=True, env=environment, capture_output=True, check=False)
    assert shown.returncode == 0
    assert shlex.split(line)[-1] == NAME


COMMANDS = sorted(command.name for command in app.registered_commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_option_is_status_2_in_every_command(name):
    assert CliRunner().invoke(app, [name, "--no-such-option"]).exit_code == 2


@pytest.mark.parametrize("name", ["export", "import"])
def test_a_wrong_option_of_decisions_is_status_2(name):
    assert CliRunner().invoke(app, ["decisions", name, "--no-such-option"]).exit_code == 2


def test_every_command_is_tried():
    assert set(COMMANDS) == {
        *("generate", "apply", "review", "curate", "agreement", "verify", "doctor"),
        *("train", "distill", "evaluate", "predict", "ablate", "export"),
    }


def test_a_command_of_a_group_is_typed_with_its_group():
    options = DecisionsExportOptions(dst=Path("set"), out=Path("out.json"), to="coco", annotators="anna,bert")
    assert typed(options) == "maskaug decisions export set out.json --to coco --annotators anna,bert"


def test_a_command_is_typed_with_all_that_is_not_the_default():
    options = TrainOptions(
        data=Path("-my data"), out=Path("it's"), classes=("a b", "c"), set_=["lr=0.1", "size=32"], deterministic=True
    )
    assert typed(options) == (
        "maskaug train './-my data' --out 'it'\"'\"'s' --classes 'a b,c' --set lr=0.1 --set size=32 --deterministic"
    )
    assert typed(PredictOptions(run=Path("r"), paths=[Path("a b"), Path("c")])) == "maskaug predict r 'a b' c"
    ablation = AblateOptions(data=Path("d"), vary=["lr=1,2", "arch=a,b"], on=[Path("x"), Path("y")])
    assert typed(ablation) == "maskaug ablate d --vary lr=1,2 --vary arch=a,b --on x --on y"


@pytest.mark.parametrize(
    "options",
    [
        GenerateOptions(
            src=Path("a b"), dst=Path("-c"), kinds={"n95": 2.0, "cloth": 1.0}, copies=3, alpha=True, seed=7
        ),
        GenerateOptions(
            src=Path("a"), dst=Path("b"), annotations=Path("t"), box_classes={"head": "bare", "x": "no_face"}
        ),
        CurateOptions(dst=Path("it's"), out=Path("$HOME"), undecided="by-score", min_quality=0.25),
        ReviewOptions(dst=Path("a"), annotator="anna", annotators=("anna", "bert"), kind=("n95", "cloth"), overlap=0.5),
        TrainOptions(resume=Path("a b")),
        AblateOptions(data=Path("d"), vary=["lr=1,2", "arch=a,b"], on=[Path("x y")], on_classes=("a b", "c")),
        PredictOptions(run=Path("r"), paths=[Path("*.jpg"), Path("c;d")], json_=True, draw=Path("&")),
        PredictOptions(camera=0, every=2),
    ],
    ids=lambda options: type(options).__name__,
)
def test_what_is_typed_is_read_again(options):
    read = []
    app = typer.Typer()
    app.command()(command(type(options), read.append))
    done = CliRunner().invoke(app, shlex.split(typed(options))[2:])
    assert (done.exit_code, read) == (0, [options]), done.output


def test_a_command_of_several_processes_is_typed_so(monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert typed(TrainOptions(data=Path("d"))) == "torchrun --nproc-per-node 2 -m maskaug train d"
