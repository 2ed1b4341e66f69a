import pytest
from pydantic import ValidationError

from maskaug.train.fit.options import TrainOptions
from maskaug.train.model.recipes import REPORT, RecipeError, override


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
        ("lr=-1", "greater than 0"),
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
