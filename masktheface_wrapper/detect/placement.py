"""Whether landmarks lie on a face's own features, by a small network: profiles and hands lead other models astray."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.assets import placement_model
from maskaug.core.arrays import Image, Points
from maskaug.core.landmarks import LOWER_FACE
from maskaug.core.resize import shrink
from maskaug.masktheface_wrapper.detect.landmarks import (
    BOX_UNITS,
    LandmarkEstimate,
    LandmarkModel,
    cut_patch,
    frame_of_all,
    why_implausible,
)
from maskaug.masktheface_wrapper.detect.small_network import SIDE, SmallNetwork, standardized

_BOX = 37.0  # pixels of a face's box in what the network looks at
_REACH = 0.6  # of what is cut out of the picture about the landmarks, in their own extent
_SHIFT = 4  # fractional bits of the outline's coordinates

# Two estimates that lie this near to each other, in face units, are no accident: where a look settles the landmarks as
# well as that, nothing else is asked.
STABLE = 0.02
# Boxes from which landmarks are looked for again: the middle's shift, in half sides of the box, and the size. Of 59
# faces that needed them, those that come first helped most often.
_TRIALS = tuple((across, down, size) for down in (-0.18, 0.12) for size in (1.05, 0.8) for across in (0.3, -0.3, 0.0))
_RIGHT, _SURELY_RIGHT = 0.5, 0.9  # probabilities
_AWAY = 0.42  # sides of the box from its middle to the landmarks'

_network = SmallNetwork(placement_model())


class Placed(NamedTuple):
    """Landmarks and how likely they lie on the face's features; 1 where they hold so well that nobody looks."""

    estimate: LandmarkEstimate
    probability: float


def placed_landmarks(model: LandmarkModel, image: Image, box: NDArray[np.floating]) -> Placed | None:
    """Landmarks of the face in a box, or None if the gate rejects them.

    A first look is enough where it settles them or they surely lie on the face's features: on 43 such faces that it did
    not settle, it lay nearer to the face mesh than more looks did (0.10 face units, not 0.15). Where more looks do not
    lead to the features, either, the best placed landmarks are taken that a first look in boxes about this one finds.

    Args:
        model: That finds landmarks.
        image: ``(H, W, 3) uint8`` RGB.
        box: ``(4,)``: left, top, right, bottom in pixels, as dlib's HOG detector draws it.

    Raises:
        ModelError: the network's file is missing or damaged.
    """
    first = model.look(image, box)
    plausible = why_implausible(first) is None
    if first.settled and not plausible:
        return None
    if first.settled and first.disagreement <= STABLE:
        return Placed(first, 1.0)
    best = _placed(image, first) if plausible else None
    if not first.settled and (best is None or best.probability < _SURELY_RIGHT):
        more = model.look_again(image, box, first)
        if why_implausible(more) is not None:
            return None
        best = max(filter(None, (_placed(image, more), best)), key=lambda placed: placed.probability)
    return best if best is None or best.probability >= _RIGHT else _best_about(model, image, box, best)


def _placed(image: Image, estimate: LandmarkEstimate) -> Placed:
    return Placed(estimate, placement_probability(image, estimate.points))


def _best_about(model: LandmarkModel, image: Image, box: NDArray[np.floating], best: Placed) -> Placed:
    """The best placed of some landmarks and those in boxes about this one; the first that surely are right."""
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    for across, down, size in _TRIALS:
        center = middle + np.array([across, down]) * half
        trial = model.look(image, np.concatenate([center - half * size, center + half * size]).astype(np.float32))
        if why_implausible(trial) is not None or not _is_in(trial.points, box):
            continue
        best = max(best, _placed(image, trial), key=lambda placed: placed.probability)
        if best.probability >= _SURELY_RIGHT:
            break
    return best


def _is_in(landmarks: Points, box: NDArray[np.floating]) -> bool:
    """Whether landmarks are of the face in the box, not of one beside it."""
    away = np.abs(landmarks[17:].mean(axis=0) - (box[:2] + box[2:]) / 2) / (box[2:] - box[:2])
    return bool((away < _AWAY).all())


def placement_probability(image: Image, landmarks: Points) -> float:
    """How likely a mask on these landmarks lies where it should.

    The network is made by ``tools/train_placement.py``; what it was trained on stands in its card.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        landmarks: ``(68, 2) float32``: the iBUG 300-W points of an upright face in pixels.

    Raises:
        ModelError: the network's file is missing or damaged.
    """
    return float(1 / (1 + np.exp(-_network.logits(placement_input(image, landmarks))[0])))


def placement_input(image: Image, landmarks: Points) -> NDArray[np.float32]:
    """``(4, 48, 48)``: the face upright, standardized RGB, and the outline that a mask fills, 1 inside, -1 outside."""
    patch = patch_with_outline(image, landmarks, SIDE)
    return np.concatenate([standardized(patch[..., :3]), patch[..., 3][None].astype(np.float32) / 127.5 - 1])


def patch_with_outline(image: Image, landmarks: Points, side: int) -> NDArray[np.uint8]:
    """``(side, side, 4)``: the face upright and unsqueezed, RGB, its box 37 pixels wide; and what a mask fills, 255."""
    frame = frame_of_all(landmarks)
    part, low, factor = _about(image, landmarks, frame.unit)

    def there(points: Points) -> Points:
        # Pixel centres are at whole numbers in either grid.
        return np.asarray((points - low + 0.5) * factor - 0.5, dtype=np.float32)

    frame = frame._replace(eyes=there(frame.eyes), unit=frame.unit * factor)
    patch, back = cut_patch(part, frame, _BOX, side)
    to_patch = cv2.invertAffineTransform(back)
    outline = there(landmarks[LOWER_FACE]) @ to_patch[:, :2].T + to_patch[:, 2]
    filled = np.zeros((side, side), dtype=np.uint8)
    cv2.fillPoly(filled, [np.round(outline * 2**_SHIFT).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
    return np.dstack([patch, filled])


def _about(image: Image, landmarks: Points, unit: float) -> tuple[Image, NDArray[np.int64], float]:
    """The part of the picture about a face, no larger than the patch needs; its first pixel, and how it is shrunk."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    reach = _REACH * (high - low).max()
    size = np.array(image.shape[1::-1])
    first = np.clip(np.floor(low - reach), 0, size - 1).astype(int)
    right, bottom = np.maximum(np.clip(np.ceil(high + reach), 1, size).astype(int), first + 1)
    part = np.ascontiguousarray(image[first[1] : bottom, first[0] : right])
    # The patch is drawn by single pixels: of a large face it must see averages.
    factor = 2 * _BOX / (BOX_UNITS * unit)
    if factor >= 1 or min(part.shape[:2]) * factor < 2:
        return part, first, 1.0
    return shrink(part, factor), first, factor
