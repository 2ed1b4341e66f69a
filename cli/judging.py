"""The command line of judging and using trained classifiers: printing and exit codes."""

import json
import time
from collections.abc import Callable, Sequence
from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from maskaug.cli.command import begin_again, command, typed
from maskaug.cli.console import PROBLEM, bar, err, extra, out, print_json
from maskaug.cli.logs import LOGGER
from maskaug.cli.training import train_progress
from maskaug.core.classes import MASKED, UNMASKED
from maskaug.core.text import counted
from maskaug.train.ablate.options import AblateOptions
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.export.options import ExportOptions
from maskaug.train.predict.options import PredictOptions
from maskaug.train.run_dir import RunDir

if TYPE_CHECKING:
    from maskaug.train.data.classes import Classes
    from maskaug.train.evaluate.evaluate import Evaluation
    from maskaug.train.evaluate.metrics import MetricValue
    from maskaug.train.predict.results import Predicted, PredictSummary


def _evaluate(options: EvaluateOptions) -> None:
    """How good a classifier is on labelled pictures: metrics with 95 % intervals, by slice, and a report.

    RUN/evaluations/NAME/ gets evaluation.json and predictions.parquet; RUN/report.html shows them. With one path, it is
    DATA, and the bundled classifier judges. With --on-real it is told where the errors lie, and what may help: maskaug
    evaluate RUN photographs/ --on-real

    Threshold and temperature are those found on the run's validation pictures, never on DATA. Three classes and more
    have metrics of each and a confusion matrix; of folders that are no class of RUN's, it is told what their pictures
    are called.
    """
    with extra("train"):
        from maskaug.train.evaluate.evaluate import evaluate  # noqa: PLC0415
    _warn_uncalibrated(options.trained)
    with bar("reading and judging", "pictures") as progress:
        found = evaluate(options, progress)
    if options.json_:
        out.print_json(json.dumps(found.as_json()))
        return
    _print_evaluation(found)
    if options.trained:
        out.print(f"report: {RunDir(options.trained).report}", highlight=False, soft_wrap=True, markup=False)


def _predict(options: PredictOptions) -> None:
    """Tell whether the faces in pictures, videos or before a camera wear masks.

    Prints a line for each face, or with --json a line of JSON for each picture and frame. Give RUN or a .onnx file
    first to judge by it; without one, the bundled classifier judges, which needs no PyTorch: maskaug predict photo.jpg

    Of two classes, the masked one is what has at least the threshold's probability; of more, the likeliest is said. At
    the end, counts and rates are told on stderr.
    """
    _warn_uncalibrated(options.trained)
    with extra("train" if options.trained else "predict"):
        _tell(options)


def _tell(options: PredictOptions) -> None:
    from maskaug.train.predict.predict import predict  # noqa: PLC0415
    from maskaug.train.predict.results import PredictSummary  # noqa: PLC0415
    from maskaug.train.predict.screen import open_screen  # noqa: PLC0415
    from maskaug.train.predict.writing import ResultWriter  # noqa: PLC0415

    started, summary, said = time.monotonic(), PredictSummary(), 0
    found = predict(options)
    writer = ResultWriter(options)
    screen = open_screen(lambda where: err.print(where, highlight=False, soft_wrap=True)) if options.show else None
    try:
        for predicted in found:
            summary.add(predicted)
            _warn(predicted)
            picture = writer.write(predicted)
            lines = [picture.model_dump_json(by_alias=True)] if options.json_ else _lines(predicted)
            if lines and not said and not options.json_:
                lines = [_header(predicted), *lines]
            said += len(lines)
            for line in lines:
                out.print(line, highlight=False, soft_wrap=True, markup=False)
            if screen and predicted.drawn is not None and not screen.show(predicted.drawn):
                break
    except BaseException as error:
        if not options.live or not isinstance(error, KeyboardInterrupt):  # which is how one leaves a camera
            writer.discard()
            raise
    finally:
        if screen:
            screen.close()
    summary.took(time.monotonic() - started)
    writer.finish(summary)
    _print_predict_summary(summary)
    if options.out:
        LOGGER.info("written: %s", options.out)
    elif writer.drawn:
        LOGGER.info("drawn: %s below %s", counted(writer.drawn, "file"), options.draw)
    if summary.problems:
        raise typer.Exit(PROBLEM)


def _warn(predicted: "Predicted") -> None:
    frame = predicted.frame
    if frame.problem:
        LOGGER.warning(frame.problem)
    for warning in frame.warnings:
        LOGGER.warning("%s: %s", frame.source, warning)


