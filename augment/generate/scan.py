"""What lies in a source folder, or at an address: an ImageFolder or a folder a person, with or without splits."""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path, PurePath, PurePosixPath

from maskaug.core.containers import (
    ListedPicture,
    Location,
    Member,
    Problem,
    is_container,
    list_pictures,
    shards_among,
)
from maskaug.core.errors import MaskaugError
from maskaug.core.files import PICTURE_SUFFIXES, find_objects, is_address, is_inside, safe_stem
from maskaug.core.text import printable

DEFAULT_SPLIT = "train"  # of a source without splits, as in Hugging Face's datasets

# Names of splits, in data sets of persons and for detectors.
_SPLITS = frozenset(
    ("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval", "gallery", "probe", "query")
)
_JUNK = {"thumbs.db", "desktop.ini"}
_SCENES = "images"  # a folder of data sets for detectors, which have no folders of classes
_LONGEST_NAME = 255  # bytes of a folder's name, by most file systems
_LINKS_IN_A_PATH = 2
COPY_MARK = "__"  # in names of masked copies: <stem>__<kind>_<copy>


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


def scan(src: Path, source_class: str, masked_class: str) -> Scan:
    """List the files of an ImageFolder, or the pictures of a container, with their splits and classes.

    A folder named like one of the two classes is a class folder, wherever it lies; what lies above it is the
    split, what lies beside it are further classes. A folder without any class folder but with pictures, or one
    that is itself called ``source_class``, holds pictures of ``source_class``; so does one whose pictures lie in
    ``images``, in folders named as splits are, or in both. Pictures that lie in no class folder are problems; other
    files there are left alone. Containers are a tar, a parquet or a CSV, or a folder of tars and parquets.

    Raises:
        ScanError: the folder is missing or unreadable, holds no file, or no folder of either name.
    """
    if is_container(src):
        return _scan_container(_Listing(src, [], [], []), (), source_class)
    listing = _listed(src)
    folders, problems = listing.folders, list(listing.problems)
    classes = {source_class, masked_class}
    # Folders that directly hold a class folder: their other sub-folders are classes too.
    split_folders = {folder.parent for folder in folders if folder.name in classes}
    if not split_folders and (shards := shards_among(listing.files())):
        return _scan_container(listing, shards, source_class)
    flat = not split_folders or src.name == source_class
    if flat and src.name != source_class and (split_of := _splits_of_scenes(listing.files())):
        scenes = [
            listing.source(path, split_of[path.parent], source_class, ())
            for path in listing.files()
            if path.parent in split_of
        ]
        return Scan(_distinct(scenes), tuple(sorted(problems, key=lambda problem: problem.relative)))
    if flat and src.name != source_class and all("/" in name for name in listing.names):
        raise _no_class(src, source_class, {path.parts[0] for path in listing.files()})
    sources: list[Source] = []
    for path in listing.files():
        if flat:
            sources.append(listing.source(path, "", source_class, path.parent.parts))
            continue
        parents = [folder for folder in path.parents if folder in split_folders]
        if parents and len(path.parts) > len(parents[0].parts) + 1:
            inside = path.parent.parts[len(parents[0].parts) :]
            _add(listing.source(path, parents[0].as_posix(), inside[0], inside[1:]), sources, problems)
        elif path.suffix.lower() in PICTURE_SUFFIXES:
            relative = printable(path.as_posix())
            message = f"{relative} lies in no class folder; move it into one"
            problems.append(Problem(relative, "no_class", message))
    if not sources and not problems:
        raise ScanError(f"source {src} holds no picture below {source_class!r}")
    if not flat and all(folder.name != source_class for folder in folders):
        raise _no_class(src, source_class, {source.label for source in sources})
    return Scan(_distinct(sources), tuple(sorted(problems, key=lambda problem: problem.relative)))


def _scan_container(listing: "_Listing", shards: Sequence[PurePath], source_class: str | None = None) -> Scan:
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
            _add(_contained(found, source_class, src, stamps), sources, problems)
    if source_class is None or sources:
        problems += [_without_label(source.relative, persons=source_class is None) for source in unlabelled]
    else:
        sources = unlabelled
    if not sources:
        first = f" that can be used; the first of its problems: {problems[0].message}" if problems else ""
        raise ScanError(f"source {src} holds no picture{first}")
    if source_class is not None and all(source.label != source_class for source in sources):
        raise _no_class(src, source_class, {source.label for source in sources}, "class")
    return Scan(_distinct(sources), tuple(sorted(problems, key=lambda problem: problem.relative)))


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


def _no_class(src: Path, source_class: str, there: set[str], what: str = "folder") -> ScanError:
    names = ", ".join(sorted(there)[:8]) or "none that can be read"
    advice = {
        "folder": "name the folder of unmasked faces with --source-class",
        "class": "name the class of unmasked faces with --source-class",
    }
    return ScanError(f"source {src} has no {what} called {source_class!r} (it has: {names}); {advice[what]}")


