"""Files that are written whole or not at all, and folders that stay where there is something to keep."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

_Made = TypeVar("_Made")

_PARTIAL = ".partial"


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
