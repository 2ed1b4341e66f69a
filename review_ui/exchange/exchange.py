"""`export_decisions` and `import_decisions`: decisions as files of other programs, and back into a record."""

import difflib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.reviews.log import Event, ReviewError, ReviewLog, Verdict, judgements, read_reviews, verdicts
from maskaug.core.files import new_folder, sync_tree, write_atomic
from maskaug.core.manifest import read_manifest
from maskaug.core.text import counted
from maskaug.review_ui.exchange.coco import write_coco
from maskaug.review_ui.exchange.fiftyone import write_fiftyone
from maskaug.review_ui.exchange.judged import Exported, Judged, Picture
from maskaug.review_ui.exchange.label_studio import write_label_studio
from maskaug.review_ui.exchange.options import DecisionsExportOptions, DecisionsImportOptions
from maskaug.review_ui.exchange.reading import read_decisions
from maskaug.review_ui.exchange.tables import write_csv
from maskaug.review_ui.view.actions import ACTIONS

# Each gives the files of a format by name; one without a name is all there is.
_WRITERS: dict[str, Callable[[Exported], Mapping[str, bytes]]] = {
    "csv": write_csv,
    "coco": write_coco,
    "labelstudio": write_label_studio,
    "fiftyone": write_fiftyone,
}
_COLUMNS = (
    *("status", "output", "output_sha256", "split", "label", "kind", "quality"),
    *("width", "height", "box", "other_faces"),
)


@dataclass(frozen=True)
class ExportedDecisions:
    """What was written.

    Attributes:
        out: Where.
        pictures: How many pictures are named.
        decisions: How many decisions are told, by annotator.
    """

    out: Path
    pictures: int
    decisions: dict[str, int]


@dataclass(frozen=True)
class ImportedDecisions:
    """What was recorded.

    Attributes:
        annotator: In whose record.
        accepted, rejected: Decisions that are new there.
        flagged: Flags that were set or removed.
        known: Pictures of the file on which the record said the same already.
        torn: File that an incomplete last line of the record was moved to, or None.
    """

    annotator: str
    accepted: int
    rejected: int
    flagged: int
    known: int
    torn: Path | None


def export_decisions(options: DecisionsExportOptions) -> ExportedDecisions:
    """Write the masked copies of a generated set, and what was decided about them, for another program.

    Raises:
        ReviewError: there is no generated set, ``out`` is there already, or somebody named has decided nothing.
        OSError: it cannot be written; nothing is left behind.
    """
    if options.out.exists() or options.out.is_symlink():
        raise ReviewError(f"{options.out} is there already; name another, or remove it")
    if options.to != "csv" and GeneratedSet(options.dst).has_shards:
        raise ReviewError(
            f"the pictures of {options.dst} lie in shards, where no other program finds them; write --to csv"
        )
    reviews = read_reviews(options.dst)
    annotators = sorted(reviews) if options.annotators is None else options.annotators
    if unknown := [name for name in annotators if name not in reviews]:
        there = ", ".join(sorted(reviews)) or "nobody"
        raise ReviewError(f"{unknown[0]} has decided on nothing in {options.dst}; there is {there}")
    judged = judgements(reviews)
    pictures = [
        Picture(**{**vars(picture), "verdicts": judged.get(picture.sha256, {})})
        for picture in _pictures(options.dst).values()
    ]
    exported = Exported(options.dst, pictures, annotators, options.prefix, _reasons(reviews))
    _write(options.out, _WRITERS[options.to](exported))
    decisions = Counter(name for picture in pictures for name, told in exported.told(picture) if told["decision"])
    return ExportedDecisions(options.out, len(pictures), {name: decisions[name] for name in annotators})


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    """One file, or a folder of them, whole or not at all."""
    with new_folder(out.parent):
        if set(files) == {""}:
            write_atomic(out, files[""], out.parent)
            return
        partial = out.with_name(f".{out.name}-{os.getpid()}.partial")
        try:
            partial.mkdir()
            for name, data in files.items():
                (partial / name).write_bytes(data)
            sync_tree(partial)
            partial.replace(out)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def _pictures(dst: Path) -> dict[str, Picture]:
    """The masked copies by their SHA-256, each content once, as they are reviewed."""
    found: dict[str, Picture] = {}
    try:
        for row in read_manifest(dst, _COLUMNS):
            if row["status"] == "masked" and row["output_sha256"] not in found:
                faces = [row, *(row.get("other_faces") or [])]
                found[row["output_sha256"]] = Picture(
                    output=row["output"],
                    sha256=row["output_sha256"],
                    split=row["split"],
                    label=row["label"],
                    kind=row["kind"],
                    quality=row["quality"],
                    size=(row.get("width") or 0, row.get("height") or 0),
                    boxes=[box for face in faces if (box := face.get("box"))],
                )
    except FileNotFoundError as error:
        raise ReviewError(f"{error}; name an output of maskaug generate") from error
    return found


def _reasons(reviews: Mapping[str, Sequence[Event]]) -> list[str]:
    """All reasons of a rejection: those that have a key, and those that somebody has given."""
    keyed = [action.decision.reason for action in ACTIONS.values() if action.decision]
    given = [event.reason for events in reviews.values() for event in events]
    return list(dict.fromkeys(reason for reason in (*keyed, *sorted(filter(None, given))) if reason))


