"""The command line: parsing, printing and exit codes; the work is done by the functions it calls."""

import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from maskaug.augment import (
    AnnotationError,
    ApplyError,
    ApplyOptions,
    GenerateError,
    GenerateOptions,
    ScanError,
    Summary,
    apply,
    generate,
)
from maskaug.augment.generate import Progress as ReportProgress
from maskaug.command import UsageError, command
from maskaug.doctor import examine
from maskaug.masktheface_wrapper import ModelError, PackError
from maskaug.version import __version__

_EXPECTED = (AnnotationError, ApplyError, GenerateError, ModelError, PackError, ScanError)
_PLAIN_LINE_SECONDS = 10.0

app = typer.Typer(
    help="Masked-face data you can trust.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="dlib's 68-point model was trained on iBUG 300-W, which excludes commercial use: see the README.",
)
_out, _err = Console(), Console(stderr=True)


def main() -> None:
    """Run the command line; exits 0 when all is done, 1 on a problem, 2 on wrong options, 130 on Ctrl-C."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except UsageError as error:
        _fail(str(error), 2)
    except _EXPECTED as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        _fail("stopped; nothing half-written is left", 130)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True)) -> None:
    if version:
        _out.print(f"maskaug {__version__}", highlight=False)
        raise typer.Exit


def _generate(options: GenerateOptions) -> None:
    """Masked copies of a folder of unmasked faces: a balanced, traceable, reproducible data set.

    SRC is an ImageFolder of any depth, with or without splits. DST gets the same splits, the unmasked pictures, and
    masked copies in class wearing_mask; manifest/ says where each came from, contact_sheet.png shows a sample.
    """
    started = time.monotonic()
    try:
        with _progress() as report:
            summary = generate(options, report)
    except KeyboardInterrupt:
        _fail(f"stopped; go on with: maskaug generate {options.src} {options.dst} --resume", 130)
    _print_summary(summary, options, time.monotonic() - started)
    if not summary.masked and (options.copies is None or options.copies > 0) and summary.missing:
        _fail("no picture got a mask; the table says why", 1)


def _apply(options: ApplyOptions) -> None:
    """Masks on single pictures."""
    problems = 0
    for result in apply(options):
        if result.problem is not None:
            problems += 1
            _err.print(f"maskaug: {result.problem}", highlight=False, soft_wrap=True, markup=False)
            continue
        worn = ", ".join(f"{overlay.wearing.template} (quality {overlay.quality:.2f})" for overlay in result.overlays)
        _out.print(f"{result.output}: {worn}", highlight=False, soft_wrap=True, markup=False)
    if problems:
        raise typer.Exit(1)


def _doctor() -> None:
    """What is installed, what works, and what to do about what does not."""
    table = Table(box=None, pad_edge=False)
    for title in ("", "part", "found", "what to do"):
        table.add_column(title, overflow="fold")
    findings = examine()
    for finding in findings:
        mark = {"ok": "[green]ok[/]", "optional": "[yellow]--[/]", "broken": "[red]!![/]"}[finding.state]
        table.add_row(mark, *map(escape, (finding.part, finding.found, finding.advice)))
    _out.print(table)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


app.command("generate")(command(GenerateOptions, _generate))
app.command("apply")(command(ApplyOptions, _apply))
app.command("doctor")(_doctor)


@contextmanager
def _progress() -> Iterator[ReportProgress]:
    """A bar on stderr, or a plain line now and then where that is no terminal."""
    if not _err.is_terminal:
        last = time.monotonic()

        def line(done: int, total: int, written: int) -> None:
            nonlocal last
            if time.monotonic() - last > _PLAIN_LINE_SECONDS:
                last = time.monotonic()
                _err.print(f"{done} of {total} sources, {written} pictures written", highlight=False)

        yield line
        return
    columns = (
        TextColumn("masking"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err) as bar:
        task = bar.add_task("masking", total=None, rate="")
        started = time.monotonic()

        def update(done: int, total: int, written: int) -> None:
            rate = written / max(time.monotonic() - started, 1e-6)
            bar.update(task, completed=done, total=total, rate=f"{rate:.0f} pictures/s")

        yield update


def _print_summary(summary: Summary, options: GenerateOptions, seconds: float) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right")
    table.add_row("sources", str(summary.sources))
    table.add_row("faces found", str(summary.with_face))
    for title, counts in (("carried over", summary.carried), ("masked copies", summary.masked)):
        for place, count in sorted(counts.items()):
            table.add_row(f"{title}, {escape(place)}", str(count))
    for reason, count in Counter(summary.refused).most_common():
        table.add_row(f"refused, {escape(reason)}", str(count))
    for split, count in sorted(summary.missing.items()):
        table.add_row(f"[yellow]missing for balance, {escape(split)}[/]", str(count))
    written = sum(summary.carried.values()) + sum(summary.masked.values())
    table.add_row("pictures written a second", f"{written / max(seconds, 1e-6):.1f}")
    _out.print(table)
    _out.print(f"contact sheet: {options.dst / 'contact_sheet.png'}", highlight=False, soft_wrap=True, markup=False)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM, as clusters send it before they kill: stop as on Ctrl-C."""
    raise KeyboardInterrupt


def _fail(message: str, status: int) -> None:
    # Plain text: a file name may hold what rich would take for markup.
    print(f"maskaug: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(status)
