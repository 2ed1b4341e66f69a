"""`Source`: one picture of SRC, with the place of what is made of it; `Scan`: all of them."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from maskaug.core.containers import Location, Member, Problem
from maskaug.core.errors import MaskaugError

DEFAULT_SPLIT = "train"  # of a source without splits, as in Hugging Face's datasets
COPY_MARK = "__"  # in names of masked copies: <stem>__<kind>_<copy>

# Names of splits, in data sets of persons and for detectors.
SPLIT_NAMES = frozenset(
    ("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval", "gallery", "probe", "query")
)
_LONGEST_NAME = 255  # bytes of a folder's name, by most file systems


class ScanError(MaskaugError):
    """The source folder cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """One picture of the source; of a million, all are in memory.

    Attributes:
        root: The source folder, or its address.
        place: Where it lies below that, with ``/``; or, in a container, by itself.
        relative: The same with ``/``, and escaped where it is not printable; of a container,
            ``train-000000.tar/00000001.jpg``.
        split: ``train``, ``val``, ``a/b`` ...; where the source has none, ``train``, or in the layout of identities
            nothing.
        label: Name of its class, or of its person.
        identity: Name of its person, in the layout of identities.
        stamp: Of an object: differs where its content does.
        subfolder: Folders below that folder, safe on any file system; may be empty.
        stem: Output name without suffix, safe on any file system and unique in its folder.
    """

    root: Path
    place: str | Member
    relative: str
    split: str
    label: str
    subfolder: str
    stem: str
    identity: str | None = None
    stamp: str | None = None

    @property
    def path(self) -> Location:
        """Where it is; made when asked for, because at an address that takes a quarter of a millisecond."""
        return self.place if isinstance(self.place, Member) else self.root / self.place


@dataclass(frozen=True)
class Scan:
    """Sources by their relative path, and what could not be scanned."""

    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, sources: Iterable[Source], problems: Iterable[Problem]) -> "Scan":
        """What was found, in any order; sources whose names would meet get a mark of their own."""
        return cls(_distinct(list(sources)), tuple(sorted(problems, key=lambda problem: problem.relative)))


def no_class(src: Path, source_class: str, there: set[str], what: Literal["folder", "class"] = "folder") -> ScanError:
    """That SRC has nothing of the source class, with what it has instead.

    Args:
        src: The folder or the container.
        source_class: As the option has it.
        there: What classes, or folders, there are.
        what: These are.
    """
    names = ", ".join(sorted(there)[:8]) or "none that can be read"
    advice = {
        "folder": "name the folder of unmasked faces with --source-class",
        "class": "name the class of unmasked faces with --source-class",
    }
    return ScanError(f"source {src} has no {what} called {source_class!r} (it has: {names}); {advice[what]}")


def add_source(source: Source, sources: list[Source], problems: list[Problem]) -> None:
    """To the sources, or where a folder's name is too long to the problems."""
    if max(len(name.encode()) for name in (*source.split.split("/"), source.label)) > _LONGEST_NAME:
        message = "a folder's name, its odd characters escaped, is too long; rename it"
        problems.append(Problem(source.relative, "name_too_long", message))
    else:
        sources.append(source)


def _distinct(sources: list[Source]) -> tuple[Source, ...]:
    """Sources whose names would meet get a mark of their own, made from their path."""

    def key(source: Source) -> str:
        return "\0".join((source.split, source.label, source.subfolder, source.stem)).casefold()

    def marked(source: Source) -> Source:
        digest = hashlib.sha256(source.relative.encode()).hexdigest()[:8]
        return replace(source, stem=f"{source.stem}-{digest}")

    named = [marked(source) if COPY_MARK in source.stem else source for source in sources]
    while True:
        counts = Counter(map(key, named))
        if max(counts.values(), default=1) == 1:
            return tuple(sorted(named, key=lambda source: source.relative))
        # A mark may itself be another file's name: then both are marked once more.
        named = [marked(source) if counts[key(source)] > 1 else source for source in named]
