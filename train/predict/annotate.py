"""What is predicted, drawn into pictures."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.train.data.margins import PixelBox

_HEAT_STRENGTH = 0.5  # of the colours over the picture
# By label: red, green, orange; any others.
_COLOURS = ((204, 51, 68), (34, 136, 51), (204, 119, 17), (68, 119, 170))
_UNSURE = (110, 110, 110)


def draw_faces(image: Image, boxes: Sequence[PixelBox], labels: Sequence[int | None], captions: Sequence[str]) -> Image:
    """A copy of the picture with a box and a caption about each face, green where it is masked; grey where unsure.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        boxes: Of the faces, in its pixels.
        labels: The class each is called, by its place among the classes; None where that is unsure.
        captions: Of each.
    """
    drawn = np.ascontiguousarray(image.copy())
    # Readable in a thumbnail and in a photograph of 12 megapixels.
    scale = max(image.shape[:2]) / 1000
    line, pen, text = max(2, round(2.5 * scale)), max(1, round(1.6 * scale)), max(0.35, 0.8 * scale)
    for (left, top, right, bottom), label, words in zip(boxes, labels, captions, strict=True):
        colour = _UNSURE if label is None else _COLOURS[min(label, len(_COLOURS) - 1)]
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), colour, line)
        (width, height), below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, text, pen)
        # Above the box, or inside it where there is no room above.
        foot = top - below if top - below - height > 0 else top + height + below
        start = max(0, min(left, drawn.shape[1] - width))
        cv2.rectangle(drawn, (start, foot - height - 2), (start + width, foot + below), colour, cv2.FILLED)
        cv2.putText(drawn, words, (start, foot), cv2.FONT_HERSHEY_SIMPLEX, text, (255, 255, 255), pen, cv2.LINE_AA)
    return drawn


def draw_attention(image: Image, box: PixelBox, heat: NDArray[np.float32]) -> Image:
    """A copy of the picture with the ``(S, S)`` heat over what the network saw, which may reach outside of it."""
    left, top, right, bottom = box
    drawn = image.copy()
    resized = cv2.resize(heat, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    resized = resized[max(0, -top) : drawn.shape[0] - top, max(0, -left) : drawn.shape[1] - left]
    left, top = max(0, left), max(0, top)
    part = drawn[top:bottom, left:right]
    levels = np.clip(255 * resized + 0.5, 0, 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    part[:] = np.clip(_HEAT_STRENGTH * colours + (1 - _HEAT_STRENGTH) * part + 0.5, 0, 255)
    return drawn
