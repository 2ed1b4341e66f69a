"""Options from a file: YAML, TOML or JSON, or the ``config.json`` of an earlier output."""

import difflib
import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_READERS = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}
# What an output's config.json has beside the options of its command.
_RECORDED = frozenset({"maskaug", "dst"})


class ConfigFileError(Exception):
    """A file of options cannot be used; the message says why and what to do."""


def read_options_file(path: Path, fields: Collection[str]) -> dict[str, Any]:
    """The options that a file sets, by their fields.

    Names are those of the command line, ``min-quality``, or of Python, ``min_quality``. Of a training run's
    ``config.json``, its ``options`` are taken. What is null is left out.

    Args:
        path: The file.
        fields: Names of the command's fields.

    Raises:
        ConfigFileError: it cannot be read, or names an option that the command lacks.
    """
    values = _read(path)
    if path.name == "config.json":
        values = values["options"] if isinstance(values.get("options"), dict) else values
        values = {name: value for name, value in values.items() if name in fields or name not in _RECORDED}
    known = {_plain(name): name for name in fields}
    options = {}
    for name, value in values.items():
        if _plain(name) not in known:
            close = difflib.get_close_matches(_plain(name), known, n=1)
            meant = f"did you mean {close[0]}?" if close else "-h lists those of this command"
            raise ConfigFileError(f"--config {path}: there is no option {name!r}; {meant}")
        if value is not None:
            options[known[_plain(name)]] = value
    return options


def _read(path: Path) -> dict[str, Any]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ConfigFileError(f"--config {path}: its name must end in {', '.join(_READERS)}")
    try:
        values = reader(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigFileError(f"--config {path}: there is no such file") from error
    except OSError as error:
        raise ConfigFileError(f"--config {path}: it cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise ConfigFileError(f"--config {path}: it is no {path.suffix[1:].upper()}: {said}") from error
    if not isinstance(values, dict):
        raise ConfigFileError(f"--config {path}: it must name options and their values, as in: seed: 1")
    return {str(name): value for name, value in values.items()}


def _plain(name: str) -> str:
    """A name as the command line has it, without dashes before it."""
    return name.strip("_").replace("_", "-")
