"""`Controller`: what a key does; window and web page only show what it holds, and hand keys on."""

from dataclasses import dataclass, field, replace

from maskaug.review_ui.session.session import ACCEPT, Decision, Session
from maskaug.review_ui.view.display import DisplayItem
from maskaug.review_ui.view.keys import REASONS
from maskaug.review_ui.view.picture_cache import PictureCache
from maskaug.review_ui.view.view import GRID_SIDE, Cell, Tone, View, ViewOptions, decision_text

_PAGE = GRID_SIDE * GRID_SIDE
_AHEAD = 5  # pictures made ready in the large view
DECISIONS = {"accept", "reject", "take", *REASONS}
_STEPS = {"left": -1, "right": 1, "up": -GRID_SIDE, "down": GRID_SIDE}
_SWITCHES = ("before", "side", "lines", "zoom")


@dataclass
class _Page:
    places: list[int]
    cursor: int = 0
    marks: dict[int, Decision] = field(default_factory=dict)


class Controller:
    """A session, how it is looked at, and the pictures.

    Attributes:
        session: What is decided.
        shelf: The pictures.
        version: Grows whenever there may be something new to draw.
        closed: Whether the annotator wants to stop.
    """

    def __init__(self, session: Session, picture_cache: PictureCache) -> None:
        self.session = session
        self.picture_cache = picture_cache
        self._look = ViewOptions()
        self._help = False
        self._end = session.finished
        self._page: _Page | None = None
        self._message = ""
        self._tone: Tone = "plain"
        self._seen: object = None
        self.version = 0
        self.closed = False
        self._want()

    def may(self, action: str) -> bool:
        """Whether an action can be done now: what is not on the screen yet is not decided on."""
        return action not in DECISIONS or self._help or self._end or self._ready()

    def do(self, action: str) -> None:
        """Do what a key stands for.

        Raises:
            ReviewError: it could not be recorded.
        """
        self.version += 1
        self._message, self._tone = "", "plain"
        if self._help:  # nobody decides on what is covered
            self._help = False
        elif action == "quit":
            self.closed = True
        elif action == "help":
            self._help = True
        elif action == "undo":
            self._undo()
        elif self._end:
            self._end = action not in ("left", "right", "grid")
        elif action in _SWITCHES:
            self._look = replace(self._look, **{action: not getattr(self._look, action)})
        elif action == "grid":
            self._turn()
        elif self._page is not None:
            self._do_in_grid(self._page, action)
        else:
            self._do_in_single(action)
        self._want()

    def click(self, number: int) -> None:
        """Mark a cell of the grid, or remove its mark."""
        if self._page is not None and not self._help and number < len(self._page.places):
            self._page.cursor = number
            self.do("reject")

    def view(self, wait: float = 0.0) -> View:
        """What there is to draw.

        Args:
            wait: Seconds to wait for a picture that is not ready.
        """
        self._gather(wait)
        session, page = self.session, self._page
        places = [] if self._end else [session.position] if page is None else page.places
        cells = [
            Cell(
                place,
                session.queue.picture(place),
                self._get(place),
                session.verdict(place),
                page.marks.get(place) if page else None,
            )
            for place in places
        ]
        disputed = session.queue.disputes.get(cells[0].picture.sha256, {}) if cells and page is None else {}
        words = [event.reason or event.action for event in disputed.values()]
        return View(
            mode="end" if self._end else "single" if page is None else "grid",
            cells=cells,
            cursor=page.cursor if page else 0,
            look=self._look,
            help=self._help,
            counts=session.counts,
            place=places[page.cursor if page else 0] + 1 if places else session.counts.total,
            message=self._message,
            tone=self._tone,
            others=", ".join(words),
        )

    def drawn(self) -> None:
        """What :meth:`scene` gave is on the screen: from now on it is looked at."""
        seen = (self._end, self._page.places if self._page else self.session.position)
        if seen != self._seen and self._ready():
            self._seen = seen
            self.session.look()

    def coming(self) -> list[int]:
        """Places that are probably looked at next."""
        return self.session.undecided(_AHEAD if self._page is None else 2 * _PAGE)

    def _do_in_single(self, action: str) -> None:
        session = self.session
        if action in ("left", "right"):
            self._end = action == "right" and session.finished and session.position == len(session.queue) - 1
            session.back() if action == "left" else session.forward()
        elif action == "skip":
            session.skip()
            self._end = session.finished
        elif action == "flag":
            session.flag()
            self._say("flagged" if session.verdict(session.position).flagged else "flag removed")
        elif action in DECISIONS and action != "take":
            shown = self.picture_cache.get(session.position, large=True)
            if action == "accept" and (shown is None or shown.problem):
                self._say("what cannot be shown cannot be accepted: skip it, or reject it", "bad")
                return
            decision = _decision(action)
            session.decide(decision)
            self._say(decision_text(decision), "good" if decision is ACCEPT else "bad")
            self._end = session.finished
        else:
            return
        if action != "flag":
            self._look = replace(self._look, before=False)

    def _do_in_grid(self, page: _Page, action: str) -> None:
        place = page.places[page.cursor]
        if action in _STEPS:
            step = page.cursor + _STEPS[action]
            page.cursor = step if 0 <= step < len(page.places) else page.cursor
        elif action == "flag":
            self.session.flag(place)
        elif action == "take":
            self._take(page)
        elif action == "skip":
            self.session.go(page.places[-1])
            self.session.skip()
            self._open_page()
        elif action == "accept":
            page.marks.pop(place, None)
        elif action in DECISIONS:
            decision = _decision(action)
            if page.marks.get(place) == decision or (action == "reject" and place in page.marks):
                del page.marks[place]
            else:
                page.marks[place] = decision

    def _take(self, page: _Page) -> None:
        broken = {
            place
            for place in page.places
            if place not in page.marks and ((shown := self._get(place)) is None or shown.problem)
        }
        decisions = {place: page.marks.get(place, ACCEPT) for place in page.places if place not in broken}
        self.session.decide_page(decisions)
        accepted = sum(decision is ACCEPT for decision in decisions.values())
        words = f"{accepted} accepted, {len(decisions) - accepted} rejected"
        self._say(f"{words}, {len(broken)} that cannot be shown left undecided" if broken else words, "good")
        self._end = self.session.finished
        self._open_page()

    def _undo(self) -> None:
        if not self.session.undo():
            self._say("there is nothing to undo")
            return
        self._say("undone")
        self._end = False
        self._look = replace(self._look, before=False)
        if self._page is not None:
            self._open_page()

    def _turn(self) -> None:
        if self._page is not None:
            self.session.go(self._page.places[self._page.cursor])
            self._page = None
        elif self.session.finished:
            self._say("all is decided; undo, or change single pictures")
        else:
            self._open_page()

    def _open_page(self) -> None:
        places = self.session.undecided(_PAGE)
        self._page = _Page(places) if places else None
        self._look = replace(self._look, before=False)

    def _say(self, message: str, tone: Tone = "plain") -> None:
        self._message, self._tone = message, tone

    def _get(self, place: int, wait: float = 0.0) -> DisplayItem | None:
        return self.picture_cache.get(place, large=self._page is None, wait=wait)

    def _ready(self) -> bool:
        places = [self.session.position] if self._page is None else self._page.places
        return all(self._get(place) is not None for place in places)

    def _want(self) -> None:
        """Have ready what is looked at, and what probably comes next."""
        session = self.session
        if self._page is not None:
            self.picture_cache.want([*self._page.places, *self.coming()], large=False)
            return
        place = session.position
        others = [place - 1, place + 1, place - 2]
        near = [other for other in others if 0 <= other < len(session.queue)]
        self.picture_cache.want([place, *self.coming(), *near], large=True)

    def _gather(self, wait: float) -> None:
        """Reveal controls as they are made; do without those that cannot be."""
        for place in [self.session.position] if self._page is None else list(self._page.places):
            shown = self._get(place, wait)
            if shown is None or not self.session.queue.controls[place]:
                continue
            if shown.sha256:
                self.session.reveal(place, shown.sha256)
                continue
            self.session.leave_out(place)
            self._end = self.session.finished
            if self._page is not None:
                self._open_page()
            self._want()
            return


def _decision(action: str) -> Decision:
    if action == "accept":
        return ACCEPT
    return Decision("reject", action if action in REASONS else None)
