"""`Journal`: rows of finished sources while a run is under way."""

import json
from collections.abc import Iterator
from pathlib import Path

from maskaug.core.manifest import Row, checked, in_todays_words
from maskaug.core.text import parse_json


class Journal:
    """Rows of finished sources while a run is under way, one JSON line a source, appended.

    Where each source's line begins is kept in memory, its rows are not: runs of a million pictures fit.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file; what a kill or a power cut has left damaged is cut off, with all that follows."""
        self.path = path
        self._offsets: dict[str, list[int]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        self._file.seek(0)
        end = 0
        for line in self._file:
            source = _source(line)
            if source is None:
                break
            self._offsets.setdefault(source, []).append(end)
            end += len(line)
        self._file.truncate(end)

    def append(self, source: str, round_: int, rows: list[Row]) -> None:
        """Record all rows that one round made of a source."""
        line = json.dumps({"source": source, "round": round_, "rows": rows}) + "\n"
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


def _source(line: bytes) -> str | None:
    """Of whom a line tells; None if it is not whole."""
    try:
        entry = parse_json(line) if line.endswith(b"\n") else {}
        whole = isinstance(entry["source"], str) and isinstance(entry["round"], int)
        return entry["source"] if whole and all(isinstance(row, dict) for row in entry["rows"]) else None
    except (ValueError, KeyError, TypeError):
        return None
