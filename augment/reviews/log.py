"""Reviews: what people decided about the masked copies, one JSON line an event, under ``DST/reviews``."""

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maskaug.core.errors import MaskaugError, first_problem
from maskaug.core.files import find_objects, is_address, locked, path_inside, read_bytes, sync_folder
from maskaug.core.manifest import REVIEWS_FOLDER

Action = Literal["accept", "reject", "flag", "unflag", "undo"]


class ReviewError(MaskaugError):
    """A record of decisions cannot be used; the message says which file, where and what to do."""


class Event(BaseModel):
    """One thing an annotator did to one picture. An ``undo`` takes back that picture's latest other event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output_sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the picture that was judged")
    action: Action
    reason: str | None = Field(None, description="of a rejection")
    auto: bool = Field(False, description="accepted by its score, without being shown")
    control: bool = Field(False, description="a picture whose mask was displaced on purpose, to measure attention")
    time: datetime
    looked_ms: int = Field(0, ge=0, description="how long the picture was shown before")


@dataclass
class Verdict:
    """What stands of one annotator's events on one picture.

    Attributes:
        decided: The ``accept`` or ``reject`` event that stands, or None.
        flagged: Whether it is flagged for a second look.
    """

    decided: Event | None = None
    flagged: bool = False


class ReviewLog:
    """One annotator's events, appended and on the disk before :meth:`append` returns."""

    def __init__(self, dst: Path, annotator: str) -> None:
        """Open or make the file. A last line torn by a power cut is moved to a file beside it.

        Attributes:
            events: All events so far, oldest first.
            torn: Where a torn line was set aside, or None.

        Raises:
            ReviewError: a line before the last is damaged, or the file cannot be opened.
            LockedError: the annotator is reviewing already.
        """
        self.path = dst / REVIEWS_FOLDER / f"{annotator}.jsonl"
        self.torn: Path | None = None
        if path_inside(dst, self.path.relative_to(dst).as_posix()) is None:
            raise ReviewError(f"{self.path} is a link out of its folder; remove it")
        with ExitStack() as opened:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                lock = self.path.with_name(f".{annotator}.lock")
                what, advice = f"{dst} is being reviewed as {annotator}", "close that, or name another annotator"
                opened.enter_context(locked(lock, what, advice))
                # Without a buffer: what could not be written is not tried again later.
                self._file = opened.enter_context(self.path.open("a+b", buffering=0))
                for folder in (self.path.parent, dst):
                    sync_folder(folder)
            except OSError as error:
                raise ReviewError(f"cannot open {self.path}: {error.strerror}") from error
            self._file.seek(0)
            data = self._file.read()
            whole = data[: data.rfind(b"\n") + 1]
            if whole != data:
                self.torn = _beside(self.path)
                self.torn.write_bytes(data[len(whole) :])
                self._file.truncate(len(whole))
            self.events = _parse(self.path, whole)
            self._length = len(whole)
            self._opened = opened.pop_all()

    def append(self, *events: Event) -> None:
        """Record events, all of them or none.

        Raises:
            ReviewError: they could not be brought to the disk.
        """
        if not events:
            return
        data = b"".join(event.model_dump_json(exclude_defaults=True).encode() + b"\n" for event in events)
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._length)
            raise ReviewError(f"cannot write {self.path}: {error.strerror}; the last decision is not kept") from error
        self._length += len(data)
        self.events.extend(events)

    def close(self) -> None:
        """Close the file, and let others have it."""
        self._opened.close()


def read_reviews(dst: Path) -> dict[str, list[Event]]:
    """All events by annotator, oldest first; empty if nobody has reviewed. A torn last line is left out.

    Raises:
        ReviewError: a line before the last is damaged.
    """
    reviews = {}
    for path in _records(dst / REVIEWS_FOLDER):
        data = read_bytes(path)
        reviews[path.stem] = _parse(path, data[: data.rfind(b"\n") + 1])
    return reviews


def _records(folder: Path) -> list[Path]:
    """Files of events, by annotator."""
    if not is_address(folder):
        return sorted(folder.glob("*.jsonl"))
    names = (one.name for one in find_objects(folder))
    return [folder / name for name in names if fnmatch(name, "[!.]*.jsonl") and "/" not in name]


def verdicts(events: Iterable[Event]) -> dict[str, Verdict]:
    """What stands after all of one annotator's events, by the picture's SHA-256."""
    standing: dict[str, list[Event]] = {}
    for event in events:
        stack = standing.setdefault(event.output_sha256, [])
        if event.action != "undo":
            stack.append(event)
        elif stack:
            stack.pop()
    return {sha256: verdict(stack) for sha256, stack in standing.items()}


def verdict(standing: Iterable[Event]) -> Verdict:
    """What one annotator's events on one picture come to; none of them is an ``undo``, or was taken back."""
    result = Verdict()
    for event in standing:
        if event.action in ("accept", "reject"):
            result.decided = event
        else:
            result.flagged = event.action == "flag"
    return result


def _parse(path: Path, data: bytes) -> list[Event]:
    events = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            events.append(Event.model_validate_json(line))
        except ValidationError as error:
            problem = first_problem(error)
            raise ReviewError(f"{path}, line {number} is damaged ({problem}); mend or remove that line") from error
    return events


def _beside(path: Path) -> Path:
    """A file name beside ``path`` that is not taken."""
    number = 1
    while (free := path.with_name(f"{path.name}.torn{number}")).exists():
        number += 1
    return free


ADJUDICATOR = "adjudicator"  # the annotator whose decisions settle disputes


def judgements(reviews: Mapping[str, Iterable[Event]]) -> dict[str, dict[str, Verdict]]:
    """What stands, by the picture's SHA-256 and by annotator; control pictures are left out."""
    result: dict[str, dict[str, Verdict]] = {}
    for annotator, events in reviews.items():
        for sha256, standing in verdicts(event for event in events if not event.control).items():
            result.setdefault(sha256, {})[annotator] = standing
    return result


def by_people(judged: Mapping[str, Verdict]) -> dict[str, Event]:
    """The decisions on one picture that annotators made by looking, by annotator; the adjudicator is none of them."""
    return {
        annotator: given.decided
        for annotator, given in sorted(judged.items())
        if annotator != ADJUDICATOR and given.decided is not None and not given.decided.auto
    }


def in_dispute(decisions: Mapping[str, Event]) -> bool:
    """Whether some accept a picture that others reject."""
    return len({event.action for event in decisions.values()}) == 2
