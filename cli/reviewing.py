"""The command line of reviews: printing and exit codes."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from maskaug.augment import AgreementOptions
from maskaug.cli.command import command, typed
from maskaug.cli.console import extra, out, print_json
from maskaug.cli.logs import LOGGER
from maskaug.core.text import counted
from maskaug.review_ui import (
    DecisionsExportOptions,
    DecisionsImportOptions,
    Reviewed,
    ReviewOptions,
    export_decisions,
    import_decisions,
    review,
)

if TYPE_CHECKING:
    from maskaug.augment.reviews.agreement import Agreement, Coefficient
    from maskaug.review_ui.page.progress_page import Compare


def _review(options: ReviewOptions) -> None:
    """A person's eye on the masked copies: accept or reject each by a key, in a window or on a web page.

    Every decision is appended to DST/reviews/ANNOTATOR.jsonl and on the disk before the next picture comes; start
    again to go on. Press ? for the keys.

    With --serve --annotators anna,bert, one process serves several people: the terminal has an address for each, and
    that of a page of progress.
    """
    several = len(options.names) > 1

    def announce(name: str, address: str) -> None:
        said = f"{name}: open {address}" if several else f"open {address}"
        out.print(said, highlight=False, soft_wrap=True, markup=False)

    for reviewed in review(options, announce, _pairwise() if several else None):
        _print_reviewed(reviewed, several=several)


def _pairwise() -> "Compare | None":
    """What tells how far annotators agree, where the extra that it needs is installed."""
    try:
        from maskaug.augment.reviews.agreement import pairwise  # noqa: PLC0415
    except ModuleNotFoundError:
        return None
    return pairwise


def _print_reviewed(reviewed: Reviewed, *, several: bool) -> None:
    whose = f"{reviewed.annotator}: " if several else ""
    _print_torn(reviewed.torn)
    if reviewed.by_score:
        out.print(f"{whose}{reviewed.by_score} accepted by score", highlight=False, markup=False)
    counts = reviewed.counts
    if counts is None:
        out.print(f"{whose}nothing is left to decide on", highlight=False, markup=False)
        return
    done = f"{counts.accepted} accepted, {counts.rejected} rejected, {counts.left} left"
    out.print(f"{reviewed.annotator}: {done}", highlight=False, soft_wrap=True, markup=False)


def _print_torn(torn: Path | None) -> None:
    if torn is not None:
        moved = f"the last line of the record was torn, by a power cut or a kill, and was moved to {torn}"
        LOGGER.warning(moved)


def _stopped_review(options: ReviewOptions) -> str:
    return f"every decision is kept; go on with: {typed(options)}"


def _agreement(options: AgreementOptions) -> None:
    """How far annotators agree, with 95 % bootstrap intervals, and the pictures they dispute."""
    with extra("curate"):
        from maskaug.augment.reviews.agreement import agreement  # noqa: PLC0415
    found = agreement(options)
    if options.json_:
        print_json(found)
    else:
        _print_agreement(found)


def _print_agreement(found: "Agreement") -> None:
    people = Table(box=None, pad_edge=False)
    people.add_column("annotator", overflow="fold")
    for title in ("accepted", "rejected", "by score", "flagged", "median look", "controls rejected"):
        people.add_column(title, justify="right")
    for annotator in found.annotators:
        people.add_row(
            escape(annotator.name),
            str(annotator.accepted),
            str(annotator.rejected),
            str(annotator.by_score),
            str(annotator.flagged),
            "-" if isnan(annotator.looked_ms) else f"{annotator.looked_ms / 1000:.1f} s",
            f"{annotator.controls_rejected} of {annotator.controls}" if annotator.controls else "-",
        )
    metrics = Table(box=None, pad_edge=False)
    metrics.add_column("agreement", overflow="fold")
    for title in ("value", "95 % interval", "pictures"):
        metrics.add_column(title, justify="right")
    metrics.add_row("pairs of decisions alike", *_cells(found.raw))
    for (first, second), estimate in found.cohen.items():
        metrics.add_row(f"Cohen's kappa, {escape(first)} and {escape(second)}", *_cells(estimate))
    metrics.add_row("Fleiss's kappa, all annotators", *_cells(found.fleiss))
    metrics.add_row("Krippendorff's alpha", *_cells(found.alpha))
    confusion = Table(box=None, pad_edge=False)
    for title in ("one says", "another says"):
        confusion.add_column(title, overflow="fold")
    confusion.add_column("pictures", justify="right")
    for (first, second), count in found.confusion.most_common():
        confusion.add_row(escape(first), escape(second), str(count))
    for table in (people, metrics, confusion):
        if table.row_count:
            out.print(table)
            out.print()
    settled = sum(dispute.settled is not None for dispute in found.disputed)
    out.print(f"{counted(len(found.disputed), 'picture')} in dispute, {settled} of them settled", highlight=False)
    for dispute in found.disputed:
        decisions = ", ".join(f"{annotator}: {decision}" for annotator, decision in dispute.decisions.items())
        final = f"; settled: {dispute.settled}" if dispute.settled else ""
        out.print(f"{dispute.output}: {decisions}{final}", highlight=False, soft_wrap=True, markup=False)


def _cells(estimate: "Coefficient") -> tuple[str, str, str]:
    value = "undefined" if isnan(estimate.value) else f"{estimate.value:.3f}"
    interval = "-" if isnan(estimate.low) else f"{estimate.low:.3f} to {estimate.high:.3f}"
    return value, interval, str(estimate.pictures)


def _export_decisions(options: DecisionsExportOptions) -> None:
    """What was decided about the masked copies of a set, as CSV, COCO, Label Studio's JSON, or for FiftyOne.

    Every masked copy is in it, decided on or not: it can be decided on there, and brought back by maskaug decisions
    import.
    """
    found = export_decisions(options)
    if options.json_:
        print_json(found)
        return
    told = ", ".join(f"{count} of {name}" for name, count in found.decisions.items()) or "none"
    said = f"{found.out}: {counted(found.pictures, 'picture')}, decisions: {told}"
    out.print(said, highlight=False, soft_wrap=True, markup=False)


def _import_decisions(options: DecisionsImportOptions) -> None:
    """Decisions that were made elsewhere, into an annotator's record: all that FILE has, or nothing.

    A picture that DST does not have, or that is another one now, a decision or a reason that there is not, and a
    picture that is named twice are refused. What the record says already is left out: the same file may come again.
    """
    found = import_decisions(options)
    _print_torn(found.torn)
    if options.json_:
        print_json(found)
        return
    new = f"{found.accepted} accepted, {found.rejected} rejected, {counted(found.flagged, 'flag')} changed"
    said = f"{found.annotator}: {new}; {counted(found.known, 'picture')} known already"
    out.print(said, highlight=False, soft_wrap=True, markup=False)


reviewing = {
    "review": command(ReviewOptions, _review, _stopped_review),
    "agreement": command(AgreementOptions, _agreement),
}
decisions = typer.Typer(help="Decisions of reviews, as files of other programs and back.", no_args_is_help=True)
decisions.command("export", epilog="Example: maskaug decisions export set/ tasks/ --to labelstudio")(
    command(DecisionsExportOptions, _export_decisions)
)
decisions.command("import", epilog="Example: maskaug decisions import set/ export.json --annotator anna")(
    command(DecisionsImportOptions, _import_decisions)
)
