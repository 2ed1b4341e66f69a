"""Text: what is printed or written, numbers with their nouns and names of files, and JSON that is read."""

import json
from typing import Any


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 picture``, ``2 pictures``.

    Args:
        number: How many.
        noun: Of one.
        plural: Of several; None: the noun with an ``s``.
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def printable(name: str) -> str:
    """A file name as valid, printable text: what is not printable is escaped, and so is the backslash."""
    if name.isprintable() and "\\" not in name:
        return name
    text = name.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def encodable(name: str) -> str:
    """A file name as text that files can hold: bytes of it that are no UTF-8 are escaped, all else stays as it is."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def parse_json(text: str | bytes, **options: Any) -> Any:  # noqa: ANN401
    """What a JSON text holds.

    Args:
        text: The JSON.
        options: Of `json.loads`.

    Raises:
        ValueError: it is no JSON, or is nested deeper than anyone writes.
    """
    try:
        return json.loads(text, **options)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
