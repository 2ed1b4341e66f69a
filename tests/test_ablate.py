import json
from math import isnan, nan

import numpy as np
import pytest
from classifiers import write_network
from generated import MASKED, UNMASKED
from pydantic import ValidationError
from runs import predictions, write_pictures
from training import THREE_CLASSES, balanced

from maskaug.train.ablate import ablate as ablate_module
from maskaug.train.ablate.ablate import AblateError, ablate, run_folder, train_options
from maskaug.train.ablate.comparison import Ablation, Outcome, Spread, comparison_table, summary_table
from maskaug.train.ablate.options import AblateOptions
from maskaug.train.errors import TrainError, TrainOptionError
from maskaug.train.evaluate.evaluate import evaluate
from maskaug.train.evaluate.predictions import write_predictions
from maskaug.train.model.calibration import Calibration
from maskaug.train.model.recipes import RecipeError

SPREADS = {"none": 6.0, "imagenet": 1.5}  # the larger, the more errors


pytestmark = pytest.mark.usefixtures("quick_reports")


class Trainer:
    """Writes runs whose errors depend on the settings, and counts."""

    def __init__(self, stop_after=99):
        self.trained, self.stop_after = [], stop_after

    def __call__(self, options):
        if len(self.trained) == self.stop_after:
            raise TrainError("stopped")
        run, weights, seed = options.out, options.weights, options.seed
        self.trained.append((weights, seed))
        write_network(run, calibration=Calibration())
        seen = predictions(run / "data", [0, 1] * 40, spread=SPREADS[weights], seed=seed)
        write_predictions(run, seen, Calibration())


def options(tmp_path, *, vary=("weights=none,imagenet",), **more):
    if not (tmp_path / "data").exists():
        balanced(tmp_path / "data", train=1, val=1)
    return AblateOptions(data=tmp_path / "data", out=tmp_path / "out", vary=list(vary), **more)


