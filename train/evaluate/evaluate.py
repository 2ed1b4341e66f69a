"""`evaluate`: how good a classifier is on pictures it was not trained on."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from maskaug.core.files import new_folder, write_atomic
from maskaug.core.text import counted
from maskaug.train.data.cache import default_cache, load_pictures
from maskaug.train.data.samples import Sample, list_samples, resolve_classes
from maskaug.train.errors import TrainError
from maskaug.train.evaluate.metrics import MetricValue, compute_metrics
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.evaluate.predictions import Predictions, read_predictions, write_predictions
from maskaug.train.evaluate.report import write_report
from maskaug.train.evaluate.slices import Slice, compute_slices
from maskaug.train.model.calibration import Calibration
from maskaug.train.model.checkpoint import load_model
from maskaug.train.model.device import pick_device
from maskaug.train.model.network import Classifier
from maskaug.train.run_dir import EVALUATION_FILE, RunDir

Progress = Callable[[int, int], None]  # pictures done, of how many


class EvaluateError(TrainError):
    """The pictures cannot be judged; the message says why and what to do."""


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        name: Of the set of pictures.
        data: Its folder.
        masked, unmasked: Pictures of each class.
        threshold, temperature: Of the run, found on its validation pictures.
        metrics: By name, see `maskaug.train.evaluate.metrics`.
        slices: Parts of the pictures.
        notes: Sentences on what is unusual about them.
        folder: Where all this was written.
    """

    name: str
    data: str
    masked: int
    unmasked: int
    threshold: float
    temperature: float
    metrics: dict[str, MetricValue]
    slices: list[Slice]
    notes: list[str]
    folder: Path

    def as_json(self) -> dict[str, Any]:
        """For ``evaluation.json``, where the metrics are called ``figures``; what is undefined is null."""
        record = {name: value for name, value in _plain(asdict(self)).items() if name != "folder"}
        return {"figures" if name == "metrics" else name: value for name, value in record.items()}


def evaluate(options: EvaluateOptions, progress: Progress = lambda done, total: None) -> Evaluation:
    """Judge every picture of DATA, and write ``RUN/evaluations/NAME/`` and the run's report anew.

    Args:
        options: Which pictures are judged, and by which run.
        progress: Called with pictures decoded, and then from 0 again with pictures judged; and of how many.

    Raises:
        CheckpointError, CalibrationError: the run cannot be used.
        CacheError, ClassesError, DataError: the pictures cannot be used.
        EvaluateError: another folder has been evaluated under this name.
        OSError: the evaluation cannot be written.
    """
    classifier = load_model(options.run, pick_device(options.device))
    classes = resolve_classes(options.data, options.classes, classifier.classes)
    name = options.name or options.data.resolve().name
    folder = RunDir(options.run).evaluation(name)
    _check_name(folder, options.data)
    listing = list_samples(options.data, classes, options.split)
    cache = options.cache or default_cache()
    predictions, unread = predictions_of(listing.samples, classifier, cache, options.batch_size, progress)
    scores = classifier.calibration.score(predictions.label, predictions.logit)
    evaluation = Evaluation(
        name=name,
        data=str(options.data.resolve()),
        masked=int(scores.labels.sum()),
        unmasked=int((~scores.labels).sum()),
        threshold=classifier.calibration.threshold,
        temperature=classifier.calibration.temperature,
        metrics=compute_metrics(scores, groups=predictions.groups, resamples=options.resamples, seed=options.seed),
        slices=compute_slices(predictions, scores),
        notes=[*listing.notes, *_unread(unread), *_seen_before(options.run, predictions)],
        folder=folder,
    )
    _write(options.run, evaluation, predictions, classifier.calibration)
    write_report(options.run)
    return evaluation


def _write(run: Path, evaluation: Evaluation, predictions: Predictions, calibration: Calibration) -> None:
    """Built beside its place, so that an earlier evaluation of the name goes only when this one is whole."""
    folder = evaluation.folder
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
    classifier: Classifier,
    cache: Path,
    batch_size: int,
    progress: Progress = lambda done, total: None,
) -> tuple[Predictions, list[str]]:
    """What a classifier says of labelled pictures; and why some could not be read.

    Raises:
        CacheError: none can be read, or decoded ones cannot be kept.
    """
    pictures = load_pictures([sample.path for sample in samples], classifier.preparation, cache, progress)
    count = len(pictures.numbers)
    logits = np.empty(count, dtype=np.float32)
    for start in range(0, count, batch_size):
        batch = slice(start, min(start + batch_size, count))
        logits[batch] = classifier.logits(classifier.preparation.framed(pictures.pixels[batch]))
        progress(batch.stop, count)
    listed = [samples[number] for number in pictures.numbers]
    return Predictions.of(listed, pictures.sha256, logits, pictures.sizes, classifier.classes), pictures.problems


def _check_name(folder: Path, data: Path) -> None:
    try:
        before = json.loads((folder / EVALUATION_FILE).read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, KeyError):
        return
    if before != str(data.resolve()):
        raise EvaluateError(f"{before} has been evaluated under the name {folder.name!r}; give another with --name")


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
