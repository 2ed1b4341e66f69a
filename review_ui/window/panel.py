"""What frames say in words: facts beside the picture, the status line, the keys, and the end."""

from collections.abc import Mapping

import numpy as np

from maskaug.review_ui.view.keys import REASONS
from maskaug.review_ui.view.view import SCORE_WORDS, Cell, View, pace_text, readable
from maskaug.review_ui.window.style import (
    ACCEPTED,
    FLAGGED,
    LINE,
    MUTED,
    PANEL,
    REJECTED,
    TEXT,
    Rect,
    Sizes,
    chip,
    dim,
    fill,
    frame_around,
)
from maskaug.review_ui.window.text import Color, Frame, line_height, put_text, shortened, width_of, wrapped

Keys = Mapping[str, str]

_TONES: dict[str, Color] = {"plain": TEXT, "good": ACCEPTED, "bad": REJECTED}
_HELP = (
    ("accept", "accept"),
    ("reject", "reject"),
    ("skip", "skip; it comes again"),
    ("undo", "undo, any number of times"),
    ("left", "the picture before"),
    ("right", "the picture after"),
    ("flag", "flag for a second look"),
    ("before", "before and after"),
    ("side", "side by side"),
    ("lines", "outline and landmarks"),
    ("zoom", "close up"),
    ("grid", "page of 25: arrows move, reject or mouse marks"),
    ("take", "take the page: what is not marked is accepted"),
    ("quit", "save and quit"),
)


