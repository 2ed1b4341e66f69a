"""`RUN/report.html`: one page that shows what a run has learnt, and needs no other file."""

import base64
import csv
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import jinja2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.classes import MASKED, UNMASKED
from maskaug.core.containers import locate
from maskaug.core.files import is_address, write_atomic
from maskaug.core.pictures import PictureError, encode_picture, read_picture
from maskaug.core.text import counted, parse_json
from maskaug.core.version import __version__
from maskaug.train.data.classes import Classes
from maskaug.train.evaluate import plots
from maskaug.train.evaluate.metrics import MetricValue, compute_class_metrics, compute_metrics, metric_titles
from maskaug.train.evaluate.predictions import Predictions, read_predictions
from maskaug.train.evaluate.slices import Slice, compute_slices
from maskaug.train.model.calibration import Calibration, load_calibration
from maskaug.train.model.decision import certainty
from maskaug.train.model.scores import OneVsRest, Scores
from maskaug.train.run_dir import EVALUATION_FILE, RunDir

RESAMPLES = 1000  # bootstrap resamples behind the intervals
_THUMBNAIL = 112  # pixels of the longer side
_WORST, _UNCERTAIN = 24, 12


@dataclass(frozen=True)
class Thumbnail:
    """A picture of the page.

    Attributes:
        data: JPEG in base64; empty where the picture is gone.
        name: Its file.
        truth: Name of its class.
        judged: Name of the class whose probability is shown: of two, the masked one; of more, the one it is called.
        probability: Of it.
        wrong: Whether it is called wrongly.
        about: The mask it wears, if known.
    """

    data: str
    name: str
    truth: str
    judged: str
    probability: float
    wrong: bool
    about: str


@dataclass(frozen=True)
class Section:
    """All that the page says of one set of pictures."""

    title: str
    data: str
    notes: list[str]
    summary: str
    scores: Scores
    classes: Classes
    metrics: dict[str, MetricValue]
    class_metrics: list[dict[str, MetricValue]]
    confidence: str
    slices: list[Slice]
    advice: list[str]
    worst: list[Thumbnail]
    uncertain: list[Thumbnail]


def write_report(run: Path) -> Path:
    """Write the page from what the training, and any evaluations since, have left in the run's folder.

    Raises:
        PredictionsError, CalibrationError: a file of the run is missing or damaged.
        OSError: it cannot be written.
    """
    files = RunDir(run)
    config = files.read_config() if files.config.exists() else {}
    calibration = load_calibration(run)
    sections = [_section(one, calibration) for one in _sets(run, config)]
    rankings = {name: one for section in sections for name, one in _rankings(section).items() if one.both}
    history = _history(files.history)
    page = _template().render(
        name=run.resolve().name,
        version=__version__,
        made=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        config=_flat(config),
        calibration=calibration,
        titles=metric_titles(sections[0].scores.classes) if sections else {},
        sections=sections,
        order=_order(sections[0].scores.classes) if sections else [],
        curves=plots.training_curves(history, _best_epoch(history)) if history else "",
        epochs=len(history.get("epoch", ())),
        rankings=plots.ranking_plots(rankings) if rankings else "",
    )
    write_atomic(files.report, page.encode(), run)
    return files.report


@dataclass(frozen=True)
class _Set:
    """Pictures of a section; metrics, slices and advice where an evaluation has made them."""

    title: str
    data: str
    notes: list[str]
    predictions: Predictions
    metrics: dict[str, MetricValue] | None
    class_metrics: list[dict[str, MetricValue]] | None
    slices: list[Slice] | None
    advice: list[str]


def _sets(run: Path, config: dict[str, Any]) -> list[_Set]:
    """Validation, then every evaluation."""
    found: list[_Set] = []
    if RunDir(run).is_finished:  # a training still under way has none
        trained = read_predictions(run)
        held = trained.where(np.array([split != "train" for split in trained.split], dtype=bool))
        if len(held):
            found.append(_Set("validation", str(config.get("data", "")), [], held, None, None, None, []))
    for folder in RunDir(run).evaluations():
        record = parse_json((folder / EVALUATION_FILE).read_text(encoding="utf-8"))
        predictions = read_predictions(folder)
        found.append(
            _Set(
                title=record["name"],
                data=record["data"],
                notes=record["notes"],
                predictions=predictions,
                metrics=_estimates(record["figures"]),
                class_metrics=[_estimates(one["figures"]) for one in record.get("classes", [])],
                slices=_slices(record, predictions.classes),
                advice=record.get("advice", []),
            )
        )
    return found


def _slices(record: dict[str, Any], classes: Classes) -> list[Slice] | None:
    """None where an earlier version has written them, without errors."""
    saved = record.get("slices", [])
    return [Slice.from_json(one, classes) for one in saved] if saved and "errors" in saved[0] else None


def _estimates(saved: dict[str, Any]) -> dict[str, MetricValue]:
    return {name: _estimate(one) for name, one in saved.items()}