def _warn_uncalibrated(run: Path | None) -> None:
    """Say so where a run's probabilities are taken as its network gives them, as of one that is not through."""
    if run and RunDir(run).is_run and not RunDir(run).calibration.is_file():
        LOGGER.warning(
            "%s is not calibrated, for it has no %s: masked is what its network gives 0.5 or more; a run that was "
            "stopped goes on with: maskaug train --resume %s",
            run,
            RunDir(run).calibration.name,
            run,
        )


def _print_predict_summary(summary: "PredictSummary") -> None:
    verdicts = _counted_verdicts(summary.verdicts)
    persons = f"; {counted(sum(summary.persons.values()), 'person')}: {_counted_verdicts(summary.persons)}"
    persons = persons if summary.persons else ""
    LOGGER.info(
        f"{counted(summary.pictures, 'picture')}, {counted(summary.faces, 'face')}{f': {verdicts}' if verdicts else ''}"
        f"{persons}; {summary.no_face} without a face, {counted(summary.problems, 'problem')}; "
        f"{summary.pictures_per_second:.1f} pictures/s"
    )


def _counted_verdicts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))


def _export(options: ExportOptions) -> None:
    """A run's network as one file for other programs: ONNX or TorchScript, checked against the network.

    Its input is N x 3 x S x S uint8 RGB pixels, its output the probability of a mask, N; or of three and more classes
    that of each, N x K. Classes, size, framing, threshold and temperature are in the file's metadata. The probabilities
    are within 1e-4 of the network's, with --half within 0.01.
    """
    with extra("train"):
        from maskaug.train.export.export import export  # noqa: PLC0415

        _warn_uncalibrated(options.run)
        exported = export(options)
    if options.json_:
        print_json(exported)
        return
    said = f"{exported.path}: within {exported.difference:.1e} of the network on 100 pictures"
    out.print(said, highlight=False, soft_wrap=True, markup=False)


def _ablate(options: AblateOptions) -> None:
    """Train a grid of runs, several seeds each, and show what makes a difference in one table and one plot.

    OUT gets a folder for each run, ablation.md, ablation.json and ablation.png. Given again, it goes on where it was
    stopped, and trains what more values or seeds add.
    """
    with extra("train"):
        from maskaug.train.ablate.ablate import ABLATION_FILE, PLOT_FILE, TABLE_FILE, ablate  # noqa: PLC0415
        from maskaug.train.ablate.comparison import comparison_table, summary_table  # noqa: PLC0415
        from maskaug.train.fit.train import train  # noqa: PLC0415

    def next_run(what: str, done: int, total: int) -> None:
        LOGGER.info("run %d of %d: %s", done + 1, total, what)

    with train_progress() as callbacks:
        found = ablate(options, lambda chosen: train(chosen, callbacks), next_run)
    if options.json_:
        out.print_json((options.out / ABLATION_FILE).read_text(encoding="utf-8"))
        return
    for titles, rows in (summary_table(found), comparison_table(found)):
        shown = Table(*map(escape, titles), box=None, pad_edge=False)
        for row in rows:
            shown.add_row(*map(escape, row))
        out.print(shown)
        out.print()
    out.print(f"written: {options.out / TABLE_FILE}, {options.out / PLOT_FILE}", highlight=False, soft_wrap=True)


def _stopped_predict(options: PredictOptions) -> str:
    if options.out or options.csv:
        return begin_again(options)
    drawn = f", and finished drawings are in {options.draw}" if options.draw else ""
    return f"what is printed holds{drawn}; begin again with: {typed(options)}"


def _stopped_ablate(options: AblateOptions) -> str:
    runs = [RunDir(path.parent) for path in options.out.glob("*/*/config.json")]
    if not runs:
        return begin_again(options)
    finished = counted(sum(run.is_finished for run in runs), "finished run")
    return f"{options.out} keeps {finished}; go on with: {typed(options)}"


judging: dict[str, Callable[..., None]] = {
    "evaluate": command(EvaluateOptions, _evaluate),
    "predict": command(PredictOptions, _predict, _stopped_predict),
    "ablate": command(AblateOptions, _ablate, _stopped_ablate),
    "export": command(ExportOptions, _export),
}

_NO_FACE = "no face"


def _line(predicted: "Predicted", probabilities: Sequence[str], verdict: str, place: str, picture: str) -> str:
    """Columns as wide as the names of the classes need."""
    pairs = zip(probabilities, _shown(predicted).values(), strict=True)
    first = "  ".join(f"{probability:>{len(title)}}" for probability, title in pairs)
    second = max(map(len, (*predicted.classes, _NO_FACE)))
    return f"{first}  {verdict:<{second}}  {place:<21}  {picture}"


