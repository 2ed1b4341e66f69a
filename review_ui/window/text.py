"""Text on frames: each wording is drawn once, in the font that ships with Pillow, and blended in by its own alpha."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont
from PIL.Image import new as blank

from maskaug.core.arrays import Image
from maskaug.review_ui.view.palette import Color

_ELLIPSIS = "..."


def put_text(
    frame: Image, text: str, place: tuple[float, float], size: int, color: Color, *, right: bool = False
) -> int:
    """Write one line onto a frame, which is changed.

    Args:
        frame: ``(H, W, 3) uint8`` RGB.
        text: The line; a character that the font lacks becomes a box.
        place: ``(x, y)`` in pixels: where the line's upper left corner is, or with ``right`` the upper right one.
        size: Of the font, in pixels.
        color: RGB.
        right: Whether ``place`` is the line's end.

    Returns:
        The width of the text in pixels.
    """
    alpha = _alpha(text, size)
    height, width = alpha.shape
    x, y = round(place[0]) - (width if right else 0), round(place[1])
    part = frame[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)]
    seen = alpha[max(-y, 0) :, max(-x, 0) :][: part.shape[0], : part.shape[1], None].astype(np.uint16)
    part[:] = (part * (255 - seen) + np.array(color, dtype=np.uint16) * seen + 127) // 255
    return width


def width_of(text: str, size: int) -> int:
    """Width of a line in pixels."""
    return int(_alpha(text, size).shape[1])


def line_height(size: int) -> int:
    """Distance of two lines in pixels."""
    return round(1.45 * size)


@lru_cache(maxsize=2048)
def shortened(text: str, size: int, width: int) -> str:
    """The line, its middle left out if it is wider than ``width`` pixels: both ends of a file's name matter."""
    if _width(text, size) <= width:
        return text
    kept = len(text)
    while kept > 2:
        kept -= 1
        short = text[: kept // 2] + _ELLIPSIS + text[-(kept - kept // 2) :]
        if _width(short, size) <= width:
            return short
    return _ELLIPSIS


@lru_cache(maxsize=2048)
def wrapped(text: str, size: int, width: int) -> tuple[str, ...]:
    """The text in lines of at most ``width`` pixels, broken between words."""
    lines: list[str] = []
    for word in text.split():
        if lines and _width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(shortened(word, size, width))
    return tuple(lines)


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _width(text: str, size: int) -> float:
    return _font(size).getlength(text)


@lru_cache(maxsize=2048)
def _alpha(text: str, size: int) -> NDArray[np.uint8]:
    """``(h, w)``: how much of each pixel the text covers."""
    layer = blank("L", (max(1, round(_width(text, size)) + 1), line_height(size)))
    ImageDraw.Draw(layer).text((0, line_height(size) / 2), text, fill=255, font=_font(size), anchor="lm")
    return np.asarray(layer)
