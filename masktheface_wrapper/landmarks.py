"""dlib's 68 points: predicted, refined on an upright patch, and checked for being a face."""

from pathlib import Path

import cv2
import dlib
import numpy as np
from imutils.face_utils import FACIAL_LANDMARKS_68_IDXS
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.face_model import LEFT_EYE, RIGHT_EYE, eye_distance
from maskaug.masktheface_wrapper.models import ModelError
from maskaug.masktheface_wrapper.overlay import Image, Points
from maskaug.masktheface_wrapper.pose import Camera, fit_camera

# The predictor was trained on faces about this size; more pixels add nothing.
_PATCH = 150
# A box as dlib's HOG detector draws it spans this many eye distances, and is centred this many below the
# eyes: measured on the crops of ../shared where HOG finds the face.
_BOX_UNITS = 2.35
_BOX_BELOW_EYES = 0.5

_MOUTH = slice(*FACIAL_LANDMARKS_68_IDXS["mouth"])
_CHIN = 8
_NOSE_TIP = 30

# Beyond these a shape is no face.
_MIN_EYE_DISTANCE = 6.0  # pixels
_MAX_POSE_ERROR_MM = 8.0  # faces have 1.2 to 4


class LandmarkPredictor:
    """dlib's shape predictor with a file of one's choice."""

    def __init__(self, model: Path) -> None:
        """Load the model.

        Raises:
            ModelError: the file is missing or is no 68-point dlib shape predictor.
        """
        try:
            self._predict = dlib.shape_predictor(str(model))
        except RuntimeError as error:
            raise ModelError(f"{model} is no dlib shape predictor: {error}") from error
        blank = np.zeros((8, 8, 3), dtype=np.uint8)
        count = self._predict(blank, dlib.rectangle(0, 0, 7, 7)).num_parts
        if count != 68:
            raise ModelError(f"{model} predicts {count} points; a 68-point model is needed")

    def predict(self, image: Image, box: NDArray[np.floating]) -> Points:
        """``(68, 2) float32`` landmarks of the face in a box (left, top, right, bottom), as dlib draws them."""
        left, top, right, bottom = (round(float(value)) for value in box)
        shape = self._predict(image, dlib.rectangle(left, top, right, bottom))
        return np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float32)

    def refine(self, image: Image, rough: Points) -> Points:
        """A second, independent estimate, on a patch turned upright, unsqueezed, and scaled to suit.

        The box is built from the rough points, so that it stands elsewhere than the detector's: a shape that
        holds under both is no accident.
        """
        unsqueeze = np.array([1.0, 1.0 / fit_camera(rough).aspect])
        upright = (rough * unsqueeze).astype(np.float32)
        left, right = upright[LEFT_EYE].mean(axis=0), upright[RIGHT_EYE].mean(axis=0)
        unit = face_unit(upright)
        zoom = _PATCH / (_BOX_UNITS * unit)
        angle = np.arctan2(right[1] - left[1], right[0] - left[0])
        cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
        turn = np.array([[cos, sin], [-sin, cos]]) * unsqueeze
        # The patch shows a quarter of the box on every side of it.
        eyes_in_patch = (0.75 * _PATCH, 0.75 * _PATCH - _BOX_BELOW_EYES * unit * zoom)
        shift = eyes_in_patch - turn @ ((left + right) / 2 / unsqueeze)
        to_patch = np.column_stack([turn, shift])
        side = int(1.5 * _PATCH)
        filtering = cv2.INTER_LINEAR if zoom > 0.5 else cv2.INTER_AREA
        patch = cv2.warpAffine(image, to_patch, (side, side), flags=filtering, borderMode=cv2.BORDER_REPLICATE)
        found = self.predict(np.asarray(patch, dtype=np.uint8), np.array([0.25, 0.25, 1.25, 1.25]) * _PATCH)
        back = cv2.invertAffineTransform(to_patch)
        return np.asarray(found @ back[:, :2].T + back[:, 2], dtype=np.float32)


def face_unit(landmarks: Points) -> float:
    """Size of a face in pixels: its eye distance, or the like of it from the height of a turned head.

    Eyes to mouth is 0.92 eye distances shorter on a mean face that looks straight ahead.
    """
    left, right = landmarks[LEFT_EYE].mean(axis=0), landmarks[RIGHT_EYE].mean(axis=0)
    height = np.hypot(*(landmarks[_MOUTH].mean(axis=0) - (left + right) / 2))
    return max(float(np.hypot(*(right - left))), 0.92 * float(height), 1e-3)


def disagreement(first: Points, second: Points) -> float:
    """Mean distance between two estimates of one face's points, in eye distances."""
    return float(np.hypot(*(first - second).T).mean()) / face_unit(second)


def implausible(landmarks: Points, camera: Camera) -> str | None:
    """Why a shape cannot be a face, or None: the sanity gate behind every detector.

    Args:
        landmarks: ``(68, 2)``.
        camera: The pose fitted to them.
    """
    unit = face_unit(landmarks)
    if eye_distance(landmarks) < _MIN_EYE_DISTANCE and unit < 2 * _MIN_EYE_DISTANCE:
        return "too small"
    upright = landmarks @ np.array([[np.cos(a := np.radians(camera.pose.roll)), -np.sin(a)], [np.sin(a), np.cos(a)]])
    eyes = np.concatenate([upright[LEFT_EYE], upright[RIGHT_EYE]])[:, 1].mean()
    nose, mouth, chin = upright[_NOSE_TIP, 1], upright[_MOUTH, 1].mean(), upright[_CHIN, 1]
    if not eyes < nose < mouth < chin:
        return "upside down or inside out"
    if camera.error > _MAX_POSE_ERROR_MM:
        return "no human proportions"
    return None
