"""The command line of training: printing and exit codes."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from maskaug.cli.command import begin_again, command, program, typed
from maskaug.cli.console import TIMES, err, extra, figures_table, out, print_json
from maskaug.cli.logs import LOGGER, tells_progress
from maskaug.core.text import counted
from maskaug.train.distill.options import DistillOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.run_dir import RunDir

if TYPE_CHECKING:
    from maskaug.train.fit.forecast import RunForecast
    from maskaug.train.fit.train import TrainCallbacks, Trained


def _train(options: TrainOptions) -> None:
    """Train a classifier of masked and unmasked faces, and write a report of it.

    RUN gets metrics.csv, best.pt, best.safetensors, predictions.parquet, calibration.json and report.html. On several
    processes: torchrun --nproc-per-node 2 -m maskaug train DATA --out RUN
    """
    options.resolved_recipe  # noqa: B018  a wrong field is told before PyTorch is imported, which takes seconds
    with extra("train"):
        from maskaug.train.fit.forecast import forecast_run  # noqa: PLC0415
        from maskaug.train.fit.train import train  # noqa: PLC0415
    if options.dry_run:
        with train_progress() as callbacks:
            found = forecast_run(options, callbacks)
        _print_forecast(found, options)
        return
    with train_progress() as callbacks:
        trained = train(options, callbacks)
    if int(os.environ.get("RANK", "0")):
        return
    if options.json_:
        print_json(trained)
    else:
        _print_trained(trained)


def _print_trained(trained: "Trained") -> None:
    best = trained.best
    lines = [
        f"kept epoch {best['epoch']:.0f}: before calibration, validation loss {best['val_loss']:.4f}, "
        f"accuracy {best['val_accuracy']:.2%}, {_macro_f1(best)}AUC {best['val_auc']:.5f}",
        f"after calibration, accuracy {trained.calibrated_accuracy:.2%}, on validation pictures as they are"
        + (f", from threshold {trained.calibration.threshold:.3f} on" if not _macro_f1(best) else ""),
    ]
    for line in lines:
        out.print(line, highlight=False, soft_wrap=True)
    out.print(f"report: {RunDir(trained.run).report}", highlight=False, soft_wrap=True, markup=False)


def _print_forecast(found: "RunForecast", options: TrainOptions) -> None:
    if options.json_:
        print_json(found)
        return
    table = figures_table()
    for (split, label), count in sorted(found.pictures.items()):
        table.add_row(f"pictures, {escape(f'{split}/{label}')}", str(count))
    for title, value in (
        (f"parameters of {found.arch}", f"{found.parameters / 1e6:.1f} million"),
        ("epochs", str(found.epochs)),
        ("pictures learnt from a second, about", f"{found.pictures_per_second:.0f}"),
        ("time of all epochs, about", told_duration(found.seconds)),
        ("size of the run, about", f"{found.size / 1e6:.1f} MB"),
        ("decoded pictures, in the cache now", f"{found.cache / 1e6:.1f} MB"),
    ):
        table.add_row(escape(title), value)
    out.print(table)
    again = typed(options.model_copy(update={"dry_run": False}))
    out.print(f"nothing was written; do it with: {again}", highlight=False, soft_wrap=True, markup=False)


def _distill(options: DistillOptions) -> None:
    """A small network that says what RUN's network says, and its file for onnxruntime: 3 MB, with the default --arch.

    It learns RUN's calibrated probabilities of RUN's own pictures, rendered as RUN's recipe says. STUDENT
    becomes a run like any other, which evaluate, predict and export take; and STUDENT/model.onnx is its network with
    weights of 16 bits. A student that was stopped goes on with: maskaug train --resume STUDENT, then
    maskaug export STUDENT --half
    """
    with extra("train"):
        from maskaug.train.distill.distill import distill  # noqa: PLC0415
    with train_progress() as callbacks:
        found = distill(options, callbacks)
    exported = found.exported
    if exported is None:
        return
    _print_trained(found.trained)
    size = exported.path.stat().st_size / 1e6
    said = f"{exported.path}: {size:.2f} MB, within {exported.difference:.1e} of the network on 100 pictures"
    out.print(said, highlight=False, soft_wrap=True, markup=False)


def _stopped_train(options: TrainOptions) -> str:
    from maskaug.train.fit.begin import run_folder  # noqa: PLC0415

    return stopped_run(run_folder(options)) or begin_again(options)


def stopped_run(run: Path) -> str | None:
    """What a training says that was stopped: what RUN keeps, and the command that goes on; None if it keeps nothing."""
    files = RunDir(run)
    if not files.last.exists():
        return None
    with files.history.open(encoding="utf-8") as rows:
        epochs = counted(sum(1 for _ in rows) - 1, "epoch")
    return f"{run} keeps {epochs}; go on with: {shlex.join([*program(), 'train', '--resume', str(run)])}"


def _stopped_distill(options: DistillOptions) -> str:
    student = options.out or RunDir(options.run).student
    kept = stopped_run(student)
    if kept is None:
        return begin_again(options)
    export = shlex.join(["maskaug", "export", str(student), "--half"])
    if RunDir(student).is_finished:
        return f"{student} is trained; go on with: {export}"
    return f"{kept} && {export}"


training = {
    "train": command(TrainOptions, _train, _stopped_train),
    "distill": command(DistillOptions, _distill, _stopped_distill),
}


@contextmanager
def train_progress() -> "Iterator[TrainCallbacks]":
    """A line an epoch, sentences on stderr; and on a terminal a bar with loss, pictures a second and time left."""
    from maskaug.train.fit.train import TrainCallbacks  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        *TIMES,
    )
    with Progress(*columns, console=err, transient=True, disable=not (err.is_terminal and tells_progress())) as shown:
        task = shown.add_task("decoding", total=None, told="pictures")

        def note(text: str) -> None:
            LOGGER.warning(text)

        def decoded(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total)

        def step(done: int, total: int, loss: float, speed: float) -> None:
            speed_told = f"pictures, loss {loss:.3f}, {speed:.0f}/s"
            shown.update(task, description="training", completed=done, total=total, told=speed_told)

        def epoch(row: dict[str, float], epochs: int) -> None:
            left = (epochs - row["epoch"]) * row["seconds"]
            LOGGER.info(
                f"epoch {row['epoch']:.0f} of {epochs}: loss {row['train_loss']:.4f}; "
                f"on validation loss {row['val_loss']:.4f}, "
                f"accuracy {row['val_accuracy']:.2%}, {_macro_f1(row)}AUC {row['val_auc']:.4f}; "
                f"{row['samples_per_s']:.0f} pictures/s, "
                f"{told_duration(left)} left"
            )

        yield TrainCallbacks(note, decoded, step, epoch)


def _macro_f1(row: dict[str, float]) -> str:
    """Of three and more classes."""
    return f"macro F1 {row['val_macro_f1']:.4f}, " if "val_macro_f1" in row else ""


def told_duration(seconds: float) -> str:
    """Seconds as ``3 min 05 s`` or ``2 h 07 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
