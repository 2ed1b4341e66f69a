"""Frames of the window: pure functions from a scene to an ``(H, W, 3) uint8`` RGB array."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.review_ui.view.display import DisplayImage
from maskaug.review_ui.view.view import GRID_SIDE, Cell, View, ViewOptions, readable
from maskaug.review_ui.window.panel import draw_end, draw_help, draw_panel, draw_status
from maskaug.review_ui.window.style import (
    ACCEPTED,
    BACKGROUND,
    BRIGHT,
    CELL,
    FLAGGED,
    LANDMARK,
    MUTED,
    OUTLINE,
    REJECTED,
    Rect,
    Sizes,
    chip,
    dim,
    fill,
    frame_around,
    sizes_for,
)
from maskaug.review_ui.window.text import Color, Frame, line_height, put_text, width_of, wrapped

_LARGEST = 8.0  # by which a small picture is enlarged
_PANEL_FROM = 760  # width of a window that has room for facts beside the picture
_SHIFT = 4  # binary digits of fractions in OpenCV's drawing


def compose(view: View, size: tuple[int, int], keys: Mapping[str, str]) -> Frame:
    """Draw a scene.

    Args:
        scene: What there is to draw.
        size: ``(W, H)`` of the frame in pixels.
        keys: A key for each action, to be named where it is of use.

    Returns:
        ``(H, W, 3) uint8`` RGB.
    """
    width, height = size
    frame = np.full((height, width, 3), BACKGROUND, dtype=np.uint8)
    sizes = sizes_for(width, height)
    area, panel, status = _areas(size, sizes)
    if view.mode == "end":
        draw_end(frame, Rect(0, 0, width, status.top), view, sizes, keys)
    elif view.mode == "grid":
        for number, cell in enumerate(view.cells):
            _draw_cell(frame, _cell_box(area, number), cell, view, sizes, chosen=number == view.cursor)
    else:
        _draw_single(frame, area, view, sizes)
    if panel.width and view.mode != "end":
        draw_panel(frame, panel, view, sizes, keys)
    draw_status(frame, status, view, sizes, keys)
    if view.help:
        draw_help(frame, sizes, keys)
    return frame


def cell_at(size: tuple[int, int], x: int, y: int) -> int | None:
    """Number of the cell of a grid that a point of the frame lies in, or None.

    Args:
        size: ``(W, H)`` of the frame in pixels.
        x: To the right.
        y: Down.
    """
    area, _, _ = _areas(size, sizes_for(*size))
    column, row = ((x - area.left) * GRID_SIDE // area.width, (y - area.top) * GRID_SIDE // area.height)
    return row * GRID_SIDE + column if 0 <= column < GRID_SIDE and 0 <= row < GRID_SIDE else None


def _areas(size: tuple[int, int], sizes: Sizes) -> tuple[Rect, Rect, Rect]:
    """Where pictures, facts and status go."""
    width, height = size
    top = height - sizes.status
    panel = sizes.panel if width >= _PANEL_FROM else 0
    pictures = Rect(0, 0, width - panel, top).inside(sizes.gap)
    return pictures, Rect(width - panel, 0, panel, top), Rect(0, top, width, sizes.status)


def _cell_box(area: Rect, number: int) -> Rect:
    row, column = divmod(number, GRID_SIDE)
    left, right = (area.left + area.width * step // GRID_SIDE for step in (column, column + 1))
    top, bottom = (area.top + area.height * step // GRID_SIDE for step in (row, row + 1))
    return Rect(left, top, right - left, bottom - top).inside(5)


def _draw_single(frame: Frame, area: Rect, view: View, sizes: Sizes) -> None:
    (cell,) = view.cells
    look = view.look
    if cell.shown is None:
        _say(frame, area, "reading ...", sizes.normal, MUTED)
        return
    display = cell.shown.close if look.zoom else cell.shown.whole
    if display is None:
        _say(frame, area, cell.shown.problem or "cannot be shown", sizes.normal, REJECTED)
        return
    if look.side and display.before is not None:
        half = (area.width - sizes.gap) // 2
        boxes = [Rect(area.left, area.top, half, area.height), Rect(area.right - half, area.top, half, area.height)]
        for box, before in zip(boxes, (True, False), strict=True):
            _draw_sight(frame, box, display, look, before=before, sizes=sizes, color=_color(cell))
        return
    _draw_sight(frame, area, display, look, before=look.before, sizes=sizes, color=_color(cell))


def _draw_sight(
    frame: Frame,
    area: Rect,
    display: DisplayImage,
    look: ViewOptions,
    *,
    before: bool,
    sizes: Sizes,
    color: Color | None,
) -> None:
    pixels = display.before if before else display.after
    if pixels is None:
        _say(frame, area, "the unmasked picture is not there", sizes.normal, MUTED)
        return
    box, factor = _put(frame, area, pixels)
    if look.lines:
        _draw_lines(frame, box, display, factor)
    if color is not None:
        frame_around(frame, box, color, 4)
    if before or look.side:
        chip(frame, "before" if before else "after", (box.left, box.top), sizes.small, BACKGROUND)


def _draw_cell(frame: Frame, box: Rect, cell: Cell, view: View, sizes: Sizes, *, chosen: bool) -> None:
    fill(frame, box, CELL)
    display = cell.shown.whole if cell.shown else None
    if display is None:
        problem = cell.shown.problem if cell.shown else None
        _say(frame, box.inside(6), problem or "reading ...", sizes.small, REJECTED if problem else MUTED)
    else:
        pixels = display.before if view.look.before and display.before is not None else display.after
        _put(frame, box, pixels)
    if cell.mark is not None:
        dim(frame, box, 0.45)
        frame_around(frame, box.inside(3), REJECTED, 3)
        label = readable(cell.mark.reason) if cell.mark.reason else "reject"
        width = width_of(label, sizes.small) + sizes.small
        top = box.bottom - line_height(sizes.small) - sizes.small // 4 - 3
        chip(frame, label, (box.left + (box.width - width) // 2, top), sizes.small, REJECTED)
    if cell.verdict.flagged:
        chip(frame, "flag", (box.left + 3, box.top + 3), sizes.small, FLAGGED)
    if chosen:
        frame_around(frame, box, BRIGHT, 3)


def _color(cell: Cell) -> Color | None:
    decided = cell.verdict.decided
    return None if decided is None else ACCEPTED if decided.action == "accept" else REJECTED


def _put(frame: Frame, area: Rect, pixels: NDArray[np.uint8]) -> tuple[Rect, float]:
    """A picture in the middle of a rectangle, as large as it can be: where it lies, and by what it was enlarged."""
    height, width = pixels.shape[:2]
    factor = min(area.width / width, area.height / height, _LARGEST)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    box = Rect(area.left + (area.width - size[0]) // 2, area.top + (area.height - size[1]) // 2, *size)
    frame[box.top : box.bottom, box.left : box.right] = cv2.resize(pixels, size, interpolation=how)
    return box, factor


def _draw_lines(frame: Frame, box: Rect, display: DisplayImage, factor: float) -> None:
    """The mask's outline, and the landmarks; clipped to the picture."""
    part = np.ascontiguousarray(frame[box.top : box.bottom, box.left : box.right])

    def fixed(points: NDArray[np.float32]) -> NDArray[np.int32]:
        return np.asarray(np.round(((points + 0.5) * factor - 0.5) * 2**_SHIFT), dtype=np.int32)

    outlines = [fixed(points) for points in display.outlines]
    for color, thickness in (((0, 0, 0), 4), (OUTLINE, 2)):
        cv2.polylines(part, outlines, True, color, thickness, cv2.LINE_AA, _SHIFT)
    for points in display.landmarks:
        for radius, color in ((3.6, (0, 0, 0)), (2.2, LANDMARK)):
            for x, y in fixed(points).tolist():
                cv2.circle(part, (x, y), round(radius * 2**_SHIFT), color, -1, cv2.LINE_AA, _SHIFT)
    frame[box.top : box.bottom, box.left : box.right] = part


def _say(frame: Frame, area: Rect, text: str, size: int, color: Color) -> None:
    lines = wrapped(text, size, area.width)
    top = area.top + (area.height - len(lines) * line_height(size)) // 2
    for number, line in enumerate(lines):
        left = area.left + (area.width - width_of(line, size)) // 2
        put_text(frame, line, (left, top + number * line_height(size)), size, color)
