"""Sizes and simple shapes of the frames."""

from dataclasses import dataclass

import cv2
import numpy as np

from maskaug.core.arrays import Image
from maskaug.review_ui.view.palette import COLORS, Color
from maskaug.review_ui.window.text import line_height, put_text, width_of


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
        """The rectangle within a margin."""
        return Rect(
            self.left + margin, self.top + margin, max(self.width - 2 * margin, 1), max(self.height - 2 * margin, 1)
        )


@dataclass(frozen=True)
class Sizes:
    """Lengths in pixels that grow with the window: of fonts, of the panel and the status line, and of gaps."""

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


def fill(frame: Image, box: Rect, color: Color) -> None:
    """Fill a rectangle."""
    frame[max(box.top, 0) : max(box.bottom, 0), max(box.left, 0) : max(box.right, 0)] = color


def frame_around(frame: Image, box: Rect, color: Color, thickness: int) -> None:
    """Draw a frame just outside a rectangle."""
    outer = Rect(box.left - thickness, box.top - thickness, box.width + 2 * thickness, box.height + 2 * thickness)
    fill(frame, Rect(outer.left, outer.top, outer.width, thickness), color)
    fill(frame, Rect(outer.left, box.bottom, outer.width, thickness), color)
    fill(frame, Rect(outer.left, box.top, thickness, box.height), color)
    fill(frame, Rect(box.right, box.top, thickness, box.height), color)


def dim(frame: Image, box: Rect, share: float) -> None:
    """Darken a rectangle to a share of its brightness."""
    part = frame[max(box.top, 0) : max(box.bottom, 0), max(box.left, 0) : max(box.right, 0)]
    part[:] = cv2.convertScaleAbs(part, alpha=share).reshape(part.shape) if part.size else part


def chip(frame: Image, text: str, place: tuple[int, int], size: int, color: Color) -> int:
    """Write a word on a background of its own, whose upper left corner is given, and return its width in pixels."""
    pad = size // 2
    box = Rect(*place, width_of(text, size) + 2 * pad, line_height(size) + pad // 2)
    fill(frame, box, color)
    ink = COLORS.text if max(color) < 128 else COLORS.background
    put_text(frame, text, (box.left + pad, box.top + pad // 4), size, ink)
    return box.width