def import_decisions(options: DecisionsImportOptions) -> ImportedDecisions:
    """Record what a file says somebody decided, all of it or nothing; what the record says already is left out.

    Raises:
        ReviewError: something in the file cannot be recorded: the message says what, where, and what to do.
        LockedError: the annotator is reviewing now.
    """
    annotator = options.annotator or ""  # which the options have checked
    reviews = read_reviews(options.dst)
    taken = _of_one(read_decisions(options.file), options, annotator)
    named = _by_picture(taken, _pictures(options.dst), _reasons(reviews), options.dst)
    before = verdicts(event for event in reviews.get(annotator, ()) if not event.control)
    _changes(named, before, options)  # what cannot be recorded is told before there is a record
    log = ReviewLog(options.dst, annotator)
    try:
        changes = _changes(named, verdicts(event for event in log.events if not event.control), options)
        log.append(*changes.events)
    finally:
        log.close()
    actions = Counter(event.action for event in changes.events)
    flags = actions["flag"] + actions["unflag"]
    return ImportedDecisions(annotator, actions["accept"], actions["reject"], flags, changes.known, log.torn)


def _of_one(told: Sequence[Judged], options: DecisionsImportOptions, annotator: str) -> list[Judged]:
    """What one person of the file says."""
    names = sorted({one.annotator for one in told if one.decision or one.flagged})
    wanted = options.of or (names[0] if len(names) == 1 else annotator)
    if not names:
        raise ReviewError(f"{options.file} tells no decision")
    if wanted not in names:
        listed = ", ".join(name or "somebody without a name" for name in names)
        raise ReviewError(
            f"{options.file} has decisions of {listed}, none of {wanted}; say whose to take with --of NAME"
        )
    return [one for one in told if one.annotator == wanted and (one.decision or one.flagged)]


def _by_picture(
    told: Sequence[Judged], pictures: Mapping[str, Picture], reasons: Collection[str], dst: Path
) -> dict[str, Judged]:
    """What is said, by the SHA-256 of its picture, which is in the set as the file knew it, and named once."""
    places = {picture.output: sha256 for sha256, picture in pictures.items()}
    found: dict[str, Judged] = {}
    for one in told:
        name = one.output or one.output_sha256
        output = _below(dst, one.output) if one.output and one.output not in places else one.output
        sha256 = one.output_sha256 or places.get(output, "")
        if sha256 not in pictures:
            if output in places:
                told_ = "is another picture now than the one that was decided on; export again, and decide anew"
                raise ReviewError(f"{one.where}: {name} {told_}")
            raise ReviewError(f"{one.where}: {dst} has no masked picture {name}; is the file of another set?")
        if sha256 in found:
            raise ReviewError(f"{one.where}: {name} is decided on twice, first at {found[sha256].where}; leave one")
        if one.reason and one.decision != "reject":
            raise ReviewError(f"{one.where}: {name} has the reason {one.reason} but is not rejected; drop one of them")
        if one.reason and one.reason not in reasons:
            close = difflib.get_close_matches(one.reason, reasons, n=1)
            meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(reasons)}"
            raise ReviewError(f"{one.where}: there is no reason {one.reason!r}; {meant}")
        found[sha256] = one
    return found


def _below(dst: Path, name: str) -> str:
    """The path below the set's folder, where a file names a picture by its whole path."""
    path, folder = Path(name), dst.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else name


@dataclass
class _Changes:
    events: list[Event] = field(default_factory=list)
    known: int = 0


def _changes(told: Mapping[str, Judged], standing: Mapping[str, Verdict], options: DecisionsImportOptions) -> _Changes:
    """The events that make the record say what the file says, oldest first."""
    now, changes = datetime.now(timezone.utc), _Changes()
    others = [sha256 for sha256, one in told.items() if _differs(one, standing.get(sha256, Verdict()))]
    if others and not options.overwrite:
        one, count = told[others[0]], counted(len(others) - 1, "other")
        too = f", and on {count}" if len(others) > 1 else ""
        raise ReviewError(
            f"{one.where}: {options.annotator} has decided otherwise on {one.output or one.output_sha256}{too}; give "
            "--overwrite to let the file's decisions stand, which undo takes back"
        )
    for sha256, one in told.items():
        events = list(_events(sha256, one, standing.get(sha256, Verdict()), now))
        changes.events += events
        changes.known += not events
    changes.events.sort(key=lambda event: event.time)
    return changes


def _differs(one: Judged, verdict: Verdict) -> bool:
    """Whether a file says something else than what stands."""
    decided = verdict.decided
    otherwise = bool(one.decision and decided) and not _same(one, decided)
    return otherwise or (one.flagged is False and verdict.flagged)


def _same(one: Judged, decided: Event | None) -> bool:
    return decided is not None and (decided.action, decided.reason or "") == (one.decision, one.reason)


def _events(sha256: str, one: Judged, verdict: Verdict, now: datetime) -> Iterator[Event]:
    time = one.time or now
    if one.decision and not _same(one, verdict.decided):
        reason, looked = one.reason or None, one.looked_ms
        yield Event(
            output_sha256=sha256, action=one.decision, reason=reason, auto=one.auto, time=time, looked_ms=looked
        )
    if one.flagged is not None and one.flagged != verdict.flagged:
        yield Event(output_sha256=sha256, action="flag" if one.flagged else "unflag", time=time)
