"""`Controller`: what a key does; window and web page only show its view, and pass keys on to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from maskaug.review_ui.session.session import ACCEPT, Decision, Session
from maskaug.review_ui.view.actions import ACTIONS, ActionSpec, Mode, Tone, hints_for
from maskaug.review_ui.view.display import DisplayItem
from maskaug.review_ui.view.picture_cache import PictureCache
from maskaug.review_ui.view.view import GRID_SIDE, Cell, View
from maskaug.review_ui.view.words import decision_text

_PAGE = GRID_SIDE * GRID_SIDE
_AHEAD = 5  # pictures made ready in the large view
_BACK_FROM_END = {"left", "right", "grid"}


@dataclass
class _Page:
    places: list[int]
    cursor: int = 0


class Controller:
    """A session, how it is looked at, and the pictures.

    Attributes:
        session: Where decisions are recorded.
        picture_cache: The pictures.
        closed: Whether the annotator wants to stop.
    """

    def __init__(self, session: Session, picture_cache: PictureCache) -> None:
        self.session = session
        self.picture_cache = picture_cache
        self._switches: frozenset[str] = frozenset()  # those that are on
        self._help = False
        self._end = session.finished
        self._page: _Page | None = None
        self._left: list[int] = []  # places of the page that was left without being taken
        self._marks: dict[int, Decision] = {}  # what taking a page would record of these places; they outlive the page
        self._message = ""
        self._tone: Tone = "plain"
        self._seen: object = None
        self._scene: tuple[int, object] = (0, None)
        self.closed = False
        self._always: Mapping[str, Callable[[], None]] = {
            "quit": self._quit,
            "leave": self._leave,
            "help": self._open_help,
            "undo": self._undo,
        }
        self._single: Mapping[str, Callable[[], None]] = {
            "left": self._back,
            "right": self._forward,
            "skip": self._skip,
            "flag": self._flag,
            "grid": self._open_grid,
        }
        self._grid: Mapping[str, Callable[[_Page], None]] = {
            "left": lambda page: self._move(page, -1),
            "right": lambda page: self._move(page, 1),
            "up": lambda page: self._move(page, -GRID_SIDE),
            "down": lambda page: self._move(page, GRID_SIDE),
            "skip": self._skip_page,
            "flag": self._flag_cell,
            "accept": self._unmark,
            "take": self._take,
            "grid": self._close_grid,
        }
        self._want()

    @property
    def scene(self) -> int:
        """Number of what is looked at: a picture, a page, the help, or the end. What comes next has the next one."""
        number, before = self._scene
        now = (self._help, *self._looked_at())
        if now != before:
            self._scene = (number + 1, now)
        return self._scene[0]

    def do(self, name: str, shown: int | None) -> bool:
        """Do what a key stands for. A decision is recorded of what was on the screen when its key was pressed, or not.

        Args:
            name: Of the action.
            shown: The scene that was on the screen as a whole; None: none was.

        Returns:
            Whether it was done.

        Raises:
            ReviewError: it could not be recorded.
        """
        action = ACTIONS[name]
        self._message, self._tone = "", "plain"
        if action.kind == "decision" and not self._help and shown != self.scene:
            self._say("not recorded: pressed before this was on the screen", "bad")
            return False
        self._perform(action)
        self._want()
        return True

    def click(self, number: int, shown: int | None) -> bool:
        """Mark a cell of the grid, or remove its mark; see :meth:`do`."""
        if self._page is None or self._help or number >= len(self._page.places):
            return True  # where there is nothing to mark
        if shown == self.scene:
            self._page.cursor = number
        return self.do("reject", shown)

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
                self._marks.get(place) if page else None,
            )
            for place in places
        ]
        disputed = session.queue.disputes.get(cells[0].picture.sha256, {}) if cells and page is None else {}
        words = [event.reason or event.action for event in disputed.values()]
        mode: Mode = "end" if self._end else "single" if page is None else "grid"
        marked = sum(cell.mark is not None for cell in cells)
        return View(
            mode=mode,
            cells=cells,
            cursor=page.cursor if page else 0,
            switches=self._switches,
            hints=hints_for(mode, len(cells) - marked, marked),
            help=self._help,
            counts=session.counts,
            place=places[page.cursor if page else 0] + 1 if places else session.counts.total,
            message=self._message,
            tone=self._tone,
            others=", ".join(words),
            scene=self.scene,
        )

    def drawn(self, scene: int) -> None:
        """A scene is on the screen as a whole: from now on it is looked at."""
        seen = self._looked_at()
        if scene == self.scene and seen != self._seen:
            self._seen = seen
            self.session.look()

    def coming(self) -> list[int]:
        """Places that are probably looked at next."""
        return self.session.undecided(_AHEAD if self._page is None else 2 * _PAGE)

    def _perform(self, action: ActionSpec) -> None:
        if self._help:  # nobody decides on what is covered
            self._help = False
        elif action.name in self._always:
            self._always[action.name]()
        elif self._end:
            self._end = action.name not in _BACK_FROM_END
        elif action.kind == "switch":
            self._switches ^= {action.name}
        elif self._page is not None:
            self._perform_in_grid(self._page, action)
        else:
            self._perform_in_single(action)

    def _perform_in_single(self, action: ActionSpec) -> None:
        if action.name in self._single:
            self._single[action.name]()
        elif action.decision is not None:
            self._decide(action.decision, action.tone)

    def _perform_in_grid(self, page: _Page, action: ActionSpec) -> None:
        if action.name in self._grid:
            self._grid[action.name](page)
        elif action.decision is not None:
            self._mark(page, action.decision)

    def _quit(self) -> None:
        self.closed = True

    def _leave(self) -> None:
        if self._page is None:
            self._quit()
        else:
            self._close_grid(self._page)

    def _open_help(self) -> None:
        self._help = True

    def _undo(self) -> None:
        if not self.session.undo():
            self._say("there is nothing to undo")
            return
        self._say("undone")
        self._end = False
        self._show_masked()
        if self._page is not None:
            self._open_page()

    def _back(self) -> None:
        self.session.back()
        self._show_masked()

    def _forward(self) -> None:
        self._end = self.session.finished and self.session.position == len(self.session.queue) - 1
        self.session.forward()
        self._show_masked()

    def _skip(self) -> None:
        self.session.skip()
        self._end = self.session.finished
        self._show_masked()

    def _flag(self) -> None:
        self.session.flag()
        self._say("flagged" if self.session.verdict(self.session.position).flagged else "flag removed")

    def _decide(self, decision: Decision, tone: Tone) -> None:
        display = self.picture_cache.get(self.session.position, large=True)
        if decision == ACCEPT and (display is None or display.problem):
            self._say("a picture that cannot be shown cannot be accepted: skip it, or reject it", "bad")
            return
        self._marks.pop(self.session.position, None)
        self.session.decide(decision)
        self._say(decision_text(decision), tone)
        self._end = self.session.finished
        self._show_masked()

    def _open_grid(self) -> None:
        if self.session.finished:
            self._say("everything is decided; undo, or change single pictures")
            return
        position = self.session.position
        if position in self._left:  # the same page again, without what was decided meanwhile
            self.session.go(self._left[0])
        self._open_page()
        if self._page is not None and position in self._page.places:
            self._page.cursor = self._page.places.index(position)

    def _close_grid(self, page: _Page) -> None:
        self.session.go(page.places[page.cursor])
        self._page, self._left = None, page.places

    def _move(self, page: _Page, step: int) -> None:
        if 0 <= page.cursor + step < len(page.places):
            page.cursor += step

    def _skip_page(self, page: _Page) -> None:
        self.session.go(page.places[-1])
        self.session.skip()
        self._open_page()

    def _flag_cell(self, page: _Page) -> None:
        self.session.flag(page.places[page.cursor])

    def _unmark(self, page: _Page) -> None:
        self._marks.pop(page.places[page.cursor], None)

    def _mark(self, page: _Page, decision: Decision) -> None:
        """Mark the cell; the same reason again, or a rejection without one, removes the mark."""
        place = page.places[page.cursor]
        if self._marks.get(place) == decision or (decision.reason is None and place in self._marks):
            del self._marks[place]
        else:
            self._marks[place] = decision

    def _take(self, page: _Page) -> None:
        broken = {
            place
            for place in page.places
            if place not in self._marks and ((display := self._get(place)) is None or display.problem)
        }
        decisions = {place: self._marks.get(place, ACCEPT) for place in page.places if place not in broken}
        self.session.decide_page(decisions)
        for place in decisions:
            self._marks.pop(place, None)
        accepted = sum(decision == ACCEPT for decision in decisions.values())
        words = f"{accepted} accepted, {len(decisions) - accepted} rejected"
        self._say(f"{words}, {len(broken)} that cannot be shown left undecided" if broken else words, "good")
        self._end = self.session.finished
        self._open_page()

    def _open_page(self) -> None:
        places = self.session.undecided(_PAGE)
        self._page = _Page(places) if places else None
        self._show_masked()

    def _show_masked(self) -> None:
        """Another picture is shown masked, whatever was shown of the last one."""
        self._switches -= {"before"}

    def _say(self, message: str, tone: Tone = "plain") -> None:
        self._message, self._tone = message, tone

    def _get(self, place: int, wait: float = 0.0) -> DisplayItem | None:
        return self.picture_cache.get(place, large=self._page is None, wait=wait)

    def _looked_at(self) -> tuple[bool, object]:
        return self._end, self._page.places if self._page else self.session.position

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
            display = self._get(place, wait)
            if display is None or not self.session.queue.controls[place]:
                continue
            if display.sha256:
                self.session.reveal(place, display.sha256)
                continue
            self.session.leave_out(place)
            self._end = self.session.finished
            if self._page is not None:
                self._open_page()
            self._want()
            return
