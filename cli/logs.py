"""What a command tells besides its results: on stderr, as much as is wanted, and all of it in a file."""

import logging
import re
import sys
from pathlib import Path

LOGGER = logging.getLogger("maskaug")  # problems are warnings and errors, what goes on is info, how is debug
_SECRET = re.compile(r"(?<=://)[^/\s@]+(?=@)")  # user and password of an address


class _OfFile(logging.Formatter):
    """Lines with their times; without the passwords that addresses may hold."""

    def format(self, record: logging.LogRecord) -> str:
        return _SECRET.sub("...", super().format(record))


class _Terminal(logging.Handler):
    """Problems come with the program's name."""

    def emit(self, record: logging.LogRecord) -> None:
        told = self.format(record)
        # Plain text: a file name may hold what rich would take for markup. A bar makes room for it.
        print(f"maskaug: {told}" if record.levelno >= logging.WARNING else told, file=sys.stderr)  # noqa: T201


def set_up(*, quiet: bool = False, verbose: bool = False, file: Path | None = None) -> None:
    """Tell more or less from now on.

    Args:
        quiet: Nothing but problems on stderr, and no bars.
        verbose: Also how: the command with all its options, how long it took, where in the program a problem arose.
        file: All of that goes there, too, appended.

    Raises:
        OSError: the file cannot be written.
    """
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    handlers: list[logging.Handler] = [_Terminal(level)]
    if file is not None:
        written = logging.FileHandler(file, encoding="utf-8")
        written.setFormatter(_OfFile("%(asctime)s %(levelname)s %(process)d %(message)s"))
        handlers.append(written)
    for handler in LOGGER.handlers[:]:
        LOGGER.removeHandler(handler)
        handler.close()
    for handler in handlers:
        LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.propagate = False


def tells_progress() -> bool:
    """Whether lines and bars on stderr are wanted that say how far a command is."""
    return any(isinstance(handler, _Terminal) and handler.level <= logging.INFO for handler in LOGGER.handlers)


set_up()
