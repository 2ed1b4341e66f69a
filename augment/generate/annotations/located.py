"""From the boxes that people draw to faces with landmarks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.core.resize import shrink
from maskaug.masktheface_wrapper import Face, FaceFinder

# What is looked at about a box, on each side, in lengths of its longer side.
_MARGIN = 1.0
# Longest side of that in pixels: a face then is as wide as landmarks need it.
_SIDE = 320
_OVERLAP = 0.3  # intersection over union of a drawn and a found box of one face
_TWICE = 0.8  # the same of two drawn boxes: one face marked twice
# Two faces whose centres are nearer than this, in widths of the face, are one face found twice.
_SAME_FACE = 0.5


def locate(
    image: Image, boxes: Sequence[NDArray[np.float32]], others: Sequence[NDArray[np.float32]], finder: FaceFinder
) -> tuple[list[Face], list[NDArray[np.float32]]]:
    """Faces in boxes that people have drawn, and the boxes in which landmarks cannot be found.

    Each of them draws boxes in another way, and landmarks depend on the box: so detectors look about each box first,
    and the box that they draw there is used. Where they find none, a square of the drawn box's area and middle is.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        boxes: ``(4,)`` each: left, top, right, bottom in pixels.
        others: Boxes of further faces, which are not to be taken for these.
        finder: Finds boxes and landmarks.

    Returns:
        Faces, each once, in the order of their boxes, and with a box as dlib's HOG detector draws it; and the drawn
        boxes that are left.
    """
    faces, left = list[Face](), list[NDArray[np.float32]]()
    boxes = [box for number, box in enumerate(boxes) if all(_shared(box, one) < _TWICE for one in boxes[:number])]
    for number, box in enumerate(boxes):
        neighbours = [*boxes[:number], *boxes[number + 1 :], *others]
        face = _face(image, box, neighbours, finder)
        if face is None or any(_is_same(face, other) for other in faces):
            left.append(box)
        else:
            faces.append(face)
    return faces, left


def _face(
    image: Image, box: NDArray[np.float32], neighbours: Sequence[NDArray[np.float32]], finder: FaceFinder
) -> Face | None:
    reach = _MARGIN * float((box[2:] - box[:2]).max())
    low = np.clip(np.floor(box[:2] - reach), 0, np.array(image.shape[1::-1]) - 1).astype(int)
    high = np.clip(np.ceil(box[2:] + reach), low + 1, image.shape[1::-1]).astype(int)
    crop = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
    factor = min(1.0, _SIDE / max(crop.shape[:2]))
    crop = shrink(crop, factor)
    drawn, *besides = ((other - np.tile(low, 2)) * factor for other in (box, *neighbours))
    for candidate in (_found_box(crop, drawn, besides, finder), _square(drawn)):
        face = None if candidate is None else finder.from_box(crop, candidate.astype(np.float32))
        if face is not None and _lies_in(face, drawn):
            # Pixel centres are at whole numbers in either grid.
            points = (face.landmarks + 0.5) / factor - 0.5 + low
            placed = candidate / factor + np.tile(low, 2)
            return replace(face, box=placed.astype(np.float32), landmarks=points.astype(np.float32))
    return None


def _found_box(
    crop: Image, drawn: NDArray[np.float32], besides: Sequence[NDArray[np.float32]], finder: FaceFinder
) -> NDArray[np.float32] | None:
    """The detectors' box of the face that is drawn, and of no other."""
    shares = [
        (share, box)
        for box in finder.boxes(crop)
        if (share := _shared(box, drawn)) >= _OVERLAP and all(_shared(box, other) < share for other in besides)
    ]
    return max(shares, key=lambda pair: pair[0])[1] if shares else None


def _square(box: NDArray[np.float32]) -> NDArray[np.float32]:
    """A box of the same area and middle, as wide as it is high."""
    middle, half = (box[:2] + box[2:]) / 2, np.sqrt(np.prod(box[2:] - box[:2])) / 2
    return np.concatenate([middle - half, middle + half])


def _lies_in(face: Face, box: NDArray[np.float32]) -> bool:
    middle = face.landmarks.mean(axis=0)
    return bool((middle >= box[:2]).all() and (middle <= box[2:]).all())


def _is_same(face: Face, other: Face) -> bool:
    gap = np.hypot(*(face.landmarks.mean(axis=0) - other.landmarks.mean(axis=0)))
    return bool(gap < _SAME_FACE * min(np.ptp(face.landmarks[:, 0]), np.ptp(other.landmarks[:, 0])))


def _shared(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Intersection over union."""
    width, height = np.maximum(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0)
    areas = sum(float(np.prod(box[2:] - box[:2])) for box in (first, second))
    return float(width * height) / max(areas - float(width * height), 1e-6)
