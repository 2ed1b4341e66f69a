"""The words of a frame: facts beside the picture, the status line, the keys, and the end."""

from collections.abc import Mapping

import numpy as np

from maskaug.core.arrays import Image
from maskaug.review_ui.view.actions import HELP_NOTE, ActionSpec, Tone, help_columns
from maskaug.review_ui.view.palette import COLORS, Color
from maskaug.review_ui.view.view import Cell, View
from maskaug.review_ui.view.words import SCORE_WORDS, pace_text, readable
from maskaug.review_ui.window.style import Rect, Sizes, chip, dim, fill, frame_around
from maskaug.review_ui.window.text import line_height, put_text, shortened, width_of, wrapped

Keys = Mapping[str, str]

_TONES: dict[Tone, Color] = {"plain": COLORS.text, "good": COLORS.accepted, "bad": COLORS.rejected}


class _Column:
    """Lines written below each other."""

    def __init__(self, frame: Image, box: Rect, sizes: Sizes) -> None:
        self._frame, self._box, self._sizes = frame, box, sizes
        self.top = float(box.top)

    def line(self, text: str, color: Color = COLORS.text, size: int = 0) -> None:
        size = size or self._sizes.normal
        put_text(self._frame, shortened(text, size, self._box.width), (self._box.left, self.top), size, color)
        self.top += line_height(size)

    def lines(self, text: str, color: Color = COLORS.text) -> None:
        for line in wrapped(text, self._sizes.normal, self._box.width):
            self.line(line, color)

    def keys(self, pairs: list[tuple[str, str]]) -> None:
        """Keys, each on a background of its own, and what they do."""
        size, left = self._sizes.small, self._box.left
        widest = max((width_of(key, size) for key, _ in pairs), default=0) + size // 2
        for key, text in pairs:
            width = max(width_of(key, size) + size // 2, round(1.5 * size))
            fill(self._frame, Rect(left, round(self.top) + 2, width, round(1.25 * size)), COLORS.line)
            put_text(self._frame, key, (left + (width - width_of(key, size)) // 2, self.top), size, COLORS.text)
            put_text(self._frame, text, (left + max(widest, round(1.5 * size)) + size, self.top), size, COLORS.muted)
            self.top += self.step

    @property
    def step(self) -> int:
        """Distance of two keys."""
        return round(1.6 * self._sizes.small)

    def space(self, share: float = 0.6) -> None:
        self.top += share * self._sizes.normal


def draw_panel(frame: Image, box: Rect, view: View, sizes: Sizes, keys: Keys) -> None:
    """Draw facts about the picture that keys act on, and the keys that one needs most."""
    fill(frame, box, COLORS.panel)
    cell = view.cells[view.cursor]
    column = _Column(frame, box.inside(sizes.gap), sizes)
    folder, _, name = cell.picture.output.rpartition("/")
    column.line(folder, COLORS.muted, sizes.small)
    column.line(name)
    column.space()
    _draw_verdict(frame, (box.left + sizes.gap, round(column.top)), cell, sizes)
    column.space(2.4)
    column.line(f"score {cell.picture.quality:.2f}")
    bar = Rect(box.left + sizes.gap, round(column.top), box.width - 2 * sizes.gap, max(4, sizes.small // 3))
    _draw_score(frame, bar, cell.picture.quality)
    column.space(0.9)
    display = cell.display
    if display is not None and view.mode == "single":
        for reason in display.reasons:
            column.lines(SCORE_WORDS.get(reason, readable(reason)), COLORS.flagged)
        if not display.reasons and not display.problem:
            column.line("nothing lowers the score", COLORS.muted)
        column.space()
        column.line(f"{cell.picture.kind}, {display.template}" if display.template else cell.picture.kind, COLORS.muted)
        if display.pose != (0.0, 0.0, 0.0):
            yaw, pitch, roll = display.pose
            column.line(f"yaw {yaw:.0f}, pitch {pitch:.0f}, roll {roll:.0f}", COLORS.muted)
    else:
        column.line(cell.picture.kind, COLORS.muted)
    if view.others:
        column.space()
        column.line("The annotators say", COLORS.muted, sizes.small)
        column.lines(readable(view.others))
    pairs = [(keys[action], text) for action, text in view.hints if action in keys]
    room = max(int((box.bottom - sizes.gap - column.top - sizes.normal) // column.step), 0)
    column.top = box.bottom - sizes.gap - min(len(pairs), room) * column.step
    column.keys(pairs[:room])


def _draw_verdict(frame: Image, place: tuple[int, int], cell: Cell, sizes: Sizes) -> None:
    left, top = place
    decided = cell.verdict.decided
    if decided is None:
        left += chip(frame, "not decided", (left, top), sizes.small, COLORS.line) + sizes.gap // 2
    elif decided.action == "accept":
        word = "accepted by score" if decided.auto else "accepted"
        left += chip(frame, word, (left, top), sizes.small, COLORS.accepted) + sizes.gap // 2
    else:
        word = f"rejected: {readable(decided.reason)}" if decided.reason else "rejected"
        left += chip(frame, word, (left, top), sizes.small, COLORS.rejected) + sizes.gap // 2
    if cell.verdict.flagged:
        chip(frame, "flagged", (left, top), sizes.small, COLORS.flagged)


def _draw_score(frame: Image, bar: Rect, quality: float) -> None:
    fill(frame, bar, COLORS.line)
    share = float(np.clip(quality, 0, 1))
    color = tuple(round(low + (high - low) * share) for low, high in zip(COLORS.rejected, COLORS.accepted, strict=True))
    fill(frame, Rect(bar.left, bar.top, round(bar.width * share), bar.height), (color[0], color[1], color[2]))


def draw_status(frame: Image, box: Rect, view: View, sizes: Sizes, keys: Keys) -> None:
    """Draw where the session stands: a bar of decisions, counts, what was just done, the pace and the time left."""
    counts = view.counts
    fill(frame, box, COLORS.panel)
    total = max(counts.total, 1)
    accepted, rejected = (round(box.width * done / total) for done in (counts.accepted, counts.rejected))
    fill(frame, Rect(box.left, box.top, box.width, 4), COLORS.line)
    fill(frame, Rect(box.left, box.top, accepted, 4), COLORS.accepted)
    fill(frame, Rect(accepted, box.top, rejected, 4), COLORS.rejected)
    top = box.top + 4 + (box.height - 4 - line_height(sizes.normal)) / 2
    left = box.left + sizes.gap
    place = "" if view.mode == "end" else f"{view.place} of {total}"
    for text, color in (
        (place, COLORS.text),
        (f"{counts.accepted} accepted", COLORS.accepted),
        (f"{counts.rejected} rejected", COLORS.rejected),
        (f"{counts.left} left", COLORS.muted),
        (view.message, _TONES[view.tone]),
    ):
        if text:
            left += put_text(frame, text, (left, top), sizes.normal, color) + 2 * sizes.gap
    help_ = f"{keys['help']} help" if "help" in keys else ""
    right = box.right - sizes.gap
    for text, color in ((help_, COLORS.muted), (pace_text(counts), COLORS.text)):
        if text and left < right - width_of(text, sizes.normal):
            right -= put_text(frame, text, (right, top), sizes.normal, color, right=True) + 2 * sizes.gap


def draw_end(frame: Image, box: Rect, view: View, sizes: Sizes, keys: Keys) -> None:
    """Say that everything is decided, and what can be done now."""
    counts = view.counts
    hints = ", ".join(f"{keys[action]} {text}" for action, text in view.hints if action in keys)
    lines = [
        ("Everything is decided.", sizes.large, COLORS.text),
        (f"{counts.accepted} accepted, {counts.rejected} rejected", sizes.normal, COLORS.muted),
        ("", sizes.normal, COLORS.muted),
        (hints, sizes.normal, COLORS.text),
    ]
    top = box.top + (box.height - sum(line_height(size) for _, size, _ in lines)) // 2
    for text, size, color in lines:
        put_text(frame, text, (box.left + (box.width - width_of(text, size)) // 2, top), size, color)
        top += line_height(size)


def draw_help(frame: Image, sizes: Sizes, keys: Keys) -> None:
    """Explain the keys, on top of what is drawn."""
    height, width = frame.shape[:2]
    dim(frame, Rect(0, 0, width, height), 0.3)
    pairs, reasons = (_with_keys(actions, keys) for actions in help_columns())
    rows = max(len(pairs), len(reasons)) * round(1.6 * sizes.small)
    pad = 2 * sizes.gap
    wide = min(round(50 * sizes.small), width - 2 * sizes.gap)
    tall = rows + line_height(sizes.large) + line_height(sizes.normal) + 2 * pad + sizes.gap
    box = Rect((width - wide) // 2, (height - tall) // 2, wide, tall)
    fill(frame, box, COLORS.panel)
    frame_around(frame, box, COLORS.line, 1)
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
    column.line(HELP_NOTE, COLORS.muted, sizes.small)


def _with_keys(actions: list[ActionSpec], keys: Keys) -> list[tuple[str, str]]:
    return [(keys[action.name], action.help) for action in actions if action.name in keys]
