"""The flat sheet that a mask is drawn on: its coordinates, lines on it, lighting of its relief, and colour."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.assets.fabric import Field

Color = tuple[int, int, int]  # RGB
Ink = NDArray[np.floating[Any]]  # (H, W, 3) RGB, or (3,) for one colour

WIDTH, HEIGHT = 1152, 810
SIZE = (HEIGHT, WIDTH)
ANCHORS = {
    "left_top": (45, 270),
    "nose": (576, 54),
    "right_top": (1107, 270),
    "left_bottom": (99, 530),
    "chin": (576, 756),
    "right_bottom": (1053, 530),
}

_CORNER = 34.0  # radius of the outline's corners, pixels
_BLEED = 28.0  # pixels of fabric that go on beyond the outline
_LIFT, _SINK = 0.13, 0.34  # how much brighter and darker than flat cloth a slope may be


@dataclass(frozen=True)
class Sheet:
    """The mask's own coordinates at every pixel of the canvas, ``(H, W) float32`` each.

    Attributes:
        x, y: Pixels of the canvas.
        u: -1 at the left side edge to 1 at the right.
        v: 0 at the top edge to 1 at the bottom.
        side, top, bottom: Distance from the nearest side edge, the top and the bottom edge, in pixels.
    """

    x: Field
    y: Field
    u: Field
    v: Field
    side: Field
    top: Field
    bottom: Field

    @cached_property
    def span(self) -> Field:
        """The mask's height at each pixel's u."""
        return np.maximum(self.top + self.bottom, 60)

    @cached_property
    def half(self) -> Field:
        """Distance from the midline, in pixels."""
        return np.abs(self.x - ANCHORS["nose"][0])

    @cached_property
    def edge(self) -> Field:
        """Distance from the outline with its rounded corners, positive inside."""
        level = np.minimum(self._true(self.top), self._true(self.bottom))
        in_corner = (self.side < _CORNER) & (level < _CORNER)
        round_off = _CORNER - np.hypot(_CORNER - self.side, _CORNER - level)
        return np.where(in_corner, round_off, np.minimum(self.side, level)).astype(np.float32)

    @cached_property
    def around(self) -> Field:
        """Pixels travelled along the outline, for stitches; continuous within each side, top and bottom."""
        runs_down = self.side < np.minimum(self.top, self.bottom)
        return np.where(runs_down, self.y, self.half / self._lean)

    def _true(self, vertical: Field) -> Field:
        """Distance from a sloping curve, by the vertical distance from it."""
        return vertical * self._lean

    @cached_property
    def _lean(self) -> Field:
        # Both curves fall by about as much: slope 2 * bow * u / half width.
        slope = 0.82 * np.abs(self.u)
        return 1 / np.sqrt(1 + slope**2)


def blank() -> Sheet:
    """Invert the chart that the engine uses: straight sides, quadratics along top and bottom."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    center = ANCHORS["nose"][0]
    half_top, half_bottom = ANCHORS["right_top"][0] - center, ANCHORS["right_bottom"][0] - center
    v = np.full_like(x, 0.5)
    for _ in range(12):  # u and v depend on each other only weakly: this settles fast
        u = (x - center) / (half_top + v * (half_bottom - half_top))
        bow = 1 - u**2
        top = ANCHORS["left_top"][1] + (ANCHORS["nose"][1] - ANCHORS["left_top"][1]) * bow
        bottom = ANCHORS["left_bottom"][1] + (ANCHORS["chin"][1] - ANCHORS["left_bottom"][1]) * bow
        v = np.clip((y - top) / np.maximum(bottom - top, 60), -0.3, 1.3)
    half = half_top + v * (half_bottom - half_top)
    return Sheet(x, y, u, v, (1 - np.abs(u)) * half, y - top, bottom - y)