class _Column:
    """Lines written below each other."""

    def __init__(self, frame: Frame, box: Rect, sizes: Sizes) -> None:
        self._frame, self._box, self._sizes = frame, box, sizes
        self.top = float(box.top)

    def line(self, text: str, color: Color = TEXT, size: int = 0) -> None:
        size = size or self._sizes.normal
        put_text(self._frame, shortened(text, size, self._box.width), (self._box.left, self.top), size, color)
        self.top += line_height(size)

    def lines(self, text: str, color: Color = TEXT) -> None:
        for line in wrapped(text, self._sizes.normal, self._box.width):
            self.line(line, color)

    def keys(self, pairs: list[tuple[str, str]]) -> None:
        """Keys, each in a frame of its own, and what they do."""
        size, left = self._sizes.small, self._box.left
        widest = max((width_of(key, size) for key, _ in pairs), default=0) + size // 2
        for key, text in pairs:
            width = max(width_of(key, size) + size // 2, round(1.5 * size))
            fill(self._frame, Rect(left, round(self.top) + 2, width, round(1.25 * size)), LINE)
            put_text(self._frame, key, (left + (width - width_of(key, size)) // 2, self.top), size, TEXT)
            put_text(self._frame, text, (left + max(widest, round(1.5 * size)) + size, self.top), size, MUTED)
            self.top += self.step

    @property
    def step(self) -> int:
        """Distance of two keys."""
        return round(1.6 * self._sizes.small)

    def space(self, share: float = 0.6) -> None:
        self.top += share * self._sizes.normal


def draw_panel(frame: Frame, box: Rect, view: View, sizes: Sizes, keys: Keys) -> None:
    """Facts of the picture that keys are about, and the keys that one needs most."""
    fill(frame, box, PANEL)
    cell = view.cells[view.cursor]
    column = _Column(frame, box.inside(sizes.gap), sizes)
    folder, _, name = cell.picture.output.rpartition("/")
    column.line(folder, MUTED, sizes.small)
    column.line(name)
    column.space()
    _draw_verdict(frame, (box.left + sizes.gap, round(column.top)), cell, sizes)
    column.space(2.4)
    column.line(f"score {cell.picture.quality:.2f}")
    bar = Rect(box.left + sizes.gap, round(column.top), box.width - 2 * sizes.gap, max(4, sizes.small // 3))
    _draw_score(frame, bar, cell.picture.quality)
    column.space(0.9)
    shown = cell.shown
    if shown is not None and view.mode == "single":
        for reason in shown.reasons:
            column.lines(SCORE_WORDS.get(reason, readable(reason)), FLAGGED)
        if not shown.reasons and not shown.problem:
            column.line("nothing speaks against it", MUTED)
        column.space()
        column.line(f"{cell.picture.kind}, {shown.template}" if shown.template else cell.picture.kind, MUTED)
        if shown.pose != (0.0, 0.0, 0.0):
            yaw, pitch, roll = shown.pose
            column.line(f"yaw {yaw:.0f}, pitch {pitch:.0f}, roll {roll:.0f}", MUTED)
    else:
        column.line(cell.picture.kind, MUTED)
    if view.others:
        column.space()
        column.line("The annotators say", MUTED, sizes.small)
        column.lines(readable(view.others))
    pairs = _useful(view, keys)
    room = max(int((box.bottom - sizes.gap - column.top - sizes.normal) // column.step), 0)
    column.top = box.bottom - sizes.gap - min(len(pairs), room) * column.step
    column.keys(pairs[:room])


def _draw_verdict(frame: Frame, place: tuple[int, int], cell: Cell, sizes: Sizes) -> None:
    left, top = place
    decided = cell.verdict.decided
    if decided is None:
        left += chip(frame, "not decided", (left, top), sizes.small, LINE) + sizes.gap // 2
    elif decided.action == "accept":
        word = "accepted by score" if decided.auto else "accepted"
        left += chip(frame, word, (left, top), sizes.small, ACCEPTED) + sizes.gap // 2
    else:
        word = f"rejected: {readable(decided.reason)}" if decided.reason else "rejected"
        left += chip(frame, word, (left, top), sizes.small, REJECTED) + sizes.gap // 2
    if cell.verdict.flagged:
        chip(frame, "flagged", (left, top), sizes.small, FLAGGED)


def _draw_score(frame: Frame, bar: Rect, quality: float) -> None:
    fill(frame, bar, LINE)
    share = float(np.clip(quality, 0, 1))
    color = tuple(round(low + (high - low) * share) for low, high in zip(REJECTED, ACCEPTED, strict=True))
    fill(frame, Rect(bar.left, bar.top, round(bar.width * share), bar.height), (color[0], color[1], color[2]))


def _useful(view: View, keys: Keys) -> list[tuple[str, str]]:
    """The keys that one needs most, and what they do."""
    pairs = [("accept", "accept"), ("reject", "reject")]
    if view.mode == "grid":
        marked = sum(cell.mark is not None for cell in view.cells)
        pairs = [("take", f"accept {len(view.cells) - marked}, reject {marked}"), ("reject", "mark, or unmark")]
    pairs += [(reason, readable(reason)) for reason in REASONS]
    return [(keys[action], text) for action, text in pairs if action in keys]


def draw_status(frame: Frame, box: Rect, view: View, sizes: Sizes, keys: Keys) -> None:
    """Where one stands: a bar of what is accepted and rejected, counts, what was just done, pace and time left."""
    counts = view.counts
    fill(frame, box, PANEL)
    total = max(counts.total, 1)
    accepted, rejected = (round(box.width * done / total) for done in (counts.accepted, counts.rejected))
    fill(frame, Rect(box.left, box.top, box.width, 4), LINE)
    fill(frame, Rect(box.left, box.top, accepted, 4), ACCEPTED)
    fill(frame, Rect(accepted, box.top, rejected, 4), REJECTED)
    top = box.top + 4 + (box.height - 4 - line_height(sizes.normal)) / 2
    left = box.left + sizes.gap
    place = "" if view.mode == "end" else f"{view.place} of {total}"
    for text, color in (
        (place, TEXT),
        (f"{counts.accepted} accepted", ACCEPTED),
        (f"{counts.rejected} rejected", REJECTED),
        (f"{counts.left} left", MUTED),
        (view.message, _TONES[view.tone]),
    ):
        if text:
            left += put_text(frame, text, (left, top), sizes.normal, color) + 2 * sizes.gap
    help_ = f"{keys['help']} help" if "help" in keys else ""
    right = box.right - sizes.gap
    for text, color in ((help_, MUTED), (pace_text(counts), TEXT)):
        if text and left < right - width_of(text, sizes.normal):
            right -= put_text(frame, text, (right, top), sizes.normal, color, right=True) + 2 * sizes.gap


def draw_end(frame: Frame, box: Rect, view: View, sizes: Sizes, keys: Keys) -> None:
    """All is decided."""
    counts = view.counts
    lines = [
        ("All is decided.", sizes.large, TEXT),
        (f"{counts.accepted} accepted, {counts.rejected} rejected", sizes.normal, MUTED),
        ("", sizes.normal, MUTED),
        (", ".join(f"{keys[action]} to {action}" for action in ("quit", "undo") if action in keys), sizes.normal, TEXT),
    ]
    top = box.top + (box.height - sum(line_height(size) for _, size, _ in lines)) // 2
    for text, size, color in lines:
        put_text(frame, text, (box.left + (box.width - width_of(text, size)) // 2, top), size, color)
        top += line_height(size)


def draw_help(frame: Frame, sizes: Sizes, keys: Keys) -> None:
    """All keys, over what is there."""
    height, width = frame.shape[:2]
    dim(frame, Rect(0, 0, width, height), 0.3)
    pairs = [(keys[action], text) for action, text in _HELP if action in keys]
    reasons = [(keys[reason], f"reject: {readable(reason)}") for reason in REASONS if reason in keys]
    rows = max(len(pairs), len(reasons)) * round(1.6 * sizes.small)
    pad = 2 * sizes.gap
    wide = min(round(50 * sizes.small), width - 2 * sizes.gap)
    tall = rows + line_height(sizes.large) + line_height(sizes.normal) + 2 * pad + sizes.gap
    box = Rect((width - wide) // 2, (height - tall) // 2, wide, tall)
    fill(frame, box, PANEL)
    frame_around(frame, box, LINE, 1)
    inner = box.inside(pad)
    column = _Column(frame, inner, sizes)
    column.line("Keys", size=sizes.large)
    column.space(0.5)
    start = column.top
    column.keys(pairs)
    second = _Column(frame, Rect(inner.left + round(0.63 * inner.width), inner.top, inner.width, inner.height), sizes)
    second.top = start
    second.keys(reasons)
    column.space(0.5)
    column.line("Each decision is on the disk before the next picture comes. Any key goes on.", MUTED, sizes.small)
