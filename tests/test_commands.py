"""What all commands have in common: files of options, help, and exit statuses."""

import importlib
import json
import re
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel
from runs import command

from maskaug.augment import ApplyOptions, CurateOptions, GenerateOptions, VerifyOptions
from maskaug.augment.reviews.log import ReviewError
from maskaug.augment.reviews.options import AgreementOptions
from maskaug.cli.app import app
from maskaug.cli.config_file import ConfigFileError, read_options_file
from maskaug.cli.console import print_json
from maskaug.cli.help import EXAMPLES, PANELS
from maskaug.cli.logs import LOGGER, set_up, tells_progress
from maskaug.review_ui import DecisionsExportOptions, DecisionsImportOptions, ReviewOptions
from maskaug.train import (
    AblateOptions,
    DistillOptions,
    EvaluateOptions,
    ExportOptions,
    PredictOptions,
    TrainOptions,
)
from maskaug.train.model.recipes import RECIPES, Recipe

MODELS: tuple[type[BaseModel], ...] = (
    *(GenerateOptions, ApplyOptions, CurateOptions, AgreementOptions, VerifyOptions, ReviewOptions, TrainOptions),
    *(DecisionsExportOptions, DecisionsImportOptions),
    *(DistillOptions, EvaluateOptions, PredictOptions, AblateOptions, ExportOptions),
)
COMMANDS = vars(typer.main.get_command(app))["commands"]


@pytest.fixture
def maskaug(monkeypatch, capsys, tmp_path):
    return lambda *arguments: command(monkeypatch, capsys, tmp_path, *arguments)


@pytest.fixture
def ran(monkeypatch):
    """The options that `curate` was called with."""
    seen = []

    def curate(options, _report):
        seen.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module("maskaug.augment.curate.curate"), "curate", curate)
    return seen


FILES = {
    "options.yaml": "dst: set\nout: final\nval-share: 0.3\nseed: 5\n",
    "options.toml": 'dst = "set"\nout = "final"\nval_share = 0.3\nseed = 5\n',
    "options.json": '{"dst": "set", "out": "final", "val_share": 0.3, "seed": 5, "balance": null}',
}


@pytest.mark.parametrize("name", FILES)
def test_options_come_from_a_file_and_what_is_typed_counts_more(maskaug, ran, tmp_path, name):
    (tmp_path / name).write_text(FILES[name])
    assert maskaug("curate", "--config", name, "--seed", "7").returncode == 130
    (options,) = ran
    assert (str(options.dst), str(options.out), options.val_share, options.seed) == ("set", "final", 0.3, 7)
    assert options.model_fields_set == {"dst", "out", "val_share", "seed"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "val_shere: 0.3", "there is no option 'val_shere'; did you mean val-share?"),
        ("a.toml", "colour = 1", "there is no option 'colour'; -h lists those of this command"),
        ("a.json", "{", "it is no JSON"),
        ("a.yaml", "- 1", "must name options and their values"),
        ("a.ini", "", "must end in .json"),
        ("a.yaml", "dst: a\nout: b\nval_share: 3", "--val-share: must be below 1, not 3 (as "),
        ("a.yaml", "dst: a", "OUT is missing"),
    ],
)
def test_a_wrong_file_is_one_sentence(maskaug, tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    done = maskaug("curate", "--config", name)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
    assert said in done.stderr
    assert name in done.stderr or "missing" in said


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("generate faces out --copies abc", "--copies: must be a whole number, not abc"),
        ("train data --seed -1", "--seed: must be at least 0, not -1"),
        ("train data --precision fp16", "--precision: must be 'auto', 'fp32' or 'bf16', not fp16"),
        ("predict x.jpg --threshold 2", "--threshold: must be at most 1, not 2"),
        ("train data --set lr=fast", "lr: must be a number, not fast"),
        (
            "train data --recipe robust --set epochs=1",
            "warmup, 2 epochs, must not be longer than all 1; --set warmup=1",
        ),
        ("evaluate data --classes wearing_mask,not_wearing_mask", "has the masked faces first; name the unmasked ones"),
        ("evaluate model.torchscript.pt data", "is a network's file, by which nothing is judged here; name the folder"),
        ("predict best.safetensors x.jpg", "is a network's file, by which nothing is judged here; name the folder"),
        ("train data --set flips=maybe", "flips: must be true or false, not maybe"),
        ("train data --set mean=1,2", "mean: must be more values than 1,2"),
        ("train data --set mean=1,2,3,4", "mean: must be 3 values, not 1,2,3,4"),
        ("train data --set optimizer=sgd", "optimizer: must be 'adam' or 'adamw', not sgd"),
    ],
)
def test_a_value_that_will_not_do_is_told_in_words(maskaug, typed, said):
    done = maskaug(*typed.split())
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
    assert said in done.stderr


