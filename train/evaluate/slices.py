"""Parts of a set of pictures, to see where a classifier fails: by kind, pose, size, origin, folder and split."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from maskaug.train.data.classes import Classes
from maskaug.train.evaluate.metrics import MetricValue, compute_metrics
from maskaug.train.evaluate.predictions import Predictions
from maskaug.train.model.scores import Scores

_YAWS = (15, 30, 45)  # degrees to either side
_SIZES = (64, 112, 224)  # pixels of the shorter side
_MOST_FOLDERS = 12


@dataclass(frozen=True)
class Slice:
    """A part of the pictures.

    Attributes:
        by: What the pictures are divided by.
        name: The part.
        counts: Pictures of each class, by label.
        accuracy: With Wilson's interval: a slice may be small, and have no error at all.
        loss: Mean cross-entropy, in nats.
        auc: nan where a class is missing.
    """

    by: str
    name: str
    counts: tuple[int, ...]
    accuracy: MetricValue
    loss: float
    auc: float


def compute_slices(predictions: Predictions, scores: Scores) -> list[Slice]:
    """The parts; a division that would have only one part is left out.

    Args:
        predictions: N pictures.
        scores: What the classifier says of them.
    """
    divisions: dict[str, Sequence[str]] = {
        "kind of mask": _kinds(predictions),
        "origin": _origins(predictions),
        "turn of the head": _bins(np.abs(predictions.yaw), _YAWS, "°"),
        "shorter side": _bins(_shorter_sides(predictions), _SIZES, " px"),
        "folder": _folders(predictions),
        "split": predictions.split,
    }
    found = []
    for by, names in divisions.items():
        parts = sorted({name for name in names if name}, key=_order)
        if len(parts) < 2:
            continue
        column = np.array(names)
        found += [_slice(by, part, scores[np.flatnonzero(column == part)]) for part in parts]
    return found


def _slice(by: str, name: str, scores: Scores) -> Slice:
    right = int((scores.decided == scores.labels).sum())
    interval = binomtest(right, len(scores)).proportion_ci(method="wilson")
    return Slice(
        by=by,
        name=name,
        counts=scores.counts,
        accuracy=MetricValue(right / len(scores), float(interval.low), float(interval.high)),
        loss=float(scores.losses.mean()),
        auc=compute_metrics(scores, names=("auc",), resamples=0)["auc"].value,
    )


def _kinds(predictions: Predictions) -> list[str]:
    """What is worn: a kind that was put on, a real mask, or none."""
    if not any(predictions.status):
        return [""] * len(predictions)
    pairs = zip(predictions.kind, predictions.label, strict=True)
    return [kind or ("real mask" if label else "none") for kind, label in pairs]


def _origins(predictions: Predictions) -> list[str]:
    names = {"masked": "synthetic mask", "original": "photograph as it is"}
    return [names.get(status, "") for status in predictions.status]


def _shorter_sides(predictions: Predictions) -> NDArray[np.float64]:
    sides = np.minimum(predictions.width, predictions.height).astype(np.float64)
    return np.where(sides > 0, sides, np.nan)


def _bins(values: NDArray[np.floating], edges: tuple[int, ...], unit: str) -> list[str]:
    """``below 15°``, ``15 to 30°`` ...; empty for nan."""
    names = [f"below {edges[0]}{unit}", *(f"{low} to {high}{unit}" for low, high in pairwise(edges))]
    names.append(f"{edges[-1]}{unit} and more")
    places = np.digitize(values, edges)
    return ["" if np.isnan(value) else names[place] for value, place in zip(values, places, strict=True)]


def _order(name: str) -> tuple[float, str]:
    """Numbered names by their numbers, others by alphabet."""
    first = name.removeprefix("below ").split()[0].rstrip("°")
    number = float(first) if first.isdigit() else 0.0
    return (number - 0.5 if name.startswith("below ") else number, name)


def _folders(predictions: Predictions) -> list[str]:
    """Folders below those of the classes, of the sources or else of the pictures; the rarer ones of many together."""
    pairs = zip(predictions.source, predictions.path, strict=True)
    folders = [_below_class(PurePath(source or path).parent, predictions.classes) for source, path in pairs]
    names, counts = np.unique(folders, return_counts=True)
    if len(names) <= _MOST_FOLDERS:
        return folders
    kept = set(names[np.argsort(-counts, kind="stable")[: _MOST_FOLDERS - 1]])
    return [folder if folder in kept else "other folders" for folder in folders]


def _below_class(folder: PurePath, classes: Classes) -> str:
    parts = folder.parts
    inside = [parts[index + 1 :] for index, part in enumerate(parts) if part in classes]
    return PurePath(*(inside[-1] if inside else parts)).as_posix()
