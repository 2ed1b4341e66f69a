"""`ablate`: a grid of training runs, several seeds each, judged together."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from math import isfinite
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from maskaug.core.classes import CLASSES
from maskaug.core.files import new_folder, safe_stem, write_atomic
from maskaug.core.options import problem_of
from maskaug.core.text import parse_json
from maskaug.train.ablate.comparison import (
    METRICS,
    Ablation,
    Key,
    Outcome,
    Settings,
    comparison_table,
    describe,
    grid,
    markdown,
    summary_table,
)
from maskaug.train.ablate.options import AblateOptions
from maskaug.train.data.classes import Classes
from maskaug.train.data.samples import list_samples, resolve_classes, resolve_judged_classes
from maskaug.train.errors import TrainError, TrainOptionError
from maskaug.train.evaluate.evaluate import evaluate
from maskaug.train.evaluate.metrics import compute_metrics
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.evaluate.plots import spread_plot
from maskaug.train.evaluate.predictions import read_predictions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.train import train
from maskaug.train.model.calibration import load_calibration
from maskaug.train.model.weights import check_arch
from maskaug.train.run_dir import EVALUATION_FILE, RunDir

ABLATION_FILE, TABLE_FILE, PLOT_FILE = "ablation.json", "ablation.md", "ablation.png"
VALIDATION = "validation"

_OPTIONS = ("recipe", "arch", "weights")  # of train; whatever else is varied is a field of the recipe

TrainOne = Callable[[TrainOptions], object]
Progress = Callable[[str, int, int], None]  # what comes next, runs done, of how many


class AblateError(TrainError):
    """The grid cannot be run as asked; the message says why and what to do."""


def ablate(
    options: AblateOptions, train_one: TrainOne = train, progress: Progress = lambda what, done, total: None
) -> Ablation:
    """Train what is missing of the grid, judge all of it, and write table, metrics and plot below OUT.

    Finished runs are left as they are, unfinished ones go on: the command can be given again after a stop, or with
    more values and seeds.

    Args:
        options: The grid.
        train_one: Trains a run.
        progress: Told before each run.

    Raises:
        AblateError: OUT holds runs on other data or by another recipe.
        RecipeError: what is varied is no part of a recipe, or cannot have that value.
        TrainError: a run cannot be trained or judged.
    """
    factors = options.factors
    combinations = grid(factors, one_at_a_time=options.one_at_a_time)
    wanted = list(product(combinations, range(options.seeds)))
    _check(options, wanted)  # before hours of the first runs are spent
    outcomes = []
    with _opened(options):
        for done, (settings, seed) in enumerate(wanted):
            run = run_folder(options.out, settings, seed)
            progress(f"{describe(settings)}, seed {seed}", done, len(wanted))
            if not RunDir(run).is_finished:  # a training writes it when it is through
                begun = RunDir(run).config.exists()
                train_one(_resumed(run) if begun else train_options(options, settings, seed))
            outcomes.append(Outcome(settings, seed, run, _metrics(run, options)))
        ablation = Ablation(factors, outcomes)
        _write(options, ablation)
    return ablation


def _check(options: AblateOptions, wanted: Sequence[tuple[Settings, int]]) -> None:
    """Make sure of recipes and networks, and that all pictures are there."""
    for settings, seed in wanted:
        check_arch(train_options(options, settings, seed).resolved_recipe.arch)
    names = resolve_classes(options.data, options.classes)
    for split in ("train", "val"):
        list_samples(options.data, names, split)
    for data in options.on:
        judged = resolve_judged_classes(data, options.on_classes, names, "--on-classes")
        list_samples(data, judged, option="--on-classes")
    _check_base(options)
    for settings, seed in wanted:
        _check_classes(run_folder(options.out, settings, seed), names)


def _check_classes(run: Path, names: Classes) -> None:
    """A run that is there already must know as many classes as those to come: their metrics are others."""
    if not RunDir(run).config.exists():
        return
    before = RunDir(run).read_config().get("classes", CLASSES)
    if len(before) != len(names):
        raise AblateError(
            f"{run} knows {', '.join(before)}, and the runs to come would know {', '.join(names)}; choose another "
            f"--out, or give --classes {','.join(before)}"
        )


def run_folder(out: Path, settings: Settings, seed: int) -> Path:
    """Such as ``OUT/weights=none,arch=resnet50/seed0``."""
    name = ",".join(f"{safe_stem(name)}={safe_stem(value)}" for name, value in settings.items())
    return out / name / f"seed{seed}"


def train_options(options: AblateOptions, settings: Settings, seed: int) -> TrainOptions:
    """What one run of the grid is trained with.

    Raises:
        TrainOptionError: an option cannot have that value.
    """
    named = {name: value for name, value in settings.items() if name in _OPTIONS}
    fields = [f"{name}={value}" for name, value in settings.items() if name not in _OPTIONS]
    given = {
        "recipe": options.recipe,
        **named,
        "data": options.data,
        "classes": options.classes,
        "out": run_folder(options.out, settings, seed),
        "set_": [*options.set_, *fields],
        "seed": seed,
        "device": options.device,
        "wandb": options.wandb,
        "group": options.out.resolve().name,
    }
    try:
        return TrainOptions.model_validate(given)
    except ValidationError as error:
        raise TrainOptionError(f"--vary {describe(settings)}: {problem_of(error.errors()[0])}") from error


def _resumed(run: Path) -> TrainOptions:
    return TrainOptions.model_validate({"resume": run})


def _metrics(run: Path, options: AblateOptions) -> dict[Key, float]:
    calibration = load_calibration(run)
    trained = read_predictions(run)
    seen = {VALIDATION: trained.where(np.array([split != "train" for split in trained.split], dtype=bool))}
    for data in options.on:
        name = data.resolve().name
        folder = RunDir(run).evaluation(name)
        if not (folder / EVALUATION_FILE).exists():
            given = {"run": run, "data": data, "device": options.device, "classes": options.on_classes}
            evaluate(EvaluateOptions.model_validate(given))
        seen[name] = read_predictions(folder)
    found = {}
    for on, predictions in seen.items():
        scores = calibration.score(predictions.label, predictions.logit)
        computed = compute_metrics(scores, resamples=0)
        for name in (name for name in METRICS if name in computed):
            found[on, name] = computed[name].value
    return found


def _check_base(options: AblateOptions) -> None:
    """Runs that are there already must differ from the new ones in nothing but what is varied."""
    path = options.out / ABLATION_FILE
    now = options.base()
    try:
        before = parse_json(path.read_text(encoding="utf-8"))["base"]
    except FileNotFoundError:
        return
    for name, value in now.items():
        if before.get(name) != value:
            told_ = f"{options.out} holds runs with {name} {before.get(name)}, and now it is {value}"
            raise AblateError(f"{told_}; choose another --out")


@contextmanager
def _opened(options: AblateOptions) -> Iterator[None]:
    """OUT, with what all runs have in common; removed again where no run is begun, for another start may be right."""
    path = options.out / ABLATION_FILE
    with new_folder(options.out):
        try:
            if not path.exists():
                write_atomic(path, json.dumps({"base": options.base()}).encode() + b"\n", options.out)
            yield
        except BaseException:
            if not any(options.out.glob("*/seed*")):
                path.unlink(missing_ok=True)
            raise


def _write(options: AblateOptions, ablation: Ablation) -> None:
    record = {
        "base": options.base(),
        "factors": ablation.factors,
        "runs": [
            {
                "settings": outcome.settings,
                "seed": outcome.seed,
                "run": outcome.run.relative_to(options.out).as_posix(),
                "figures": {f"{name}, {on}": _plain(value) for (on, name), value in outcome.metrics.items()},
            }
            for outcome in ablation.outcomes
        ],
        "comparisons": [
            {
                "factor": one.factor,
                "value": one.value,
                "baseline": one.baseline,
                "on": one.on,
                "figure": one.metric,
                "differences": one.differences.values,
                "p": _plain(one.p),
            }
            for one in ablation.comparisons()
        ],
    }
    tables = f"{markdown(*summary_table(ablation))}\n{markdown(*comparison_table(ablation))}"
    rows = [(describe(settings), spreads) for settings, spreads in ablation.spreads()]
    panels = {
        f"{metric}, {on}": {title: spreads[on, metric].values for title, spreads in rows}
        for on, metric in ablation.keys
    }
    for name, data in (
        (TABLE_FILE, tables.encode()),
        (PLOT_FILE, spread_plot(panels)),
        (ABLATION_FILE, json.dumps(record, indent=2).encode() + b"\n"),
    ):
        write_atomic(options.out / name, data, options.out)


def _plain(value: float) -> float | None:
    return value if isfinite(value) else None
