"""File names that can be stored, files that are written whole or not at all, and folders that one process has."""

import errno
import hashlib
import json
import os
import re
import socket
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from maskaug.core.errors import MaskaugError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_Made = TypeVar("_Made")

CHECKSUMS_FILE = "checksums.txt"
LOCK_FILE = ".lock"  # of a folder that a command is writing to
_PARTIAL = ".partial"
_READ_AT_ONCE = 1 << 20
_LOCKED_BYTE = 1 << 30  # Windows locks bytes; this one lies behind what the file says
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}  # of some network disks


class LockedError(MaskaugError):
    """Another process is at work here; the message says which, where, and what to do."""


def write_atomic(path: Path, data: bytes, partial: Path) -> None:
    """Write a file whole or not at all: temporary file, fsync, rename.

    Args:
        path: Where it goes; its folder is made.
        data: What it holds.
        partial: Folder on the same file system for the temporary file.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    temporary = partial / f".{os.getpid()}-{threading.get_ident()}{_PARTIAL}"
    try:
        with _in_folder(partial, lambda: temporary.open("wb")) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _in_folder(path.parent, lambda: temporary.replace(path))
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _in_folder(folder: Path, act: Callable[[], _Made]) -> _Made:
    """What ``act`` does in a folder, which is made where it is missing."""
    try:
        return act()
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        return act()


def remove_partial(folder: Path) -> None:
    """Remove what :func:`write_atomic` has left in a folder where its process was killed.

    Args:
        folder: Of the temporary files; nobody else may be writing to it.
    """
    for path in folder.glob(f".*-*{_PARTIAL}"):
        if path.is_file():
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, so that a power cut leaves them; Windows does it by itself."""
    if sys.platform != "win32":
        _sync(folder)


def sync_tree(folder: Path, *, names_only: bool = False) -> None:
    """Bring all that lies below a folder to the disk.

    Args:
        folder: Its own name is not brought there.
        names_only: Leave out what files hold, which :func:`write_atomic` has brought there.
    """
    for place, _, files in os.walk(folder):
        for name in () if names_only else files:
            if not (path := Path(place, name)).is_symlink():
                _sync(path)
        sync_folder(Path(place))


def _sync(path: Path) -> None:
    # Windows brings to the disk only what can be written to.
    descriptor = os.open(path, os.O_RDONLY if sys.platform != "win32" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# In a path that a file names: upwards, from the root, from a drive, or to nowhere.
LEADS_OUT = r"\x00|(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:"


def path_inside(folder: Path, name: str) -> Path | None:
    """The file that another file of the folder names; None if it lies elsewhere, by its name or by a link."""
    path = folder / name
    return path if is_inside(name) and path.resolve().is_relative_to(folder.resolve()) else None


def is_inside(name: str) -> bool:
    """Whether a path that a file names stays in that file's folder, on any system: relative, and nowhere upwards."""
    return re.search(LEADS_OUT, name) is None


_held: set[int] = set()  # descriptors of this process's locks


def _let_go() -> None:
    """In a forked child: it may outlive its parent, and would keep the parent's locks."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


@contextmanager
def locked(path: Path, what: str, advice: str = "wait until it ends, or stop it") -> Iterator[None]:
    """Keep other processes out while the block runs; a process that dies, in whatever way, lets go.

    The operating system holds the lock: `flock`, which Linux takes across machines on NFS; on a network disk that knows
    no locks, and where the file cannot be made because nothing can be written, nobody is kept out.

    Args:
        path: The lock's file, in a folder that is there; it is removed in the end.
        what: What this process does, as the message says it to another: ``destination out is being written``.
        advice: What that one is told to do.

    Raises:
        LockedError: another process holds it.
        OSError: the disk is full or failing.
    """
    try:
        file = _taken(path, what, advice)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        yield  # the first file that is to be written says so
        return
    _held.add(file.fileno())
    try:
        yield
    finally:
        if sys.platform != "win32":  # first, so that nobody takes what is no longer there; Windows removes no open file
            path.unlink(missing_ok=True)
        _held.discard(file.fileno())
        file.close()
        if sys.platform == "win32":
            with suppress(OSError):
                path.unlink()


def _taken(path: Path, what: str, advice: str) -> BinaryIO:
    """The lock's file, open and locked, with who has it."""
    while True:
        file = path.open("a+b", buffering=0)
        try:
            if not _lock(file):
                file.seek(0)
                raise LockedError(f"{what}, by {_holder(file.read())}; {advice}")
            # Its holder may have removed it between the two lines above.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate(0)
                file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: BinaryIO) -> bool:
    """False if another process has it."""
    try:
        if sys.platform == "win32":
            file.seek(_LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return True
        if error.errno in {errno.EAGAIN, errno.EACCES, errno.EDEADLK}:
            return False
        raise
    return True


def _holder(told: bytes) -> str:
    try:
        holder = json.loads(told)
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):  # it is just being written
        return "another process"


@contextmanager
def new_folder(path: Path) -> Iterator[None]:
    """A folder for as long as there is something to keep: made with its parents, if it is missing.

    Where the block fails, those of them that were made and are empty are removed again.

    Args:
        path: The folder.

    Raises:
        OSError: it cannot be made.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with suppress(OSError):  # one that holds something, and its parents, stay
            for folder in missing:
                folder.rmdir()
        raise


def file_sha256(path: Path) -> str | None:
    """Hexadecimal digest of a file, or None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            while part := file.read(_READ_AT_ONCE):
                digest.update(part)
    except OSError:
        return None
    return digest.hexdigest()


def checksum_lines(folder: Path, files: Iterable[Path]) -> str:
    """SHA-256 and path of files below a folder, by path, as ``sha256sum --check`` reads them."""
    names = sorted(path.relative_to(folder).as_posix() for path in files)
    return "".join(f"{file_sha256(folder / name)}  {name}\n" for name in names)


PICTURE_SUFFIXES = {
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".bmp",
    ".webp",
    ".gif",
    ".tif",
    ".tiff",
    ".avif",
    ".heic",
    ".heif",
    ".pgm",
    ".ppm",
}


_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)  # by Windows


_LONGEST_STEM = 100  # bytes; file systems allow 255, and copies add a suffix


def safe_stem(name: str) -> str:
    """A name that any file system takes: letters, digits, ``-_. `` and nothing else, never empty."""
    normal = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    cleaned = "".join(char if char.isalnum() or char in "-_. " else "_" for char in normal).strip(". ")
    cut = cleaned.encode("utf-8")[:_LONGEST_STEM].decode("utf-8", "ignore").strip(". ")
    return f"_{cut}" if not cut or _RESERVED.match(cut) else cut
