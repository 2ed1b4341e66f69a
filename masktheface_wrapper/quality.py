"""Quality: how likely a person is to accept an overlay, from what its making revealed."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.landmarks import face_unit
from maskaug.masktheface_wrapper.overlay import Face, Points, Wear
from maskaug.masktheface_wrapper.pose import Camera

# Each feature falls from 1 at the first value to 0 at the second.
_UNSTABLE = (0.10, 0.45)  # disagreement of two landmark estimates, eye distances
_SMALL = (18.0, 6.0)  # face size, pixels
_OUT_OF_FRAME = (0.85, 0.30)  # share of the mask's outline inside the picture
_TURNED = (45.0, 80.0)  # yaw, degrees
_NODDING = (32.0, 60.0)  # pitch, degrees
_UNCOVERED = (0.95, 0.60)  # share of the lower face covered
_NAMED_BELOW = 0.75

# Nose bridge and jaw: the part of the face a worn mask covers. One below the nose covers mouth and jaw, one below
# the chin none of it that could be asked for.
_LOWER_FACE = np.array([28, *range(2, 15)])
_MOUTH_AND_JAW = np.array([51, *range(4, 13)])


@dataclass(frozen=True)
class Quality:
    """A score in [0, 1], the features it is the product of, and the names of the low ones, worst first."""

    score: float
    reasons: tuple[str, ...]
    features: dict[str, float]


def assess(face: Face, camera: Camera, alpha: NDArray[np.uint8], wear: Wear) -> Quality:
    """Score an overlay.

    Args:
        face: The face that wears the mask.
        camera: Its pose.
        alpha: ``(H, W) uint8``: what mask and straps cover.
        wear: How the mask is meant to be worn.
    """
    pose = camera.pose
    inside, covered = _coverage(face.landmarks[_LOWER_FACE if wear == "correct" else _MOUTH_AND_JAW], alpha)
    if wear == "under_chin":
        covered = 1.0
    features = {
        "landmarks_unstable": _fall(face.stability, _UNSTABLE),
        "too_small": _fall(face_unit(face.landmarks), _SMALL),
        "out_of_frame": _fall(inside, _OUT_OF_FRAME),
        "extreme_pose": _fall(abs(pose.yaw), _TURNED) * _fall(abs(pose.pitch), _NODDING),
        "low_coverage": _fall(covered, _UNCOVERED),
    }
    low = sorted((value, name) for name, value in features.items() if value < _NAMED_BELOW)
    score = float(np.prod(list(features.values())))
    return Quality(score, tuple(name for _, name in low), features)


def _fall(value: float, limits: tuple[float, float]) -> float:
    good, bad = limits
    return float(np.clip((value - bad) / (good - bad), 0.0, 1.0))


def _coverage(outline: Points, alpha: NDArray[np.uint8]) -> tuple[float, float]:
    """Share of a part of the face inside the picture, and share of that which is covered."""
    polygon = outline.astype(np.float32)
    area = abs(float(cv2.contourArea(polygon)))
    left, top = np.floor(polygon.min(axis=0)).astype(int).clip(0)
    right, bottom = np.ceil(polygon.max(axis=0) + 1).astype(int).clip(max=alpha.shape[::-1])
    if area < 1 or right <= left or bottom <= top:
        return 0.0, 0.0
    lower_face = np.zeros((bottom - top, right - left), dtype=np.uint8)
    cv2.fillPoly(lower_face, [np.round(polygon - (left, top)).astype(np.int32)], 1)
    visible = int(lower_face.sum())
    covered = int((alpha[top:bottom, left:right][lower_face > 0] > 127).sum())
    return min(visible / area, 1.0), covered / max(visible, 1)
