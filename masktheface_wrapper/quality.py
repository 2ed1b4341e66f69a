"""Quality: how likely a person is to accept an overlay, from what its making revealed.

A scorecard: each feature is 1 where all is well and falls to 0, and the logistic function of their weighted sum is
the score. The weights were fitted by ``benchmarks/score.py`` on 471 overlays judged by eye
(``tests/data/verdicts.csv``).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.overlay import Face, Image, Points, Wear
from maskaug.masktheface_wrapper.pose import Camera
from maskaug.masktheface_wrapper.scene import Scene
from maskaug.masktheface_wrapper.skin import LUMA

# Weight of each feature, and the values between which it falls from 1 to 0.
WEIGHTS = {
    "landmarks_unstable": 3.35,
    "mouth_hidden": 3.92,
    "too_dark": 5.25,
    "nose_hidden": 2.31,
    "something_before_face": 2.06,
}
_INTERCEPT = -12.98
_UNSTABLE = (0.035, 0.35)  # disagreement of two landmark estimates, in eye distances; in between by its logarithm
_MOUTH = (0.9, -0.6)
_LIPS_REDDER, _LIPS_DARKER = 0.05, 0.25  # share of red, and of the luma, by which lips differ from skin
_DARK = (130.0, 30.0)  # luma of the skin; in between by its logarithm
_NOSTRILS = (-0.35, 0.05)  # logarithm of the nostrils' luma over the nose tip's
_EDGES = (2.0, 7.65)  # upper quartile of the cheeks' and the chin's gradient, see _edges; by its logarithm
# What the pictures judged by eye had none of, and nobody would accept.
_LIMITS = {
    "too_small": (7.0, 3.5),  # pixels between the eyes
    "out_of_frame": (0.35, 0.10),  # share of the mask's outline inside the picture
    "extreme_pose": (62.0, 88.0),  # degrees of yaw or of twice the pitch
    "low_coverage": (0.90, 0.60),  # share of what the mask should cover
}
_NAMED_BELOW = 0.4

_EYES_APART = 40.0  # pixels, of the picture the features are read from
_SOFT, _FINE = 0.06, 0.03  # blurs, in eye distances: finer structure says nothing of what a face shows

# Nose bridge and jaw: the part of the face a worn mask covers. One below the nose covers mouth and jaw, one below
# the chin none of it that could be asked for.
_LOWER_FACE = np.array([28, *range(2, 15)])
_MOUTH_AND_JAW = np.array([51, *range(4, 13)])


@dataclass(frozen=True)
class Quality:
    """A score in [0, 1], the features it is made of, and the names of the low ones, worst first."""

    score: float
    reasons: tuple[str, ...]
    features: dict[str, float]


def assess(face: Face, scene: Scene, camera: Camera, alpha: NDArray[np.uint8], wear: Wear) -> Quality:
    """Score an overlay.

    Args:
        face: The face that wears the mask.
        scene: Its photograph, before.
        camera: Its pose.
        alpha: ``(H, W) uint8``: what mask and straps cover.
        wear: How the mask is meant to be worn.
    """
    inside, covered = _coverage(face.landmarks[_LOWER_FACE if wear == "correct" else _MOUTH_AND_JAW], alpha)
    shown = _shown(scene)
    features = {
        "landmarks_unstable": _fall_log(face.stability + 0.01, _UNSTABLE),
        **shown,
        "too_dark": _fall_log(scene.skin.luma + 5, _DARK),
        "too_small": _fall(scene.unit, _LIMITS["too_small"]),
        "out_of_frame": _fall(inside, _LIMITS["out_of_frame"]),
        "extreme_pose": _fall(max(abs(camera.pose.yaw), 2 * abs(camera.pose.pitch)), _LIMITS["extreme_pose"]),
        "low_coverage": 1.0 if wear == "under_chin" else _fall(covered, _LIMITS["low_coverage"]),
    }
    logit = _INTERCEPT + sum(weight * features[name] for name, weight in WEIGHTS.items())
    score = float(np.prod([features[name] for name in _LIMITS]) / (1 + np.exp(-logit)))
    low = sorted((value, name) for name, value in features.items() if value < _NAMED_BELOW)
    return Quality(score, tuple(name for _, name in low), features)


def _shown(scene: Scene) -> dict[str, float]:
    """Whether the lower face shows what lower faces do: a mouth, nostrils, and little else."""
    image, points = _reduced(scene)
    soft = cv2.GaussianBlur(image, (0, 0), max(_SOFT * min(scene.unit, _EYES_APART), 0.6)).astype(np.float32)
    luma = np.asarray(soft @ LUMA, dtype=np.float32)
    lips = _median_inside(image, points[48:60])
    skin = scene.skin.color + 1
    redder = (lips[0] / lips.sum() - skin[0] / skin.sum()) / _LIPS_REDDER
    darker = (1 - float(lips @ LUMA) / max(scene.skin.luma, 10)) / _LIPS_DARKER
    nostrils = (_at(luma, points[32]) + _at(luma, points[34])) / 2
    cheeks = (points[[41, 46]] * 5 + points[[31, 35]] * 3 + points[[3, 13]] * 2) / 10
    nose = min(_at(luma, points[30]), (_at(luma, cheeks[0]) + _at(luma, cheeks[1])) / 2)
    return {
        "mouth_hidden": _fall(max(redder, darker), _MOUTH),
        "nose_hidden": _fall(float(np.log((nostrils + 5) / (nose + 5))), _NOSTRILS),
        "something_before_face": _fall_log(_edges(image, points, scene.skin.luma) + 0.3, _EDGES),
    }


def _reduced(scene: Scene) -> tuple[Image, Points]:
    """The picture with the eyes 40 pixels apart at most, and the landmarks in it."""
    factor = _EYES_APART / scene.unit
    if factor >= 1:
        return scene.image, scene.landmarks
    small = cv2.resize(scene.image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), ((scene.landmarks + 0.5) * factor - 0.5).astype(np.float32)


def _at(values: NDArray[np.float32], point: Points) -> float:
    x, y = np.clip(np.round(point), 0, (values.shape[1] - 1, values.shape[0] - 1)).astype(int)
    return float(values[y, x])


def _median_inside(image: Image, polygon: Points) -> NDArray[np.float32]:
    """``(3,)``: median colour in a convex polygon, at least 1; that of its middle if no pixel lies in it."""
    inside = np.zeros(image.shape[:2], dtype=np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.round(polygon).astype(np.int32)), 1)
    pixels = image[inside > 0]
    if not len(pixels):
        x, y = np.clip(polygon.mean(axis=0), 0, (image.shape[1] - 1, image.shape[0] - 1)).astype(int)
        pixels = image[y : y + 1, x]
    return np.asarray(np.median(pixels.astype(np.float32), axis=0) + 1)


def _edges(image: Image, points: Points, skin_luma: float) -> float:
    """Upper quartile of the gradient on cheeks and chin, in % of the skin's luma a 40th of the eyes' distance."""
    unit = float(np.linalg.norm(points[42:48].mean(axis=0) - points[36:42].mean(axis=0)))
    margin = np.ones((2 * max(1, round(_SOFT * unit)) + 1,) * 2)
    bare, features = np.zeros(image.shape[:2], dtype=np.uint8), np.zeros(image.shape[:2], dtype=np.uint8)
    cv2.fillPoly(bare, [np.round(points[_LOWER_FACE]).astype(np.int32)], 1)
    for part in (points[48:60], points[27:36]):
        cv2.fillConvexPoly(features, cv2.convexHull(np.round(part).astype(np.int32)), 1)
    where = (cv2.erode(bare, margin) > cv2.dilate(features, margin)).nonzero()
    if len(where[0]) < 20:
        return 0.0
    luma = cv2.GaussianBlur(image.astype(np.float32) @ LUMA, (0, 0), max(_FINE * unit, 0.5))
    across, down = (cv2.Sobel(luma, -1, *axis, scale=1 / 8)[where] for axis in ((1, 0), (0, 1)))
    return float(np.percentile(np.hypot(across, down), 75)) / max(skin_luma, 20.0) * 100 * unit / 40


def _fall(value: float, limits: tuple[float, float]) -> float:
    good, bad = limits
    return float(np.clip((value - bad) / (good - bad), 0.0, 1.0))


def _fall_log(value: float, limits: tuple[float, float]) -> float:
    good, bad = np.log(limits)
    return _fall(float(np.log(value)), (float(good), float(bad)))


def _coverage(outline: Points, alpha: NDArray[np.uint8]) -> tuple[float, float]:
    """Share of a part of the face inside the picture, and share of that which is covered."""
    polygon = outline.astype(np.float32)
    area = abs(float(cv2.contourArea(polygon)))
    left, top = np.floor(polygon.min(axis=0)).astype(int).clip(0)
    right, bottom = np.ceil(polygon.max(axis=0) + 1).astype(int).clip(max=alpha.shape[::-1])
    if area < 1 or right <= left or bottom <= top:
        return 0.0, 0.0
    part = np.zeros((bottom - top, right - left), dtype=np.uint8)
    cv2.fillPoly(part, [np.round(polygon - (left, top)).astype(np.int32)], 1)
    visible = int(part.sum())
    covered = int((alpha[top:bottom, left:right][part > 0] > 127).sum())
    return min(visible / area, 1.0), covered / max(visible, 1)
