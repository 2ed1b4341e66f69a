"""Addresses of object stores, such as ``s3://bucket/faces``: the one module that knows fsspec.

An address becomes a path of universal_pathlib, which has pathlib's interface: code on paths works on both, as long
as it asks the path itself, ``path.open()``, not ``open(path)`` or ``os.stat(path)``. It is no `pathlib.Path`, although
types say so here; :func:`is_address` tells the two apart.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, cast

_Read = TypeVar("_Read")

# pathlib makes one slash of two. A single letter is a drive of Windows.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
_EXTRA = "pip install 'maskaug[cloud]'"
_TRIES = 6
_LONGEST_WAIT = 8.0  # seconds between two of them
# What no further try mends.
_FINAL = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)


def is_address(path: str | os.PathLike[str] | Path) -> bool:
    """Whether this is an address, such as ``s3://bucket/key``, and no path of this machine's disks."""
    return _ADDRESS.match(str(path)) is not None


def to_path(text: str | os.PathLike[str]) -> Path:
    """A path of this machine, or an address as a path.

    Args:
        text: Either; also an address of which `pathlib` has made ``s3:/bucket/key``. ``file://`` is this machine.

    Raises:
        ValueError: a package is missing, or fsspec knows no such kind of address; the message says what to do.
    """
    found = _ADDRESS.match(str(text))
    if found is None:
        return Path(text)
    protocol, place = found[1].lower(), found[2]
    if protocol in {"file", "local"}:
        return Path("/", place)
    try:
        from upath import UPath  # noqa: PLC0415  of an extra
    except ModuleNotFoundError as error:
        raise ValueError(f"{protocol}://{place}: addresses need an extra: {_EXTRA}") from error
    try:
        path = UPath(f"{protocol}://{place}")
        path.fs  # noqa: B018  its package is imported now
    except ImportError as error:
        raise ValueError(f"{protocol}://{place}: a package is missing: {error}") from error
    except ValueError as error:
        raise ValueError(f"{protocol}://{place}: fsspec knows no such kind of address ({error})") from error
    return cast("Path", path)


def read_bytes(path: Path) -> bytes:
    """All of a file; at an address, what fails for a moment is tried again.

    Raises:
        OSError: it cannot be read.
    """
    if not is_address(path):
        return path.read_bytes()
    store, key = _store(path)
    return _persistently(lambda: cast("bytes", store.cat_file(key)))


def write_bytes(path: Path, data: bytes) -> None:
    """Write an object whole or not at all, as object stores do; what fails for a moment is tried again.

    Args:
        path: An address.
        data: What it holds.

    Raises:
        OSError: it cannot be written.
    """
    store, key = _store(path)
    _persistently(lambda: store.pipe_file(key, data))


def list_objects(folder: Path) -> Iterator[tuple[PurePosixPath, int]]:
    """Objects below an address, by path relative to it, with their sizes in bytes: one listing, page by page.

    Raises:
        OSError: it cannot be listed; FileNotFoundError, if nothing is there.
    """
    store, key = _store(folder)
    root = PurePosixPath(store._strip_protocol(key))
    found = _persistently(lambda: cast("dict[str, Any]", store.find(key, detail=True, refresh=True)))
    if not found and not _persistently(lambda: store.exists(key)):
        raise FileNotFoundError(f"{folder} does not exist")
    for name, told in sorted(found.items(), key=lambda pair: pair[0].encode("utf-8", "surrogateescape")):
        yield PurePosixPath(name).relative_to(root), int(told.get("size") or 0)


def _store(path: Path) -> tuple[Any, str]:
    """The file system of an address, and what the address is called there."""
    address = cast("Any", path)
    return address.fs, address.path


def _persistently(act: Callable[[], _Read]) -> _Read:
    """What ``act`` gives, at last; whatever a store raises is told as an `OSError`."""
    from tenacity import Retrying, retry_if_not_exception_type, stop_after_attempt, wait_random_exponential  # noqa: PLC0415

    tries = Retrying(
        stop=stop_after_attempt(_TRIES),
        wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_WAIT),
        retry=retry_if_not_exception_type((*_FINAL, KeyboardInterrupt, SystemExit)),
        reraise=True,
    )
    try:
        return tries(act)
    except (OSError, KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
