"""The command line: parsing, printing and exit codes; the work is done by the functions it calls."""

import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import pyarrow.compute as pc
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from maskaug.augment import (
    ApplyOptions,
    CurateOptions,
    Forecast,
    GeneratedSet,
    GenerateOptions,
    Summary,
    apply,
    forecast,
    generate,
)
from maskaug.augment.generate.generate import Progress as ReportProgress
from maskaug.augment.generate.resume import resumed
from maskaug.cli.command import UsageError, command, typed
from maskaug.cli.console import (
    INTERRUPTED,
    PROBLEM,
    TIMES,
    WRONG_OPTION,
    bar,
    err,
    extra,
    fail,
    figures_table,
    out,
    print_json,
)
from maskaug.cli.doctor import examine
from maskaug.cli.help import EXAMPLES
from maskaug.cli.judging import judging
from maskaug.cli.logs import LOGGER, tells_progress
from maskaug.cli.recipes import lists_fields, recipes
from maskaug.cli.reviewing import decisions, reviewing
from maskaug.cli.training import told_duration, training
from maskaug.cli.verifying import verifying
from maskaug.core.errors import MaskaugError, OptionError
from maskaug.core.manifest import column_batches
from maskaug.core.pictures import WARNINGS
from maskaug.core.text import counted
from maskaug.core.version import __version__
from maskaug.train.predict.masked_check import masked_check_available, wears_mask

if TYPE_CHECKING:
    from maskaug.augment.curate.curate import Curated

_PLAIN_LINE_SECONDS = 10.0
_FAILED_SHOWN = 5  # pictures; a broken library could fail on a million
_REFUSED_SHOWN = 3

app = typer.Typer(
    help="Masked-face data you can trust.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    epilog="dlib's 68-point model was trained on iBUG 300-W, which excludes commercial use: see docs/licence.md.",
)


