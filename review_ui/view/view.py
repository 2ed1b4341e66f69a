"""What there is to draw, whoever draws it."""

from dataclasses import dataclass
from typing import Literal

from maskaug.augment.reviews.log import Verdict
from maskaug.review_ui.session.queue import QueueItem
from maskaug.review_ui.session.session import Counts, Decision
from maskaug.review_ui.view.display import DisplayItem

GRID_SIDE = 5

Mode = Literal["single", "grid", "end"]
Tone = Literal["plain", "good", "bad"]


@dataclass(frozen=True)
class ViewOptions:
    """How pictures are looked at.

    Attributes:
        before: Without the mask.
        side: Both side by side.
        lines: With outline and landmarks.
        zoom: Close up.
    """

    before: bool = False
    side: bool = False
    lines: bool = False
    zoom: bool = False


@dataclass(frozen=True)
class Cell:
    """One picture as it is to be drawn now.

    Attributes:
        place: In the queue.
        picture: What the manifest says of it.
        shown: What there is to see, or None while it is read.
        verdict: What was decided before.
        mark: What taking the page would record; only in a grid.
    """

    place: int
    picture: QueueItem
    shown: DisplayItem | None
    verdict: Verdict
    mark: Decision | None = None


@dataclass(frozen=True)
class View:
    """All that a front end draws.

    Attributes:
        mode: Large, a page of small ones, or the end, when all is decided.
        cells: The picture, or those of the page.
        cursor: Number of the cell that keys are about.
        look: How to show them.
        help: Whether the keys are explained.
        counts: Where the session stands.
        place: Of the picture looked at, from 1.
        message: What was just done.
        tone: Of the message.
        others: What the annotators of a disputed picture said.
    """

    mode: Mode
    cells: list[Cell]
    cursor: int
    look: ViewOptions
    help: bool
    counts: Counts
    place: int
    message: str
    tone: Tone
    others: str


def decision_text(decision: Decision) -> str:
    """A decision in words."""
    if decision.action == "accept":
        return "accepted"
    return f"rejected: {readable(decision.reason)}" if decision.reason else "rejected"


def readable(name: str) -> str:
    """A name such as ``wrong_size`` as it is read."""
    return name.replace("_", " ")


# What lowers a score, by the engine's names.
SCORE_WORDS = {
    "landmarks_unstable": "two estimates of the landmarks disagree",
    "mouth_hidden": "no mouth is seen where it should be",
    "nose_hidden": "no nostrils are seen",
    "something_before_face": "something is before the face",
    "too_dark": "the face is dark",
    "too_small": "the face is small",
    "out_of_frame": "much of the mask lies outside the picture",
    "extreme_pose": "the head is turned far",
    "low_coverage": "the mask leaves free what it should cover",
}


def pace_text(counts: Counts) -> str:
    """How quickly it goes, and how long it takes: ``70 a minute, 12 min left``; nothing before that is known."""
    if not counts.per_minute or counts.seconds_left is None:
        return ""
    return f"{counts.per_minute:.0f} a minute, {_duration(counts.seconds_left)} left"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
