"""`Session`: what one annotator has decided, where they are, and what can be undone; without any picture."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.reviews.log import Action, Event, ReviewLog, Verdict
from maskaug.review_ui.session.history import History
from maskaug.review_ui.session.queue import Queue, QueueItem

_RECENT = 100  # number of decisions that the pace is measured over
_ACCEPTED, _REJECTED, _LEFT_OUT = 1, 2, 3
_PAUSE = 60.0  # seconds; whoever takes longer over a picture is having coffee


@dataclass(frozen=True)
class Decision:
    """What is to be recorded of one picture: ``accept``, or ``reject`` with a reason or without."""

    action: Literal["accept", "reject"]
    reason: str | None = None


ACCEPT = Decision("accept")


@dataclass(frozen=True)
class Counts:
    """Where a session stands.

    Attributes:
        total: Pictures in the queue, without those left out.
        accepted, rejected: How many of these.
        per_minute: Recent decisions per minute; None before the second decision.
    """

    total: int
    accepted: int
    rejected: int
    per_minute: float | None

    @property
    def left(self) -> int:
        """Number of pictures that are not decided."""
        return self.total - self.accepted - self.rejected

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at this pace; None while there is no pace."""
        return self.left * 60 / self.per_minute if self.per_minute else None


class Session:
    """One annotator going through a queue. Each decision is on the disk before the method that makes it returns.

    A control has no SHA-256 before it is made: call :meth:`reveal` before it is decided on.

    Attributes:
        position: Place in the queue of the picture that is looked at.
    """

    def __init__(
        self,
        queue: Queue,
        log: ReviewLog,
        controls: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Continue where the log ends.

        Args:
            queue: The pictures to decide on; not empty.
            log: Where decisions are recorded.
            controls: SHA-256 of the controls made earlier, by that of the picture each was made from.
            clock: Returns seconds, to measure how long pictures are looked at.
        """
        if not len(queue):
            raise ValueError("the queue is empty: there is nothing to decide on")
        self.queue = queue
        self._log = log
        self._clock = clock
        known = controls or {}
        self._sha256s: list[str | None] = [
            known.get(sha256) if control else sha256
            for sha256, control in zip(queue.sha256s(), queue.controls.tolist(), strict=True)
        ]
        self._places = {sha256: place for place, sha256 in enumerate(self._sha256s) if sha256 is not None}
        self._history = History(self._places)
        self._outcomes = np.zeros(len(queue), dtype=np.int8)  # 0 undecided
        self.position = 0
        for event in log.events:
            self._history.note(event)
            self._update(event.output_sha256)
            if not event.auto:
                self.position = self._places.get(event.output_sha256, self.position)
        self._paces: deque[float] = deque(maxlen=_RECENT)
        self._decided_at: float | None = None
        self._looked_since = clock()
        if self._outcomes[self.position]:
            self.skip()

    @property
    def picture(self) -> QueueItem:
        """The picture that is looked at, or that the control that is looked at was made from."""
        return self.queue.picture(self.position)

    @property
    def finished(self) -> bool:
        """Whether everything is decided."""
        return bool(self._outcomes.all())

    @property
    def counts(self) -> Counts:
        """Where the session stands."""
        return self.counts_of(np.ones(len(self.queue), dtype=np.bool_))

    def counts_of(self, places: NDArray[np.bool_]) -> Counts:
        """Where some of its places stand.

        Args:
            places: ``(n,) bool`` over the queue; the pace is that of all.
        """
        outcomes, paces = self._outcomes[places], list(self._paces)
        mean = sum(paces) / len(paces) if paces else 0.0
        return Counts(
            total=int((outcomes != _LEFT_OUT).sum()),
            accepted=int((outcomes == _ACCEPTED).sum()),
            rejected=int((outcomes == _REJECTED).sum()),
            per_minute=60 / mean if mean > 0 else None,
        )

    def verdict(self, place: int) -> Verdict:
        """The decision that stands on the picture at a place."""
        return self._history.verdict(self._sha256s[place])

    def reveal(self, place: int, sha256: str) -> None:
        """Give the SHA-256 of the control at a place."""
        if self._sha256s[place] != sha256:
            self._sha256s[place] = sha256
            self._places[sha256] = place
            self._update(sha256)

    def leave_out(self, place: int) -> None:
        """Take a place out of the session, because the control there cannot be made."""
        self._outcomes[place] = _LEFT_OUT
        if place == self.position:
            self.skip()

    def look(self) -> None:
        """The picture is on the screen: from now on it is looked at."""
        self._looked_since = self._clock()

    def decide(self, decision: Decision) -> None:
        """Decide on the picture and go to the next undecided one.

        Raises:
            ReviewError: it could not be recorded, and is not decided.
        """
        self.decide_page({self.position: decision})

    def decide_page(self, decisions: Mapping[int, Decision]) -> None:
        """Decide on several places at once, and go to the undecided picture after the last of them.

        Together they are one act: recorded as a whole, with one time, and undone as a whole.

        Raises:
            ReviewError: they could not be recorded, and are not decided.
        """
        if not decisions:
            return
        now = self._clock()
        looked = round((now - self._looked_since) * 1000 / len(decisions))
        moment = _now()
        self._record(
            *(
                self._event_at(place, decision.action, moment, reason=decision.reason, looked_ms=looked)
                for place, decision in decisions.items()
            )
        )
        if self._decided_at is not None and (pace := (now - self._decided_at) / len(decisions)) < _PAUSE:
            self._paces.extend([pace] * len(decisions))
        self._decided_at = now
        self.position = max(decisions)
        self.skip()

    def flag(self, place: int | None = None) -> None:
        """Set or remove the flag of the picture at a place; of the current picture if none is given.

        Raises:
            ReviewError: it could not be recorded.
        """
        place = self.position if place is None else place
        self._record(self._event_at(place, "unflag" if self.verdict(place).flagged else "flag", _now()))

    def undo(self) -> bool:
        """Take back the latest act and go to its picture, the first of a page; False if there is none.

        Raises:
            ReviewError: it could not be recorded.
        """
        act = self._history.latest()
        if not act:
            return False
        moment = _now()
        self._record(*(_event(event.output_sha256, "undo", moment, control=event.control) for event in act))
        self.go(min(self._places[event.output_sha256] for event in act))
        return True

    def skip(self) -> None:
        """Go to the next undecided picture, after the last to the first one; stay if there is no other."""
        open_ = self.undecided(2)
        others = [place for place in open_ if place != self.position]
        if others:
            self.go(others[0])

    def back(self) -> None:
        """Go to the previous picture, decided or not."""
        self.go(max(self.position - 1, 0))

    def forward(self) -> None:
        """Go to the next picture, decided or not."""
        self.go(min(self.position + 1, len(self.queue) - 1))

    def go(self, place: int) -> None:
        """Go to a place."""
        self.position = place
        self.look()

    def undecided(self, count: int) -> list[int]:
        """Up to ``count`` undecided places, from the current one to the end, and then from the beginning."""
        found: list[int] = []
        for part, start in ((self._outcomes[self.position :], self.position), (self._outcomes[: self.position], 0)):
            if len(found) < count:
                # Decided places come in long runs: most often the first few are what is wanted.
                found += (np.flatnonzero(part == 0)[: count - len(found)] + start).tolist()
        return found

    def _record(self, *events: Event) -> None:
        self._log.append(*events)
        for event in events:
            self._history.note(event)
            self._update(event.output_sha256)

    def _update(self, sha256: str) -> None:
        place = self._places.get(sha256)
        if place is not None:
            decided = self._history.verdict(sha256).decided
            self._outcomes[place] = 0 if decided is None else _ACCEPTED if decided.action == "accept" else _REJECTED

    def _event_at(
        self, place: int, action: Action, moment: datetime, reason: str | None = None, looked_ms: int = 0
    ) -> Event:
        sha256 = self._sha256s[place]
        if sha256 is None:
            raise ValueError(f"the control at place {place} was not revealed")
        control = bool(self.queue.controls[place])
        return _event(sha256, action, moment, reason=reason, looked_ms=looked_ms, control=control)


def accept_by_score(queue: Queue, log: ReviewLog) -> None:
    """Record that the pictures a queue leaves out for their score are accepted.

    Raises:
        ReviewError: it could not be recorded.
    """
    moment = _now()
    log.append(*(_event(sha256, "accept", moment, auto=True) for sha256 in queue.by_score))


def _event(
    sha256: str,
    action: Action,
    moment: datetime,
    *,
    reason: str | None = None,
    looked_ms: int = 0,
    auto: bool = False,
    control: bool = False,
) -> Event:
    return Event(
        output_sha256=sha256,
        action=action,
        reason=reason,
        auto=auto,
        control=control,
        time=moment,
        looked_ms=looked_ms,
    )


def _now() -> datetime:
    return datetime.now(timezone.utc)
