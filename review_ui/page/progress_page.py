"""`ProgressPage`: how far several annotators are, and how far they agree, for whoever organises the review."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import isnan
from threading import Lock
from typing import TYPE_CHECKING

from maskaug.augment.reviews.log import Event, ReviewLog
from maskaug.core.text import counted
from maskaug.review_ui.page.base import Answer, Page, as_json
from maskaug.review_ui.page.review_page import ReviewPage
from maskaug.review_ui.session.session import Session
from maskaug.review_ui.view.words import time_left_text

if TYPE_CHECKING:
    from maskaug.augment.reviews.agreement import PairAgreement

Compare = Callable[[Mapping[str, Sequence[Event]]], "Sequence[PairAgreement]"]

_SECONDS = 2  # between two looks of the page
_REST = 20  # times as long as a comparison took, before the next one: it would take its time from the annotators


@dataclass(frozen=True)
class Seat:
    """One annotator of several.

    Attributes:
        name: Who decides.
        log: What they have decided.
        session: Their session; None if nothing is left to decide on.
        page: Where they decide; None likewise.
    """

    name: str
    log: ReviewLog
    session: Session | None
    page: ReviewPage | None


class ProgressPage(Page):
    """Shows what all annotators have done; decides on nothing."""

    path = "progress"

    def __init__(self, seats: Sequence[Seat], title: str, compare: Compare | None) -> None:
        """Offer the progress.

        Args:
            seats: The annotators.
            title: Of the page.
            compare: Tells how far annotators agree, of their events by name; None: what it needs is not installed.
        """
        super().__init__("progress", "progress.html", {"title": title, "seconds": _SECONDS})
        self._seats = seats
        self._compare = compare
        self._lock = Lock()
        self._compared: tuple[tuple[int, ...], list[dict[str, str]]] = ((), [])
        self._not_before = 0.0

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """See :meth:`Page.answer`."""
        if method == "GET" and path == "figures":
            return as_json(HTTPStatus.OK, self.figures())
        return super().answer(method, path, body)

    def figures(self) -> dict[str, object]:
        """Where all stand, in words as the page shows them, and in numbers for its bars."""
        people = [_standing(seat) for seat in self._seats]
        pairs = self._pairs()
        if self._compare is None:
            note = "Agreement needs more packages: pip install 'maskaug[curate]'"
        elif not pairs:
            note = "No two annotators have decided on the same picture yet; --overlap says how many they share."
        else:
            note = "Controls do not count, nor what was accepted by its score. Alike: accepted by both, or rejected."
        return {"annotators": people, "pairs": pairs, "note": note}

    def _pairs(self) -> list[dict[str, str]]:
        """How far each two agree who share pictures; worked out anew only when something was decided, and not often."""
        if self._compare is None:
            return []
        with self._lock:
            events = {seat.name: list(seat.log.events) for seat in self._seats}
            state = tuple(map(len, events.values()))
            started = time.monotonic()
            if state != self._compared[0] and started >= self._not_before:
                found = [_pair(pair) for pair in self._compare(events) if pair.pictures]
                self._compared = (state, found)
                self._not_before = time.monotonic() + _REST * (time.monotonic() - started)
            return self._compared[1]


def _standing(seat: Seat) -> dict[str, object]:
    """One annotator's figures; controls are told of by themselves."""
    if seat.session is None:
        return {
            "name": seat.name,
            "accepted": 0,
            "rejected": 0,
            "total": 0,
            "facts": [["state", "nothing to decide on"]],
        }
    controls = seat.session.queue.controls
    counts, attention = seat.session.counts_of(~controls), seat.session.counts_of(controls)
    made = counts.accepted + counts.rejected
    state = "finished" if not counts.left else "has quit" if seat.page and seat.page.is_over else "at work"
    rate = None if state == "has quit" else counts.per_minute
    left = f"{counted(counts.left, 'picture')}{f', about {time_left_text(counts)}' if rate and counts.left else ''}"
    facts = [
        ("state", state),
        ("decided", f"{made} of {counted(counts.total, 'picture')}"),
        ("left", left),
        ("rate", f"{rate:.0f} a minute" if rate else "-"),
        ("rejected", f"{counts.rejected} ({counts.rejected / made:.0%})" if made else "-"),
    ]
    if attention.total:
        shown = attention.accepted + attention.rejected
        facts.append(("controls", f"{shown} of {attention.total} decided, {attention.rejected} rejected"))
    return {
        "name": seat.name,
        "accepted": counts.accepted,
        "rejected": counts.rejected,
        "total": counts.total,
        "facts": facts,
    }


def _pair(pair: "PairAgreement") -> dict[str, str]:
    return {
        "names": f"{pair.first} and {pair.second}",
        "pictures": str(pair.pictures),
        "alike": f"{pair.alike:.0%}",
        "kappa": "undefined" if isnan(pair.kappa) else f"{pair.kappa:.2f}",
    }
