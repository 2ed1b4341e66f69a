"""The rows of synthetic_to_real.py: finished runs of one recipe on one data set, judged, with figures over them."""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskaug.train.ablate.comparison import Spread
from maskaug.train.errors import TrainError
from maskaug.train.evaluate.evaluate import evaluate
from maskaug.train.evaluate.metrics import compute_metrics, metric_titles
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.evaluate.predictions import Predictions, read_predictions
from maskaug.train.model.calibration import load_calibration
from maskaug.train.model.scores import Scores
from maskaug.train.run_dir import EVALUATION_FILE, PREDICTIONS_FILE, RunDir

MACHINE_FILE = "machine.json"  # of a run: where it was trained
INTERVAL = (
    "95 % percentile bootstrap interval of the mean over runs; pictures drawn again, those of one face together, "
    "the same for every run"
)
RESAMPLES, BOOTSTRAP_SEED = 1000, 0

_QUANTILES = (0.025, 0.975)
_TITLES = metric_titles(2)
_ON_REAL = ("accuracy", "auc", "recall", "specificity", "loss", "ece")
_ON_VALIDATION = ("accuracy",)


class SummaryError(TrainError):
    """The runs do not go together; the message says why and what to do."""


@dataclass(frozen=True)
class Judgement:
    """Pictures, and what each of N runs says of them.

    Attributes:
        predictions: Of the first run; of the pictures, all runs' are the same.
        judged: Of each run, calibrated.
        thresholds: ``(N,)``: of the probability.
    """

    predictions: Predictions
    scores: list[Scores]
    thresholds: NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A figure of one row: over its runs, and its interval; nan where undefined."""

    spread: Spread
    low: float
    high: float

    def text(self, between: str) -> str:
        """``0.840 ± 0.012 (0.809 to 0.871)``, with ``between`` before the interval."""
        if isnan(self.spread.mean):
            return "-"
        deviation = f" ± {self.spread.deviation:.3f}" if isfinite(self.spread.deviation) else ""
        return f"{self.spread.mean:.3f}{deviation}{between}({self.low:.3f} to {self.high:.3f})"

    def as_json(self) -> dict[str, Any]:
        """For ``figures.json``; what is undefined is null."""
        numbers = {"mean": self.spread.mean, "sd": self.spread.deviation, "low": self.low, "high": self.high}
        plain = {name: value if isfinite(value) else None for name, value in numbers.items()}
        return {**plain, "values": [value if isfinite(value) else None for value in self.spread.values]}


@dataclass(frozen=True)
class Row:
    """The finished runs of one recipe on one data set.

    Attributes:
        title: For people.
        configs: ``config.json`` of each run.
        machines: ``machine.json`` of each run; empty where it was trained by another command.
        real: What they say of the photographs.
        figures: By title; on the photographs, and on the run's own validation pictures.
    """

    title: str
    configs: list[dict[str, Any]]
    machines: list[dict[str, str]]
    real: Judgement
    metrics: dict[str, Figure]

    @property
    def seeds(self) -> list[int]:
        """Of the runs."""
        return [config["options"]["seed"] for config in self.configs]


def read_row(title: str, folder: Path, real: Path, device: str) -> Row | None:
    """The finished runs in ``FOLDER/seed*``, judged on the photographs where they are not yet; None without any.

    Raises:
        SummaryError: they differ in more than their seeds, or were judged on different pictures.
        TrainError: a run cannot be judged.
    """
    found = [path.parent for path in folder.glob(f"seed*/{PREDICTIONS_FILE}")]
    configs = {run: read_config(run) for run in found}
    runs = sorted(found, key=lambda run: configs[run]["options"]["seed"])
    if not runs:
        return None
    for run in runs:
        if _trained_by(configs[run]) != _trained_by(configs[runs[0]]):
            raise SummaryError(f"{run} and {runs[0]} are of different data or recipes; move one of them away")
    on_real = _judgement({run: _evaluated(run, real, device) for run in runs})
    on_validation = _judgement({run: _validated(run) for run in runs})
    return Row(
        title=title,
        configs=[configs[run] for run in runs],
        machines=[_machine(run) for run in runs],
        real=on_real,
        metrics={
            **{_TITLES[name]: figure for name, figure in _figures(on_real, _ON_REAL)},
            **{f"{_TITLES[name]}, own validation": figure for name, figure in _figures(on_validation, _ON_VALIDATION)},
        },
    )


def read_config(run: Path) -> dict[str, Any]:
    """``config.json`` of a run.

    Raises:
        SummaryError: it is damaged.
    """
    try:
        config: dict[str, Any] = RunDir(run).read_config()
        _ = config["options"]["data"], config["options"]["seed"], config["recipe"].items(), config["versions"]["torch"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SummaryError(f"{RunDir(run).config} cannot be read; delete {run} to train it anew") from error
    return config


def check_same(predictions: Mapping[str, Predictions]) -> None:
    """Only figures on the same pictures can be averaged or compared.

    Args:
        predictions: By the names of what made them.

    Raises:
        SummaryError: the pictures or their labels differ.
    """
    (first, known), *others = predictions.items()
    for name, one in others:
        if (one.sha256, one.label.tolist()) != (known.sha256, known.label.tolist()):
            raise SummaryError(
                f"{first} and {name} were judged on different pictures, for a folder has changed in between; delete "
                f"the evaluations of the runs, or train anew where it is the validation that changed"
            )


def _trained_by(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return config["options"]["data"], config["recipe"]


def _evaluated(run: Path, real: Path, device: str) -> Predictions:
    """What a run says of the photographs; it is asked once."""
    folder, data = RunDir(run).evaluation(real.resolve().name), str(real.resolve())
    try:
        before = json.loads((folder / EVALUATION_FILE).read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, KeyError):
        options = {"run": run, "data": real, "device": device, "resamples": RESAMPLES}
        evaluate(EvaluateOptions.model_validate(options))
        before = data
    if before != data:
        raise SummaryError(f"{run} was judged on {before}, which has the name of {data}; delete {folder} to judge anew")
    return read_predictions(folder)


def _validated(run: Path) -> Predictions:
    predictions = read_predictions(run)
    return predictions.where(np.array([split != "train" for split in predictions.split], dtype=bool))


def _machine(run: Path) -> dict[str, str]:
    try:
        machine: dict[str, str] = json.loads((run / MACHINE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return machine


def _judgement(predictions: Mapping[Path, Predictions]) -> Judgement:
    """What runs say of the same pictures, by their calibrations."""
    check_same({str(run): one for run, one in predictions.items()})
    calibrations = [load_calibration(run) for run in predictions]
    said = list(predictions.values())
    return Judgement(
        predictions=said[0],
        scores=[one.score(each.label, each.logit) for one, each in zip(calibrations, said, strict=True)],
        thresholds=np.array([one.threshold for one in calibrations]),
    )


def _figures(judgement: Judgement, names: tuple[str, ...]) -> Iterator[tuple[str, Figure]]:
    """Figures of a row with their intervals, by name."""
    values = _values(judgement.scores, names)
    drawn = np.array(
        [
            _values([one[picks] for one in judgement.scores], names).mean(axis=0)
            for picks in _draws(judgement.predictions.groups)
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of figures that are undefined in every resample: nan, as they should be
        bounds = np.nanquantile(drawn, _QUANTILES, axis=0)
        bias = np.nanmean(drawn, axis=0) - values.mean(axis=0)
    for column, name in enumerate(names):
        low, high = (float(bound) for bound in bounds[:, column])
        if name == "ece":  # as in maskaug.train.evaluate.metrics: drawing again adds noise to every bin
            low, high = (max(0.0, bound - float(bias[column])) for bound in (low, high))
        yield name, Figure(Spread(values[:, column].tolist()), low, high)


def _values(scores: Sequence[Scores], names: tuple[str, ...]) -> NDArray[np.float64]:
    """``(runs, names)``."""
    found = [compute_metrics(one, names=names, resamples=0) for one in scores]
    return np.array([[one[name].value for name in names] for one in found])


def _draws(groups: NDArray[np.str_]) -> Iterator[NDArray[np.intp]]:
    """Indices of pictures, whole groups drawn with replacement."""
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    _, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(index, kind="stable"), np.cumsum(counts)[:-1])
    for _ in range(RESAMPLES):
        yield np.concatenate([members[pick] for pick in rng.integers(len(members), size=len(members))])
