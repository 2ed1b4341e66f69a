"""One rule for the names of classes: the manifest says them, or the run, or --classes."""

import json
from pathlib import Path

import numpy as np
import pytest
from generated import Generated, texture
from pydantic import ValidationError
from runs import command
from training import CLASSES, TINY, balanced, write_faces

from maskaug.core.classes import INCORRECT, MASKED, THREE_CLASSES, UNMASKED
from maskaug.train.data.classes import ClassesError
from maskaug.train.data.dataset import load_training_data
from maskaug.train.data.preprocess import Preparation
from maskaug.train.data.samples import DataError, resolve_classes, resolve_judged_classes
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.run_config import read_config
from maskaug.train.predict.annotate import draw_faces

pytestmark = pytest.mark.usefixtures("quick_reports")


def renamed(folder, *names):
    for split in ("train", "val"):
        for before, after in zip(CLASSES, names, strict=True):
            (folder / split / before).rename(folder / split / after)
    return folder


def three_classes(folder, masked="with_mask"):
    """A set as `generate --masked-class` and `curate` leave it: three classes, and no options of its making."""
    made = Generated(folder)
    for split in ("train", "val"):
        for number in range(4):
            made.original(split, f"{split}{number}", texture(number), label="bare")
            for copy, (label, wear) in enumerate(((masked, "correct"), ("worn_badly", "under_nose"))):
                made.mask(split, f"{split}{number}", copy, parameters=json.dumps({"wear": wear}))
                row = made.rows[-1]
                place = folder / row["output"]
                row.update(label=label, output=row["output"].replace("wearing_mask", label))
                (folder / row["output"]).parent.mkdir(parents=True, exist_ok=True)
                place.rename(folder / row["output"])
        made.original(split, f"{split}cap", texture(99), label="with_cap")
    return made.finish()


def test_a_manifest_of_several_classes_tells_which_are_learnt(tmp_path):
    data = three_classes(tmp_path / "final")
    classes = resolve_classes(data)
    assert classes == ("bare", "with_mask", "worn_badly")
    assert (classes[UNMASKED], classes[MASKED], classes[INCORRECT]) == classes
    found = load_training_data(data, Preparation("picture", 32), tmp_path / "cache", classes=classes)
    assert np.bincount(found.train.labels.astype(int)).tolist() == [4, 4, 4]
    two = load_training_data(data, Preparation("picture", 32), tmp_path / "cache", classes=classes[:2])
    assert len(two.train) == len(two.val) == 8
    assert found.notes[0].startswith("3 classes are learnt: bare, with_mask, worn_badly; for two, give --classes bare,")
    for split in ("train", "val"):
        said = f"Pictures of {split} that are not trained on, for their class: with_cap"
        assert f"{said}." in found.notes
        assert f"{said}, worn_badly." in two.notes


def test_photographs_of_masks_worn_incorrectly_are_learnt_where_no_overlay_is(tmp_path):
    made = Generated(tmp_path / "final")
    for split in ("train", "val"):
        made.original(split, f"{split}0", texture(1), label="bare")
        made.mask(split, f"{split}0", 0)
        made.original(split, f"{split}1", texture(2), label=THREE_CLASSES[INCORRECT])
    assert resolve_classes(made.finish()) == ("bare", CLASSES[MASKED], THREE_CLASSES[INCORRECT])


def test_a_third_class_is_learnt_where_both_splits_have_it(tmp_path):
    data = balanced(tmp_path / "data", train=1, val=1)
    assert resolve_classes(data) == CLASSES
    for split, learnt in (("train", CLASSES), ("val", THREE_CLASSES)):
        place = data / split / THREE_CLASSES[INCORRECT]
        place.mkdir()
        (place / "0.png").write_bytes((data / split / CLASSES[0] / "0.png").read_bytes())
        assert resolve_classes(data) == learnt
    assert resolve_classes(data, CLASSES) == CLASSES, "unless the user says otherwise"
    assert resolve_classes(data, ("a", "b", "c", "d")) == ("a", "b", "c", "d")


def test_as_many_names_are_judged_by_as_the_classifier_knows(tmp_path):
    data = three_classes(tmp_path / "final")
    assert resolve_judged_classes(data, None, CLASSES) == ("bare", "with_mask")
    assert resolve_judged_classes(data, None, THREE_CLASSES) == ("bare", "with_mask", "worn_badly")
    assert resolve_judged_classes(data, ("x", "y"), THREE_CLASSES) == ("x", "y", THREE_CLASSES[INCORRECT])
    assert resolve_judged_classes(tmp_path, None, ("x", "y", "z", "w")) == ("x", "y", "z", "w")
    with pytest.raises(ClassesError, match="--classes names x, y, z, but the classifier knows not_wearing_mask"):
        resolve_judged_classes(data, ("x", "y", "z"), CLASSES)
    with pytest.raises(ClassesError, match="in another order than its: bare, with_mask, askew"):
        resolve_judged_classes(data, ("with_mask", "bare"), ("bare", "with_mask", "askew"))


