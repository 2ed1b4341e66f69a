"""`Listing`: which files lie in a source folder of this machine, or at an address."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path, PurePosixPath

from maskaug.augment.generate.scan.source import DEFAULT_SPLIT, ScanError, Source
from maskaug.core.containers import Problem, contents_among
from maskaug.core.files import PICTURE_SUFFIXES, find_objects, is_address, is_inside, safe_stem
from maskaug.core.text import printable

_JUNK = {"thumbs.db", "desktop.ini"}
_LINKS_IN_A_PATH = 2


@dataclass(frozen=True)
class Listing:
    """What lies below a folder, by its path relative to it.

    Attributes:
        src: The folder.
        names: Of files, with ``/``, hidden ones left out.
        folders: Those looked into.
        problems: What cannot be looked into.
        stamps: Of objects, by name.
    """

    src: Path
    names: list[str]
    folders: list[Path]
    problems: list[Problem]
    stamps: dict[str, str] = field(default_factory=dict)

    def files(self) -> Iterator[Path]:
        """The names as paths, each made when it is its turn: a path takes ten times as much memory."""
        return map(Path, self.names)

    def source(self, path: Path, split: str, label: str, below: tuple[str, ...]) -> Source:
        """A file of the listing in its split and its class, with the folders below that."""
        name = path.as_posix()
        return Source(
            root=self.src,
            place=name,
            relative=printable(name),
            split=printable(split) if split not in {"", "."} else DEFAULT_SPLIT,
            label=printable(label),
            subfolder=PurePosixPath(*(safe_stem(name) for name in below)).as_posix() if below else "",
            stem=safe_stem(path.stem if path.suffix.lower() in PICTURE_SUFFIXES else path.name),
            stamp=self.stamps.get(name),
        )


def list_source(src: Path) -> Listing:
    """What lies below a folder of this machine, or at an address.

    Raises:
        ScanError: that cannot be told, or there is nothing.
    """
    listing = _listed_objects(src) if is_address(src) else _listed_files(src)
    listing = replace(listing, names=contents_among(listing.names))
    if not listing.names and not listing.problems:
        raise ScanError(f"source {src} holds no picture")
    return listing


def _listed_objects(src: Path) -> Listing:
    """What lies at an address, by one listing."""
    try:
        found = find_objects(src)
        first = next(found, None)
    except FileNotFoundError as error:
        raise ScanError(f"source {src} does not exist; name a folder of pictures") from error
    except OSError as error:
        raise ScanError(f"source {src} cannot be read: {' '.join(str(error).split())}") from error
    stamps: dict[str, str] = {}
    problems: list[Problem] = []
    for one in chain([first] if first else [], found):
        names = one.name.split("/")
        if not one.name:
            raise ScanError(f"source {src} is not a folder; name a folder of pictures")
        if not names[-1]:  # stands for an empty folder
            continue
        if not is_inside(one.name) or not {"", "."}.isdisjoint(names):
            name = printable(one.name)
            message = f"{name} cannot be the path of a file in a folder; copy the object to another name"
            problems.append(Problem(name, "unusable_name", message))
        elif not any(_is_hidden(name) for name in names):
            stamps[one.name] = one.stamp
    lowest = {Path(folder) for folder in {name.rpartition("/")[0] for name in stamps}}
    folders = lowest.union(*(folder.parents for folder in lowest))
    return Listing(src, list(stamps), sorted(folders), problems, stamps)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _JUNK


def _listed_files(src: Path) -> Listing:
    """What lies below a folder of this machine."""
    if not src.is_dir():
        what = "is not a folder" if src.exists() else "does not exist"
        raise ScanError(f"source {src} {what}; name a folder of pictures")
    folders: list[Path] = []
    problems: list[Problem] = []
    try:
        names = sorted(_walk(src, folders, problems), key=lambda name: name.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise ScanError(f"source {src} cannot be read: {error.strerror}") from error
    return Listing(src, names, folders, problems)


def _walk(src: Path, folders: list[Path], problems: list[Problem]) -> Iterator[str]:
    """Names of files below a folder, relative to it, hidden ones left out; folders and problems are added to the lists.

    Links to folders are followed, but never in circles, nor more than a few in one path: folders that link to each
    other would be visited in every order.
    """

    def refuse(relative: Path, reason: str, message: str) -> None:
        problems.append(Problem(printable(relative.as_posix()), reason, printable(message)))

    pending: list[tuple[Path, frozenset[tuple[int, int]], int]] = [(Path(), frozenset(), 0)]
    while pending:
        folder, ancestors, links = pending.pop()
        here = src / folder
        try:
            status = here.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in ancestors:
                refuse(folder, "link_loop", f"{here} is a link to a folder that holds it; remove the link")
                continue
            entries = list(os.scandir(here))
        except OSError as error:
            if folder == Path():
                raise
            refuse(folder, "unreadable_folder", f"folder {here} cannot be read: {error.strerror}")
            continue
        folders.append(folder)
        for entry in entries:
            if _is_hidden(entry.name):
                continue
            relative = folder / entry.name
            problem = _unusable(entry)
            if problem is not None:
                refuse(relative, *problem)
            elif not entry.is_dir():
                yield relative.as_posix()
            elif entry.is_symlink() and links == _LINKS_IN_A_PATH:
                refuse(relative, "too_many_links", f"{entry.path} is a link behind {links} others; name its target")
            else:
                pending.append((relative, ancestors | {identity}, links + entry.is_symlink()))


def _unusable(entry: os.DirEntry[str]) -> tuple[str, str] | None:
    """Reason and sentence for an entry that is neither a file nor a folder."""
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        reason = "dangling_link" if entry.is_symlink() else "unreadable"
        return reason, f"{entry.path} cannot be opened: {error.strerror}"
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    return "not_a_file", f"{entry.path} is a pipe, a socket or a device; leave it out"


def check_apart(src: Path, dst: Path) -> None:
    """Make sure that reading SRC and writing DST cannot meet.

    Raises:
        ScanError: one lies inside the other, or they are the same folder.
    """
    inner, outer = src.resolve(), dst.resolve()
    if inner == outer:
        raise ScanError(f"source and destination are the same folder, {src}; choose another destination")
    if outer in inner.parents:
        raise ScanError(f"source {src} lies inside destination {dst}; choose another destination")
    if inner in outer.parents:
        raise ScanError(f"destination {dst} lies inside source {src}; choose another destination")