def test_a_file_that_is_not_there(maskaug):
    done = maskaug("curate", "--config", "gone.yaml")
    assert (done.returncode, "there is no such file" in done.stderr) == (2, True)


def test_the_configuration_of_an_output_is_one(tmp_path):
    made = GenerateOptions(src="faces", dst="set", kinds={"n95": 1.0}, seed=3, copies=2)
    (tmp_path / "config.json").write_text(json.dumps({"maskaug": "0.2.0", **json.loads(json.dumps(made.resolved()))}))
    again = GenerateOptions(dst="set", **read_options_file(tmp_path / "config.json", GenerateOptions.model_fields))
    assert again.resolved() == made.resolved()
    trained = TrainOptions(data="data", recipe="robust", set_=["lr=0.1"])
    recorded = {"data": "data", "recipe": {}, "versions": {}, "options": trained.model_dump(mode="json")}
    (tmp_path / "config.json").write_text(json.dumps(recorded))
    assert TrainOptions(**read_options_file(tmp_path / "config.json", TrainOptions.model_fields)) == trained
    with pytest.raises(ConfigFileError, match="no option 'kinds'"):
        (tmp_path / "config.json").write_text('{"kinds": "n95"}')
        read_options_file(tmp_path / "config.json", TrainOptions.model_fields)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_option_is_status_2_and_help_status_0(maskaug, name):
    done = maskaug(name, "--nonsense")
    assert done.returncode == 2
    assert "--nonsense" in done.stderr
    shown = maskaug(name, "-h")
    assert shown.returncode == 0
    if name not in ("recipe", "decisions"):  # groups of commands
        assert " ".join(EXAMPLES[name].split()[:3]) in " ".join(shown.stdout.split())


@pytest.mark.parametrize("example", EXAMPLES.values())
def test_examples_can_be_typed(example):
    name, *arguments = shlex.split(example)[1:]
    with COMMANDS[name].make_context(name, arguments) as context:
        assert not context.args


def test_every_option_has_a_panel():
    options = {
        name
        for model in MODELS
        for name, field in model.model_fields.items()
        if not field.is_required() and field.json_schema_extra != {"argument": True}
    }
    assert options <= PANELS.keys()
    assert PANELS.keys() <= options, "none is left over"


def test_recipes_are_shown_with_all_their_fields(maskaug):
    assert [line.split(":")[0] for line in maskaug("recipe", "list").stdout.splitlines()] == list(RECIPES)
    shown = maskaug("recipe", "show", "robust").stdout
    assert all(name in shown for name in Recipe.model_fields)
    values = json.loads(maskaug("recipe", "show", "robust", "--json").stdout)
    assert Recipe.model_validate(values).model_dump(mode="json") == values
    done = maskaug("recipe", "show", "strong")
    assert (done.returncode, "there are report, robust, finetune" in done.stderr) == (2, True)


def test_what_is_found_is_json(capsys):
    @dataclass
    class Found:
        counts: Counter[tuple[str, str]]
        value: float
        place: Path
        names: set[str]

    print_json(Found(Counter({("a", "c"): 1, ("b", "c"): 2}), float("nan"), Path("x/y"), {"d", "c"}))
    expected = {"counts": {"a/c": 1, "b/c": 2}, "value": None, "place": "x/y", "names": ["c", "d"]}
    assert json.loads(capsys.readouterr().out) == expected


