"""File names that can be printed and stored, and files that are written whole or not at all."""

import hashlib
import os
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

_Made = TypeVar("_Made")


def printable(name: str) -> str:
    """A file name as valid, printable text: what is not printable is escaped, and so is the backslash."""
    text = name.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def write_atomic(path: Path, data: bytes, partial: Path) -> None:
    """Write a file whole or not at all: temporary file, fsync, rename.

    Args:
        path: Where it goes; its folder is made.
        data: What it holds.
        partial: Folder on the same file system for the temporary file.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    temporary = partial / f"{os.getpid()}-{threading.get_ident()}"
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
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


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
