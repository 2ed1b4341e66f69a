"""Frames of the window: pure functions from a view to an ``(H, W, 3) uint8`` RGB array."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points
from maskaug.review_ui.view.display import DisplayImage
from maskaug.review_ui.view.palette import COLORS, Color
from maskaug.review_ui.view.view import GRID_SIDE, Cell, View
from maskaug.review_ui.view.words import readable
from maskaug.review_ui.window.panel import draw_end, draw_help, draw_panel, draw_status
from maskaug.review_ui.window.style import Rect, Sizes, chip, dim, fill, frame_around, sizes_for
from maskaug.review_ui.window.text import line_height, put_text, width_of, wrapped

_LARGEST = 8.0  # most by which a small picture is enlarged
_PANEL_FROM = 760  # least width in pixels at which there is room for facts beside the picture
_SHIFT = 4  # binary digits of fractions in OpenCV's drawing


def compose(view: View, size: tuple[int, int], keys: Mapping[str, str]) -> Image:
    """Draw a view.

    Args:
        view: What there is to draw.
        size: ``(W, H)`` of the frame in pixels.
        keys: The key that is shown for each action.

    Returns:
        ``(H, W, 3) uint8`` RGB.
    """
    width, height = size
    frame = np.full((height, width, 3), COLORS.background, dtype=np.uint8)
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


def _draw_single(frame: Image, area: Rect, view: View, sizes: Sizes) -> None:
    (cell,) = view.cells
    if cell.display is None:
        _say(frame, area, "reading ...", sizes.normal, COLORS.muted)
        return
    image = cell.display.close if "zoom" in view.switches else cell.display.whole
    if image is None:
        _say(frame, area, cell.display.problem or "cannot be shown", sizes.normal, COLORS.rejected)
        return
    if "side" in view.switches and image.before is not None:
        half = (area.width - sizes.gap) // 2
        boxes = [Rect(area.left, area.top, half, area.height), Rect(area.right - half, area.top, half, area.height)]
        for box, before in zip(boxes, (True, False), strict=True):
            _draw_image(frame, box, image, view, before=before, sizes=sizes, color=_color(cell))
        return
    _draw_image(frame, area, image, view, before="before" in view.switches, sizes=sizes, color=_color(cell))


def _draw_image(
    frame: Image,
    area: Rect,
    image: DisplayImage,
    view: View,
    *,
    before: bool,
    sizes: Sizes,
    color: Color | None,
) -> None:
    pixels = image.before if before else image.after
    if pixels is None:
        _say(frame, area, "there is no unmasked picture", sizes.normal, COLORS.muted)
        return
    box, factor = _put(frame, area, pixels)
    if "lines" in view.switches:
        _draw_lines(frame, box, image, factor)
    if color is not None:
        frame_around(frame, box, color, 4)
    if before or "side" in view.switches:
        chip(frame, "before" if before else "after", (box.left, box.top), sizes.small, COLORS.background)


def _draw_cell(frame: Image, box: Rect, cell: Cell, view: View, sizes: Sizes, *, chosen: bool) -> None:
    fill(frame, box, COLORS.cell)
    image = cell.display.whole if cell.display else None
    if image is None:
        problem = cell.display.problem if cell.display else None
        _say(frame, box.inside(6), problem or "reading ...", sizes.small, COLORS.rejected if problem else COLORS.muted)
    else:
        pixels = image.before if "before" in view.switches and image.before is not None else image.after
        _put(frame, box, pixels)
    if cell.mark is not None:
        dim(frame, box, 0.45)
        frame_around(frame, box.inside(3), COLORS.rejected, 3)
        label = readable(cell.mark.reason) if cell.mark.reason else "reject"
        width = width_of(label, sizes.small) + sizes.small
        top = box.bottom - line_height(sizes.small) - sizes.small // 4 - 3
        chip(frame, label, (box.left + (box.width - width) // 2, top), sizes.small, COLORS.rejected)
    if cell.verdict.flagged:
        chip(frame, "flag", (box.left + 3, box.top + 3), sizes.small, COLORS.flagged)
    if chosen:
        frame_around(frame, box, COLORS.bright, 3)


def _color(cell: Cell) -> Color | None:
    decided = cell.verdict.decided
    return None if decided is None else COLORS.accepted if decided.action == "accept" else COLORS.rejected


def _put(frame: Image, area: Rect, pixels: Image) -> tuple[Rect, float]:
    """Put a picture in the middle of a rectangle, as large as it can be; return where it lies, and its scale factor."""
    height, width = pixels.shape[:2]
    factor = min(area.width / width, area.height / height, _LARGEST)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    box = Rect(area.left + (area.width - size[0]) // 2, area.top + (area.height - size[1]) // 2, *size)
    frame[box.top : box.bottom, box.left : box.right] = cv2.resize(pixels, size, interpolation=how)
    return box, factor


def _draw_lines(frame: Image, box: Rect, image: DisplayImage, factor: float) -> None:
    """The mask's outline, and the landmarks; clipped to the picture."""
    part = np.ascontiguousarray(frame[box.top : box.bottom, box.left : box.right])

    def fixed(points: Points) -> NDArray[np.int32]:
        return np.asarray(np.round(((points + 0.5) * factor - 0.5) * 2**_SHIFT), dtype=np.int32)

    outlines = [fixed(points) for points in image.outlines]
    for color, thickness in ((COLORS.halo, 4), (COLORS.outline, 2)):
        cv2.polylines(part, outlines, True, color, thickness, cv2.LINE_AA, _SHIFT)
    for points in image.landmarks:
        for radius, color in ((3.6, COLORS.halo), (2.2, COLORS.landmark)):
            for x, y in fixed(points).tolist():
                cv2.circle(part, (x, y), round(radius * 2**_SHIFT), color, -1, cv2.LINE_AA, _SHIFT)
    frame[box.top : box.bottom, box.left : box.right] = part


def _say(frame: Image, area: Rect, text: str, size: int, color: Color) -> None:
    lines = wrapped(text, size, area.width)
    top = area.top + (area.height - len(lines) * line_height(size)) // 2
    for number, line in enumerate(lines):
        left = area.left + (area.width - width_of(line, size)) // 2
        put_text(frame, line, (left, top + number * line_height(size)), size, color)
