"""From the boxes that people draw to faces with landmarks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.core.resize import shrink
from maskaug.core.turns import turn_boxes, turn_image
from maskaug.masktheface_wrapper import Face, FaceFinder
from maskaug.masktheface_wrapper.detect.detector import intersection_over_union
from maskaug.masktheface_wrapper.detect.orientation import orientation_probabilities
from maskaug.masktheface_wrapper.detect.placement import STABLE

# What is looked at about a box, on each side, in lengths of its longer side.
_MARGIN = 1.0
# Longest side of that in pixels: a face then is as wide as landmarks need it.
_SIDE = 320
_OVERLAP = 0.3  # intersection over union of a drawn and a found box of one face
# Where no detector finds a face, two landmark estimates must not disagree more, in distances between the eyes: the
# limit of dlib's patient detector; on texture they lie 0.14 apart.
_MOST_APART = 0.1
_SURELY_UPRIGHT = 0.97  # as in the finder: how likely a face must be upright, as it lies or after turning
_TWICE = 0.8  # the same of two drawn boxes: one face marked twice
# Two faces whose centres are nearer than this, in widths of the face, are one face found twice.
_SAME_FACE = 0.5


def locate(
    image: Image, boxes: Sequence[NDArray[np.float32]], others: Sequence[NDArray[np.float32]], finder: FaceFinder
) -> tuple[list[Face], list[NDArray[np.float32]]]:
    """Faces in boxes that people have drawn, and the boxes in which landmarks cannot be found.

    Each of them draws boxes in another way, and landmarks depend on the box: so detectors look about each box first,
    and the box that they draw there is used. Where they find none, a square of the drawn box's area and middle is.
    Faces that lie on their side or upside down are found as :meth:`FaceFinder.find` finds them.

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


@dataclass(frozen=True)
class _Surroundings:
    """What lies about a drawn box.

    Attributes:
        image: ``(H, W, 3) uint8`` RGB.
        drawn: ``(4,)``: the box.
        besides: ``(N, 4)``: drawn boxes of further faces.
    """

    image: Image
    drawn: NDArray[np.float32]
    besides: NDArray[np.float32]

    def turned(self, turns: int) -> "_Surroundings":
        """The same after so many quarter turns counterclockwise."""
        boxes = turn_boxes(np.concatenate([self.drawn[None], self.besides]), turns, self.image.shape[:2])
        return _Surroundings(turn_image(self.image, turns), boxes[0], boxes[1:])

    def face(self, finder: FaceFinder) -> Face | None:
        """The face in the box, if it is upright, with how likely it is."""
        for box, most_apart in ((self._found_box(finder), 1.0), (squared(self.drawn), _MOST_APART)):
            face = None if box is None else finder.from_box(self.image, box)
            if face is not None and face.stability <= most_apart and self._is_own(face):
                sure = face.stability < STABLE
                return (
                    face if sure else replace(face, upright=float(orientation_probabilities(self.image, face.box)[0]))
                )
        return None

    def _is_own(self, face: Face) -> bool:
        """Whether a face lies in the drawn box, and not rather in another one."""
        middle, boxes = face.landmarks.mean(axis=0), np.concatenate([self.drawn[None], self.besides])
        inside = ((middle >= boxes[:, :2]) & (middle <= boxes[:, 2:])).all(axis=1)
        away = np.hypot(*((boxes[:, :2] + boxes[:, 2:]) / 2 - middle).T)
        return bool(inside[0]) and bool((away[0] <= away[inside]).all())

    def _found_box(self, finder: FaceFinder) -> NDArray[np.float32] | None:
        """The detectors' box of the face that is drawn, and of no other."""
        shares = [
            (share, box)
            for box in finder.boxes(self.image)
            if (share := _shared(box, self.drawn)) >= _OVERLAP
            and all(_shared(box, other) < share for other in self.besides)
        ]
        return max(shares, key=lambda pair: pair[0])[1] if shares else None


def _face(
    image: Image, box: NDArray[np.float32], neighbours: Sequence[NDArray[np.float32]], finder: FaceFinder
) -> Face | None:
    reach = _MARGIN * float((box[2:] - box[:2]).max())
    low = np.clip(np.floor(box[:2] - reach), 0, np.array(image.shape[1::-1]) - 1).astype(int)
    high = np.clip(np.ceil(box[2:] + reach), low + 1, image.shape[1::-1]).astype(int)
    crop = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
    factor = min(1.0, max(_SIDE / max(crop.shape[:2]), 1 / min(crop.shape[:2])))
    boxes = (np.stack([box, *neighbours]) - np.tile(low, 2)) * np.float32(factor)
    about = _Surroundings(shrink(crop, factor), boxes[0], boxes[1:])
    face = _most_upright(about, finder)
    if face is None:
        return None
    # Pixel centres are at whole numbers in either grid.
    points = (face.landmarks + 0.5) / factor - 0.5 + low
    placed = face.box / factor + np.tile(low, 2)
    return replace(face, box=placed.astype(np.float32), landmarks=points.astype(np.float32))


def _most_upright(about: _Surroundings, finder: FaceFinder) -> Face | None:
    """The face in the box; where it seems to lie on its side or upside down, as it is found after turning it."""
    face = about.face(finder)
    if face is not None and face.upright >= _SURELY_UPRIGHT:
        return face
    turns = int(orientation_probabilities(about.image, squared(about.drawn)).argmax())
    if turns == 0:
        return face
    other = about.turned(turns)
    found = other.face(finder)
    if found is None or found.upright < _SURELY_UPRIGHT:
        return face
    return found.turned(-turns, other.image.shape[:2])


def squared(box: NDArray[np.float32]) -> NDArray[np.float32]:
    """A box ``(4,)`` of the same area and middle, as wide as it is high."""
    middle, half = (box[:2] + box[2:]) / 2, np.sqrt(np.prod(box[2:] - box[:2])) / 2
    return np.concatenate([middle - half, middle + half]).astype(np.float32)


def _is_same(face: Face, other: Face) -> bool:
    gap = np.hypot(*(face.landmarks.mean(axis=0) - other.landmarks.mean(axis=0)))
    return bool(gap < _SAME_FACE * min(np.ptp(face.landmarks[:, 0]), np.ptp(other.landmarks[:, 0])))


def _shared(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    return float(intersection_over_union(first, second[None])[0])