def test_names_that_the_manifest_cannot_tell_are_asked_for(tmp_path):
    made = Generated(tmp_path / "data")
    for label in ("bare", "bald"):  # both have masked copies
        made.original("train", f"f{label}", texture(1), label=label)
        made.mask("train", f"f{label}", 0)
    made.finish()
    assert resolve_classes(tmp_path / "data") == CLASSES
    assert resolve_classes(tmp_path / "data", ("bald", "wearing_mask")) == ("bald", "wearing_mask")
    data = write_faces(tmp_path / "faces", {("train", CLASSES[0]): 2, ("val", CLASSES[0]): 2})
    for split in ("train", "val"):
        (data / split / "with_mask").mkdir()
        (data / split / "with_mask" / "0.png").write_bytes((data / split / CLASSES[0] / "0.png").read_bytes())
    with pytest.raises(DataError, match=r"it has pictures of with_mask, too: name .*--classes UNMASKED,MASKED"):
        load_training_data(data, Preparation("picture", 32), tmp_path / "cache")


@pytest.mark.parametrize("options", [{"model": TrainOptions}, {"model": EvaluateOptions, "run": "run"}])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("without_mask", "a classifier needs two"),
        ("a,b,a", "different names, but 2 are called a"),
        ("a,a", "different names"),
        ("a,", "a name is missing"),
    ],
)
def test_names_that_cannot_be(options, given, said):
    model, more = options["model"], {name: value for name, value in options.items() if name != "model"}
    with pytest.raises(ValidationError, match=said):
        model(data="data", classes=given, **more)


def test_a_configuration_with_an_option_for_each_class_is_read(tmp_path):
    former = Path(__file__).parent / "data" / "v0.1.0" / "run" / "config.json"
    config = json.loads(former.read_text())
    config["classes"] = ["bare", "covered"]
    config["options"] |= {"masked_class": "covered", "unmasked_class": None}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_config(tmp_path).classes == ("bare", "covered")


@pytest.mark.slow
def test_every_command_says_the_names_of_the_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def maskaug(*arguments):
        done = command(monkeypatch, capsys, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        return done

    three_classes(tmp_path / "final")
    small = (*TINY, "--set", "epochs=1")
    told = maskaug("train", "final", *small, "--classes", "bare,with_mask", "--out", "run").stderr
    assert "not trained on, for their class: with_cap, worn_badly" in told
    assert json.loads((tmp_path / "run" / "config.json").read_text())["classes"] == ["bare", "with_mask"]
    renamed(balanced(tmp_path / "real", train=2, val=2), "x", "y")
    maskaug("evaluate", "run", "real", "--classes", "x,y", "--resamples", "0")
    head, *lines = maskaug("predict", "run", "final/val", "--whole", "--draw", "drawn").stdout.splitlines()
    assert head.split() == ["P(with_mask)", "verdict", "place", "picture"]
    assert {line.split()[1] for line in lines} <= {"bare", "with_mask"}
    lines = maskaug("predict", "run", "final/val", "--whole", "--json").stdout.splitlines()
    (face,) = json.loads(lines[0])["faces"]
    assert face["class"] == ("with_mask" if face["masked"] else "bare")
    grid = ("--vary", "lr=0.1", "--seeds", "1", "--wandb", "disabled", "--set", "arch=tiny", "--set", "size=32")
    maskaug(
        "ablate",
        "final",
        "--classes",
        "bare,with_mask",
        *grid,
        "--set",
        "epochs=1",
        "--on",
        "real",
        "--on-classes",
        "x,y",
        "--out",
        "grid",
    )
    maskaug("distill", "run", "--arch", "tiny", "--wandb", "disabled")
    assert json.loads((tmp_path / "run/distilled/config.json").read_text())["classes"] == ["bare", "with_mask"]


def test_a_drawing_has_the_name_of_the_class():
    image = np.zeros((200, 300, 3), dtype=np.uint8)
    one, other = (draw_faces(image, [(20, 60, 120, 160)], [1], [name]) for name in ("mask", "with_a_long_name"))
    width = [int(np.flatnonzero(drawn[:55].any(axis=(0, 2))).max()) for drawn in (one, other)]
    assert width[1] > width[0] + 20
