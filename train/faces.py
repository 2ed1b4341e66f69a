"""Faces cut out of pictures as training sees them, and what is drawn about them."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3), RGB
Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two are the first pixels outside

# Where the edges of the 1259 crops in ../shared/data/faces lie about the finder's boxes, in widths and heights of the
# box: the medians. Half of the sides lie within 0.05 of these; loose portraits, a quarter of the set, lie farther out.
_SIDES, _ABOVE, _BELOW = 0.04, 0.23, -0.05
_FEWEST_PIXELS = 8

_HEAT_STRENGTH = 0.5  # of the colours over the picture
_MASKED, _UNMASKED = (34, 136, 51), (204, 51, 68)


def crop_box(box: NDArray[np.floating], width: int, height: int) -> Box | None:
    """The part of a picture that a training picture of this face would show; None where next to nothing is left.

    Args:
        box: ``(4,)``: left, top, right, bottom as `FaceFinder.boxes` gives them.
        width, height: Of the picture, whose edges cut the crop off.
    """
    across, down = float(box[2] - box[0]), float(box[3] - box[1])
    left, right = box[0] - _SIDES * across, box[2] + _SIDES * across
    top, bottom = box[1] - _ABOVE * down, box[3] + _BELOW * down
    cut = (max(0, round(left)), max(0, round(top)), min(width, round(right)), min(height, round(bottom)))
    return cut if min(cut[2] - cut[0], cut[3] - cut[1]) >= _FEWEST_PIXELS else None


def draw_faces(image: Image, boxes: Sequence[Box], probabilities: Sequence[float], threshold: float) -> Image:
    """A copy of the picture with a box about each face, green where it is called masked, and its probability."""
    drawn = np.ascontiguousarray(image.copy())
    # Readable in a thumbnail and in a photograph of 12 megapixels.
    scale = max(image.shape[:2]) / 1000
    line, pen, text = max(2, round(2.5 * scale)), max(1, round(1.6 * scale)), max(0.35, 0.8 * scale)
    for (left, top, right, bottom), probability in zip(boxes, probabilities, strict=True):
        colour = _MASKED if probability >= threshold else _UNMASKED
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), colour, line)
        words = f"mask {probability:.0%}"
        (width, height), below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, text, pen)
        # Above the box, or inside it where there is no room above.
        foot = top - below if top - below - height > 0 else top + height + below
        start = max(0, min(left, drawn.shape[1] - width))
        cv2.rectangle(drawn, (start, foot - height - 2), (start + width, foot + below), colour, cv2.FILLED)
        cv2.putText(drawn, words, (start, foot), cv2.FONT_HERSHEY_SIMPLEX, text, (255, 255, 255), pen, cv2.LINE_AA)
    return drawn


def draw_attention(image: Image, box: Box, heat: NDArray[np.float32]) -> Image:
    """A copy of the picture with the ``(S, S)`` heat over the part of it that the network saw."""
    left, top, right, bottom = box
    drawn = image.copy()
    part = drawn[top:bottom, left:right]
    resized = cv2.resize(heat, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    levels = np.clip(255 * resized + 0.5, 0, 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    drawn[top:bottom, left:right] = np.clip(_HEAT_STRENGTH * colours + (1 - _HEAT_STRENGTH) * part + 0.5, 0, 255)
    return drawn
