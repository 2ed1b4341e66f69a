"""Files that are written whole or not at all, and folders that stay where there is something to keep; or objects."""

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from maskaug.core.files.addresses import (
    find_objects,
    is_address,
    is_object,
    remove_objects,
    upload,
    write_bytes,
)

_Made = TypeVar("_Made")

_PARTIAL = ".partial"


def write_atomic(path: Path, data: bytes, partial: Path) -> None:
    """Write a file whole or not at all: temporary file, fsync, rename; or an object.

    Args:
        path: Where it goes; its folder is made.
        data: What it holds.
        partial: Folder on the same file system for the temporary file.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    if is_address(path):
        write_bytes(path, data)
        return
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


@contextmanager
def write_whole(path: Path, partial: Path, check: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """Write a file, or an object, whole or not at all, that is too large for memory.

    Gives a path of this machine to write to; when the block ends without an error, it becomes the file.

    Args:
        path: Where it goes; its folder is made.
        partial: Folder on the same file system for the temporary file; not needed at an address.
        check: Called before it is put into its place; may raise.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    if is_address(path):
        with tempfile.TemporaryDirectory(prefix="maskaug-") as here:
            yield Path(here, path.name)
            check()
            upload(Path(here, path.name), path)
        return
    partial.mkdir(parents=True, exist_ok=True)
    temporary = partial / f".{os.getpid()}-{threading.get_ident()}-{path.name}{_PARTIAL}"
    try:
        yield temporary
        _sync(temporary)
        check()
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
    if sys.platform != "win32" and not is_address(folder):
        _sync(folder)


def sync_tree(folder: Path, *, names_only: bool = False) -> None:
    """Bring all that lies below a folder to the disk; what lies at an address is there.

    Args:
        folder: Its own name is not brought there.
        names_only: Leave out what files hold, which :func:`write_atomic` has brought there.
    """
    if is_address(folder):
        return
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


def is_file(path: Path) -> bool:
    """Whether a file, or an object, is there.

    Raises:
        OSError: it cannot be told.
    """
    return is_object(path) if is_address(path) else path.is_file()


def remove_files(paths: Iterable[Path]) -> None:
    """Remove files, or objects, that may be there; of an address either all are, or none.

    Raises:
        OSError: one cannot be removed.
    """
    paths = list(paths)
    if paths and is_address(paths[0]):
        remove_objects(paths)
        return
    for path in paths:
        path.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, as far as that can be done, or all objects below an address.

    Raises:
        OSError: an object cannot be removed.
    """
    if is_address(folder):
        remove_objects(folder / one.name for one in find_objects(folder))
    else:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_folder(path: Path) -> Iterator[None]:
    """A folder for as long as there is something to keep: made with its parents, if it is missing; stores have none.

    Where the block fails, those of them that were made and are empty are removed again.

    Args:
        path: The folder.

    Raises:
        OSError: it cannot be made.
    """
    if is_address(path):
        yield
        return
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with suppress(OSError):  # one that holds something, and its parents, stay
            for folder in missing:
                folder.rmdir()
        raise