def test_the_grid_is_trained_judged_and_written(tmp_path):
    train = Trainer()
    told = []
    found = ablate(options(tmp_path), train, lambda *what: told.append(what))
    assert train.trained == [("none", 0), ("none", 1), ("none", 2), ("imagenet", 0), ("imagenet", 1), ("imagenet", 2)]
    assert told[1] == ("weights none, seed 1", 1, 6)
    (none, first), (imagenet, second) = found.spreads()
    assert (none, imagenet) == ({"weights": "none"}, {"weights": "imagenet"})
    accuracy = ("validation", "accuracy")
    assert second[accuracy].mean > first[accuracy].mean + 0.1
    values = first[accuracy].values
    assert first[accuracy].deviation == pytest.approx(np.std(values, ddof=1))
    one = next(one for one in found.comparisons() if one.metric == "accuracy")
    assert one.differences.mean == pytest.approx(second[accuracy].mean - first[accuracy].mean)
    assert 0 < one.p < 0.05

    out = tmp_path / "out"
    text = (out / "ablation.md").read_text()
    assert f"| none | validation | 3 | {first[accuracy].text()} |" in text
    assert "weights: none to imagenet" in text
    assert (out / "ablation.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((out / "ablation.json").read_text())
    assert len(record["runs"]) == 6
    assert (out / record["runs"][0]["run"] / "predictions.parquet").exists()


def test_finished_runs_are_not_trained_again(tmp_path):
    with pytest.raises(TrainError, match="stopped"):
        ablate(options(tmp_path), Trainer(stop_after=4))
    rest = Trainer()
    ablate(options(tmp_path), rest)
    assert rest.trained == [("imagenet", 1), ("imagenet", 2)]
    more = Trainer()
    ablate(options(tmp_path, seeds=4), more)
    assert more.trained == [("none", 3), ("imagenet", 3)]
    with pytest.raises(AblateError, match=r"holds runs with set \[\], and now it is \['lr=1'\]; choose another --out"):
        ablate(options(tmp_path, set_=["lr=1"]), Trainer())


def test_what_cannot_be_varied_is_said_before_anything_is_trained(tmp_path):
    train = Trainer()
    with pytest.raises(ValidationError, match="--vary colour=red: the recipe has no 'colour'"):
        options(tmp_path, vary=["weights=none", "colour=red"])
    with pytest.raises(RecipeError, match="lr: must be a number, not"):
        ablate(options(tmp_path, vary=["weights=none", "lr=red"]), train)
    with pytest.raises(TrainOptionError, match="--vary recipe"):
        ablate(options(tmp_path, vary=["recipe=report,mine"]), train)
    assert train.trained == []
    assert not (tmp_path / "out").exists()


def test_settings_reach_the_trainer_and_a_stopped_run_goes_on(tmp_path):
    chosen = options(tmp_path, vary=["arch=resnet18", "lr=0.001"], set_=["epochs=2"], seeds=1)
    settings = {"arch": "resnet18", "lr": "0.001"}
    given = train_options(chosen, settings, 0)
    recipe = given.resolved_recipe
    assert (recipe.arch, recipe.lr, recipe.epochs, given.group) == ("resnet18", 0.001, 2, "out")
    run = run_folder(chosen.out, settings, 0)
    assert given.out == run == tmp_path / "out/arch=resnet18,lr=0.001/seed0"
    run.mkdir(parents=True)
    (run / "config.json").write_text("{}")
    with pytest.raises(RuntimeError, match="resumed"):
        ablate(chosen, resumed)


def test_a_grid_of_two_classes_does_not_go_on_with_three(tmp_path):
    chosen = options(tmp_path, vary=["lr=0.001"], seeds=1)
    run = run_folder(chosen.out, {"lr": "0.001"}, 0)
    run.mkdir(parents=True)
    (run / "config.json").write_text("{}")
    balanced(chosen.data, train=1, val=1, classes=THREE_CLASSES)
    with pytest.raises(
        AblateError, match=r"would know .*mask_worn_incorrectly; .* --classes not_wearing_mask,wearing_m"
    ):
        ablate(chosen, Trainer())


def resumed(options):
    raise RuntimeError("resumed" if options.resume else "begun anew")


@pytest.mark.slow
def test_runs_are_judged_on_further_pictures_once(tmp_path, monkeypatch):
    write_pictures(tmp_path / "real" / UNMASKED, 3)
    write_pictures(tmp_path / "real" / MASKED, 3)
    chosen = options(tmp_path, seeds=2, vary=["weights=none"], on=[tmp_path / "real"])
    few = lambda options: evaluate(options.model_copy(update={"resamples": 10}))  # noqa: E731
    monkeypatch.setattr(ablate_module, "evaluate", few)
    found = ablate(chosen, Trainer())
    assert found.keys[3:] == [("real", "accuracy"), ("real", "auc"), ("real", "loss")]
    monkeypatch.setattr(ablate_module, "evaluate", None)
    assert ablate(chosen, Trainer()).outcomes == found.outcomes


def outcome(weights, arch, seed, accuracy):
    settings = {"weights": weights, "arch": arch}
    return Outcome(
        settings,
        seed,
        None,
        {("validation", "accuracy"): accuracy, ("validation", "auc"): nan, ("validation", "loss"): 0.5},
    )


def test_pairs_share_seed_and_all_other_settings():
    made = [
        outcome("none", "a", 0, 0.80),
        outcome("none", "a", 1, 0.90),
        outcome("none", "b", 0, 0.70),
        outcome("imagenet", "a", 0, 0.85),
        outcome("imagenet", "a", 1, 0.91),
        outcome("imagenet", "b", 0, 0.73),
        outcome("imagenet", "b", 1, 0.99),  # has no partner
    ]
    ablation = Ablation({"weights": ["none", "imagenet"], "arch": ["a", "b"]}, made)
    weights, undefined, alike, arch, *_ = ablation.comparisons()
    assert weights.differences.values == pytest.approx([0.05, 0.01, 0.03])
    # t = mean / (sd / sqrt(n)) = 0.03 / (0.02 / sqrt(3)) = 2.598, 2 degrees of freedom
    assert weights.p == pytest.approx(0.1217, abs=1e-4)
    assert undefined.differences.values == []
    assert isnan(undefined.p)
    assert (alike.differences.mean, isnan(alike.p)) == (0.0, True)
    assert arch.differences.values == pytest.approx([-0.10, -0.12, 0.08])
    titles, rows = summary_table(ablation)
    assert titles == ["weights", "arch", "on", "seeds", "accuracy", "auc", "loss"]
    assert rows[0] == ["none", "a", "validation", "2", "0.8500 ± 0.0707", "-", "0.5000 ± 0.0000"]
    assert comparison_table(ablation)[1][0] == [
        "weights: none to imagenet",
        "validation",
        "accuracy",
        "+0.0300 ± 0.0200",
        "3",
        "0.12",
    ]


def test_one_seed_has_no_spread():
    assert Spread([0.5]).text() == "0.5000"
    assert Spread([]).text() == "-"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"vary": []}, "say what to vary"),
        ({"vary": ["weights"]}, "write for example"),
        ({"vary": ["weights=none,,x"]}, "write for example"),
        ({"vary": ["lr=1,1"]}, "named twice"),
        ({"vary": ["lr=1", "lr=2"]}, "one thing twice"),
        ({"vary": ["lr=1"], "on": ["a/x", "b/x"]}, "different names"),
    ],
)
def test_wrong_grids_are_explained(given, said):
    with pytest.raises(ValidationError, match=said):
        AblateOptions(data="data", **given)


def test_one_change_at_a_time_trains_no_combination_of_changes(tmp_path):
    factors = ("weights=none,imagenet", "epochs=50,60,70")
    train = Trainer()
    found = ablate(options(tmp_path, vary=factors, seeds=1, one_at_a_time=True), train)
    settings = [settings for settings, _ in found.spreads()]
    assert settings == [
        {"weights": "none", "epochs": "50"},
        {"weights": "imagenet", "epochs": "50"},
        {"weights": "none", "epochs": "60"},
        {"weights": "none", "epochs": "70"},
    ]
    assert len(train.trained) == 4
    assert {one.value: len(one.differences.values) for one in found.comparisons()} == {"imagenet": 1, "60": 1, "70": 1}
