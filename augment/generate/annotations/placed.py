"""Annotated boxes at their places in a picture's pixels."""

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.annotations.registry import Corners, MarkedPicture
from maskaug.core.errors import MaskaugError
from maskaug.core.pictures import DecodedPicture

_SAME_ASPECT = 0.02  # sides are rounded when a picture is resized
_SIDEWAYS = 5  # EXIF orientations from this on exchange width and height


class PictureAnnotationError(MaskaugError):
    """The annotations of one picture cannot be used; the message says which, and why."""


class Placement:
    """Where what is annotated lies in the pixels of a picture, which may have been turned by its EXIF, or resized."""

    def __init__(self, marked: MarkedPicture, picture: DecodedPicture, relative: str) -> None:
        """Compare the annotated size with the picture's.

        Args:
            marked: The annotations; without a size, they are of the upright picture.
            picture: The picture.
            relative: Its path below SRC, for messages.

        Raises:
            PictureAnnotationError: they are of a picture of another shape.
        """
        self._told_in, self._relative = marked.told_in, relative
        self._pixels = picture.pixels.shape[1], picture.pixels.shape[0]
        upright = picture.full_size
        stored = upright[::-1] if picture.orientation >= _SIDEWAYS else upright
        size = (1, 1) if marked.shares else marked.size or upright
        self._orientation = 1
        if marked.size and not marked.shares and not _same_shape(size, upright):
            if not _same_shape(size, stored):
                sizes = [f"{width} x {height}" for width, height in (size, upright)]
                raise self.error(f"are of a picture of {sizes[0]} pixels, but it has {sizes[1]}")
            self._orientation = picture.orientation
        self._size = size

    def error(self, what: str) -> PictureAnnotationError:
        """The error that says what the annotations do wrong."""
        return PictureAnnotationError(f"annotations of {self._relative} in {self._told_in} {what}")

    def box(self, corners: Corners, number: int) -> NDArray[np.float32]:
        """``(4,) float32``: a box in pixels of the picture.

        Args:
            corners: Left, top, right, bottom as annotated.
            number: Of the box, from 1, for messages.

        Raises:
            PictureAnnotationError: it has no area, or its middle lies outside the picture.
        """
        if corners[2] <= corners[0] or corners[3] <= corners[1]:
            raise self.error(f"have a box without area, number {number}")
        points = self.points(np.array(corners, dtype=np.float64).reshape(2, 2))
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        middle = (box[:2] + box[2:]) / 2
        if (middle < 0).any() or (middle > self._pixels).any():
            raise self.error(f"have a box outside the picture, number {number}")
        return box.astype(np.float32)

    def points(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """``(N, 2) float32``: annotated points in pixels of the picture."""
        width, height = self._size
        x, y = np.asarray(points, dtype=np.float64).T
        upright = {
            2: (width - x, y),
            3: (width - x, height - y),
            4: (x, height - y),
            5: (y, x),
            6: (height - y, x),
            7: (height - y, width - x),
            8: (y, width - x),
        }.get(self._orientation, (x, y))
        size = (height, width) if self._orientation >= _SIDEWAYS else (width, height)
        return (np.stack(upright, axis=1) * (np.array(self._pixels) / size)).astype(np.float32)


def _same_shape(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return abs(np.log(first[0] / first[1]) - np.log(second[0] / second[1])) < _SAME_ASPECT
