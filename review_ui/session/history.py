"""`History`: which of one annotator's decisions stand, and what can be undone."""

from collections import defaultdict
from collections.abc import Container

from maskaug.augment.reviews.log import Event, Verdict, verdict


class History:
    """Events on some pictures, kept up to date one by one.

    Events with the same time are one act, such as taking a page of pictures: they are undone together. Acceptance by
    score is not an act, and neither is what happened to pictures that are not shown.
    """

    def __init__(self, shown: Container[str]) -> None:
        """Start without any event.

        Args:
            shown: SHA-256 of the pictures that are shown; it may grow.
        """
        self._shown = shown
        self._standing: dict[str, list[Event]] = defaultdict(list)
        self._acts: list[list[Event]] = []  # oldest first; no event in them was undone

    def note(self, event: Event) -> None:
        """Take in an event."""
        standing = self._standing[event.output_sha256]
        if event.action == "undo":
            if standing:
                self._forget(standing.pop())
            return
        if event.auto:
            # An undo would now take back this event, so the events beneath it cannot be undone.
            for earlier in standing:
                self._forget(earlier)
        elif event.output_sha256 in self._shown:
            if self._acts and self._acts[-1][0].time == event.time:
                self._acts[-1].append(event)
            else:
                self._acts.append([event])
        standing.append(event)

    def verdict(self, sha256: str | None) -> Verdict:
        """The decision that stands on a picture; none if ``sha256`` is None."""
        return verdict(self._standing[sha256]) if sha256 in self._standing else Verdict()

    def latest(self) -> list[Event]:
        """The events of the act that an undo takes back; empty if there is none."""
        return list(self._acts[-1]) if self._acts else []

    def _forget(self, event: Event) -> None:
        for number in range(len(self._acts) - 1, -1, -1):
            kept = [member for member in self._acts[number] if member is not event]
            if len(kept) < len(self._acts[number]):
                self._acts[number : number + 1] = [kept] if kept else []
                return