def main() -> None:
    """Run the command line; exits 0 when all is done, 1 on a problem, 2 on wrong options, 130 on Ctrl-C."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        if lists_fields(sys.argv[1:]):
            sys.exit(0)
        app()
    except (UsageError, OptionError) as error:
        fail(str(error), WRONG_OPTION)
    except MaskaugError as error:
        LOGGER.debug("where it arose", exc_info=True)
        fail(str(error), PROBLEM)
    except OSError as error:
        LOGGER.debug("where it arose", exc_info=True)
        place = error.filename2 or error.filename
        fail(f"{f'{place}: ' if place else ''}{error.strerror or error}; mend that, and begin again", PROBLEM)
    except KeyboardInterrupt:
        fail("stopped", INTERRUPTED)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True)) -> None:
    if version:
        out.print(f"maskaug {__version__}", highlight=False)
        raise typer.Exit


def _generate(options: GenerateOptions) -> None:
    """Masked copies of a folder of unmasked faces: a balanced, traceable, reproducible data set.

    SRC is an ImageFolder of any depth, with or without splits. DST gets the same splits, the unmasked pictures, and
    masked copies in class wearing_mask; manifest/ says where each came from, contact_sheet.png shows a sample.

    With --layout identities, SRC is a folder a person: masked copies stay with the person, and pairs.csv has pairs of
    pictures to verify persons by.
    """
    started, looks = time.monotonic(), wears_mask if masked_check_available() else None
    if options.dry_run:
        _print_forecast(forecast(options, looks), options)
        return
    made = 0  # by this run: what an earlier one made took none of its time

    def tell(done: int, total: int, written: int) -> None:
        nonlocal made
        made = written
        report(done, total, written)

    with _progress() as report:
        summary = generate(options, tell, looks)
    options = resumed(options)
    if options.json_:
        print_json(summary)
    else:
        _print_summary(summary, options, made / max(time.monotonic() - started, 1e-6))
    if summary.failed:
        _print_failed(summary, options)
    unmasked = bool(summary.with_face) or any(place.endswith(f"/{options.source_class}") for place in summary.original)
    if not summary.masked and options.copies != 0 and (summary.missing or not unmasked):
        fail("no picture got a mask; the table says why", PROBLEM)


def _generate_stopped(options: GenerateOptions) -> str:
    again = options.model_copy(update={"overwrite": False, "resume": not options.retry_failed})
    return f"every finished picture is kept; go on with: {typed(again)}"


def _apply(options: ApplyOptions) -> None:
    """Masks on single pictures."""
    problems = 0
    for result in apply(options):
        if result.problem is not None:
            problems += 1
            LOGGER.warning(result.problem)
            continue
        for warning in result.warnings:
            LOGGER.warning("%s: %s", result.picture, warning)
        worn = ", ".join(f"{overlay.params.template} (quality {overlay.quality:.2f})" for overlay in result.overlays)
        out.print(f"{result.output}: {worn}", highlight=False, soft_wrap=True, markup=False)
    if problems:
        raise typer.Exit(1)


def _curate(options: CurateOptions) -> None:
    """The final data set: generated pictures and people's decisions become a balanced ImageFolder.

    DST is an output of generate, with the decisions in DST/reviews. OUT gets {split}/{class}/, manifest/, which says
    where each picture came from or why it was left out, README.md, the dataset card, and checksums.txt. Where DST has a
    folder a person, OUT has {split}/{person}/, no person in two splits, and pairs.csv.
    """
    with extra("curate"):
        from maskaug.augment.curate.curate import curate  # noqa: PLC0415
    with bar("comparing", "sources") as report:
        curated = curate(options, report)
    if options.json_:
        print_json(curated)
        return
    _print_curated(curated)
    if options.dry_run:
        again = typed(options.model_copy(update={"dry_run": False}))
        out.print(f"nothing was written; do it with: {again}", highlight=False, soft_wrap=True, markup=False)
        return
    out.print(f"checksum of the whole: {curated.checksum}", highlight=False, soft_wrap=True)
    out.print(f"dataset card: {options.out / 'README.md'}", highlight=False, soft_wrap=True, markup=False)


def _doctor() -> None:
    """What is installed, what works, and what to do about what does not."""
    table = Table(box=None, pad_edge=False)
    for title in ("", "part", "found", "what to do"):
        table.add_column(title, overflow="fold")
    findings = examine()
    for finding in findings:
        mark = {"ok": "[green]ok[/]", "optional": "[yellow]--[/]", "broken": "[red]!![/]"}[finding.state]
        table.add_row(mark, *map(escape, (finding.part, finding.found, finding.advice)))
    out.print(table)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


_making = {
    "generate": command(GenerateOptions, _generate, _generate_stopped),
    "apply": command(ApplyOptions, _apply),
    "curate": command(CurateOptions, _curate),
}
for _name, _function in {**_making, **reviewing, **verifying, **training, **judging, "doctor": _doctor}.items():
    app.command(_name, epilog=f"Example: {EXAMPLES[_name]}")(_function)
app.add_typer(recipes, name="recipe")
app.add_typer(decisions, name="decisions")


@contextmanager
def _progress() -> Iterator[ReportProgress]:
    """A bar on stderr, or a plain line now and then where that is no terminal."""
    if not err.is_terminal:
        last = time.monotonic()

        def line(done: int, total: int, written: int) -> None:
            nonlocal last
            if time.monotonic() - last > _PLAIN_LINE_SECONDS:
                last = time.monotonic()
                written_so_far = counted(written, "picture")
                LOGGER.info("%s of %s, %s written", done, counted(total, "source"), written_so_far)

        yield line
        return
    columns = (
        TextColumn("masking"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        *TIMES,
    )
    with Progress(*columns, console=err, disable=not tells_progress()) as shown:
        task = shown.add_task("masking", total=None, rate="")
        started = time.monotonic()

        def update(done: int, total: int, written: int) -> None:
            rate = written / max(time.monotonic() - started, 1e-6)
            shown.update(task, completed=done, total=total, rate=f"{rate:.0f} pictures/s")

        yield update


def _print_curated(curated: "Curated") -> None:
    table = figures_table()
    for (split, label), count in sorted(curated.kept.items()):
        table.add_row(f"kept, {escape(f'{split}/{label}')}", str(count))
    for (reason, label), count in sorted(curated.left_out.items()):
        table.add_row(f"left out, {reason}, {escape(label)}", str(count))
    for (change, label), count in sorted(curated.moved.items()):
        table.add_row(escape(f"{change}, {label}"), str(count))
    for split, count in sorted(curated.identities.items()):
        table.add_row(f"persons, {escape(split)}", str(count))
    for persons, count in sorted(curated.pairs.items(), reverse=True):
        table.add_row(f"pairs, {persons} person", str(count))
    table.add_row("size of the kept pictures", f"{curated.size / 1e6:.1f} MB")
    table.add_row("groups of near-duplicate sources", str(curated.duplicates))
    if curated.joined:
        table.add_row("persons joined by near-duplicates", str(curated.joined))
    for place in curated.missing:
        table.add_row(f"[yellow]no picture in {escape(place)}[/]", "0")
    for label, count in sorted(curated.faceless.items()):
        table.add_row(f"[yellow]{escape(label)}, but no face in the picture[/]", str(count))
    out.print(table)
    if curated.faceless:
        LOGGER.warning(
            "from pictures without a face, a classifier learns that no face means no mask; generate leaves them out "
            "now: generate the set again, or reject them in a review"
        )


def _print_summary(summary: Summary, options: GenerateOptions, rate: float) -> None:
    table = figures_table()
    table.add_row("sources", str(summary.sources))
    table.add_row("faces found", str(summary.with_face))
    for title, counts in (
        ("persons", summary.identities),
        ("originals", summary.original),
        ("masked copies", summary.masked),
    ):
        for place, count in sorted(counts.items()):
            table.add_row(f"{title}, {escape(place)}" if place else title, str(count))
    for persons, count in sorted(summary.pairs.items(), reverse=True):
        table.add_row(f"pairs, {persons} person", str(count))
    for reason, count in Counter(summary.refused).most_common():
        table.add_row(f"refused, {escape(reason)}", str(count))
    for kind, sources in sorted(summary.warnings.items()):
        table.add_row(f"[yellow]{WARNINGS.get(kind, kind)}[/]", str(len(sources)))
    for split, count in sorted(summary.missing.items()):
        table.add_row(f"[yellow]missing for balance, {escape(split)}[/]", str(count))
    for split, count in sorted(summary.surplus.items()):
        said = f"more masked than unmasked pictures, {escape(split)}: maskaug curate makes them equal"
        table.add_row(f"[yellow]{said}[/]", str(count))
    if summary.faces_bare:
        table.add_row(
            "smaller faces left bare in masked copies"
            if options.bare_faces == "refuse"
            else "faces left bare in masked copies",
            str(summary.faces_bare),
        )
    if not summary.looked and options.already_masked == "refuse":
        table.add_row("[yellow]nothing looked for masks in the sources: pip install 'maskaug\\[predict]'[/]", "")
    table.add_row("pictures written a second", f"{rate:.1f}")
    out.print(table)
    made = GeneratedSet(options.dst)
    if refused := sum(summary.refused.values()):
        _print_refused(made, refused)
    if said := _sheet_or_why_not(summary, options, made):
        out.print(said, highlight=False, soft_wrap=True, markup=False)
    if options.layout == "identities" and not options.apart and summary.original[""]:
        advice = "give --apart to have persons in folders of their own, or see docs/identities.md"
        said = f"torchvision's ImageFolder would take {made.manifest} for a person; {advice}"
        out.print(said, highlight=False, soft_wrap=True, markup=False)


def _sheet_or_why_not(summary: Summary, options: GenerateOptions, made: GeneratedSet) -> str:
    """Where the contact sheet is; without a masked copy there is none, and where nobody erred, it is told why."""
    if summary.masked:
        return f"contact sheet: {made.contact_sheet}"
    balanced = options.fixed_copies is None and summary.with_face and not summary.missing
    why = "no mask was put on: the classes are balanced already; --copies 1 puts one on each unmasked face"
    return why if balanced else ""


def _print_refused(made: GeneratedSet, count: int) -> None:
    """Name the first that were refused, and say where all of them are."""
    named: list[str] = []
    for batch in column_batches(made.path, ("status", "source", "reasons")):
        rows = batch.filter(pc.equal(batch["status"], "refused")).slice(0, _REFUSED_SHOWN - len(named)).to_pylist()
        named += [f"{row['source']} ({', '.join(row['reasons'])})" for row in rows]
        if len(named) == _REFUSED_SHOWN:
            break
    more = f" ... {count} in all, with reasons: rows `refused` in {made.manifest}" if count > len(named) else ""
    out.print(f"refused: {', '.join(named)}{more}", highlight=False, soft_wrap=True, markup=False)


def _print_forecast(found: Forecast, options: GenerateOptions) -> None:
    if options.json_:
        print_json(found)
        return
    table = figures_table()
    for place, count in sorted(found.sources.items()):
        table.add_row(f"sources, {escape(place)}", str(count))
    for reason, count in found.problems.most_common():
        table.add_row(f"[yellow]cannot be used, {escape(reason)}[/]", str(count))
    table.add_row("pictures tried", str(found.tried))
    for reason, count in found.refused.most_common():
        table.add_row(f"refused of these, {escape(reason)}", str(count))
    table.add_row("originals, about", str(found.original))
    for split, count in sorted(found.masked.items()):
        table.add_row(f"masked copies, {escape(split)}, about" if split else "masked copies, about", str(count))
    table.add_row(
        f"time with {counted(options.workers, 'process', 'processes')} on an idle machine, about",
        told_duration(found.seconds),
    )
    table.add_row("size, about", f"{found.size / 1e6:.1f} MB")
    out.print(table)
    again = typed(options.model_copy(update={"dry_run": False}))
    out.print(f"nothing was written; do it with: {again}", highlight=False, soft_wrap=True, markup=False)


def _print_failed(summary: Summary, options: GenerateOptions) -> NoReturn:
    """Name the first of the pictures that failed, say where all of them stand, and exit."""
    for message in list(summary.failed.values())[:_FAILED_SHOWN]:
        LOGGER.warning(message)
    again = shlex.join(["maskaug", "generate", str(options.src), str(options.dst), "--retry-failed"])
    stats = GeneratedSet(options.dst).stats
    count = counted(len(summary.failed), "picture")
    fail(f"{count} failed, all of them named in {stats} under failed; try them again with: {again}", 1)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM, as clusters send it before they kill: stop as on Ctrl-C."""
    raise KeyboardInterrupt
