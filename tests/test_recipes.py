import importlib
import subprocess
import sys

import pytest
from pydantic import ValidationError

from maskaug.train.fit.options import TrainOptions
from maskaug.train.model.recipes import FORMER_NAMES, REPORT, ROBUST, Recipe, RecipeError, override


def test_the_report_s_recipe_line_by_line():
    assert REPORT.model_dump(exclude_defaults=True) == {
        "arch": "resnet50",
        "weights": "none",
        "size": 112,  # resize and centre crop to 112 x 112
        "mean": (0.5, 0.5, 0.5),
        "std": (1.0, 1.0, 1.0),
        "rotation": 30,
        "optimizer": "adam",
        "lr": 0.01,
        "milestones": (10, 20),
        "gamma": 0.5,
        "epochs": 50,
        "batch_size": 64,
        "clip_norm": 1.0,
    }


def test_fields_are_set_from_text():
    recipe = override(REPORT, ["lr=0.001", "milestones=3, 5", "epochs=7", "epochs=8", "mean=0.485,0.456,0.406"])
    assert (recipe.lr, recipe.milestones, recipe.epochs) == (0.001, (3, 5), 8)
    assert recipe.mean == (0.485, 0.456, 0.406)
    assert recipe.arch == REPORT.arch


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("lr", "write for example lr=0.001"),
        ("learning_rate=1", "no 'learning_rate'"),
        ("epoch=3", "did you mean epochs?"),
        ("lr=fast", "lr: "),
        ("lr=-1", "must be above 0"),
        ("lr=nan", "finite"),
        ("milestones=20,10", "must ascend"),
        ("std=1,0,1", "above 0"),
        ("mean=1,2", "mean"),
        ("optimizer=lion", "'adam'"),
    ],
)
def test_what_cannot_be_set_is_explained(change, told):
    with pytest.raises(RecipeError, match="--set") as raised:
        override(REPORT, [change])
    assert told in str(raised.value)


def test_options_change_the_recipe(tmp_path):
    options = TrainOptions(data=tmp_path, arch="resnet18", weights="imagenet", set_=["lr=0.1"])
    recipe = options.resolved_recipe
    assert (recipe.arch, recipe.weights, recipe.lr, recipe.size) == ("resnet18", "imagenet", 0.1, 112)


@pytest.mark.parametrize("options", [{}, {"data": "a", "resume": "b"}, {"resume": "b", "out": "c"}])
def test_a_run_begins_or_goes_on(options):
    with pytest.raises(ValidationError, match="--resume"):
        TrainOptions(**options)


def test_former_names_are_read_wherever_they_stand():
    former = {now: before for before, now in FORMER_NAMES.items()}
    written = {former.get(name, name): value for name, value in ROBUST.model_dump(mode="json").items()}
    assert Recipe.model_validate({**written, "distort": True}) == ROBUST
    changed = override(ROBUST, ["fresh_masks=false", "props=0.1", "distort=False", "zero_init=false"])
    assert (changed.online_masks, changed.occluder_share) == (False, 0.1)
    assert (changed.corruptions, changed.zero_init_residual) == ((), False)
    with pytest.raises(RecipeError, match="--set distort=some: must be true or false"):
        override(ROBUST, ["distort=some"])


def test_corruptions_are_changed_by_name():
    everything = ROBUST.corruptions
    assert override(ROBUST, ["corruptions=-colour_cast"]).corruptions == tuple(
        name for name in everything if name != "colour_cast"
    )
    assert override(REPORT, ["corruptions=noise,blur"]).corruptions == ("blur", "noise")
    assert override(REPORT, ["corruptions=all"]).corruptions == everything
    assert not override(ROBUST, ["corruptions=none"]).corruptions
    with pytest.raises(RecipeError, match="no corruption 'bluur'; did you mean blur"):
        override(ROBUST, ["corruptions=bluur"])


def test_training_is_imported_without_pytorch():
    program = "import sys, maskaug.train; maskaug.train.RECIPES; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    package = importlib.import_module("maskaug.train")
    assert {"train", "evaluate", "predict", "export", "ablate", "distill"} <= set(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert callable(package.evaluate)
