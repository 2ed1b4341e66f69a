"""Tar shards, as the webdataset library writes them, and tar files of folders of pictures."""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from maskaug.core.containers.facts import facts_of
from maskaug.core.containers.members import MOST_BYTES, ListedPicture, Member, Problem, open_container
from maskaug.core.containers.splits import split_named
from maskaug.core.files import PICTURE_SUFFIXES, is_inside, read_range
from maskaug.core.text import parse_json, printable

COMPRESSED = (".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
_LONGEST_HEADER = 1 << 20  # bytes; a name takes some hundred
_LONGEST_FACTS = 4 << 20
_CLASSES = (".cls", ".class")
_FACTS = ".json"
_BLOCK = 512


@dataclass(frozen=True)
class TarMember(Member):
    """A file inside a tar.

    Attributes:
        offset: Of its first byte in the tar.
        size: Its bytes.
    """

    offset: int
    size: int

    @property
    def place(self) -> tuple[int, ...]:
        """Where it begins."""
        return (self.offset,)

    def read_bytes(self) -> bytes:
        """Its bytes; see `Member`."""
        return read_range(self.container, self.offset, self.size)


@dataclass
class _Sample:
    """What a shard has under one key."""

    pictures: list[TarMember] = field(default_factory=list)
    label: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    problem: str = ""  # why its class cannot be read


def list_tar(path: Path) -> Iterator[ListedPicture | Problem]:
    """The pictures of a tar, in their order; what cannot be used is a problem, and the rest is read.

    Files whose names are alike up to the first dot are one sample: ``KEY.jpg``, its class as ``KEY.cls``, or as
    ``label`` or ``cls`` in ``KEY.json``. Where no sample has either, a picture's folder is its class.
    """
    samples: dict[str, _Sample] = {}
    try:
        with open_container(path) as file:
            for found in _members(file, path):
                if isinstance(found, Problem):
                    yield found
                else:
                    yield from _add(samples, found, path, file)
    except OSError as error:
        yield Problem("", "unreadable", printable(f"{path} cannot be read: {error.strerror or error}"))
    folders_are_classes = all(sample.label is None for sample in samples.values())
    for key, sample in samples.items():
        yield from _listed(path, key, sample, folders_are_classes)


class _Bounded:
    """A file of which no header reads more than headers need: what a header claims may be anything."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header claims {size} bytes")
        return self._file.read(size)


def _members(file: BinaryIO, path: Path) -> Iterator[tarfile.TarInfo | Problem]:
    """The files of a tar that can be pictures or what is said of them."""
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    reached = 0
    try:
        with tarfile.open(fileobj=cast(BinaryIO, _Bounded(file)), mode="r:") as tar:
            while (found := tar.next()) is not None:
                cast("Any", tar).members.clear()  # a million of them take a gigabyte
                if found.size < 0 or tar.offset <= reached:
                    raise tarfile.ReadError("a header claims a negative size")
                reached = tar.offset
                problem = _unusable(found, end)
                if problem is not None:
                    yield Problem(printable(found.name), *problem)
                elif found.isreg() and not _is_hidden(found.name):
                    yield found
            # The library takes a header that it cannot read for the end.
            file.seek(tar.offset)
            rest = file.read(_BLOCK)
        if rest.strip(b"\0"):
            raise tarfile.ReadError(f"what begins at byte {reached} is no header")
        if len(rest) < _BLOCK:
            told = printable(f"{path} ends without an end mark, and may lack pictures; copy it again")
            yield Problem("", "truncated", told)
    # Headers with odd bytes make the library fail in other ways, too.
    except (tarfile.TarError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        told = printable(f"{path} is damaged after byte {reached} ({error}), and what follows is lost; copy it again")
        yield Problem("", "damaged", told)


def _unusable(found: tarfile.TarInfo, end: int) -> tuple[str, str] | None:
    """Reason and sentence for a member that is refused."""
    name = printable(found.name)
    if found.isdir() or _is_hidden(found.name):
        return None
    if not is_inside(found.name):
        return "leads_out", f"{name} leads out of its shard; do not trust it"
    if not found.isreg() or found.issparse():
        return "not_a_file", f"{name} is a link, a device or a sparse file; pack the picture itself"
    if found.size > MOST_BYTES:
        return "too_large", f"{name} claims {found.size} bytes, over {MOST_BYTES // 1_000_000} MB; leave it out"
    if found.offset_data + found.size > end:
        return "truncated", f"{name} is cut short, as its shard is; copy that again"
    return None


def _is_hidden(name: str) -> bool:
    parts = name.split("/")
    return "__MACOSX" in parts or any(part.startswith(".") and part not in {".", ".."} for part in parts)


def _add(samples: dict[str, _Sample], found: tarfile.TarInfo, path: Path, file: BinaryIO) -> Iterator[Problem]:
    """Put a file to those of its key."""
    name = "/".join(part for part in found.name.split("/") if part not in {"", "."})
    folder, slash, own = name.rpartition("/")
    stem, _, extension = own.partition(".")
    suffix = f".{extension.lower()}"
    sample = samples.setdefault(f"{folder}{slash}{stem}", _Sample())
    if suffix[suffix.rindex(".") :] in PICTURE_SUFFIXES:
        picture = TarMember(path, name, found.offset_data, found.size)
        if _is_plain(name) and any(_is_plain(one.name) for one in sample.pictures):
            told = printable(f"{name} has the key of {sample.pictures[0].name}; give each picture its own")
            yield Problem(printable(name), "duplicate_key", told)
        else:
            sample.pictures.append(picture)
    elif suffix in {*_CLASSES, _FACTS} and found.size <= _LONGEST_FACTS:
        file.seek(found.offset_data)
        _tell(sample, suffix, name, file.read(found.size))
    elif suffix in {*_CLASSES, _FACTS}:
        sample.problem = sample.problem or f"{printable(name)} is too long to tell a class"


def _tell(sample: _Sample, suffix: str, name: str, data: bytes) -> None:
    """Note what a file says of its sample; of two with one name, the first counts."""
    try:
        if suffix != _FACTS:
            sample.label = sample.label or data.decode().strip() or None
        elif not sample.facts and isinstance(said := parse_json(data), dict):
            sample.facts = said
    except ValueError as error:
        sample.problem = sample.problem or printable(f"{name} cannot be read: {error}; mend it")


def _is_plain(name: str) -> bool:
    """``KEY.jpg``; ``KEY.mask.png`` tells something of it, if there is one."""
    return name.rpartition("/")[2].count(".") == 1


def _listed(path: Path, key: str, sample: _Sample, folders_are_classes: bool) -> Iterator[ListedPicture | Problem]:
    pictures = [one for one in sample.pictures if _is_plain(one.name)] or sample.pictures
    if not pictures and sample.label is not None:
        yield Problem(printable(key), "no_picture", printable(f"{key} in {path} has a class and no picture"))
    folders = key.split("/")[:-1]
    label = class_name(sample.facts, sample.label)
    if label is None and folders_are_classes and folders and not split_named(folders[-1]):
        label = folders[-1]
    for picture in pictures:
        if sample.problem:
            yield Problem(printable(picture.name), "bad_label", sample.problem)
            continue
        split = next((split for folder in reversed(folders) if (split := split_named(folder))), "")
        yield ListedPicture(picture, printable(picture.name), split, label, facts_of(sample.facts))


def class_name(facts: dict[str, Any], given: str | None) -> str | None:
    """The name of a class, if the facts have one, or else its number."""
    said = [facts.get(name) for name in ("label", "class", "cls")]
    names = [one for one in said if isinstance(one, str) and one]
    numbers = [str(one) for one in said if isinstance(one, int) and not isinstance(one, bool)]
    return next(iter([*names, *([given] if given else []), *numbers]), None)
