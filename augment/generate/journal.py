"""`Journal`: rows of finished sources while a run is under way; a file, or at an address segments."""

import json
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from maskaug.core.files import find_objects, is_address, read_bytes, remove_tree, write_bytes
from maskaug.core.manifest import Row, checked, in_todays_words
from maskaug.core.text import parse_json

# An object cannot be appended to: rows go to the store together, after so many bytes or seconds, or at the end.
SEGMENT_BYTES = 8 << 20
SEGMENT_SECONDS = 15.0


class Journal:
    """Rows of finished sources while a run is under way, one JSON line a source, appended.

    Where each source's line begins is kept in memory, its rows are not: runs of a million pictures fit.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file; what a kill or a power cut has left damaged is cut off, with all that follows."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._read(path.open("a+b"))

    def _read(self, file: IO[bytes]) -> None:
        self._file = file
        self._offsets: dict[str, list[int]] = {}
        self._file.seek(0)
        end = 0
        for line in self._file:
            source = _source(line)
            if source is None:
                break
            self._offsets.setdefault(source, []).append(end)
            end += len(line)
        self._file.truncate(end)

    def append(self, source: str, round_: int, rows: list[Row], stamp: str | None = None) -> None:
        """Record all rows that one round made of a source, and by what its content is known, where a listing says."""
        stamped = {} if stamp is None else {"stamp": stamp}
        line = json.dumps({"source": source, "round": round_, **stamped, "rows": rows}) + "\n"
        self._file.seek(0, 2)
        self._offsets.setdefault(source, []).append(self._file.tell())
        self._file.write(line.encode())
        self._file.flush()

    def entries(self, source: str) -> list[tuple[int, list[Row]]]:
        """Round and rows of each time the source was worked on; the last where a round was done again."""
        by_round: dict[int, list[Row]] = {}
        for offset in self._offsets.get(source, []):
            self._file.seek(offset)
            entry = parse_json(self._file.readline())
            by_round[entry["round"]] = [checked(in_todays_words(row)) for row in entry["rows"]]
        return sorted(by_round.items())

    def all_rows(self, source: str) -> Iterator[Row]:
        """All rows of a source, also those of rounds that were done again."""
        for offset in self._offsets.get(source, []):
            self._file.seek(offset)
            yield from map(checked, parse_json(self._file.readline())["rows"])

    def stamp(self, source: str) -> str | None:
        """By what the content of a source was known when it was last worked on; None if nothing said that."""
        self._file.seek(self._offsets[source][-1])
        stamp = parse_json(self._file.readline()).get("stamp")
        return str(stamp) if stamp is not None else None

    def sources(self) -> list[str]:
        """The sources that have been worked on, by name."""
        return sorted(self._offsets)

    def rows(self) -> Iterator[Row]:
        """All rows by source, then in the order they were made."""
        for source in self.sources():
            for _, rows in self.entries(source):
                yield from rows

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class SegmentedJournal(Journal):
    """A journal at an address: whole objects, called by number and run, with a copy of them all on this machine.

    What a killed process had not stored yet is lost; these sources are worked on again.
    """

    def __init__(self, folder: Path, check_lock: Callable[[], None] | None = None) -> None:
        """Fetch the segments that are there; damaged lines are left out.

        Args:
            folder: The address.
            check_lock: Called before a segment is stored; raises where the folder is somebody else's by now.
        """
        self._folder, self._check_lock = folder, check_lock
        self._run = uuid.uuid4().hex[:8]  # two that write at once, in spite of the lock, overwrite nothing
        names = [one.name for one in find_objects(folder)]
        # It has no name, so that a kill leaves nothing.
        copy = tempfile.TemporaryFile()  # noqa: SIM115  closed by `close`
        try:
            for name in names:
                lines = read_bytes(folder / name).splitlines(keepends=True)
                copy.writelines(line for line in lines if _source(line) is not None)
            self._stored = copy.tell()
            self._read(copy)
        except BaseException:
            copy.close()
            raise
        numbers = (name.partition("-")[0] for name in names)
        self._last = max((int(number) for number in numbers if number.isdecimal()), default=0)
        self._since = time.monotonic()

    def append(self, source: str, round_: int, rows: list[Row], stamp: str | None = None) -> None:
        """Record rows; they are stored with others, by the next segment."""
        super().append(source, round_, rows, stamp)
        if self._file.tell() - self._stored >= SEGMENT_BYTES or time.monotonic() - self._since >= SEGMENT_SECONDS:
            self.store()

    def store(self) -> None:
        """Write what has come since the last segment as the next one.

        Raises:
            OSError: it cannot be written; it still is to be stored.
            LockedError: somebody else has the folder by now.
        """
        self._file.seek(self._stored)
        rows = self._file.read()
        if rows:
            if self._check_lock is not None:
                self._check_lock()
            write_bytes(self._folder / f"{self._last + 1:06d}-{self._run}.jsonl", rows)
            self._last += 1
            self._stored += len(rows)
        self._since = time.monotonic()

    def close(self) -> None:
        """Store what is left; the copy goes.

        Raises:
            OSError, LockedError: it cannot be stored.
        """
        try:
            self.store()
        finally:
            super().close()


def open_journal(path: Path, check_lock: Callable[[], None] | None = None) -> Journal:
    """The journal at a path, made if there is none; an address is that of its segments: see `SegmentedJournal`."""
    return SegmentedJournal(path, check_lock) if is_address(path) else Journal(path)


def has_journal(path: Path) -> bool:
    """Whether there is one.

    Raises:
        OSError: it cannot be told.
    """
    return any(True for _ in find_objects(path)) if is_address(path) else path.exists()


def remove_journal(path: Path) -> None:
    """Remove it, if there is one.

    Raises:
        OSError: it cannot be removed.
    """
    if is_address(path):
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def _source(line: bytes) -> str | None:
    """Of whom a line tells; None if it is not whole."""
    try:
        entry = parse_json(line) if line.endswith(b"\n") else {}
        whole = isinstance(entry["source"], str) and isinstance(entry["round"], int)
        return entry["source"] if whole and all(isinstance(row, dict) for row in entry["rows"]) else None
    except (ValueError, KeyError, TypeError):
        return None
