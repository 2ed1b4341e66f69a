"""Addresses of object stores, such as ``s3://bucket/faces``: the one module that knows fsspec.

An address becomes a path of universal_pathlib, which has pathlib's interface: code on paths works on both, as long
as it asks the path itself, ``path.open()``, not ``open(path)`` or ``os.stat(path)``. It is no `pathlib.Path`, although
types say so here; :func:`is_address` tells the two apart.
"""

import io
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeVar, cast

_Read = TypeVar("_Read")

# pathlib makes one slash of two. A single letter is a drive of Windows.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
_WITH_PASSWORD = re.compile(r"[^/@]*:[^/@]*@")
_EXTRA = "pip install 'maskaug[cloud]'"
_TRIES = 6
_LONGEST_WAIT = 8.0  # seconds between two of them
_AT_ONCE = 16  # requests, where many objects are removed
_READ_AT_ONCE = 1 << 20  # bytes, at least, of a file that is read in parts
# What an attempt to write may take: aiohttp waits for ever for the answer to ``Expect: 100-continue``.
_WRITE_SECONDS = 60.0
_WRITE_RATE = 100_000  # bytes a second, at least, beyond these
# Of what a store tells of an object, what changes with its content.
_ETAGS = ("ETag", "etag", "md5Hash", "blob_id", "oid")
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")
# What no further try mends.
_FINAL = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)


def is_address(path: str | os.PathLike[str] | Path) -> bool:
    """Whether this is an address, such as ``s3://bucket/key``, and no path of this machine's disks."""
    return _ADDRESS.match(str(path)) is not None


def protocol(path: Path) -> str | None:
    """The kind of an address, such as ``s3``; None of a path of this machine."""
    found = _ADDRESS.match(str(path))
    return found[1].lower() if found else None


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
    if _WITH_PASSWORD.match(place):  # it would stand in config.json
        raise ValueError(f"the {protocol}:// address has a password in it; give that by the environment of its library")
    if protocol in {"file", "local"}:
        return Path("/", place)
    try:
        from upath import UPath  # noqa: PLC0415  of an extra
    except ModuleNotFoundError as error:
        raise ValueError(f"{protocol}://{place}: addresses need an extra: {_EXTRA}") from error
    try:
        # What other processes have written meanwhile is to be seen.
        path = UPath(f"{protocol}://{place}", use_listings_cache=False)
        path.fs  # noqa: B018  its package is imported now
    except ImportError as error:
        raise ValueError(f"{protocol}://{place}: a package is missing: {error}") from error
    except ValueError as error:
        raise ValueError(f"{protocol}://{place}: fsspec knows no such kind of address ({error})") from error
    return cast("Path", path)


def copy_command(path: Path) -> str:
    """A command that copies all below an address into a new folder, as it can be typed in a POSIX shell."""
    here = path.name or "copied"
    program = f"import fsspec; fs, place = fsspec.url_to_fs({str(path)!r}); fs.get(place, {here!r}, recursive=True)"
    return shlex.join(["python", "-c", program])


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
    _persistently(lambda: store.pipe_file(key, data, **_in_time(store, len(data))))


def create_bytes(path: Path, data: bytes) -> bool:
    """Write an object if there is none; False if there is.

    By ``If-None-Match`` or the like, where the store and its fsspec package have it; others may overwrite.

    Args:
        path: An address.
        data: What it holds.

    Raises:
        OSError: it cannot be written.
    """
    store, key = _store(path)
    try:
        _persistently(lambda: store.pipe_file(key, data, mode="create", **_in_time(store, len(data))))
    except FileExistsError:
        return False
    return True


def upload(local: Path, path: Path) -> None:
    """Write a file of this machine as an object, whole or not at all; large ones go in parts.

    Raises:
        OSError: it cannot be written.
    """
    store, key = _store(path)
    size = local.stat().st_size
    _persistently(lambda: store.put_file(str(local), key, **_in_time(store, size)))


def _in_time(store: Any, size: int) -> dict[str, float]:  # noqa: ANN401
    """How fsspec is told when to give up writing ``size`` bytes, where the store's package is asynchronous."""
    return {"timeout": _WRITE_SECONDS + size / _WRITE_RATE} if getattr(store, "async_impl", False) else {}


def read_range(path: Path, start: int, size: int) -> bytes:
    """A part of a file, at an address by one request; what fails for a moment, or comes short, is tried again.

    Args:
        path: The file.
        start: Its first byte.
        size: Bytes.

    Raises:
        OSError: it cannot be read, or ends before.
    """
    if is_address(path):
        return _persistently(lambda: _range(*_store(path), start, size))
    with path.open("rb") as file:
        file.seek(start)
        return _whole(file.read(size), size, path)


def _range(store: Any, key: str, start: int, size: int) -> bytes:  # noqa: ANN401
    return _whole(store.cat_file(key, start=start, end=start + size), size, key)


def _whole(data: bytes, size: int, what: Path | str) -> bytes:
    """The data, if they are as many bytes as were asked for."""
    if len(data) != size:
        raise OSError(f"{what} gave {len(data)} bytes of {size}")
    return data


