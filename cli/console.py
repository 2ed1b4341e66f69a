"""What the modules of the command line share: where they print, how they fail, and the bar."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

out, err = Console(), Console(stderr=True)
TIMES = (TextColumn("elapsed"), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())  # of a bar
PROBLEM, WRONG_OPTION, INTERRUPTED = 1, 2, 130  # exit statuses; 130 is what shells say of SIGINT


def fail(message: str, status: int) -> NoReturn:
    """Say why on stderr, and exit."""
    # Plain text: a file name may hold what rich would take for markup.
    print(f"maskaug: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(status)


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say what to install where an import of an extra's library fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        fail(f"{error.name} is not installed; give: pip install 'maskaug[{name}]'", PROBLEM)


@contextmanager
def bar(title: str, things: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr; nothing where that is no terminal."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn(things))
    with Progress(*columns, *TIMES, console=err, transient=True, disable=not err.is_terminal) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
