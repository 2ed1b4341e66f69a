"""Parts of a set of pictures, to see where a classifier fails: by kind, pose, size, origin, folder and split."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import nan
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from maskaug.core.classes import MASKED, UNMASKED
from maskaug.core.containers import is_shard
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
        errors: Those of them that are called otherwise, by label.
        accuracy: With Wilson's interval: a slice may be small, and have no error at all.
        loss: Mean cross-entropy, in nats.
        auc: nan where a class is missing.
    """

    by: str
    name: str
    counts: tuple[int, ...]
    errors: tuple[int, ...]
    accuracy: MetricValue
    loss: float
    auc: float

    def as_json(self, classes: Classes) -> dict[str, Any]:
        """For ``evaluation.json``; :meth:`from_json` is its inverse."""
        pictures = counts_by_class(self.counts, classes)
        named = {"by": self.by, "name": self.name, **pictures, "errors": dict(zip(classes, self.errors, strict=True))}
        return named | {"accuracy": asdict(self.accuracy), "loss": self.loss, "auc": self.auc}

    @classmethod
    def from_json(cls, record: dict[str, Any], classes: Classes) -> "Slice":
        """Of two classes or more, as :meth:`as_json` has written them."""
        errors = tuple(record["errors"][name] for name in classes)
        if "pictures" in record:
            counts = tuple(record["pictures"][name] for name in classes)
        else:
            counts = (record["unmasked"], record["masked"])
        auc = nan if record["auc"] is None else record["auc"]
        accuracy = MetricValue(**record["accuracy"])
        return cls(record["by"], record["name"], counts, errors, accuracy, record["loss"], auc)


@dataclass(frozen=True)
class Division:
    """How N pictures are divided.

    Attributes:
        by: By what.
        names: The part of each picture; empty where it is in none.
        parts: The names in their order; empty: by number, else by alphabet.
    """

    by: str
    names: Sequence[str]
    parts: Sequence[str] = ()


def counts_by_class(counts: tuple[int, ...], classes: Classes) -> dict[str, Any]:
    """Pictures of each class by label, as ``evaluation.json`` has them."""
    if len(classes) == 2:
        return {"masked": counts[MASKED], "unmasked": counts[UNMASKED]}
    return {"pictures": dict(zip(classes, counts, strict=True))}


def compute_slices(predictions: Predictions, scores: Scores, more: Sequence[Division] = ()) -> list[Slice]:
    """The parts; a division that would have only one part is left out.

    Args:
        predictions: N pictures.
        scores: What the classifier says of them.
        more: Divisions beside those that predictions tell.
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
    for division in (*(Division(by, names) for by, names in divisions.items()), *more):
        there = {name for name in division.names if name}
        parts = [part for part in division.parts if part in there] or sorted(there, key=_order)
        if len(parts) < 2:
            continue
        column = np.array(division.names)
        found += [_slice(division.by, part, scores[np.flatnonzero(column == part)]) for part in parts]
    return found


def _slice(by: str, name: str, scores: Scores) -> Slice:
    errors = tuple((scores.counts - np.diag(scores.confusion)).tolist())
    right = len(scores) - sum(errors)
    interval = binomtest(right, len(scores)).proportion_ci(method="wilson")
    return Slice(
        by=by,
        name=name,
        counts=scores.counts,
        errors=errors,
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
    folders = [_below_class(_folder(PurePath(source or path)), predictions.classes) for source, path in pairs]
    names, counts = np.unique(folders, return_counts=True)
    if len(names) <= _MOST_FOLDERS:
        return folders
    kept = set(names[np.argsort(-counts, kind="stable")[: _MOST_FOLDERS - 1]])
    return [folder if folder in kept else "other folders" for folder in folders]


def _folder(picture: PurePath) -> PurePath:
    """Where a picture lies, or the shard that holds it."""
    return picture.parent.parent if is_shard(picture.parent) else picture.parent


def _below_class(folder: PurePath, classes: Classes) -> str:
    parts = folder.parts
    inside = [parts[index + 1 :] for index, part in enumerate(parts) if part in classes]
    return PurePath(*(inside[-1] if inside else parts)).as_posix()
