"""What `predict` is to look at: pictures, videos, folders and shards of them, streams; listed, not yet read."""

import glob
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from maskaug.core.containers import (
    Location,
    Member,
    Problem,
    contents_among,
    is_container,
    list_pictures,
    shards_among,
)
from maskaug.core.files import PICTURE_SUFFIXES, copy_command, is_address, is_file, list_objects, storable, to_path
from maskaug.core.text import encodable
from maskaug.train.errors import TrainError
from maskaug.train.predict.streams import is_stream, is_web_address, name_of, suffix_of, without_password

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"})


class FramesError(TrainError):
    """There is nothing to look at; the message says why and what to do."""


@dataclass(frozen=True)
class Input:
    """A picture, a video or a stream.

    Attributes:
        source: A file, a member of a larger one, or an address of the web as text.
        place: Where results about it go, below any folder: ``NAME.jpg``, or ``FOLDER/NAME.jpg`` of a folder given.
        problem: Why it cannot be looked at; empty where nothing is known against it.
    """

    source: Location | str
    place: Path
    problem: str = ""

    @property
    def name(self) -> str:
        """What it is called: its path or its address, without a password, as text that files can hold."""
        return encodable(without_password(self.source) if isinstance(self.source, str) else str(self.source))

    @property
    def is_video(self) -> bool:
        """Whether it is no single picture."""
        return not isinstance(self.source, Member) and _is_video(self.source)


def as_source(text: str) -> Path | str:
    """What is named: an address of the web as text, else a path, here or in an object store.

    Raises:
        ValueError: a package for such addresses is missing.
    """
    return text if is_web_address(text) else to_path(text)


def list_inputs(sources: Sequence[Path | str]) -> list[Input]:
    """What there is to look at, in the order of the sources, and of names within each.

    Args:
        sources: Files, folders of any depth, tar, parquet and CSV of pictures, all these also in an object store;
            addresses of the web, patterns of :mod:`glob`, or ``-`` for a list of all these on standard input.

    Raises:
        FramesError: a source does not exist or cannot be listed, a pattern matches nothing, or nothing is in a folder.
    """
    return [one for source in sources for one in _inputs_of(source)]


def _inputs_of(source: Path | str) -> list[Input]:
    source = as_source(source) if isinstance(source, str) else source
    if isinstance(source, str):
        return [Input(source, Path(name_of(source)))]
    if str(source) == "-":
        lines = (line.rstrip("\r\n") for line in sys.stdin)
        return list_inputs([line for line in lines if line not in {"", "-"}])
    try:
        return _in_store(source) if is_address(source) else _here(source)
    except OSError as error:
        raise FramesError(f"{source} cannot be listed: {error.strerror or error}") from error


def _here(path: Path) -> list[Input]:
    if path.is_dir():
        return _of_folder(path, [file.relative_to(path) for file in path.rglob("*") if not file.is_dir()])
    if path.exists():
        return _of_file(path)
    if not glob.has_magic(str(path)):
        raise FramesError(f"{path} does not exist")
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  of patterns with a root, pathlib has none
    if not matches:
        raise FramesError(f"no file matches {path}")
    return [one for match in matches for one in _here(Path(match))]


def _in_store(path: Path) -> list[Input]:
    if is_file(path):
        return _of_file(path)
    try:
        files = [file for file, _ in list_objects(path)]
    except FileNotFoundError as error:
        raise FramesError(f"{path} does not exist") from error
    return _of_folder(path, files)


def _of_file(path: Path) -> list[Input]:
    return list(_members(path)) if is_container(path) else [_file(path, storable(Path(path.name)))]


def _of_folder(folder: Path, files: Sequence[PurePath]) -> list[Input]:
    """Pictures and videos of a folder; where it has none, what is in its shards."""
    wanted = PICTURE_SUFFIXES | VIDEO_SUFFIXES
    files = [PurePath(name) for name in contents_among([file.as_posix() for file in files])]
    inside = sorted(file for file in files if file.suffix.lower() in wanted and file.name[0] != ".")
    shards = [] if any(map(_is_video, inside)) else shards_among(files)
    found = list(_members(folder, shards)) if shards else [_file(folder / file, storable(file)) for file in inside]
    if not found:
        raise FramesError(f"folder {folder} holds no picture and no video, nor is it a training run")
    return found


def _file(path: Path, place: Path) -> Input:
    if is_address(path) and _is_video(path):  # OpenCV opens files, and addresses of the web
        return Input(path, place, f"{path}: a video in an object store cannot be read; copy it: {copy_command(path)}")
    return Input(path, place)


def _members(path: Path, shards: Sequence[PurePath] = ()) -> Iterator[Input]:
    for found in list_pictures(path, shards):
        if isinstance(found, Problem):
            yield Input(path / found.relative, storable(Path(found.relative)), found.message)
        else:
            yield Input(found.location, storable(Path(found.name)))


def _is_video(source: PurePath | str) -> bool:
    return suffix_of(source) in VIDEO_SUFFIXES or is_stream(source)
