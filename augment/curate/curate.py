"""`curate`: generated pictures and people's decisions in, the final balanced data set out."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from maskaug.augment.curate.card import Card, CardData
from maskaug.augment.curate.checksums import write_checksums
from maskaug.augment.curate.destination import building, check_free
from maskaug.augment.curate.duplicates import Fingerprint, Fingerprints, connected, fingerprint, near_duplicates
from maskaug.augment.curate.exports import EXPORT_FORMATS, Chosen
from maskaug.augment.curate.options import CurateOptions
from maskaug.augment.curate.selection import (
    Candidate,
    CurateError,
    accepted,
    objection,
    one_side,
    repetitions,
    set_apart,
    surplus,
    whole,
)
from maskaug.augment.generate.generated_set import GeneratedSet, folder_of
from maskaug.augment.generate.pairs import Portrait, draw_pairs, pairs_csv
from maskaug.augment.generate.scan import DEFAULT_SPLIT, check_apart
from maskaug.augment.reviews.log import Verdict, judgements, read_reviews
from maskaug.core.containers import Location
from maskaug.core.errors import failure
from maskaug.core.executors import Crash, check_reach, open_executor
from maskaug.core.executors.options import EXECUTION_OPTIONS
from maskaug.core.files import find_objects, is_address
from maskaug.core.manifest import SCHEMA, Row, write_manifest
from maskaug.core.pictures import PictureError, read_picture
from maskaug.core.text import printable

KEPT = "kept"
CURATED_SCHEMA = pa.schema(
    [
        *SCHEMA,
        ("outcome", pa.string()),  # kept, or why it is not
        ("generated", pa.string()),  # path in the generated set
        ("generated_split", pa.string()),
        ("group", pa.string()),  # SHA-256 of the first source among its near-duplicates
        (
            "decisions",
            pa.list_(
                pa.struct(
                    [
                        ("annotator", pa.string()),
                        ("decision", pa.string()),
                        ("reason", pa.string()),
                        ("auto", pa.bool_()),
                        ("flagged", pa.bool_()),
                        ("time", pa.timestamp("us", tz="UTC")),
                        ("looked_ms", pa.int64()),
                    ]
                )
            ),
        ),
    ]
)

_WORTH_A_PROCESS = 250  # pictures: a second of work, as long as a process takes to start

Progress = Callable[[int, int], None]  # sources looked at, sources to look at
_SizeOf = Callable[[str], int | None]  # bytes of a picture of the generated set; None of one that is not there


@dataclass
class Curated:
    """What became of a curation.

    Attributes:
        kept: Pictures, by split and class, or of persons ``original`` and ``masked``, as all that follow.
        left_out: Pictures, by reason and class.
        moved: Pictures, by ``moved from train to val`` and class.
        duplicates: Groups of near-duplicate sources.
        missing: Classes without a picture in a split, as ``split/class``.
        faceless: Kept pictures that show no face, by class, of classes in which faces were looked for.
        identities: Persons of whom pictures are kept, by split; empty where the set has classes.
        joined: Persons that share a split for their near-duplicates' sake.
        pairs: Of ``same`` and ``other`` persons, in ``pairs.csv``.
        size: Bytes of the kept pictures.
        checksum: SHA-256 of ``checksums.txt``; empty of a dry run.
    """

    kept: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    duplicates: int = 0
    missing: list[str] = field(default_factory=list)
    faceless: Counter[str] = field(default_factory=Counter)
    identities: Counter[str] = field(default_factory=Counter)
    joined: int = 0
    pairs: Counter[str] = field(default_factory=Counter)
    size: int = 0
    checksum: str = ""


def curate(options: CurateOptions, progress: Progress | None = None) -> Curated:
    """Make the final data set as the options say; the same seed gives the same bytes.

    OUT is built beside its place and then renamed: it is there whole or not at all; of an address, its manifest comes
    last. A dry run writes nothing.

    Args:
        options: See :class:`CurateOptions`.
        progress: Called while sources are compared.

    Raises:
        LockedError: another process is writing OUT.
        CurateError: DST holds no generated set or not what its manifest says, OUT is in the way or cannot be
            written, or no picture is left.
        ReviewError, ScanError: a record of decisions is damaged; DST and OUT lie in each other.
    """
    check_apart(options.dst, options.out)
    check_reach(options, options.dst)
    check_free(options.out, overwrite=options.overwrite)
    size_of = _sizes(options.dst)
    plan = _decide(options, size_of, progress)
    result = _summarise(plan, options, size_of)
    if not result.kept:
        reasons = ", ".join(sorted({reason for reason, _ in result.left_out})) or "it holds none"
        raise CurateError(f"no picture of {options.dst} is left ({reasons}); ease the options")
    if options.dry_run:
        return result
    try:
        with building(options.out, overwrite=options.overwrite) as folder:
            _write(folder, plan, options, result)
    except OSError as error:
        advice = "mend that" if options.link == "copy" else "try --link copy"
        place = error.filename2 or error.filename or options.out
        raise CurateError(f"cannot write {place}: {error.strerror or error}; {advice}") from error
    return result


def _sizes(dst: Path) -> _SizeOf:
    generated = GeneratedSet(dst)
    # Of an address by one listing, instead of a request a picture.
    objects = {one.name: one.size for one in find_objects(dst)} if is_address(dst) else None

    def of_file(name: str) -> int | None:
        if objects is not None:
            return objects.get(name)
        path = dst / name
        return path.stat().st_size if path.is_file() else None

    if not generated.has_shards:
        return of_file
    # Pictures of a shard are about as large as each other, and it has nothing else of size.
    held = Counter(generated.file_of(row["output"]) for row in _rows(dst, ("output",)) if row["output"])
    shares = {shard: None if (size := of_file(shard)) is None else size // count for shard, count in held.items()}
    return lambda name: shares.get(generated.file_of(name))


def _write(folder: Path, plan: "_Plan", options: CurateOptions, result: Curated) -> None:
    """Write the set into a new folder; adds to the result what is counted on the way."""
    pictures = [(candidate, plan.splits[path]) for path, candidate in plan.kept()]
    export = EXPORT_FORMATS[options.to]
    places = export.write(folder, Chosen(GeneratedSet(options.dst), pictures, options.link, options.seed))
    card = Card()
    write_manifest(folder, _traced(options.dst, plan, places, card), CURATED_SCHEMA)
    if plan.identities and options.pairs:
        _write_pairs(folder, plan, places, options, result)
    result.checksum = write_checksums(folder)
    splits, classes = sorted({split for _, split in pictures}), sorted({one.label for one, _ in pictures})
    choices = options.model_dump(
        mode="json",
        exclude={"dst", "out", "link", "overwrite", "dry_run", "json_", "pairs", "licence", *EXECUTION_OPTIONS},
    )
    task = "image-feature-extraction" if plan.identities else "image-classification"
    card.write(
        folder,
        title=options.out.resolve().name,
        choices={**choices, "balance": _balance(options, plan.identities)},
        changes=result.left_out + result.moved,
        checksum=result.checksum,
        data=CardData(options.licence, task, export.card_data(splits, classes)),
    )


@dataclass(frozen=True)
class _Plan:
    """All that is decided before anything is written.

    Attributes:
        candidates: By path in the generated set, as are the next two.
        outcomes: ``kept``, or why not.
        splits: Of the pictures that no decision or score excludes.
        groups: Of near-duplicates, by source.
        decisions: By picture and annotator.
        units: Of what lies in one split: groups, joined where they share a person; by source.
    """

    candidates: Mapping[str, Candidate]
    outcomes: Mapping[str, str]
    splits: Mapping[str, str]
    groups: Mapping[str, str]
    decisions: Mapping[str, Mapping[str, Verdict]]
    units: Mapping[str, str]

    @property
    def identities(self) -> bool:
        """Whether the set has a folder a person."""
        return any(candidate.identity is not None for candidate in self.candidates.values())

    def kept(self) -> Iterator[tuple[str, Candidate]]:
        """Path and picture of those that stay."""
        return ((path, candidate) for path, candidate in self.candidates.items() if self.outcomes[path] == KEPT)


def _decide(options: CurateOptions, size_of: _SizeOf, progress: Progress | None) -> _Plan:
    decisions = judgements(read_reviews(options.dst))
    once: dict[str, str] = {}  # a picture and its copies name the same source: of a million, kept once
    rows = _rows(options.dst, _CANDIDATE_COLUMNS)
    candidates = {row["output"]: _candidate(row, once) for row in rows if row["output"]}
    if any(candidate.identity is not None for candidate in candidates.values()) and options.balance == "min":
        raise CurateError(
            f"{options.dst} has a folder a person, and persons are not made equal; leave out --balance min"
        )
    missing = {path for path in candidates if size_of(path) is None}
    groups = _groups(candidates.values(), missing, options, progress)
    units = whole(groups, candidates.values())
    outcomes: dict[str, str] = {}
    for path, candidate in candidates.items():
        verdict = accepted(decisions.get(candidate.sha256, {}), options.policy)
        fault = objection(candidate, verdict, options.undecided, options.min_quality)
        outcomes[path] = "missing" if path in missing else fault or KEPT
    left = [candidate for path, candidate in candidates.items() if outcomes[path] == KEPT]
    if options.val_share is None:
        sides = one_side(left, units)
    else:
        sides = set_apart(left, units, options.val_share, options.seed)
    splits = {candidate.path: sides[units[candidate.source_sha256]] for candidate in left}
    outcomes.update(repetitions(left, splits))
    if options.duplicates == "drop" and options.val_share is None:
        between = _persons_in_several_splits(left)
        for item in left:
            if splits[item.path] != item.split:
                outcomes[item.path] = "person_in_two_splits" if item.identity in between else "near_duplicate"
    if _balance(options, any(item.identity is not None for item in left)) == "min":
        still = ((item.path, splits[item.path], item.label) for item in left if outcomes[item.path] == KEPT)
        outcomes.update(dict.fromkeys(surplus(still, options.seed), "balance"))
    return _Plan(candidates, outcomes, splits, groups, decisions, units)


def _balance(options: CurateOptions, identities: bool) -> str:
    return options.balance or ("none" if identities else "min")


def _persons_in_several_splits(candidates: Sequence[Candidate]) -> set[str | None]:
    places = {(candidate.identity, candidate.split) for candidate in candidates if candidate.identity is not None}
    return {identity for identity, count in Counter(identity for identity, _ in places).items() if count > 1}


def _summarise(plan: _Plan, options: CurateOptions, size_of: _SizeOf) -> Curated:
    result = Curated(duplicates=sum(size > 1 for size in Counter(plan.groups.values()).values()))
    for path, candidate in plan.candidates.items():
        if plan.outcomes[path] != KEPT:
            result.left_out[plan.outcomes[path], candidate.category] += 1
            continue
        split = plan.splits[path]
        result.kept[split, candidate.category] += 1
        result.size += size_of(path) or 0
        if split != candidate.split and options.val_share is None:
            result.moved[f"moved from {candidate.split} to {split}", candidate.category] += 1
    kept = [candidate for _, candidate in plan.kept()]
    if plan.identities:
        persons = {(one.identity, plan.splits[one.path], plan.units[one.source_sha256]) for one in kept}
        result.identities.update(split for _, split, _ in persons)
        shared = Counter(unit for *_, unit in persons)
        result.joined = sum(count for count in shared.values() if count > 1)
    else:
        searched = {candidate.label for candidate in kept if candidate.has_face}
        result.faceless.update(one.label for one in kept if one.label in searched and not one.has_face)
    splits, classes = ({key[part] for key in result.kept} for part in (0, 1))
    result.missing = sorted(
        f"{split}/{label}" for split in splits for label in classes if (split, label) not in result.kept
    )
    return result


def _rows(dst: Path, columns: Sequence[str] | None = None) -> Iterator[Row]:
    try:
        yield from GeneratedSet(dst).rows(columns)
    except FileNotFoundError as error:
        raise CurateError(f"{error}; name an output of maskaug generate") from error


_CANDIDATE_COLUMNS = (
    *("status", "output", "output_sha256", "source_sha256", "split", "label"),
    *("quality", "kind", "template", "box", "identity", "source", "subfolder"),
)


def _candidate(row: Row, once: dict[str, str]) -> Candidate:
    def same(text: str) -> str:
        return once.setdefault(text, text)

    return Candidate(
        path=row["output"],
        sha256=row["output_sha256"],
        source_sha256=same(row["source_sha256"]),
        split=same(row["split"] or DEFAULT_SPLIT),
        label=same(row["label"]),
        quality=row["quality"] if row["status"] == "masked" else None,
        kind=same(row["kind"]) if row["kind"] else None,
        template=same(row["template"]) if row["template"] else None,
        has_face=row["box"] is not None,
        identity=same(person) if (person := row.get("identity")) else None,
        tree=_tree(row),
        source=same(row["source"]),
    )


def _tree(row: Row) -> str:
    """``original`` or ``masked`` where the generated set keeps them apart, by where the picture lies in it."""
    apart = row.get("identity") is not None and PurePosixPath(row["output"]).parent == folder_of(row, apart=True)
    return row["status"] if apart else ""


def _write_pairs(folder: Path, plan: _Plan, places: Mapping[str, str], options: CurateOptions, result: Curated) -> None:
    """Write ``pairs.csv`` of the pictures that are kept, and count them."""
    portraits = [
        Portrait(places[path], plan.splits[path], one.identity, one.source, one.source_sha256, one.kind)
        for path, one in plan.kept()
        if one.identity is not None and (one.has_face or one.kind is not None)
    ]
    pairs = draw_pairs(portraits, options.pairs, options.seed)
    GeneratedSet(folder).pairs.write_bytes(pairs_csv(pairs, portraits))
    result.pairs.update("same" if pair.same else "other" for pair in pairs)


def _groups(
    candidates: Collection[Candidate], missing: Collection[str], options: CurateOptions, progress: Progress | None
) -> dict[str, str]:
    """The group of each source, called after its first one.

    Sources are compared by their unmasked picture: different faces in one mask look too much alike. Where that is
    missing, a masked copy is used instead.
    """
    faces: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda candidate: candidate.quality is not None):
        if candidate.source_sha256 not in faces and candidate.path not in missing:
            faces[candidate.source_sha256] = candidate
    sources = sorted({candidate.source_sha256 for candidate in candidates})
    present = sorted(faces, key=lambda source: faces[source].path)  # near each other, as they are read fastest
    generated = GeneratedSet(options.dst)
    paths = [generated.locate(faces[source].path) for source in present]
    fingerprints = Fingerprints()
    executor = open_executor(_start, options, workers=min(options.workers, 1 + len(paths) // _WORTH_A_PROCESS))
    try:
        for path, result in executor.run_in_order(paths):
            if isinstance(result, Crash):
                raise CurateError(printable(f"the process died over {path}; remove it to leave it out"))
            fingerprints.append(result)
            if progress is not None:
                progress(len(fingerprints), len(paths))
    finally:
        executor.close()
    numbers = connected(len(present), near_duplicates(fingerprints))
    names: dict[int, str] = {}
    groups = {source: source for source in sources}
    for source, number in sorted(zip(present, numbers.tolist(), strict=True)):
        groups[source] = names.setdefault(number, source)
    return groups


def _start() -> Callable[[Location], Callable[[], Fingerprint]]:
    return lambda path: partial(_fingerprint, path)


def _fingerprint(path: Location) -> Fingerprint:
    try:
        return fingerprint(read_picture(path).pixels)
    except PictureError as error:
        raise CurateError(f"{error}; or remove it to leave it out") from error
    except Exception as error:
        raise CurateError(printable(f"{path} failed: {failure(error)}; remove it to leave it out")) from error


def _traced(dst: Path, plan: _Plan, places: Mapping[str, str], card: Card) -> Iterator[dict[str, Any]]:
    """Rows of the curated manifest, counted in the card as they pass."""
    for row in _rows(dst):
        path = row["output"]
        if not path:
            card.add_refusal(row["reasons"])
            continue
        traced: dict[str, Any] = {
            **row,
            "output": places.get(path),
            "alpha": None,
            "split": plan.splits[path] if path in places else None,
            "outcome": plan.outcomes[path],
            "generated": path,
            "generated_split": row["split"],
            "group": plan.groups[row["source_sha256"]],
            "decisions": [
                _decision(annotator, verdict)
                for annotator, verdict in sorted(plan.decisions.get(row["output_sha256"], {}).items())
            ],
        }
        card.add(traced)
        yield traced


def _decision(annotator: str, verdict: Verdict) -> dict[str, Any]:
    event = verdict.decided
    if event is None:
        return {"annotator": annotator, "flagged": verdict.flagged}
    return {
        "annotator": annotator,
        "decision": event.action,
        "reason": event.reason,
        "auto": event.auto,
        "flagged": verdict.flagged,
        "time": event.time,
        "looked_ms": event.looked_ms,
    }
