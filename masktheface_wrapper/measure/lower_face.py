"""Lower face: whether it shows what lower faces do, a mouth, nostrils, and little else."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points
from maskaug.core.color import LUMA
from maskaug.core.landmarks import LEFT_EYE, LIPS, LOWER_FACE, NOSE, RIGHT_EYE
from maskaug.masktheface_wrapper.measure.skin import Skin

_EYES_APART = 40.0  # pixels, of the picture that is looked at
_SOFT, _FINE = 0.06, 0.03  # blurs, in eye distances: finer structure says nothing of what a face shows
_LIPS_REDDER, _LIPS_DARKER = 0.05, 0.25  # share of red, and of the luma, by which lips differ from skin


@dataclass(frozen=True)
class LowerFace:
    """What shows before a mask is put on.

    Attributes:
        mouth: By how much the lips differ from skin; 1 as lips do, 0 not at all.
        nostrils: Logarithm of their luma over the nose tip's.
        edges: Upper quartile of the gradient on cheeks and chin, in % of the skin's luma a 40th of the eyes' distance.
    """

    mouth: float
    nostrils: float
    edges: float


def measure_lower_face(image: Image, landmarks: Points, unit: float, skin: Skin) -> LowerFace:
    """Look at a face by its ``(68, 2)`` landmarks, whose eyes are ``unit`` pixels apart."""
    if unit > _EYES_APART:
        factor = _EYES_APART / unit
        image = np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        landmarks, unit = ((landmarks + 0.5) * factor - 0.5).astype(np.float32), _EYES_APART
    soft = cv2.GaussianBlur(image, (0, 0), max(_SOFT * unit, 0.6)).astype(np.float32)
    luma = np.asarray(soft @ LUMA, dtype=np.float32)
    lips = _median_inside(image, landmarks[LIPS])
    bare = skin.color + 1
    redder = (lips[0] / lips.sum() - bare[0] / bare.sum()) / _LIPS_REDDER
    darker = (1 - float(lips @ LUMA) / max(skin.luma, 10)) / _LIPS_DARKER
    nostrils = (_at(luma, landmarks[32]) + _at(luma, landmarks[34])) / 2
    cheeks = (landmarks[[41, 46]] * 5 + landmarks[[31, 35]] * 3 + landmarks[[3, 13]] * 2) / 10
    nose = min(_at(luma, landmarks[30]), (_at(luma, cheeks[0]) + _at(luma, cheeks[1])) / 2)
    return LowerFace(
        mouth=float(max(redder, darker)),
        nostrils=float(np.log((nostrils + 5) / (nose + 5))),
        edges=_edges(image, landmarks, skin.luma),
    )


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
    unit = float(np.linalg.norm(points[RIGHT_EYE].mean(axis=0) - points[LEFT_EYE].mean(axis=0)))
    margin = np.ones((2 * max(1, round(_SOFT * unit)) + 1,) * 2)
    bare, features = np.zeros(image.shape[:2], dtype=np.uint8), np.zeros(image.shape[:2], dtype=np.uint8)
    cv2.fillPoly(bare, [np.round(points[LOWER_FACE]).astype(np.int32)], 1)
    for part in (points[LIPS], points[NOSE]):
        cv2.fillConvexPoly(features, cv2.convexHull(np.round(part).astype(np.int32)), 1)
    where = (cv2.erode(bare, margin) > cv2.dilate(features, margin)).nonzero()
    if len(where[0]) < 20:
        return 0.0
    luma = cv2.GaussianBlur(image.astype(np.float32) @ LUMA, (0, 0), max(_FINE * unit, 0.5))
    across, down = (cv2.Sobel(luma, -1, *axis, scale=1 / 8)[where] for axis in ((1, 0), (0, 1)))
    return float(np.percentile(np.hypot(across, down), 75)) / max(skin_luma, 20.0) * 100 * unit / 40
