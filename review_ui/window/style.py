"""Colours, sizes and simple shapes of the frames."""

from dataclasses import dataclass

import cv2
import numpy as np

from maskaug.review_ui.window.text import Color, Frame, line_height, put_text, width_of

BACKGROUND: Color = (22, 24, 29)
PANEL: Color = (30, 33, 39)
CELL: Color = (28, 30, 36)
LINE: Color = (58, 63, 72)
TEXT: Color = (222, 225, 230)
MUTED: Color = (140, 147, 158)
BRIGHT: Color = (250, 250, 250)
ACCEPTED: Color = (76, 195, 138)
REJECTED: Color = (235, 98, 82)
FLAGGED: Color = (232, 184, 72)
OUTLINE: Color = (64, 214, 224)
LANDMARK: Color = (255, 214, 92)


@dataclass(frozen=True)
class Rect:
    """A rectangle of a frame, in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column beyond it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row beyond it."""
        return self.top + self.height

    def inside(self, margin: int) -> "Rect":
        """What is left of it within a margin."""
        return Rect(
            self.left + margin, self.top + margin, max(self.width - 2 * margin, 1), max(self.height - 2 * margin, 1)
        )


@dataclass(frozen=True)
class Sizes:
    """Lengths that grow with the window, in pixels: of fonts, of the panel and the status line, and between things."""

    small: int
    normal: int
    large: int
    panel: int
    status: int
    gap: int


def sizes_for(width: int, height: int) -> Sizes:
    """The sizes in a window."""
    scale = float(np.clip(min(width / 1280, height / 800), 0.75, 2.0))
    small, normal, large, panel, status, gap = (round(length * scale) for length in (14, 16, 26, 290, 44, 14))
    return Sizes(small, normal, large, panel, status, gap)


def fill(frame: Frame, box: Rect, color: Color) -> None:
    """Fill a rectangle."""
    frame[max(box.top, 0) : max(box.bottom, 0), max(box.left, 0) : max(box.right, 0)] = color


def frame_around(frame: Frame, box: Rect, color: Color, thickness: int) -> None:
    """Draw a frame just outside a rectangle."""
    outer = Rect(box.left - thickness, box.top - thickness, box.width + 2 * thickness, box.height + 2 * thickness)
    fill(frame, Rect(outer.left, outer.top, outer.width, thickness), color)
    fill(frame, Rect(outer.left, box.bottom, outer.width, thickness), color)
    fill(frame, Rect(outer.left, box.top, thickness, box.height), color)
    fill(frame, Rect(box.right, box.top, thickness, box.height), color)


def dim(frame: Frame, box: Rect, share: float) -> None:
    """Darken a rectangle to a share of its light."""
    part = frame[max(box.top, 0) : max(box.bottom, 0), max(box.left, 0) : max(box.right, 0)]
    part[:] = cv2.convertScaleAbs(part, alpha=share).reshape(part.shape) if part.size else part


def chip(frame: Frame, text: str, place: tuple[int, int], size: int, color: Color) -> int:
    """Write a word on a ground of its own, at its upper left corner; its width in pixels."""
    pad = size // 2
    box = Rect(*place, width_of(text, size) + 2 * pad, line_height(size) + pad // 2)
    fill(frame, box, color)
    ink = TEXT if max(color) < 128 else BACKGROUND
    put_text(frame, text, (box.left + pad, box.top + pad // 4), size, ink)
    return box.width