def _shown(predicted: "Predicted") -> dict[int, str]:
    """Titles of the probabilities that are shown, by label: of two classes, that of the masked one says both."""
    labels = (MASKED,) if len(predicted.classes) == 2 else range(len(predicted.classes))
    return {label: f"P({predicted.classes[label]})" for label in labels}


def _header(predicted: "Predicted") -> str:
    return _line(predicted, list(_shown(predicted).values()), "verdict", "place", "picture")


def _lines(predicted: "Predicted") -> list[str]:
    frame = predicted.frame
    name = frame.source if frame.number is None else f"{frame.source}, {frame.seconds:.2f} s"
    if frame.problem:
        return []
    judged = predicted.smoothed or predicted.class_probabilities
    persons = [f"{name}, person {person}" if person else name for person in predicted.persons]
    faces = zip(predicted.boxes, judged, predicted.verdicts, persons or [name] * len(judged), strict=True)
    return [
        _line(
            predicted,
            [f"{probabilities[shown]:.3f}" for shown in _shown(predicted)],
            verdict,
            f"{left},{top} {right - left}x{bottom - top}",
            who,
        )
        for (left, top, right, bottom), probabilities, verdict, who in faces
    ] or [_line(predicted, ["-"] * len(_shown(predicted)), _NO_FACE, "", name)]


def _print_evaluation(found: "Evaluation") -> None:
    from maskaug.train.evaluate.metrics import metric_titles  # noqa: PLC0415

    titles, counts = metric_titles(len(found.classes)), _counts(found.classes)
    table = Table(box=None, pad_edge=False)
    table.add_column(escape(found.name), overflow="fold")
    for title in ("value", "95 % interval"):
        table.add_column(title, justify="right")
    table.add_column("")
    for label, title in counts.items():
        table.add_row(escape(f"{title} pictures"), str(found.counts[label]), "", "")
    for name, estimate in found.metrics.items():
        table.add_row(titles[name], *_cells(estimate))
    out.print(table)
    if found.class_metrics:
        _print_classes(found)
    if found.slices:
        parts = Table(box=None, pad_edge=False)
        for title in ("by", "part"):
            parts.add_column(title, overflow="fold")
        # The names of three classes would take all of the width: their pictures stand in the order of the first table.
        pictures = counts.values() if len(counts) == 2 else ["pictures"]
        for title in (*pictures, "wrong", "accuracy", "95 % interval", "loss", "AUC"):
            parts.add_column(title, justify="right")
        for one in found.slices:
            accuracy = _cells(one.accuracy)
            numbers, wrong = ([str(of[label]) for label in counts] for of in (one.counts, one.errors))
            numbers = [*(numbers if len(counts) == 2 else [" + ".join(numbers)]), " + ".join(wrong)]
            parts.add_row(one.by, escape(one.name), *numbers, *accuracy[:2], f"{one.loss:.3f}", _number(one.auc))
        out.print()
        out.print(parts)
    if found.advice:
        out.print()
        for number, sentence in enumerate(found.advice, 1):
            out.print(f"{number}. {sentence}", highlight=False, markup=False)
    out.print()
    for note in found.notes:
        out.print(note, style="yellow", highlight=False, markup=False)


def _counts(classes: "Classes") -> dict[int, str]:
    """Titles of the classes in tables, by label, masks first."""
    if len(classes) == 2:
        return {MASKED: "masked", UNMASKED: "unmasked"}
    return {label: classes[label] for label in (MASKED, UNMASKED, *range(2, len(classes)))}


def _print_classes(found: "Evaluation") -> None:
    """Metrics of each class, and which classes are called what."""
    order = _counts(found.classes)
    figures = Table(box=None, pad_edge=False)
    figures.add_column("class", overflow="fold")
    for title in ("recall", "precision", "F1", "95 % interval", "AUC"):
        figures.add_column(title, justify="right")
    confusion = Table(box=None, pad_edge=False)
    confusion.add_column("class / called", overflow="fold")
    for label, title in order.items():
        confusion.add_column(escape(title), justify="right", overflow="fold")
        one = found.class_metrics[label]
        f1, interval, _ = _cells(one["f1"])
        recall, precision, auc = (_number(one[name].value) for name in ("recall", "precision", "auc"))
        figures.add_row(escape(title), recall, precision, f1, interval, auc)
    for label, title in order.items():
        confusion.add_row(escape(title), *(str(found.confusion[label][said]) for said in order))
    for table in (figures, confusion):
        out.print()
        out.print(table)


def _cells(estimate: "MetricValue") -> tuple[str, str, str]:
    interval = f"{estimate.low:.3f} to {estimate.high:.3f}" if isfinite(estimate.low) else "-"
    return _number(estimate.value), interval, estimate.why


def _number(value: float) -> str:
    return "-" if isnan(value) else f"{value:.3f}"