@pytest.mark.parametrize("change", ["lr", "colour=red", "lr=fast"])
def test_a_wrong_field_of_a_recipe_says_where_they_are_listed(maskaug, change):
    done = maskaug("train", "data", "--set", change)
    assert done.returncode == 2
    assert "maskaug recipe show report" in done.stderr


@pytest.fixture
def logged(tmp_path):
    """A file for the log; afterwards stderr is told as much as usual."""
    yield tmp_path / "log.txt"
    set_up()


def test_how_much_is_told(maskaug, logged, monkeypatch):
    """Of a command that fails; a bar and notes have their own ways to stderr."""

    def agreement(_options):
        LOGGER.info("a note")
        raise ReviewError("nobody has reviewed")

    monkeypatch.setattr(importlib.import_module("maskaug.augment.reviews.agreement"), "agreement", agreement)
    problem = "maskaug: nobody has reviewed\n"
    assert maskaug("agreement", "set").stderr == f"a note\n{problem}"
    for flag in ("-q", "--quiet"):
        assert maskaug("agreement", "set", flag).stderr == problem
        assert not tells_progress()
    for flag in ("-v", "--verbose"):
        told = maskaug("agreement", "set", flag, "--seed", "3").stderr
        assert "maskaug agreement set --seed 3\n" in told
        assert '"seed":3' in told, "those that were not typed are there, too"
        assert "Traceback" in told
        assert told.endswith(problem)
        assert tells_progress()
    done = maskaug("agreement", "set", "-q", "-v")
    assert (done.returncode, "exclude each other" in done.stderr) == (2, True)
    assert not logged.exists()


def test_a_log_file_has_all_but_passwords(maskaug, logged, monkeypatch):
    def agreement(_options):
        LOGGER.warning("rtsp://anna:secret@camera.example/1 cannot be reached")
        raise ReviewError("http://anna:secret@host.example is no folder, 100 %s")

    monkeypatch.setattr(importlib.import_module("maskaug.augment.reviews.agreement"), "agreement", agreement)
    assert "secret" in maskaug("agreement", "set", "-q", "--log-file", logged).stderr
    text = logged.read_text()
    assert "secret" not in text
    assert re.search(r"(?m)^20\d\d-.* DEBUG \d+ maskaug .*: maskaug agreement set$", text)
    assert re.search(r"(?m)^20\d\d-.* WARNING \d+ rtsp://...@camera.example/1 cannot be reached$", text)
    assert "Traceback" in text
    assert re.search(r"(?m)^20\d\d-.* ERROR \d+ http://...@host.example is no folder, 100 %s$", text)
    maskaug("agreement", "set", "--log-file", logged)
    assert logged.read_text().startswith(text), "it is appended to"
    done = maskaug("agreement", "set", "--log-file", logged / "x")
    assert (done.returncode, "Not a directory" in done.stderr) == (1, True)


def test_how_long_a_command_took_is_logged(maskaug, logged, monkeypatch):
    monkeypatch.setattr("maskaug.cli.reviewing.print_json", lambda _found: None)
    monkeypatch.setattr(importlib.import_module("maskaug.augment.reviews.agreement"), "agreement", lambda _options: 1)
    assert maskaug("agreement", "set", "--json", "--log-file", logged).returncode == 0
    assert re.search(r"(?m) DEBUG \d+ done in \d+\.\d s$", logged.read_text())


def test_set_without_a_value_lists_the_fields(maskaug):
    for words in (("train", "data", "--recipe", "robust", "--set"), ("ablate", "--set", "--recipe=robust", "data")):
        done = maskaug(*words)
        assert done.returncode == 0, done.stderr
        told = " ".join(done.stdout.split())
        assert all(field in told for field in Recipe.model_fields)
        assert told.startswith("field robust meaning")
        assert told.endswith("change one with: --set FIELD=VALUE")
    assert maskaug("train", "--set").stdout.split()[1] == "report"
    assert "there are report, robust" in maskaug("train", "--recipe", "none", "--set").stderr
    assert "maskaug recipe show report" in maskaug("train", "data", "--set", "nothing=1").stderr
    assert maskaug("predict", "--set").returncode == 2
