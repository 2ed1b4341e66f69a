"""Names of files: which are pictures, which can be stored anywhere, and which lead out of their folder."""

import re
import unicodedata
from pathlib import Path, PurePath

from maskaug.core.files.addresses import is_address
from maskaug.core.text import encodable

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
_LONGEST_NAME = 200  # bytes of a name that is kept as it is


def safe_stem(name: str) -> str:
    """A name that any file system takes: letters, digits, ``-_. `` and nothing else, never empty."""
    normal = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    cleaned = "".join(char if char.isalnum() or char in "-_. " else "_" for char in normal).strip(". ")
    cut = cleaned.encode("utf-8")[:_LONGEST_STEM].decode("utf-8", "ignore").strip(". ")
    return f"_{cut}" if not cut or _RESERVED.match(cut) else cut


def storable(path: PurePath) -> Path:
    """A relative path of which any name that is too long to be added to, or is no text, is as `safe_stem` has it."""
    return Path(*map(_storable, path.parts))


def _storable(name: str) -> str:
    if encodable(name) == name and len(name.encode("utf-8")) <= _LONGEST_NAME:
        return name
    suffix = PurePath(name).suffix if PurePath(name).suffix.lower() in PICTURE_SUFFIXES else ""
    return safe_stem(name.removesuffix(suffix)) + suffix


# In a path that a file names: upwards, from the root, from a drive, or to nowhere.
LEADS_OUT = r"\x00|(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:"


def path_inside(folder: Path, name: str) -> Path | None:
    """The file that another file of the folder names; None if it lies elsewhere, by its name or by a link."""
    path = folder / name
    if is_address(folder):  # a store has no links
        return path if is_inside(name) else None
    return path if is_inside(name) and path.resolve().is_relative_to(folder.resolve()) else None


def is_inside(name: str) -> bool:
    """Whether a path that a file names stays in that file's folder, on any system: relative, and nowhere upwards."""
    return re.search(LEADS_OUT, name) is None
