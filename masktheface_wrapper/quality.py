"""Quality: how likely a person is to accept an overlay, by what was measured while it was made.

A scorecard: each feature is 1 where all is well and falls to 0, and the logistic function of their weighted sum is
the score. The weights were fitted by ``benchmarks/score.py`` on 927 overlays judged by eye
(``tests/data/verdicts.csv``).
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points
from maskaug.core.faces import Face
from maskaug.core.landmarks import LOWER_FACE
from maskaug.masktheface_wrapper.geometry.window import window_of
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.overlay import Wear

# Weight of each feature, and the values between which it falls from 1 to 0.
WEIGHTS = {
    "misplaced": 2.78,
    "landmarks_unstable": 3.06,
    "something_before_face": 1.48,
}
# The fit's own is -5.27, with good and bad overlays weighed alike; raised so that, left out of the fit, 2 % of the good
# ones of pictures as they are score less than 0.2, the threshold of `maskaug generate`.
_INTERCEPT = -4.81
_PLACED = (0.9, 0.1)  # probability that the landmarks lie on the face's features
_UNSTABLE = (0.035, 0.35)  # disagreement of two landmark estimates, in eye distances; in between by its logarithm
_EDGES = (2.0, 7.65)  # the cheeks' and the chin's; by its logarithm
# What the pictures judged by eye had none of, and nobody would accept.
LIMITS = {
    "too_small": (7.0, 3.5),  # pixels between the eyes
    "out_of_frame": (0.35, 0.10),  # share of the mask's outline inside the picture
    "extreme_pose": (62.0, 88.0),  # degrees of yaw or of twice the pitch
    "low_coverage": (0.90, 0.60),  # share of what the mask should cover
}
_NAMED_BELOW = 0.4

# One below the nose covers mouth and jaw, one below the chin nothing that could be asked for.
_MOUTH_AND_JAW = np.array([51, *range(4, 13)])


@dataclass(frozen=True)
class Quality:
    """A score in [0, 1], the features it is made of, and the names of the low ones, worst first."""

    score: float
    reasons: tuple[str, ...]
    features: dict[str, float]


def assess(face: Face, context: FaceContext, placement: float, alpha: NDArray[np.uint8], wear: Wear) -> Quality:
    """Score an overlay.

    Args:
        face: The face that wears the mask.
        context: Of its photograph, before.
        placement: How likely the landmarks lie on the face's own features.
        alpha: ``(H, W) uint8``: what mask and straps cover.
        wear: How the mask is meant to be worn.
    """
    inside, covered = _coverage(face.landmarks[LOWER_FACE if wear == "correct" else _MOUTH_AND_JAW], alpha)
    pose = context.camera.pose
    features = {
        "misplaced": _fall(placement, _PLACED),
        "landmarks_unstable": _fall_log(face.stability + 0.01, _UNSTABLE),
        "something_before_face": _fall_log(context.edges + 0.3, _EDGES),
        "too_small": _fall(context.unit, LIMITS["too_small"]),
        "out_of_frame": _fall(inside, LIMITS["out_of_frame"]),
        "extreme_pose": _fall(max(abs(pose.yaw), 2 * abs(pose.pitch)), LIMITS["extreme_pose"]),
        "low_coverage": 1.0 if wear == "under_chin" else _fall(covered, LIMITS["low_coverage"]),
    }
    logit = _INTERCEPT + sum(weight * features[name] for name, weight in WEIGHTS.items())
    score = math.prod(features[name] for name in LIMITS) / (1 + math.exp(-logit))
    low = sorted((value, name) for name, value in features.items() if value < _NAMED_BELOW)
    return Quality(score, tuple(name for _, name in low), features)


def _fall(value: float, limits: tuple[float, float]) -> float:
    good, bad = limits
    return min(max((value - bad) / (good - bad), 0.0), 1.0)


def _fall_log(value: float, limits: tuple[float, float]) -> float:
    good, bad = limits
    return _fall(math.log(value), (math.log(good), math.log(bad)))


def _coverage(outline: Points, alpha: NDArray[np.uint8]) -> tuple[float, float]:
    """Share of a part of the face inside the picture, and share of that which is covered."""
    polygon = outline.astype(np.float32)
    area = abs(float(cv2.contourArea(polygon)))
    window = window_of(polygon, alpha.shape)
    if area < 1 or window is None:
        return 0.0, 0.0
    left, top, right, bottom = window
    part = np.zeros((bottom - top, right - left), dtype=np.uint8)
    cv2.fillPoly(part, [np.rint(polygon - (left, top)).astype(np.int32)], 1)
    visible = cv2.countNonZero(part)
    covered = cv2.countNonZero(part & (alpha[top:bottom, left:right] > 127))
    return min(visible / area, 1.0), covered / max(visible, 1)
