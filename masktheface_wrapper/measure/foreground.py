"""Foreground: what stands before the mask in the photograph, glasses above all."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points, median
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
# What goes on above the lower face, along such a share of its upper edge, is no object, but half of the face in light
# of another colour.
_ABOVE, _LIT = 0.12, 0.2  # how far above is looked, in distances between the eyes
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


class _Look(NamedTuple):
    """The picture's part about the lower face, ``(h, w, 3) uint8``, and ``(h, w) float32`` of it, measured once."""

    part: Image
    luma: NDArray[np.float32]
    shift: NDArray[np.float32]  # from the skin's hue
    bright: NDArray[np.float32]
    skin: Skin


def measure_foreground(image: Image, landmarks: Points, skin: Skin) -> Foreground | None:
    """Things before the face that can be told from skin; None if there are none.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        landmarks: ``(68, 2)`` of the face.
        skin: Its skin.
    """
    room, band = _ROOM * face_size(landmarks), _band(landmarks)
    seen = np.concatenate([band, landmarks[LOWER_FACE]])
    left, top = np.maximum(np.floor(seen.min(axis=0) - room), 0).astype(int).tolist()
    right, bottom = np.maximum(np.ceil(seen.max(axis=0) + room), 0).astype(int).tolist()
    part = image[top:bottom, left:right]
    if not part.size:
        return None
    corner = np.array((left, top), dtype=np.float32)
    look = _Look(part, luma_of(part), *skin.departure(part), skin)
    front = _glasses(look, landmarks - corner, band - corner)
    objects = _objects(look, landmarks - corner)
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


def _glasses(look: _Look, points: Points, band: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """``(h, w) float32``: 1 on rims and dark lenses below the eyes; None if there are none."""
    size = look.luma.shape
    left, top = np.maximum(np.floor(band.min(axis=0)), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(band.max(axis=0)), size[::-1]).astype(int).tolist()
    if right - left < 4 or bottom - top < 4:
        return None
    view = slice(top, bottom), slice(left, right)
    reach = max(3, round(_AROUND * face_size(points)))
    below = look.luma[top : bottom + reach, left:right]
    column = np.ones((reach, 1), dtype=np.uint8)
    around = cv2.morphologyEx(below, cv2.MORPH_CLOSE, column, borderType=cv2.BORDER_REPLICATE)
    dark = (look.luma[view] < _DARKER * around[: bottom - top]).astype(np.uint8)
    inside = np.zeros_like(dark)
    cv2.fillConvexPoly(inside, np.rint(band - (left, top)).astype(np.int32), 1)
    dark &= inside
    if cv2.countNonZero(dark) < 4:
        return None
    dark &= look.skin.likeness_of(look.shift[view], look.bright[view]) < 0.5
    width = _FRAME_WIDTH * (math.dist(points[39], points[36]) + math.dist(points[45], points[42])) / 2
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(dark)
    wide = sizes[:, cv2.CC_STAT_WIDTH] >= width
    wide[0] = False  # the background
    if not wide.any():
        return None
    front = np.zeros(size, dtype=np.float32)
    front[view] = wide[labels]
    return front


def _objects(look: _Look, points: Points) -> NDArray[np.float32] | None:
    """``(h, w) float32``: 1 on things of another colour before the lower face; None if there are none."""
    height, width = look.luma.shape
    polygon = np.rint(points[LOWER_FACE]).astype(np.int32)
    lower_face = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(lower_face, [polygon], 1)
    area = cv2.countNonZero(lower_face)
    anywhere = (look.shift > _OTHER_HUE) & (look.bright > 3 * _DARKEST)
    other = anywhere & (lower_face > 0)
    if area == 0 or np.count_nonzero(other) < _LARGE * area:
        return None
    reddest = float(look.skin.color[0] + 1) / (float(look.skin.color.sum()) + 3) + _REDDER
    anywhere &= look.part[..., 0] + np.float32(1) < look.bright * np.float32(reddest)
    other &= anywhere
    if np.count_nonzero(other) < _LARGE * area:
        return None
    luma = look.luma
    gradient = cv2.magnitude(
        cv2.Scharr(luma, cv2.CV_32F, 1, 0, scale=1 / 32), cv2.Scharr(luma, cv2.CV_32F, 0, 1, scale=1 / 32)
    )
    inside = cv2.erode(lower_face, np.ones((5, 5)))
    jaw = np.zeros_like(lower_face)
    cv2.polylines(jaw, [polygon[1:]], False, 1, 3)
    size = face_size(points)
    sharp, reach = _SHARP * 50 / max(size, 1.0), max(1, round(_ABOVE * size))
    upper = _raised(lower_face, reach) & (1 - lower_face)
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(other.astype(np.uint8))
    front = np.zeros((height, width), dtype=np.float32)
    for number in range(1, count):
        if sizes[number, cv2.CC_STAT_AREA] < _LARGE * area:
            continue
        one = (labels == number).astype(np.uint8)
        boundary = (cv2.dilate(one, np.ones((3, 3))) > cv2.erode(one, np.ones((3, 3)))) & (inside > 0)
        if not ((one & jaw).any() and boundary.any() and median(gradient[boundary]) >= sharp):
            continue
        goes_on = cv2.countNonZero(_raised(one, reach) & upper & anywhere)
        if goes_on <= _LIT * cv2.countNonZero(upper):
            front[one > 0] = 1
    return front if front.any() else None


def _raised(values: NDArray[np.uint8], reach: int) -> NDArray[np.uint8]:
    """``(h, w)`` values moved up by so many pixels; 0 comes in from below."""
    moved = np.zeros_like(values)
    moved[:-reach] = values[reach:]
    return moved
