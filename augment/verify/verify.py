"""`verify`: every file of an output against the SHA-256 that its manifest or its list of checksums has."""

import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO

from maskaug.augment.curate.checksums import CARD_FILE, CARD_FOLDER
from maskaug.augment.generate.generated_set import JOURNAL_FILE, JOURNAL_FOLDER, GeneratedSet
from maskaug.augment.generate.journal import has_journal
from maskaug.augment.verify.options import VerifyOptions
from maskaug.core.errors import MaskaugError, OptionError
from maskaug.core.files import (
    CHECKSUMS_FILE,
    LOCK_FILE,
    file_sha256,
    find_objects,
    is_address,
    is_file,
    is_inside,
    read_bytes,
)
from maskaug.core.manifest import REVIEWS_FOLDER, ManifestError, manifest_parts
from maskaug.core.text import parse_json, printable

_AT_ONCE = 4096  # files whose names and digests are in memory together
_NAMED = 100  # files of a kind; a lost disk would name a million
_SHA256 = re.compile("[0-9a-f]{64}")

Kind = Literal["generated", "curated", "run"]
Expected = Iterator[tuple[str, str | None]]  # path below the folder, and its SHA-256; None where none was recorded
Progress = Callable[[int], None]  # files looked at


class VerifyError(MaskaugError):
    """An output is not finished, or its own record is damaged; the message says which, and what to do."""


class NoOutputError(OptionError):
    """The folder holds no output; the message says what to name."""


