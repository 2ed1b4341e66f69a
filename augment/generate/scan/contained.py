"""`scan_container`: the pictures of tar shards, parquet or a CSV, as sources."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath

from maskaug.augment.generate.scan.listing import Listing
from maskaug.augment.generate.scan.source import (
    DEFAULT_SPLIT,
    Scan,
    ScanError,
    Source,
    add_source,
    no_class,
)
from maskaug.core.containers import ListedPicture, Member, Problem, list_pictures
from maskaug.core.files import PICTURE_SUFFIXES, is_inside, safe_stem
from maskaug.core.text import printable


def scan_container(listing: Listing, shards: Sequence[PurePath], source_class: str | None = None) -> Scan:
    """Pictures of a container by their classes; without a source class, these are persons.

    Where no picture has a class, all are of ``source_class``.
    """
    src, problems = listing.src, list(listing.problems)
    stamps = {src / path: listing.stamps[path.as_posix()] for path in shards if listing.stamps}
    sources: list[Source] = []
    unlabelled: list[Source] = []
    for found in list_pictures(src, shards):
        if isinstance(found, Problem):
            problems.append(found)
        elif found.label is not None and not _can_be_folder(found.label):
            message = printable(f"{found.name} is of class {found.label}, which no folder can be called; rename it")
            problems.append(Problem(found.name, "bad_label", message))
        elif found.split and not all(map(_can_be_folder, found.split.split("/"))):
            message = printable(f"{found.name} is of split {found.split}, which no folder can be called; rename it")
            problems.append(Problem(found.name, "bad_label", message))
        elif found.label is None:
            unlabelled.append(_contained(found, source_class, src, stamps))
        else:
            add_source(_contained(found, source_class, src, stamps), sources, problems)
    if source_class is None or sources:
        problems += [_without_label(source.relative, persons=source_class is None) for source in unlabelled]
    else:
        sources = unlabelled
    if not sources:
        first = f" that can be used; the first of its problems: {problems[0].message}" if problems else ""
        raise ScanError(f"source {src} holds no picture{first}")
    if source_class is not None and all(source.label != source_class for source in sources):
        raise no_class(src, source_class, {source.label for source in sources}, "class")
    return Scan.of(sources, problems)


def _without_label(relative: str, *, persons: bool) -> Problem:
    if persons:
        return Problem(relative, "no_person", f"nothing says who {relative} shows; give it a class")
    return Problem(relative, "no_class", f"nothing says of which class {relative} is, as of others; give it one")


def _can_be_folder(name: str) -> bool:
    return is_inside(name) and name not in {"", "."} and not {"/", "\\"}.intersection(name)


def _contained(found: ListedPicture, source_class: str | None, src: Path, stamps: Mapping[Path, str]) -> Source:
    label = printable(found.label or source_class or "")
    name, location = PurePosixPath(found.name), found.location
    root, place = (src, location) if isinstance(location, Member) else (location.parent, location.name)
    return Source(
        root=root,
        place=place,
        relative=found.name,
        split=printable(found.split) or ("" if source_class is None else DEFAULT_SPLIT),
        label=label,
        subfolder="",
        stem=safe_stem(name.stem if name.suffix.lower() in PICTURE_SUFFIXES else name.name),
        identity=label if source_class is None else None,
        stamp=stamps.get(location.container) if isinstance(location, Member) else None,
    )