def open_object(path: Path) -> BinaryIO:
    """An object for reading some of its bytes; what fails for a moment is tried again.

    Raises:
        OSError: it cannot be read.
    """
    store, key = _store(path)
    size = int(_persistently(lambda: store.info(key))["size"])
    return cast("BinaryIO", io.BufferedReader(_RangeReader(store, key, size), _READ_AT_ONCE))


class _RangeReader(io.RawIOBase):
    """An object as a file: each read is a request."""

    def __init__(self, store: Any, key: str, size: int) -> None:  # noqa: ANN401
        self._store, self._key, self._size, self._place = store, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        end = min(self._place + len(buffer), self._size)
        if end <= self._place:
            return 0
        data = _persistently(lambda: _range(self._store, self._key, self._place, end - self._place))
        buffer[: len(data)] = data
        self._place = end
        return len(data)


def is_object(path: Path) -> bool:
    """Whether an object is at an address.

    Raises:
        OSError: it cannot be told.
    """
    store, key = _store(path)
    try:
        return bool(_persistently(lambda: store.info(key))["type"] == "file")
    except FileNotFoundError:
        return False


def remove_objects(paths: Iterable[Path]) -> None:
    """Remove objects that may be there.

    Raises:
        OSError: one cannot be removed.
    """

    def remove(path: Path) -> None:
        store, key = _store(path)
        with suppress(FileNotFoundError):
            # Not `rm`, which takes a name with * or [ for a pattern.
            _persistently(lambda: store.rm_file(key))

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for _ in threads.map(remove, paths):
            pass


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of a listing.

    Attributes:
        name: Its name below what was listed, as the store has it: nothing says that it stays there.
        size: Bytes.
        stamp: Differs where its content does: what the store has of a digest, or else size and time.
    """

    name: str
    size: int
    stamp: str


def find_objects(folder: Path) -> Iterator[StoredObject]:
    """Objects below an address, by name: one listing, page by page; none if there are none.

    Raises:
        OSError: it cannot be listed; FileNotFoundError, if there is no such bucket.
    """
    store, key = _store(folder)
    root = store._strip_protocol(key).rstrip("/")
    found = [_stored(one["Key"], prefix, one) for prefix, one in _s3_pages(store, root)]
    if not found:
        listed = _persistently(lambda: cast("dict[str, Any]", store.find(key, detail=True, refresh=True)))
        found = [_stored(name, root, listed.pop(name)) for name in list(listed)]
    found.sort(key=lambda one: one.name.encode("utf-8", "surrogateescape"))
    yield from found


def _s3_pages(store: Any, root: str) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401
    """What S3 lists below a folder, and the folder's key: a page at a time.

    fsspec's `find` keeps a kilobyte of each name until the last one has come.
    """
    if not hasattr(store, "call_s3"):
        return
    bucket, _, key = root.partition("/")
    prefix = f"{key}/" if key else ""
    page: dict[str, Any] = {"IsTruncated": True}
    while page["IsTruncated"]:
        more = {"ContinuationToken": page["NextContinuationToken"]} if "NextContinuationToken" in page else {}
        asked = {"Bucket": bucket, "Prefix": prefix, **more, **store.req_kw}
        page = _persistently(lambda: store.call_s3("list_objects_v2", **asked))  # noqa: B023  called at once
        yield from ((prefix, one) for one in page.get("Contents", []) if one["Key"] != prefix)


def _stored(name: str, root: str, told: Mapping[str, Any]) -> StoredObject:
    """An object from what its store tells of it."""
    size = int(told.get("size") or told.get("Size") or 0)
    stamps = [str(told[one]) for one in _ETAGS if isinstance(told.get(one), str)]
    stamps = stamps or [str(size), *(str(told[one]) for one in _TIMES if told.get(one) is not None)]
    return StoredObject(name[len(root) :].removeprefix("/"), size, " ".join(stamps))


def list_objects(folder: Path) -> Iterator[tuple[PurePosixPath, int]]:
    """The same by path relative to it, with their sizes in bytes.

    Raises:
        OSError: it cannot be listed; FileNotFoundError, if nothing is there.
    """
    found = list(find_objects(folder))
    store, key = _store(folder)
    if not found and not _persistently(lambda: store.exists(key)):
        raise FileNotFoundError(f"{folder} does not exist")
    for one in found:
        yield PurePosixPath(one.name), one.size


def _store(path: Path) -> tuple[Any, str]:
    """The file system of an address, and what the address is called there."""
    address = cast("Any", path)
    return address.fs, address.path


def _persistently(act: Callable[[], _Read]) -> _Read:
    """What ``act`` gives, at last; whatever a store raises is told as an `OSError`."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential  # noqa: PLC0415

    tries = Retrying(
        stop=stop_after_attempt(_TRIES),
        wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_WAIT),
        retry=retry_if_exception(lambda error: isinstance(error, Exception) and not isinstance(error, _FINAL)),
        reraise=True,
    )
    try:
        return tries(act)
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
