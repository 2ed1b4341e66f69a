"""`evaluate`: how good a classifier is on pictures it was not trained on."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from maskaug.core.classes import MASKED, UNMASKED
from maskaug.core.containers import Location
from maskaug.core.files import new_folder, write_atomic
from maskaug.core.manifest import Row
from maskaug.core.text import counted, parse_json
from maskaug.train.data.cache import CacheError, default_cache, load_pictures
from maskaug.train.data.classes import Classes
from maskaug.train.data.samples import Sample, list_samples, resolve_judged_classes
from maskaug.train.errors import TrainError
from maskaug.train.evaluate.advice import advise
from maskaug.train.evaluate.groups import read_groups
from maskaug.train.evaluate.metrics import MetricValue, compute_class_metrics, compute_metrics
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.evaluate.photographs import divide_photographs
from maskaug.train.evaluate.predictions import Predictions, read_predictions, write_predictions
from maskaug.train.evaluate.report import write_report
from maskaug.train.evaluate.slices import Slice, compute_slices, counts_by_class
from maskaug.train.model.calibration import Calibration
from maskaug.train.model.checkpoint import load_model
from maskaug.train.model.device import pick_device
from maskaug.train.model.head import head_for
from maskaug.train.model.network import Classifier
from maskaug.train.model.onnx_classifier import OnnxClassifier, load_onnx
from maskaug.train.run_dir import EVALUATION_FILE, RunDir

Progress = Callable[[int, int], None]  # pictures done, of how many
ENOUGH = 50  # photographs: where one in ten is wrong, the interval of fewer is wider than 0.17


class EvaluateError(TrainError):
    """The pictures cannot be judged; the message says why and what to do."""


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        name: Of the set of pictures.
        data: Its folder.
        classes: Names of the classes of whoever judges, by label.
        threshold, temperature: Of the run, found on its validation pictures.
        metrics: By name, see `maskaug.train.evaluate.metrics`.
        class_metrics: Of three and more classes: recall, precision, F1 and AUC of each, by label.
        confusion: Pictures by their class, and by the one they are called.
        slices: Parts of the pictures.
        advice: Of photographs and groups: parts with more errors than the rest, and what may help.
        notes: Sentences on what is unusual about them.
        folder: Where all this was written; None where a file judged, which has no folder.
    """

    name: str
    data: str
    classes: Classes
    threshold: float
    temperature: float
    metrics: dict[str, MetricValue]
    class_metrics: list[dict[str, MetricValue]]
    confusion: list[list[int]]
    slices: list[Slice]
    advice: list[str]
    notes: list[str]
    folder: Path | None

    @property
    def counts(self) -> tuple[int, ...]:
        """Pictures of each class, by label."""
        return tuple(map(sum, self.confusion))

    @property
    def masked(self) -> int:
        """Pictures of the masked class."""
        return self.counts[MASKED]

    @property
    def unmasked(self) -> int:
        """Pictures of the unmasked class."""
        return self.counts[UNMASKED]

    def as_json(self) -> dict[str, Any]:
        """For ``evaluation.json``, where the metrics are called ``figures``; what is undefined is null."""
        found: dict[str, Any] = {
            "name": self.name,
            "data": self.data,
            **counts_by_class(self.counts, self.classes),
            "threshold": self.threshold,
            "temperature": self.temperature,
            "figures": {name: asdict(one) for name, one in self.metrics.items()},
            **self._of_classes(),
            "slices": [one.as_json(self.classes) for one in self.slices],
            "advice": self.advice,
            "notes": self.notes,
        }
        plain: dict[str, Any] = _plain(found)
        return plain

    def _of_classes(self) -> dict[str, Any]:
        if not self.class_metrics:
            return {}
        pairs = zip(self.classes, self.class_metrics, strict=True)
        figures = [{"class": name, "figures": {key: asdict(one) for key, one in of.items()}} for name, of in pairs]
        return {"classes": figures, "confusion": self.confusion}


def evaluate(options: EvaluateOptions, progress: Progress = lambda done, total: None) -> Evaluation:
    """Judge every picture of DATA; where a run judges, write ``RUN/evaluations/NAME/`` and the run's report anew.

    Args:
        options: Which pictures are judged, and by which run or file.
        progress: Called with pictures decoded, then from 0 again with those judged, and of photographs with those that
            are looked at; and of how many.

    Raises:
        CheckpointError, CalibrationError, OnnxError: the run or the file cannot be used.
        CacheError, ClassesError, DataError: the pictures cannot be used.
        GroupsError: the table of groups cannot be used.
        EvaluateError: another folder has been evaluated under this name, or the photographs are too few.
        OSError: the evaluation cannot be written.
    """
    data, run = options.pictures, options.trained
    judge = _judge(options)
    names = resolve_judged_classes(data, options.classes, judge.classifier.classes)
    name = options.name or data.resolve().name
    folder = RunDir(run).evaluation(name) if run else None
    if folder:
        _check_name(folder, data)
    listing = list_samples(data, names, options.split)
    if options.on_real:
        _check_enough(data, len(listing.samples))
    table = read_groups(options.groups, data) if options.groups else None
    cache = options.cache or default_cache()
    predictions, unread = predictions_of(listing.samples, judge.classifier, cache, options.batch_size, progress)
    scores = judge.calibration.score(predictions.label, predictions.logit)
    divisions, ungrouped = table.divide([Path(path) for path in predictions.path]) if table else ([], [])
    if options.on_real:
        divisions += divide_photographs(predictions.path, predictions.label, progress)
    slices = compute_slices(predictions, scores, divisions)
    groups, resamples, seed = predictions.groups, options.resamples, options.seed
    evaluation = Evaluation(
        name=name,
        data=str(data.resolve()),
        classes=judge.classifier.classes,
        threshold=judge.calibration.threshold,
        temperature=judge.temperature,
        metrics=compute_metrics(scores, groups=groups, resamples=resamples, seed=seed),
        class_metrics=compute_class_metrics(scores, groups=groups, resamples=resamples, seed=seed),
        confusion=scores.confusion.tolist(),
        slices=slices,
        advice=advise(slices, [division.by for division in divisions], scores, judge.classifier.classes)
        if divisions
        else [],
        notes=[
            *listing.notes,
            *listing.problems,
            *(_called(folder, paths, judge, cache, options.batch_size) for folder, paths in listing.others.items()),
            *_unread(unread),
            *ungrouped,
            *(_seen_before(run, predictions) if run else []),
        ],
        folder=folder,
    )
    if run and folder:
        _write(run, folder, evaluation, predictions, judge.calibration)
        write_report(run)
    return evaluation