def light(height: Field, strength: float = 1.0) -> Field:
    """Brightness of a relief, in pixels of height, under broad light from above; 1 where it is flat."""
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) / 8
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) / 8
    length = np.sqrt(1 + slope_x**2 + slope_y**2)
    # From above and a little from the left; more ambient than direct light, as indoors.
    diffuse = strength * ((0.80 + 0.42 * slope_y + 0.14 * slope_x) / length / 0.80 - 1)
    # Thin cloth lets light through and is lit by the room: no slope of it turns black.
    bounded = np.where(diffuse > 0, _LIFT * np.tanh(diffuse / _LIFT), _SINK * np.tanh(diffuse / _SINK))
    # Where the relief lies below its surroundings, less light arrives.
    hollow = np.zeros_like(bounded)
    for reach, share in ((4, 0.020), (14, 0.010)):
        hollow += share * np.clip(cv2.GaussianBlur(height, (0, 0), reach) - height, 0, 12)
    return np.asarray((1 + bounded) * np.exp(-strength * hollow), dtype=np.float32)


def line(distance: Field, width: Field | float) -> Field:
    """A soft line of a width in pixels: 1 on it, 0 away from it."""
    return np.exp(-((distance / width) ** 2)).astype(np.float32)


def ramp(distance: Field, width: float) -> Field:
    """A soft step: 0 where ``distance`` is negative, 1 where it is greater than ``width``."""
    t = np.clip(distance / width, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def dashes(along: Field, period: float, share: float = 0.55) -> Field:
    """1 on dashes, 0 on the gaps between them, ``along`` in pixels."""
    phase = np.abs((along / period) % 1.0 - 0.5) * 2
    return np.clip((share - phase) * period / 2 + 0.5, 0, 1).astype(np.float32)


def spots(along: Field, across: Field, period: float, radius: float) -> Field:
    """A row of round soft spots, 1 on each: ``along`` the row and ``across`` it in pixels."""
    phase = (along / period) % 1.0 - 0.5
    return np.clip(radius + 0.5 - np.hypot(phase * period, across), 0, 1).astype(np.float32)


def stamp(text: str, center: tuple[int, int], scale: float, thickness: int) -> Field:
    """Soft-edged lettering on the canvas, 1 on the letters."""
    canvas = np.zeros(SIZE, dtype=np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, height), _ = cv2.getTextSize(text, font, scale, thickness)
    origin = (center[0] - width // 2, center[1] + height // 2)
    cv2.putText(canvas, text, origin, font, scale, 255, thickness, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), 0.8))


def tint(color: Color, other: Color, share: Field) -> Ink:
    """A colour, mixed with another where ``share`` is above 0."""
    part = share[..., None].astype(np.float32)
    return np.asarray(np.array(color, np.float32) * (1 - part) + np.array(other, np.float32) * part)


def lay(ink: Ink, over: Ink, share: Field) -> Ink:
    """Lay a colour over others, where ``share`` is 1."""
    part = np.clip(share, 0, 1)[..., None].astype(np.float32)
    return np.asarray(ink * (1 - part) + over * part)


def lit(ink: Ink, brightness: Field) -> Ink:
    """A colour under a relief's light.

    Shadows of cloth are lit through it and by its own folds, so they are deeper in colour, not greyer; and
    the fuzz of dark cloth catches light, so its relief shows more than its colour alone would let it.
    """
    luma = ink.mean(axis=-1, keepdims=True)
    depth = 1 + 0.9 * (luma - ink) / np.maximum(luma, 40) + 0.9 * np.clip(1 - luma / 90, 0, 1)
    return np.asarray(ink * np.maximum(brightness, 0.05)[..., None] ** np.clip(depth, 0.6, 2.0))


def cut(ink: Ink, sheet: Sheet) -> NDArray[np.uint8]:
    """Cut the mask out: ``(H, W, 4) uint8`` RGBA with straight alpha.

    The fabric goes on under the transparent pixels near the outline, so that filtering brings in no rim of
    another colour; farther out it is one colour, which costs nothing in a file.
    """
    mean = ink[sheet.edge > 0].mean(axis=0)
    rgb = np.where((sheet.edge > -_BLEED)[..., None], ink, mean)
    # Near-white and near-black leave room for the engine's light.
    alpha = np.clip(sheet.edge + 0.5, 0, 1)[..., None] * 255
    return np.concatenate([np.clip(rgb, 10, 240), alpha], axis=-1).round().astype(np.uint8)
