"""Crops about single faces, and what moves along with them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskaug.core.faces import Face
from maskaug.core.resize import shrink

Region = tuple[int, int, int, int]  # left, top, right, bottom in pixels; the last two are the first outside


@dataclass(frozen=True)
class FaceCrop:
    """The part of a picture about one of its faces.

    Attributes:
        number: Of the face in its picture, largest first, from 0.
        region: In pixels of the picture.
        scale: Pixels of the crop as it is written to one of the picture.
    """

    number: int
    region: Region
    scale: float = 1.0

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The crop of an ``(H, W, ...) uint8`` picture."""
        left, top, right, bottom = self.region
        return shrink(np.ascontiguousarray(image[top:bottom, left:right]), self.scale)

    def holds(self, boxes: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether the middle of each of ``(N, 4)`` boxes lies in the crop."""
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        return np.asarray(((middles >= self.region[:2]) & (middles < self.region[2:])).all(axis=1), dtype=bool)


def crop_about(
    face: Face, size: tuple[int, int], margin: float, *, number: int = 0, max_size: int | None = None
) -> FaceCrop:
    """The crop about a face.

    Args:
        face: The face.
        size: ``(H, W)`` of its picture, whose edges cut the crop off.
        margin: About the face, from the brows to the chin, on each side in widths of its box.
        number: Of the face in its picture.
        max_size: Longest side of the crop as it is written; larger ones are shrunk.
    """
    low, high = face.box[:2], face.box[2:]
    reach = margin * float(high[0] - low[0])
    low_x, low_y = np.clip(np.floor(low - reach), 0, np.array(size[::-1]) - 1).astype(int).tolist()
    high_x, high_y = np.clip(np.ceil(high + reach), 1, size[::-1]).astype(int).tolist()
    region = (low_x, low_y, max(high_x, low_x + 1), max(high_y, low_y + 1))
    longest = max(region[2] - region[0], region[3] - region[1])
    return FaceCrop(number, region, min(1.0, (max_size or longest) / longest))