@dataclass(frozen=True)
class _Judge:
    """What judges; what its logits mean; and the temperature by which they became what they are."""

    classifier: Classifier | OnnxClassifier
    calibration: Calibration
    temperature: float


def _judge(options: EvaluateOptions) -> _Judge:
    if options.trained:
        classifier = load_model(options.trained, pick_device(options.device))
        return _Judge(classifier, classifier.calibration, classifier.calibration.temperature)
    file = load_onnx(options.file)
    return _Judge(file, Calibration(threshold=file.threshold), file.about.temperature)  # it calibrates by itself


def _logits(classifier: Classifier | OnnxClassifier, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    if isinstance(classifier, Classifier):
        return classifier.logits(pictures)
    return head_for(len(classifier.classes)).logits_from(classifier.class_probabilities(pictures))


def _called(name: str, paths: list[Location], judge: _Judge, cache: Path, batch_size: int) -> str:
    """What pictures are called whose class the classifier does not know."""
    samples = [Sample(path, "", 0, Row()) for path in paths]
    try:
        predictions, _ = predictions_of(samples, judge.classifier, cache, batch_size)
    except CacheError as error:
        return f"Pictures of {name} cannot be judged: {error}"
    scores, classes = judge.calibration.score(predictions.label, predictions.logit), judge.classifier.classes
    told = []
    for label in (MASKED, *range(2, len(classes))):
        count = int((scores.decided == label).sum())
        low, high = binomtest(count, len(scores)).proportion_ci(method="wilson")
        told.append(f"{count / len(scores):.1%} ({low:.1%} to {high:.1%}) are called {classes[label]}")
    return f"Of {counted(len(scores), 'picture')} of {name}, a class the classifier does not know, {', '.join(told)}."


def _write(run: Path, folder: Path, evaluation: Evaluation, predictions: Predictions, calibration: Calibration) -> None:
    """Built beside its place, so that an earlier evaluation of the name goes only when this one is whole."""
    unfinished = run / f".{folder.name}.partial"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)  # of a process that was killed
        write_predictions(unfinished, predictions, calibration)
        text = json.dumps(evaluation.as_json(), indent=2)
        write_atomic(unfinished / EVALUATION_FILE, text.encode() + b"\n", unfinished)
        with new_folder(folder.parent):
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def predictions_of(
    samples: list[Sample],
    classifier: Classifier | OnnxClassifier,
    cache: Path,
    batch_size: int,
    progress: Progress = lambda done, total: None,
) -> tuple[Predictions, list[str]]:
    """What a classifier says of labelled pictures; and why some could not be read.

    The logits of a file are calibrated already.

    Raises:
        CacheError: none can be read, or decoded ones cannot be kept.
    """
    pictures = load_pictures([sample.path for sample in samples], classifier.preparation, cache, progress)
    count = len(pictures.numbers)
    logits = np.empty((count, *head_for(len(classifier.classes)).logit_shape), dtype=np.float32)
    for start in range(0, count, batch_size):
        batch = slice(start, min(start + batch_size, count))
        logits[batch] = _logits(classifier, classifier.preparation.framed(pictures.pixels[batch]))
        progress(batch.stop, count)
    listed = [samples[number] for number in pictures.numbers]
    return Predictions.of(listed, pictures.sha256, logits, pictures.sizes, classifier.classes), pictures.problems


def _check_name(folder: Path, data: Path) -> None:
    try:
        before = parse_json((folder / EVALUATION_FILE).read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, KeyError):
        return
    if before != str(data.resolve()):
        raise EvaluateError(f"{before} has been evaluated under the name {folder.name!r}; give another with --name")


def _check_enough(data: Path, count: int) -> None:
    if count < ENOUGH:
        raise EvaluateError(
            f"{data} has {counted(count, 'labelled picture')}, and --on-real needs {ENOUGH} to tell where errors lie: "
            f"add {ENOUGH - count} more, or leave out --on-real for the figures alone"
        )


def _unread(unread: list[str]) -> list[str]:
    return [f"Pictures that could not be read: {len(unread)}; the first: {unread[0]}"] if unread else []


def _seen_before(run: Path, predictions: Predictions) -> list[str]:
    """Whether pictures are those the run was trained on, or its threshold was chosen on."""
    trained = RunDir(run).trained_on.read_text().split() if RunDir(run).trained_on.exists() else []
    validated = read_predictions(run).sha256 if RunDir(run).is_finished else []
    known = {"trained on": set(trained), "validated and calibrated on": set(validated)}
    notes = []
    for title, seen in known.items():
        count = sum(sha256 in seen for sha256 in predictions.sha256)
        if count:
            are = "is" if count == 1 else "are"
            notes.append(f"{count} of {counted(len(predictions), 'picture')} {are} among those the run was {title}.")
    return notes


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return str(value) if isinstance(value, Path) else value
