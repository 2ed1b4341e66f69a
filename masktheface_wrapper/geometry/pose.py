"""Head pose: where the mean face stands before the camera, and how its points project into the picture."""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points
from maskaug.core.faces import Pose
from maskaug.masktheface_wrapper.geometry.face_model import FACE_MODEL

# A portrait's usual distance. Crops say nothing of the focal length they were taken with, and over 0.5 to
# 2 m the outline of a mask changes by less than the landmarks' own error.
CAMERA_DISTANCE_MM = 900.0

# The rigid part of a face. Jaw points are left out: beyond a few degrees of yaw they mark the visible
# outline, not a place on the head. So are the mouth's, but for its corners: mouths open.
_RIGID = np.array([*range(17, 48), 48, 54])
_MODEL = FACE_MODEL[_RIGID]
_AFFINE_SOLVER = np.linalg.pinv(np.concatenate([_MODEL, np.ones((len(_MODEL), 1))], axis=1))

# Many face data sets store crops squeezed to a square: their faces are 0.6 to 1.1 times as high as in life.
_ASPECT_RANGE = (0.5, 1.6)


@dataclass(frozen=True)
class Camera:
    """A head pose with the camera that sees it.

    Attributes:
        rotation: ``(3, 3) float64``, from the head frame to the camera frame (x right, y down, z away from
            the camera).
        translation: ``(3,) float64`` in mm.
        focal: Focal length in pixels.
        center: ``(2,) float64``: the principal point in pixels.
        aspect: Vertical over horizontal scale of the picture.
        error: Root mean square distance of the rigid points from their projection, in mm on the head.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    focal: float
    center: NDArray[np.float64]
    aspect: float
    error: float

    def project(self, points: NDArray[np.floating]) -> Points:
        """``(N, 3)`` points in the head frame, in mm, to ``(N, 2)`` pixels."""
        seen = points @ self.rotation.T + self.translation
        flat = seen[:, :2] * (self.focal / seen[:, 2:])
        return np.asarray(flat * (1.0, self.aspect) + self.center, dtype=np.float32)

    def depth(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Distance of ``(N, 3)`` points in the head frame from the camera's plane, in mm."""
        return np.asarray(points @ self.rotation[2] + self.translation[2], dtype=np.float64)

    @property
    def pixels_per_mm(self) -> float:
        """Horizontal scale at the face."""
        return self.focal / float(self.translation[2])

    @cached_property
    def pose(self) -> Pose:
        """Yaw, pitch and roll in degrees."""
        facing = -self.rotation[:, 2]
        across = self.rotation[:, 0]
        return Pose(
            yaw=float(np.degrees(np.arctan2(facing[0], -facing[2]))),
            pitch=float(np.degrees(np.arcsin(np.clip(-facing[1], -1.0, 1.0)))),
            roll=float(np.degrees(np.arctan2(across[1], across[0]))),
        )


def squeeze_of(landmarks: Points) -> float:
    """Vertical over horizontal scale of the picture that shows a face with these ``(68, 2)`` landmarks.

    Seen from afar, the picture's x and y are rows of a scaled rotation, equally long unless the picture is squeezed.
    """
    return _scales(landmarks)[1]


def _scales(landmarks: Points) -> tuple[float, float]:
    """Pixels to a mm across the face, and the squeeze."""
    rows = (_AFFINE_SOLVER @ landmarks[_RIGID])[:3]
    across, down = np.sqrt((rows * rows).sum(axis=0)).tolist()
    low, high = _ASPECT_RANGE
    return max(across, 1e-3), min(max(down / max(across, 1e-6), low), high)


def fit_camera(landmarks: Points) -> Camera:
    """The pose, and the picture's squeeze, under which the mean face lies best on ``(68, 2)`` landmarks.

    A rigid head would read a squeeze as a nod, so the squeeze is found first. Then `cv2.solvePnP` finds the pose in the
    picture as it was before.
    """
    points = landmarks[_RIGID].astype(np.float64)
    scale, aspect = _scales(landmarks)
    square = points / (1.0, aspect)
    center = square.mean(axis=0)
    focal = CAMERA_DISTANCE_MM * scale
    matrix = np.array([[focal, 0.0, center[0]], [0.0, focal, center[1]], [0.0, 0.0, 1.0]])
    _, turn, translation = cv2.solvePnP(_MODEL, square, matrix, None, flags=cv2.SOLVEPNP_SQPNP)
    rotation, _ = cv2.Rodrigues(turn)
    unmeasured = Camera(rotation, translation[:, 0], focal, center * (1.0, aspect), aspect, 0.0)
    miss = (unmeasured.project(_MODEL) - points) / (1.0, aspect)
    error = float(np.sqrt((miss**2).sum(axis=1).mean())) / unmeasured.pixels_per_mm
    return replace(unmeasured, error=error)
