"""What the modules of the command line share: where they print, how they fail, and the bar."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from math import isfinite
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from maskaug.cli.logs import LOGGER, tells_progress

_PIPED = 160  # columns of what no terminal shows: of rich's 80, tables of slices break into lines nobody can grep
_has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
out, err = Console(width=None if _has_width else _PIPED), Console(stderr=True)
TIMES = (TextColumn("elapsed"), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())  # of a bar
PROBLEM, WRONG_OPTION, INTERRUPTED = 1, 2, 130  # exit statuses; 130 is what shells say of SIGINT


def fail(message: str, status: int) -> NoReturn:
    """Say why on stderr, and exit."""
    LOGGER.error(message)
    sys.exit(status)


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say what to install where an import of an extra's library fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        fail(f"{error.name} is not installed; give: pip install 'maskaug[{name}]'", PROBLEM)


def figures_table() -> Table:
    """A table without a head: what a figure is of, and the figure."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right")
    return table


def print_json(value: object) -> None:
    """Print what a command found: keys of several parts are joined by slashes, and what is undefined is null."""
    out.print_json(json.dumps(_jsonable(value), allow_nan=False))


def _jsonable(value: object) -> object:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    elif is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {"/".join(key) if isinstance(key, tuple) else str(key): _jsonable(one) for key, one in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, (list, tuple)):
        return [_jsonable(one) for one in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


@contextmanager
def bar(title: str, things: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr; nothing where that is no terminal."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn(things))
    with Progress(
        *columns, *TIMES, console=err, transient=True, disable=not (err.is_terminal and tells_progress())
    ) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
