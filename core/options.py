"""Types of options that several commands have."""

import os
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