def scan_identities(src: Path, level: int | None = None) -> Scan:
    """List the files of a folder a person; what lies above the persons' folders are splits. In containers, classes are.

    Pictures that lie in no person's folder are problems; other files there are left alone.

    Args:
        src: The folder.
        level: How deep the persons' folders lie, 1 for ``SRC/anna``; None: those that hold the pictures.

    Raises:
        ScanError: the folder is missing or unreadable, holds no person's folder, or it cannot be told which folders
            are persons.
    """
    if is_container(src):
        return _scan_container(_Listing(src, [], [], []), ())
    listing = _listed(src)
    problems = list(listing.problems)
    if shards := shards_among(listing.files()):
        return _scan_container(listing, shards)
    holding = {path.parent for path in listing.files() if path.suffix.lower() in PICTURE_SUFFIXES}
    if level is None:
        level = _level_of_persons(src, sorted(holding - {Path()}))
    sources: list[Source] = []
    for path in listing.files():
        folders = path.parent.parts
        if len(folders) >= level:
            split = Path(*folders[: level - 1]).as_posix()
            source = listing.source(path, split, folders[level - 1], folders[level:])
            _add(replace(source, split="" if split == "." else source.split, identity=source.label), sources, problems)
        elif path.suffix.lower() in PICTURE_SUFFIXES:
            relative = printable(path.as_posix())
            message = f"{relative} lies in no person's folder; move it into one"
            problems.append(Problem(relative, "no_person", message))
    if not sources and not problems:
        raise ScanError(f"source {src} holds no picture")
    if not sources and holding:
        raise ScanError(
            f"source {src} holds pictures, but no person's folder{f' at level {level}' if level > 1 else ''}; "
            "put each person's pictures into a folder of their own"
        )
    return Scan(_distinct(sources), tuple(sorted(problems, key=lambda problem: problem.relative)))


def _level_of_persons(src: Path, folders: list[Path]) -> int:
    """How deep the folders that hold pictures lie, if nothing speaks against these being the persons."""
    depths = {len(folder.parts): folder for folder in folders}
    if not depths:
        return 1
    if len(depths) > 1:
        told = ", ".join(f"--person-level {depth} if {_told(src, depths[depth])} is one" for depth in sorted(depths))
        raise ScanError(
            f"source {src} has pictures at several levels, and which folders are persons is unclear: {told}"
        )
    (level,) = depths
    # Folders called test or val are splits. Others may be persons, with a folder for each session or video.
    above: dict[str, list[Path]] = {}
    for folder in folders:
        if folder.parent.name.casefold() not in _SPLITS:
            above.setdefault(folder.name, []).append(folder)
    parents = {folder.parent for found in above.values() for folder in found}
    shared = next((found for found in above.values() if len(found) > 1), None)
    lonely = sorted(found[0] for found in above.values()) if 1 < len(parents) == len(above) else None
    if found := shared or lonely:
        one, other = (_told(src, folder) for folder in found[:2])
        raise ScanError(
            f"source {src} has {one} and {other}, and which folders are persons is unclear: "
            f"--person-level {level - 1} if {_told(src, found[0].parent)} is one, --person-level {level} if {one} is"
        )
    return level


def _told(src: Path, folder: Path) -> str:
    return printable((src / folder).as_posix())


def _splits_of_scenes(files: Iterable[Path]) -> dict[Path, str]:
    """The split of each folder of pictures, as detectors' data sets have them; empty where any lies elsewhere.

    These are ``images``, ``SPLIT``, ``SPLIT/images`` and ``images/SPLIT``.
    """
    splits = {}
    for folder in {path.parent for path in files if path.suffix.lower() in PICTURE_SUFFIXES}:
        names = [name for name in folder.parts if name != _SCENES]
        if not folder.parts or len(names) > 1 or len(folder.parts) - len(names) > 1 or not _SPLITS.issuperset(names):
            return {}
        splits[folder] = names[0] if names else ""
    return splits


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


@dataclass(frozen=True)
class _Listing:
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


def _listed(src: Path) -> _Listing:
    """What lies below a folder of this machine, or at an address.

    Raises:
        ScanError: that cannot be told, or there is nothing.
    """
    listing = _listed_objects(src) if is_address(src) else _listed_files(src)
    if not listing.names and not listing.problems:
        raise ScanError(f"source {src} holds no picture")
    return listing


def _listed_objects(src: Path) -> _Listing:
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
    return _Listing(src, list(stamps), sorted(folders), problems, stamps)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _JUNK


def _listed_files(src: Path) -> _Listing:
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
    return _Listing(src, names, folders, problems)


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


def _add(source: Source, sources: list[Source], problems: list[Problem]) -> None:
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
