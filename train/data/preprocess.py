"""From a picture of any size to what a network sees: the one way for training, evaluation and prediction.

A picture is *prepared*: resized, and cut to a square about what is *framed*, its middle or a face. About a face the
square keeps some of its surroundings, which training moves the frame in; :meth:`Preparation.framed` cuts them off.
"""

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.train.data.margins import Margins

Framing = Literal["picture", "face"]
Points = NDArray[np.floating]

_DETAIL = 96  # pixels a side that a framed face has at least: masks are drawn on it, then shrunk with it
_REACH = 1.5  # sides of the prepared square to one of the frame
_FRAME = Margins()  # about the finder's box: a tight crop, as most public sets of faces have them
# Training frames lie about the boxes of unmasked faces. Those of masked ones lie higher: on 1019 overlays by 0.026 of
# the frame in the median, and by 0.087 on one in twenty. So what is judged is framed lower than what is learnt from.
_LOWERED = 0.05
_PROPORTIONS = 16  # long side to short one, from which on the middle is cut out before it is resized, not after


@dataclass(frozen=True)
class Prepared:
    """A prepared picture.

    Attributes:
        pixels: ``(P, P, 3) uint8`` RGB; 0 outside the picture.
        scale, offset: ``(2,)``: where a point (x, y) of the picture, in pixels, lies here: ``scale * (x, y) + offset``;
            either counts from the picture's corner, so that pixel centres are at halves.
        inside: ``(4,) int``: left, top, right, bottom of what is picture.
    """

    pixels: Image
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    inside: NDArray[np.int64]

    @property
    def view(self) -> NDArray[np.float32]:
        """``(8,)``: scale, offset and inside, in a row."""
        return np.concatenate([self.scale, self.offset, self.inside]).astype(np.float32)


@dataclass(frozen=True)
class Preparation:
    """How pictures are prepared for a network.

    Attributes:
        framing: ``picture``: short side resized to the network's, by area or bilinear, and the middle. ``face``: the
            finder's largest box and a margin, stretched to a square, for many sets store faces squeezed.
        size: Side of what the network sees, in pixels.
    """

    framing: Framing
    size: int

    @property
    def detail(self) -> int:
        """Pixels a side of the frame in prepared pictures."""
        return self.size if self.framing == "picture" else max(self.size, _DETAIL)

    @property
    def side(self) -> int:
        """P, of prepared pictures."""
        return self.size if self.framing == "picture" else round(_REACH * self.detail)

    @property
    def key(self) -> str:
        """Changes when prepared pixels do."""
        if self.framing == "picture":
            return f"short side, area or bilinear, centre crop, {self.size}"
        return f"largest face, {_FRAME}, {_REACH} x {self.detail}"

    @property
    def to_frame(self) -> NDArray[np.float64]:
        """``(2, 3)``: from points of prepared pictures, in pixels, to what is framed, whose edges are at -1 and 1."""
        scale = 2 / self.detail
        shift = scale * 0.5 - self.side / self.detail
        lowered = 0.0 if self.framing == "picture" else scale * round(_LOWERED * self.detail)
        return np.array([[scale, 0, shift], [0, scale, shift - lowered]])

    def prepare(self, image: Image, box: NDArray[np.floating] | None = None) -> Prepared:
        """Prepare an ``(H, W, 3) uint8`` RGB picture.

        Args:
            image: The picture.
            box: ``(4,)`` of the face to frame, as `FaceFinder.boxes` gives it; None: the picture's middle.
        """
        if self.framing == "picture":
            return _middle(image, self.size)
        if box is not None:
            return _about(image, _FRAME.frame(box), self.detail, self.side)
        height, width = image.shape[:2]
        short = min(width, height)
        left, top = (width - short) / 2, (height - short) / 2
        return _about(image, np.array([left, top, left + short, top + short]), self.detail, self.side)

    def framed(self, pixels: Image) -> Image:
        """What the network sees of ``(N, P, P, 3) uint8`` prepared pictures: ``(N, S, S, 3) uint8``."""
        if self.framing == "picture":
            return pixels
        left = (self.side - self.detail) // 2
        top = left + round(_LOWERED * self.detail)
        inner = pixels[:, top : top + self.detail, left : left + self.detail]
        if self.detail == self.size:
            return np.ascontiguousarray(inner)
        return np.stack([resize_area(one, self.size) for one in inner])


def whole_box(width: int, height: int) -> NDArray[np.float32]:
    """``(4,)``: the box for which a network that frames faces sees just the whole picture, of a size in pixels."""
    across, down = width / (1 + 2 * _FRAME.sides), height / (1 + _FRAME.above + _FRAME.below)
    left, top = _FRAME.sides * across, _FRAME.above * down - _LOWERED * height
    return np.array([left, top, left + across, top + down], dtype=np.float32)


def resize_area(image: Image, size: int) -> Image:
    """A square picture at ``size`` pixels a side, by area."""
    resized = cv2.resize(np.ascontiguousarray(image), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8)


def _middle(image: Image, size: int) -> Prepared:
    """The picture with its short side resized to ``size`` pixels, and its middle."""
    height, width = image.shape[:2]
    reach = _PROPORTIONS * min(height, width)
    if max(height, width) > reach:  # resized whole, a strip could take gigabytes
        first = np.array([max(width - reach, 0), max(height - reach, 0)]) // 2
        part = _middle(image[first[1] : first[1] + reach, first[0] : first[0] + reach], size)
        return replace(part, offset=part.offset - part.scale * first)
    factor = size / min(height, width)
    sides = np.array([max(size, round(width * factor)), max(size, round(height * factor))])
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(image, tuple(map(int, sides)), interpolation=interpolation)
    left, top = (sides - size) // 2
    pixels = np.ascontiguousarray(resized[top : top + size, left : left + size], dtype=np.uint8)
    return Prepared(pixels, sides / (width, height), np.array([-left, -top]), np.array([0, 0, size, size]))


def _about(image: Image, frame: NDArray[np.float64], detail: int, side: int) -> Prepared:
    """The square of ``side`` pixels that has the frame, ``(4,)`` corners, in its middle, ``detail`` pixels wide."""
    height, width = image.shape[:2]
    low, high = frame[:2], frame[2:]
    scale = detail / np.maximum(high - low, 1.0)
    offset = side / 2 - scale * (low + high) / 2
    # Pixels of the picture that show in the square, and a pixel more on each side for what lies between them.
    first = np.floor(-offset / scale - 1).clip(0, (width - 1, height - 1)).astype(int)
    last = np.ceil((side - offset) / scale + 1).clip(first + 1, (width, height)).astype(int)
    part = np.ascontiguousarray(image[first[1] : last[1], first[0] : last[0]])
    shape = np.maximum(np.round(scale * (last - first)), 1).astype(int)
    shrinks = float(scale.prod()) < 1
    resized = cv2.resize(part, tuple(map(int, shape)), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    place = np.round(scale * first + offset).astype(int)
    start, stop = place.clip(0, side), (place + shape).clip(0, side)
    pixels = np.zeros((side, side, 3), dtype=np.uint8)
    (left, top), (right, bottom), (x, y) = start, stop, place
    pixels[top:bottom, left:right] = resized[top - y : bottom - y, left - x : right - x]
    return Prepared(pixels, scale, offset, np.array([left, top, right, bottom], dtype=np.int64))