@dataclass
class Difference:
    """Files that are not as recorded.

    Attributes:
        count: How many.
        names: The first of them, paths below the folder.
    """

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count a file."""
        self.count += 1
        if len(self.names) < _NAMED:
            self.names.append(name)


@dataclass
class Verified:
    """What was found.

    Attributes:
        kind: Of the output.
        files: How many are recorded.
        unrecorded: Files of the output of which no digest was recorded: they are only known to be there.
        missing, altered, extra: Files that are not there, hold something else, or were not written by the command.
    """

    kind: Kind
    files: int = 0
    unrecorded: Difference = field(default_factory=Difference)
    missing: Difference = field(default_factory=Difference)
    altered: Difference = field(default_factory=Difference)
    extra: Difference = field(default_factory=Difference)

    @property
    def is_whole(self) -> bool:
        """Whether all is as recorded."""
        return not (self.missing.count or self.altered.count or self.extra.count)

    def as_json(self) -> dict[str, Any]:
        """The same for ``--json``."""
        told = {name: vars(getattr(self, name)) for name in ("missing", "altered", "extra", "unrecorded")}
        return {"kind": self.kind, "whole": self.is_whole, "files": self.files, **told}


def verify(options: VerifyOptions, progress: Progress | None = None) -> Verified:
    """Compare what lies in a folder with what the command that wrote it recorded; rows are read as they are needed.

    Args:
        options: See :class:`VerifyOptions`.
        progress: Called now and then.

    Raises:
        NoOutputError: the folder is no output of generate, curate or train.
        VerifyError, ManifestError: it is not finished, or its record is damaged.
    """
    folder = options.dst
    kind = _kind(folder)
    found, known = Verified(kind), set[str]()
    expected = _of_generated(GeneratedSet(folder)) if kind == "generated" else _of_checksums(folder)
    with ThreadPoolExecutor() as threads:  # reading and hashing let other threads run
        while batch := list(islice(expected, _AT_ONCE)):
            digests = threads.map(lambda one: _digest(folder / one[0]), batch)
            for (name, recorded), digest in zip(batch, digests, strict=True):
                known.add(name)
                found.files += 1
                if digest is None:
                    found.missing.add(name)
                elif recorded is None:
                    found.unrecorded.add(name)
                elif digest != recorded:
                    found.altered.add(name)
            if progress is not None:
                progress(found.files)
    for name in _files(folder):
        if name not in known and not _may_be_there(kind, name):
            found.extra.add(name)
    return found


def _digest(path: Path) -> str | None:
    """SHA-256 of a file; None if it cannot be read, or, in a store, if it is not there.

    Raises:
        VerifyError: the store does not answer, which says nothing of the file.
    """
    if not is_address(path):
        return file_sha256(path)
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VerifyError(f"{path} cannot be read for now: {' '.join(str(error).split())}; verify again") from error


def _kind(folder: Path) -> Kind:
    generated = GeneratedSet(folder)
    has_manifest = bool(manifest_parts(folder))
    if is_file(folder / CHECKSUMS_FILE):
        return "curated" if has_manifest else "run"
    try:
        config = parse_json(read_bytes(generated.config))
    except (OSError, ValueError):
        config = {}
    is_run = isinstance(config, dict) and "recipe" in config
    if is_run:
        raise VerifyError(f"{folder} has no {CHECKSUMS_FILE}: go on with its training: maskaug train --resume {folder}")
    if has_journal(generated.journal) and not is_file(generated.stats):
        raise VerifyError(f"{folder} is not finished; go on with: maskaug generate SRC {folder} --resume")
    if not has_manifest:
        raise NoOutputError(f"{folder} is no output of maskaug; name one of generate, curate or train")
    return "generated"


def _of_generated(generated: GeneratedSet) -> Expected:
    try:
        recorded = parse_json(read_bytes(generated.stats)).get("sha256", {})
    except OSError:
        recorded = {}
    except (ValueError, AttributeError) as error:
        raise VerifyError(f"{generated.stats} is damaged: {error}; generate the set again") from error
    relative = (path.relative_to(generated.path).as_posix() for path in generated.checked_files)
    yield generated.stats.name, None
    yield from ((name, recorded.get(name)) for name in sorted({*relative, *filter(is_inside, recorded)}))
    try:
        if generated.has_shards:
            shards = {generated.file_of(row["output"]) for row in generated.rows(("output",)) if row["output"]}
            yield from ((name, None) for name in sorted(shards - recorded.keys()))
            return
        for row in generated.rows(("status", "output", "output_sha256", "alpha", "alpha_sha256")):
            if row["output"]:
                yield row["output"], row["output_sha256"]
            if row["alpha"]:
                yield row["alpha"], row.get("alpha_sha256")
    except KeyError as error:
        raise ManifestError(f"{generated.manifest} has no column {error}; generate the set again") from error


def _of_checksums(folder: Path) -> Expected:
    """What ``checksums.txt`` lists."""
    path = folder / CHECKSUMS_FILE
    yield CHECKSUMS_FILE, None
    try:
        with _text(path) as lines:
            for number, line in enumerate(lines, start=1):
                digest, _, name = line.removesuffix("\n").partition("  ")
                if not (_SHA256.fullmatch(digest) and name and is_inside(name)):
                    raise VerifyError(f"{path}, line {number} is no checksum of a file in the folder; make it again")
                yield name, digest
    except (OSError, UnicodeDecodeError) as error:
        raise VerifyError(f"{path} cannot be read: {error}; make it again") from error


def _text(path: Path) -> TextIO:
    """A list of checksums, of which that of a large run is read line by line."""
    if is_address(path):
        return io.StringIO(read_bytes(path).decode(), newline="\n")
    return path.open(encoding="utf-8", newline="\n")


def _files(folder: Path) -> Iterator[str]:
    if is_address(folder):
        yield from (one.name for one in find_objects(folder) if not one.name.endswith("/"))
        return
    for place, _, names in os.walk(folder):
        yield from (Path(place, name).relative_to(folder).as_posix() for name in names)


def _may_be_there(kind: Kind, name: str) -> bool:
    """Whether a file that is not recorded is one that this or another command writes there."""
    top = name.partition("/")[0]
    if kind == "curated":
        return top in (CARD_FILE, CARD_FOLDER)
    if kind == "run":  # evaluations, exports, and what the user puts beside them
        return ".partial" not in name
    return top in (REVIEWS_FOLDER, JOURNAL_FILE, JOURNAL_FOLDER, LOCK_FILE)


def told(found: Verified) -> Iterator[str]:
    """Lines that say what was found, without a name that is not printable."""
    what = found.kind if found.kind == "run" else f"{found.kind} set"
    yield f"{what}: {found.files} files are recorded; {'all' if found.is_whole else 'not all'} are as they were written"
    for name in ("missing", "altered", "extra"):
        difference: Difference = getattr(found, name)
        for one in difference.names:
            yield f"{name}: {printable(one)}"
        if (more := difference.count - len(difference.names)) > 0:
            yield f"{name}: {more} more"
