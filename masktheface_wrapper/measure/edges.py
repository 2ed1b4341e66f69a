"""Edges of the lower face: much of them is not skin, but a hand, hair or a thing before it."""

import cv2
import numpy as np

from maskaug.core.arrays import Image, Points, quantile
from maskaug.core.color import luma_of
from maskaug.core.landmarks import LIPS, LOWER_FACE, NOSE
from maskaug.masktheface_wrapper.geometry.face_size import eye_distance
from maskaug.masktheface_wrapper.measure.skin import Skin

_EYES_APART = 40.0  # pixels, of the picture that is looked at
_ROOM = 0.15  # about the lower face, in eye distances
_MARGIN, _FINE = 0.06, 0.03  # about lips and nose, and the blur, in eye distances


def measure_edges(image: Image, landmarks: Points, unit: float, skin: Skin) -> float:
    """Upper quartile of the gradient on cheeks and chin, in % of the skin's luma a 40th of the eyes' distance.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        landmarks: ``(68, 2)`` in its pixels.
        unit: Distance between the eyes, in pixels.
        skin: Of the face.
    """
    image, landmarks = _lower_face(image, landmarks, unit)
    if not image.size:
        return 0.0
    luma = luma_of(image)
    if unit > _EYES_APART:
        factor = _EYES_APART / unit
        luma = np.asarray(cv2.resize(luma, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))
        landmarks = ((landmarks + 0.5) * factor - 0.5).astype(np.float32)
    unit = eye_distance(landmarks)
    margin = np.ones((2 * max(1, round(_MARGIN * unit)) + 1,) * 2, dtype=np.uint8)
    bare, features = np.zeros(luma.shape, dtype=np.uint8), np.zeros(luma.shape, dtype=np.uint8)
    points = np.rint(landmarks).astype(np.int32)
    cv2.fillPoly(bare, [points[LOWER_FACE]], 1)
    for part in (LIPS, NOSE):
        cv2.fillConvexPoly(features, cv2.convexHull(points[part]), 1)
    where = cv2.compare(cv2.erode(bare, margin), cv2.dilate(features, margin), cv2.CMP_GT)
    if cv2.countNonZero(where) < 20:
        return 0.0
    luma = cv2.GaussianBlur(luma, (0, 0), max(_FINE * unit, 0.5))
    across, down = (cv2.Sobel(luma, -1, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    return quantile(cv2.magnitude(across, down)[where > 0], 0.75) / max(skin.luma, 20.0) * 100 * unit / 40


def _lower_face(image: Image, landmarks: Points, unit: float) -> tuple[Image, Points]:
    """The picture's part about the lower face, with as much room as what is measured looks at, and landmarks there."""
    outline, room = landmarks[LOWER_FACE], _ROOM * unit + 2
    left, top = np.maximum(np.floor(outline.min(axis=0) - room), 0).astype(int).tolist()
    right, bottom = np.maximum(np.ceil(outline.max(axis=0) + room), 0).astype(int).tolist()
    return image[top:bottom, left:right], (landmarks - (left, top)).astype(np.float32)
