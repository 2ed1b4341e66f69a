"""A CSV of paths: a picture a line, anywhere."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from maskaug.core.containers.members import ListedPicture, Location, Problem
from maskaug.core.containers.splits import split_named
from maskaug.core.files import is_address, read_bytes, to_path
from maskaug.core.text import printable

_FILES = ("file", "file_name", "path")
_LABELS = ("label", "class")


def list_table(path: Path) -> Iterator[ListedPicture | Problem]:
    """The pictures that a CSV names: columns ``file``, and, where there are any, ``label`` and ``split``.

    Paths are relative to the CSV's folder, absolute, or addresses. That a file is not there shows when it is read.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        titles = {(title or "").strip().lower(): title for title in reader.fieldnames or ()}
        file = next((titles[name] for name in _FILES if name in titles), None)
        if file is None:
            told = ", ".join(titles) or "none"
            message = f"{path} has the columns {told}; it needs one called file, and can have label and split"
            yield Problem("", "no_pictures", printable(message))
            return
        label = next((titles[name] for name in _LABELS if name in titles), None)
        split = titles.get("split")
        before = set[str]()
        for line in reader:
            told = f"line {reader.line_num}"
            name, said = (line[file] or "").strip(), (line[split] or "").strip() if split else ""
            if not name or "\0" in name:
                yield Problem(told, "no_picture", f"{path}, {told} names no file; mend it or take it out")
            elif name in before:
                message = printable(f"{path}, {told} names {name} again; keep one of its lines")
                yield Problem(told, "duplicate_key", message)
            else:
                before.add(name)
                class_name = (line[label] or "").strip() if label else ""
                yield _picture(path, told, name, split_named(said) or said, class_name or None)
    except OSError as error:
        yield Problem("", "unreadable", printable(f"{path} cannot be read: {error.strerror or error}"))
    except (UnicodeDecodeError, csv.Error) as error:
        yield Problem("", "damaged", printable(f"{path} is no CSV in UTF-8: {error}; save it as one"))


def _picture(path: Path, told: str, name: str, split: str, label: str | None) -> ListedPicture | Problem:
    if "@" in name.partition("://")[2] or "?" in name.partition("://")[2]:
        message = f"{path}, {told} has a key or a query in its address; give keys in the environment"
        return Problem(told, "unreadable", message)
    try:
        location: Location = to_path(name) if is_address(name) else path.parent / name
    except ValueError as error:
        return Problem(told, "unreadable", printable(f"{path}, {told}: {error}"))
    return ListedPicture(location, printable(name), split, label)
