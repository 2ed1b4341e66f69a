"""What the options of several commands share: their types, and how it is told that a value will not do."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, PlainSerializer, PlainValidator, SerializationInfo

from maskaug.core.files import copy_command, is_address, to_path
from maskaug.core.text import printable


def _check_text(path: Path) -> Path:
    # Neither JSON nor Arrow can hold a name that is no text.
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{printable(str(path))} is not valid UTF-8; rename the folder") from error
    return path


def _on_disk(path: Path) -> Path:
    if is_address(path):
        raise ValueError(
            f"{to_path(path)} is an address, and this works on this machine's disks only; "
            f"copy what is there first: {copy_command(to_path(path))}"
        )
    return path


def _to_place(value: object) -> Path:
    if isinstance(value, (str, os.PathLike)):
        return to_path(value)
    if is_address(str(value)):  # a path that to_path has made
        return to_path(str(value))
    raise ValueError(f"{value!r} is neither a path nor an address")


def _as_written(path: Path, info: SerializationInfo) -> Any:  # noqa: ANN401  pydantic knows no type of an address
    return str(path) if info.mode == "json" else path


Folder = Annotated[Path, AfterValidator(_check_text), AfterValidator(_on_disk)]
# A folder of this machine, or an address such as s3://bucket/faces.
Place = Annotated[Path, PlainValidator(_to_place), AfterValidator(_check_text), PlainSerializer(_as_written)]

_NUMBER = "must be a number"
# By pydantic's names of what can be wrong; {} are the values of its context.
_PROBLEMS: Mapping[str, str] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "finite_number": "must be a finite number",
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "path_type": "must be text",
    "string_type": "must be text",
    "too_long": "must be {max_length} values",
}


def problem_of(error: Mapping[str, Any]) -> str:
    """What is wrong with a value, as one would say it to who typed it.

    Args:
        error: One of pydantic's ``ValidationError.errors()``.
    """
    kind, value = str(error["type"]), error.get("input")
    shown = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else value
    if kind == "missing" and len(error["loc"]) > 1:
        return f"must be more values than {shown}"
    if kind not in _PROBLEMS:
        return str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    limits = {name: f"{one:g}" if isinstance(one, float) else one for name, one in error.get("ctx", {}).items()}
    return f"{_PROBLEMS[kind].format(**limits)}, not {shown}"
