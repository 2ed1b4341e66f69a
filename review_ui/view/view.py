"""What there is to draw, whoever draws it."""

from dataclasses import dataclass

from maskaug.augment.reviews.log import Verdict
from maskaug.review_ui.session.queue import QueueItem
from maskaug.review_ui.session.session import Counts, Decision
from maskaug.review_ui.view.actions import Mode, Tone
from maskaug.review_ui.view.display import DisplayItem

GRID_SIDE = 5  # cells in a row, and rows


@dataclass(frozen=True)
class Cell:
    """One picture as it is to be drawn now.

    Attributes:
        place: Its place in the queue.
        picture: What the manifest says of it.
        display: What there is to see, or None while it is read.
        verdict: What was decided before.
        mark: What taking the page would record; only in a grid.
    """

    place: int
    picture: QueueItem
    display: DisplayItem | None
    verdict: Verdict
    mark: Decision | None = None


@dataclass(frozen=True)
class View:
    """All that a front end draws.

    Attributes:
        mode: One large picture, a grid of small ones, or the end, when everything is decided.
        cells: The picture, or those of the grid.
        cursor: Number of the cell that keys act on.
        switches: Names of the switches that are on.
        hints: The actions that one needs most, by name, with what is said of them.
        help: Whether the keys are explained.
        counts: Where the session stands.
        place: Number of the picture that keys act on, from 1.
        message: What was just done.
        tone: Of the message.
        others: What the annotators of a disputed picture said.
        scene: Number of what is looked at, see `Controller.scene`.
    """

    mode: Mode
    cells: list[Cell]
    cursor: int
    switches: frozenset[str]
    hints: list[tuple[str, str]]
    help: bool
    counts: Counts
    place: int
    message: str
    tone: Tone
    others: str
    scene: int

    @property
    def whole(self) -> bool:
        """Whether none of the pictures is still being read."""
        return all(cell.display is not None for cell in self.cells)
