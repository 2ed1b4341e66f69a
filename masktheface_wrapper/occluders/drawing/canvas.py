"""Canvas: where an occluder is drawn, a window of the picture whose pixels know their place in millimetres."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskaug.core.arrays import Points
from maskaug.masktheface_wrapper.geometry.window import Window, window_of
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.context import FaceContext

Field = NDArray[np.float32]  # (h, w), over a canvas

_SHIFT = 4  # fractional bits of the points that OpenCV draws
_CELLS = 48  # a side, of noise; it repeats after
_BLURS = 3.5  # margin about what is drawn, in standard deviations of the photograph's blur


@dataclass(frozen=True)
class FaceFrame:
    """A flat frame in the picture, in mm: x along the face to the picture's right, y down it.

    Attributes:
        origin: ``(2,) float64`` in pixels.
        axes: ``(2, 2) float64``: pixels to a mm; first column of x, second of y.
    """

    origin: NDArray[np.float64]
    axes: NDArray[np.float64]

    @property
    def pixel(self) -> float:
        """Side of a pixel in mm."""
        return float(abs(np.linalg.det(self.axes)) ** -0.5)

    def pixels(self, points: ArrayLike) -> Points:
        """``(N, 2)`` points in mm to pixels."""
        return np.asarray(np.asarray(points, dtype=np.float64) @ self.axes.T + self.origin, dtype=np.float32)

    def mm(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """``(N, 2)`` pixels to mm."""
        return np.asarray((pixels - self.origin) @ np.linalg.inv(self.axes).T)

    def moved(self, x: float, y: float, degrees: float = 0.0) -> "FaceFrame":
        """This frame with its origin at (x, y), turned clockwise about it."""
        angle = np.radians(degrees)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return FaceFrame(self.origin + self.axes @ (x, y), self.axes @ turn)


def face_frame(context: FaceContext, *numbers: int) -> FaceFrame:
    """The frame of a face, upright with it and squeezed with the picture, its origin amid these landmarks."""
    camera = context.camera
    roll = np.radians(camera.pose.roll)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    axes = camera.pixels_per_mm * np.array([[1.0], [camera.aspect]]) * turn
    return FaceFrame(context.landmarks[list(numbers)].mean(axis=0).astype(np.float64), axes)


def single(values: NDArray[np.floating]) -> Field:
    """Values in single precision."""
    return np.asarray(values, dtype=np.float32)


class Canvas:
    """A window of the picture, to be painted in place.

    Attributes:
        left, top: Its first pixel in the picture.
        frame: Where mm lie in the picture.
        x, y: ``(h, w) float32``: place of each pixel in the frame, in mm.
        pixel: Side of a pixel in mm.
        color: ``(h, w, 3) float32`` RGB, premultiplied by alpha.
        alpha: ``(h, w) float32``.
    """

    def __init__(self, frame: FaceFrame, window: Window) -> None:
        """An empty canvas over left, top, right and bottom pixels of the picture."""
        self.left, self.top, right, bottom = window
        self.frame = frame
        across = np.arange(self.left, right, dtype=np.float32)[None, :]
        down = np.arange(self.top, bottom, dtype=np.float32)[:, None]
        back = np.linalg.inv(frame.axes).astype(np.float32)
        start = -back @ frame.origin.astype(np.float32)
        self.x: Field = across * back[0, 0] + down * back[0, 1] + start[0]
        self.y: Field = across * back[1, 0] + down * back[1, 1] + start[1]
        self.pixel = frame.pixel
        self.color = np.zeros((*self.x.shape, 3), dtype=np.float32)
        self.alpha = np.zeros(self.x.shape, dtype=np.float32)

    @property
    def corner(self) -> NDArray[np.float32]:
        """``(2,)``: its first pixel, as a point."""
        return np.array((self.left, self.top), dtype=np.float32)

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        height, width = self.alpha.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def reach(self, start: tuple[float, float], end: tuple[float, float], margin: float) -> tuple[slice, slice]:
        """Rows and columns of the canvas within a margin about a line; all lengths in mm."""
        middle = self.frame.axes @ (np.add(start, end) / 2) + self.frame.origin - self.corner
        half = np.abs(self.frame.axes) @ (np.abs(np.subtract(end, start)) / 2 + margin) + 2
        left, top = (int(max(value, 0)) for value in middle - half)
        right, bottom = (int(max(value + 1, 0)) for value in middle + half)
        return slice(top, bottom), slice(left, right)

    def coverage(self, distance: Field) -> Field:
        """Share of each pixel inside an outline, by the signed distance from it in mm, negative inside."""
        return np.asarray(np.clip(0.5 - distance / np.float32(self.pixel), 0, 1), dtype=np.float32)

    def polygon(self, points: Points) -> Field:
        """Share of each pixel inside a polygon of ``(N, 2)`` pixels of the picture."""
        drawn = np.zeros(self.alpha.shape, dtype=np.uint8)
        place = np.clip((points - self.corner) * (1 << _SHIFT), -(2**18), 2**18)
        cv2.fillPoly(drawn, [np.round(place).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
        return single(drawn * np.float32(1 / 255))

    def smooth(self, values: Field, mm: float) -> Field:
        """Values blurred by a Gaussian with that standard deviation."""
        sigma = mm / self.pixel
        if sigma < 0.2:
            return values
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))

    def noise(self, rng: np.random.Generator, across: float, down: float) -> Field:
        """Smooth noise of about unit deviation whose features have that size in mm, along the frame's axes."""
        cells = rng.standard_normal((_CELLS, _CELLS), dtype=np.float32)
        back = np.linalg.inv(self.frame.axes) / ((across,), (down,))
        start = back @ (self.corner - self.frame.origin) + _CELLS / 2
        height, width = self.alpha.shape
        drawn = cv2.warpAffine(
            cells,
            np.column_stack([back, start]),
            (width, height),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_WRAP,
        )
        return np.asarray(drawn * np.float32(1.25), dtype=np.float32)

    def paint(self, cover: Field, color: ArrayLike) -> None:
        """Lay a colour, ``(3,)`` or ``(h, w, 3)``, over what is there, with that alpha."""
        keep = 1 - cover
        self.color *= keep[..., None]
        self.color += cover[..., None] * np.asarray(color, dtype=np.float32)
        self.alpha *= keep
        self.alpha += cover

    def layer(self) -> Layer:
        """What was painted; its shading is in its colours."""
        return Layer(self.left, self.top, self.color, self.alpha, np.ones_like(self.alpha))


def canvas_over(context: FaceContext, frame: FaceFrame, outline: NDArray[np.floating]) -> Canvas | None:
    """A canvas over all of ``(N, 2)`` pixels that is inside the picture, with room for blur; None if nothing is."""
    window = window_of(outline, context.image.shape[:2], np.ceil(_BLURS * context.blur) + 2)
    if window is None or min(window[2] - window[0], window[3] - window[1]) < 2:
        return None
    return Canvas(frame, window)


def canvas_in(
    context: FaceContext, frame: FaceFrame, low: tuple[float, float], high: tuple[float, float]
) -> Canvas | None:
    """A canvas over a rectangle of the frame, by its upper left and its lower right corner in mm."""
    (left, top), (right, bottom) = low, high
    return canvas_over(context, frame, frame.pixels([(left, top), (right, top), (right, bottom), (left, bottom)]))
