"""Which files hold pictures, and what each of them holds."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePath, PurePosixPath

from maskaug.core.containers.members import ListedPicture, Location, Member, Problem, stamp_of
from maskaug.core.containers.parquet import list_parquet
from maskaug.core.containers.splits import split_of
from maskaug.core.containers.table import list_table
from maskaug.core.containers.tar import COMPRESSED, list_tar
from maskaug.core.files import PICTURE_SUFFIXES, is_address, is_file, list_objects, to_path
from maskaug.core.manifest import MANIFEST_FOLDER, REVIEWS_FOLDER
from maskaug.core.text import printable

_SHARDS = (".tar", ".parquet", *COMPRESSED)
_TABLE = ".csv"
# What `maskaug generate` and `curate` write beside a set's pictures.
_BESIDE = {MANIFEST_FOLDER, REVIEWS_FOLDER, "card"}
_SHEET = "contact_sheet.png"


def is_shard(path: PurePath) -> bool:
    """Whether a file holds pictures, by its name."""
    return path.name.lower().endswith(_SHARDS)


def is_container(path: Path) -> bool:
    """Whether a file holds or names pictures, by its name: a tar, a parquet or a CSV."""
    return (is_shard(path) or path.suffix.lower() == _TABLE) and (is_address(path) or not path.is_dir())


def shards_among(files: Iterable[PurePath]) -> list[PurePath]:
    """The tar and parquet files of a folder; none where it holds pictures as files.

    Args:
        files: All files of the folder, relative to it.
    """
    pictures = [file for file in files if not _BESIDE.intersection(file.parts[:-1]) and file.name[0] != "."]
    if any(map(_is_picture, pictures)):
        return []
    return sorted(filter(is_shard, pictures))


def _is_picture(file: PurePath) -> bool:
    return file.suffix.lower() in PICTURE_SUFFIXES and file.name[0] != "." and str(file) != _SHEET


def contents_among(names: Sequence[str]) -> list[str]:
    """A folder's files; of maskaug's sets, itself or below it, without contact sheets, alpha masks and plots.

    Args:
        names: Of all files of the folder, relative to it, with ``/``.
    """
    folders = {name.rpartition("/")[0] for name in names if name.endswith(".parquet")}
    ends = f"/{MANIFEST_FOLDER}"
    sets = {f"/{folder}".removesuffix(ends) for folder in folders if f"/{folder}".endswith(ends)}
    return [name for name in names if not _is_beside(f"/{name}", sets)] if sets else list(names)


def _is_beside(name: str, sets: set[str]) -> bool:
    """Whether a file of a set is none of its pictures.

    Args:
        name: Of the file, from the folder on, with a ``/`` before it.
        sets: Folders, written alike; the folder itself is empty.
    """
    parts = name.split("/")
    return any(
        "/".join(parts[:place]) in sets and (parts[place] in {*_BESIDE, "alpha"} or parts[place:] == [_SHEET])
        for place in range(1, len(parts))
    )


def shards_below(folder: Path) -> list[PurePath]:
    """The same of a folder, here or at an address, whose files have not been listed yet.

    Raises:
        OSError: it cannot be listed.
    """
    if is_address(folder):
        return shards_among([path for path, _ in list_objects(folder)])
    files = list[PurePath]()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "." and name not in _BESIDE]
        here = [PurePath(place, name).relative_to(folder) for name in names]
        if any(map(_is_picture, here)):  # of very many files, the first ones tell
            return []
        files += here
    return shards_among(files)


def list_pictures(src: Path, shards: Iterable[PurePath] = ()) -> Iterator[ListedPicture | Problem]:
    """The pictures of a container, or of the shards of a folder, as they are found; what cannot be used is a problem.

    Args:
        src: The container, or the folder.
        shards: Of the folder, relative to it.
    """
    for shard in shards or [PurePosixPath()]:
        path, name = (src / shard, f"{shard.as_posix()}/") if shards else (src, "")
        split = split_of(shard.parent.parts, _stem(path)) if shards else split_of((), _stem(path))
        within = name or ("" if path.suffix.lower() == _TABLE else f"{path.name}/")
        for found in _list(path):
            if isinstance(found, Problem):
                relative = f"{printable(within)}{found.relative}".rstrip("/") or printable(path.name)
                yield replace(found, relative=relative)
            else:
                yield replace(found, name=f"{printable(within)}{found.name}", split=found.split or split)


def _list(path: Path) -> Iterator[ListedPicture | Problem]:
    name = path.name.lower()
    if not is_address(path) and path.exists() and not path.is_file():  # opening a named pipe would wait for ever
        return iter([Problem("", "not_a_file", printable(f"{path} is no regular file; leave it out"))])
    if name.endswith(COMPRESSED):
        message = f"{path} is compressed, and its pictures cannot be read by their place; unpack it to a .tar"
        return iter([Problem("", "compressed", printable(message))])
    return (list_parquet if name.endswith(".parquet") else list_table if name.endswith(_TABLE) else list_tar)(path)


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]


def locate(text: str) -> Location | None:
    """The picture of a path, as `str` gives it of a location; None where there is none.

    Args:
        text: A file's path or address, or the name of a member below its container's.
    """
    path = to_path(text)
    container = next((above for above in path.parents if is_container(above) and is_file(above)), None)
    if container is None:
        return path if is_file(path) else None
    return _members(container, stamp_of(container)).get(str(path)[len(str(container)) + 1 :])


@lru_cache(maxsize=4)
def _members(container: Path, _stamp: str) -> dict[str, Member]:
    return members_of(container)


def members_of(container: Path) -> dict[str, Member]:
    """The pictures that a container holds, by their names in it; none where it cannot be read."""
    found = (one.location for one in _list(container) if isinstance(one, ListedPicture))
    return {one.name: one for one in found if isinstance(one, Member)}