def _estimate(saved: dict[str, Any]) -> MetricValue:
    value, low, high = (float("nan") if saved[name] is None else saved[name] for name in ("value", "low", "high"))
    return MetricValue(value, low, high, saved["why"])


def _section(one: _Set, calibration: Calibration) -> Section:
    predictions, groups = one.predictions, one.predictions.groups
    scores = calibration.score(predictions.label, predictions.logit)
    uncalibrated = Scores.of(predictions.label, predictions.logit)
    wrong = scores.decided != scores.labels
    by_loss = np.argsort(-scores.losses, kind="stable")
    by_doubt = np.argsort(certainty(scores.probabilities, calibration.threshold), kind="stable")
    worst = [index for index in by_loss if wrong[index]][:_WORST]
    uncertain = [index for index in by_doubt if index not in set(worst)][:_UNCERTAIN]
    return Section(
        title=one.title,
        data=one.data,
        notes=one.notes,
        summary=_summary(scores, predictions.classes),
        scores=scores,
        classes=predictions.classes,
        metrics=one.metrics or compute_metrics(scores, groups=groups, resamples=RESAMPLES),
        class_metrics=one.class_metrics or compute_class_metrics(scores, groups=groups, resamples=RESAMPLES),
        confidence=plots.calibration_plots(scores, uncalibrated, calibration.threshold, predictions.classes),
        slices=one.slices or compute_slices(predictions, scores),
        advice=one.advice,
        worst=[_shown(index, predictions, scores, one.data) for index in worst],
        uncertain=[_shown(index, predictions, scores, one.data) for index in uncertain],
    )


def _rankings(section: Section) -> dict[str, OneVsRest]:
    """What is ranked, by name: pictures by the probability of a mask; of more classes, by that of each."""
    if section.scores.classes == 2:
        return {section.title: section.scores.masked}
    return {f"{section.title}: {name}": section.scores.one_vs_rest(label) for label, name in enumerate(section.classes)}


def _order(classes: int) -> list[int]:
    """In which order a table has the classes: masks first."""
    return [MASKED, UNMASKED, *range(2, classes)]


def _summary(scores: Scores, classes: Classes) -> str:
    parts = []
    for label, name in enumerate(classes):
        other = classes[1 - label] if len(classes) == 2 else "otherwise"
        of_class = scores.labels == label
        wrong = int((of_class & (scores.decided != label)).sum())
        if of_class.any():
            parts.append(
                f"{wrong} of {int(of_class.sum())} of class {name} {'is' if wrong == 1 else 'are'} called {other}"
            )
    return f"{counted(len(scores), 'picture')}: {', and '.join(parts)}."


def _shown(index: int, predictions: Predictions, scores: Scores, data: str) -> Thumbnail:
    path = predictions.path[index]
    judged = MASKED if scores.classes == 2 else int(scores.decided[index])
    kind, quality = predictions.kind[index], float(predictions.quality[index])
    about = kind + (f", quality {quality:.2f}" if kind and isfinite(quality) else "")
    return Thumbnail(
        # An absolute path or an address stays as it is.
        data=_thumbnail(path if is_address(path) else str(Path(data, path))),
        name=PurePosixPath(path).name,
        truth=predictions.classes[int(scores.labels[index])],
        judged=predictions.classes[judged],
        probability=float(scores.probabilities[index, judged]),
        wrong=bool(scores.decided[index] != scores.labels[index]),
        about=about,
    )


def _thumbnail(path: str) -> str:
    try:
        located = locate(path)
        if located is None:
            return ""
        pixels = read_picture(located, max_size=_THUMBNAIL).pixels
    except (PictureError, OSError, ValueError):
        return ""
    if max(pixels.shape[:2]) < _THUMBNAIL:
        factor = _THUMBNAIL / max(pixels.shape[:2])
        pixels = np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC))
    return base64.b64encode(encode_picture(pixels, "jpeg", 85)).decode()


def _history(path: Path) -> dict[str, NDArray[np.float64]]:
    """Columns of ``metrics.csv``; what is no number is nan. Empty where there is no such file."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return {}
    return {name: np.array([_number(row[name]) for row in rows]) for name in rows[0]} if rows else {}


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def _best_epoch(history: dict[str, NDArray[np.float64]]) -> float | None:
    losses = history.get("val_loss", np.array([np.nan]))
    return None if np.isnan(losses).all() else float(history["epoch"][np.nanargmin(losses)])


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Settings by dotted names, as text."""
    flat: dict[str, str] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{name}."))
        elif value is not None:
            flat[prefix + name] = value if isinstance(value, str) else json.dumps(value)
    return flat


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["cell"] = _cell
    environment.filters["percent"] = lambda value: f"{100 * value:.1f} %" if isfinite(value) else "-"
    return environment.get_template("report.html.jinja")


def _cell(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "-"
