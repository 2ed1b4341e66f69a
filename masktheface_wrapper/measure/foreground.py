"""Foreground: what stands before the mask in the photograph, glasses above all."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points
from maskaug.core.color import luma_of
from maskaug.core.landmarks import LEFT_EYE, LOWER_FACE, RIGHT_EYE
from maskaug.masktheface_wrapper.geometry.face_size import face_size
from maskaug.masktheface_wrapper.measure.skin import Skin

# Glasses: what is this much darker than the skin around it and not of its colour, in a band below the eyes as high as
# a share of the way to the nostrils, and as wide as a share of the eye or more. A shadow is as dark farther down.
_DARKER = 0.6
_BELOW_EYES = 0.6
_FRAME_WIDTH = 0.8
_AROUND = 0.8  # distances between the eyes: more than the height of a lens
# Objects (a microphone, a cup, a collar): what is of another hue than skin, not redder as lips and flushed cheeks
# are, as large as a share of the lower face, sharply bounded, and comes in over the jaw line. Dark pictures have
# no hue to go by. Tried on 1258 faces: 17 found, of which 2 were no objects.
_OTHER_HUE, _REDDER = 0.20, 0.02
_LARGE = 0.03
_SHARP = 6.0  # median gradient on the boundary, grey levels a pixel where the eyes are 50 pixels apart
_DARKEST = 35.0
_ROOM = 0.15  # about all that is looked at, in distances between the eyes


@dataclass(frozen=True)
class Foreground:
    """What stands before the lower face, in a window of the picture.

    Attributes:
        left, top: First pixel of the window.
        cover: ``(h, w) float32``: 1 where it hides a mask, 0 where it does not, and about the window.
    """

    left: int
    top: int
    cover: NDArray[np.float32]


def measure_foreground(image: Image, landmarks: Points, skin: Skin) -> Foreground | None:
    """Things before the face that can be told from skin; None if there are none.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        landmarks: ``(68, 2)`` of the face.
        skin: Its skin.
    """
    room = _ROOM * face_size(landmarks)
    seen = np.concatenate([_band(landmarks), landmarks[LOWER_FACE]])
    left, top = np.maximum(np.floor(seen.min(axis=0) - room), 0).astype(int).tolist()
    right, bottom = np.maximum(np.ceil(seen.max(axis=0) + room), 0).astype(int).tolist()
    part = image[top:bottom, left:right]
    if not part.size:
        return None
    pixels, points = part.astype(np.float32), (landmarks - (left, top)).astype(np.float32)
    front = _glasses(pixels, points, skin)
    objects = _objects(pixels, points, skin)
    if objects is not None:
        front = objects if front is None else np.maximum(front, objects)
    if front is None:
        return None
    return Foreground(left, top, np.asarray(cv2.blur(cv2.dilate(front, np.ones((3, 3), dtype=np.uint8)), (3, 3))))


def _band(points: Points) -> NDArray[np.float32]:
    """``(4, 2)``: corners of the band below the eyes in which glasses are looked for, pixels."""
    left_eye, right_eye = points[LEFT_EYE].mean(axis=0), points[RIGHT_EYE].mean(axis=0)
    across = right_eye - left_eye
    down = _BELOW_EYES * (points[33] - (left_eye + right_eye) / 2)
    corners = np.stack([left_eye - 0.5 * across, right_eye + 0.5 * across])
    return np.concatenate([corners, corners[::-1] + down])


def _glasses(pixels: NDArray[np.float32], points: Points, skin: Skin) -> NDArray[np.float32] | None:
    """``(h, w) float32``: 1 on rims and dark lenses below the eyes; None if there are none."""
    band = _band(points)
    left, top = np.floor(band.min(axis=0)).astype(int).clip(0)
    right, bottom = np.ceil(band.max(axis=0)).astype(int).clip(max=pixels.shape[1::-1])
    if right - left < 4 or bottom - top < 4:
        return None
    view = pixels[top:bottom, left:right]
    luma = luma_of(view)
    reach = max(3, round(_AROUND * face_size(points)))
    below = luma_of(pixels[top : bottom + reach, left:right])
    column = np.ones((reach, 1), dtype=np.uint8)
    around = cv2.morphologyEx(below, cv2.MORPH_CLOSE, column, borderType=cv2.BORDER_REPLICATE)
    dark = (luma < _DARKER * around[: bottom - top]).astype(np.uint8)
    inside = np.zeros_like(dark)
    cv2.fillConvexPoly(inside, np.round(band - (left, top)).astype(np.int32), 1)
    dark &= inside
    if dark.sum() < 4:
        return None
    dark &= (skin.likeness(view.astype(np.uint8)) < 0.5).astype(np.uint8)
    width = _FRAME_WIDTH * float(np.linalg.norm(points[39] - points[36]) + np.linalg.norm(points[45] - points[42])) / 2
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(dark)
    wide = sizes[:, cv2.CC_STAT_WIDTH] >= width
    wide[0] = False  # the background
    if not wide.any():
        return None
    front = np.zeros(pixels.shape[:2], dtype=np.float32)
    front[top:bottom, left:right] = wide[labels]
    return front


def _objects(pixels: NDArray[np.float32], points: Points, skin: Skin) -> NDArray[np.float32] | None:
    """``(h, w) float32``: 1 on things of another colour before the lower face; None if there are none."""
    height, width = pixels.shape[:2]
    polygon = np.round(points[LOWER_FACE]).astype(np.int32)
    lower_face = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(lower_face, [polygon], 1)
    area = int(lower_face.sum())
    bright = cv2.transform(pixels, np.ones((1, 3), dtype=np.float32)) + 3
    own = (skin.color + 1) / float(skin.color.sum() + 3)
    shares = [(channel + 1) / bright for channel in cv2.split(pixels)]
    away = sum(np.abs(share - mean) for share, mean in zip(shares, own, strict=True))
    other = (away > _OTHER_HUE) & (shares[0] < own[0] + _REDDER)
    other &= (bright > 3 * _DARKEST) & (lower_face > 0)
    if area == 0 or other.sum() < _LARGE * area:
        return None
    luma = luma_of(pixels)
    gradient = cv2.magnitude(
        cv2.Scharr(luma, cv2.CV_32F, 1, 0, scale=1 / 32), cv2.Scharr(luma, cv2.CV_32F, 0, 1, scale=1 / 32)
    )
    inside = cv2.erode(lower_face, np.ones((5, 5)))
    jaw = np.zeros_like(lower_face)
    cv2.polylines(jaw, [polygon[1:]], False, 1, 3)
    sharp = _SHARP * 50 / max(face_size(points), 1.0)
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(other.astype(np.uint8))
    front = np.zeros((height, width), dtype=np.float32)
    for number in range(1, count):
        if sizes[number, cv2.CC_STAT_AREA] < _LARGE * area:
            continue
        one = (labels == number).astype(np.uint8)
        boundary = (cv2.dilate(one, np.ones((3, 3))) > cv2.erode(one, np.ones((3, 3)))) & (inside > 0)
        if (one & jaw).any() and boundary.any() and float(np.median(gradient[boundary])) >= sharp:
            front[one > 0] = 1
    return front if front.any() else None
