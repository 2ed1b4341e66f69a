"""What a photograph of a face is like: light, contrast, blur, size, turn, and the colour of what covers the mouth."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.core.color import luma_of
from maskaug.core.faces import Face
from maskaug.masktheface_wrapper.geometry.pose import fit_camera
from maskaug.masktheface_wrapper.measure.blur import edge_blur

_MIDDLE = 0.2  # of a face's box, left out at each side: hair and what lies behind
_AROUND = 0.5  # of a face's box, at each side: what surrounds it
_EYES = 0.6  # of a face's box, from its top: brows, eyes and nose, which no mask blurs
_MOUTH = (0.55, 0.9)  # from the top of a face's box: where a mask lies
_LEAST = 5  # pixels a side
_GREY, _DARK, _LIGHT = 9.0, 38.0, 78.0  # CIELAB: chroma below which, lightness below and above which there is no hue
_DEEP = 58.0  # lightness below which pink is red
# Hues of HSV, each up to so many degrees; CIELAB's hue of a deep blue is that of purple.
_HUES = {10: "pink", 45: "like skin", 70: "yellow", 170: "green", 255: "blue", 320: "purple", 360: "pink"}


@dataclass(frozen=True)
class Traits:
    """Of one photograph; nan where unknown.

    Attributes:
        found: Whether a face is found; where not, the rest is told of the picture.
        light: Mean luma of the face, 0 to 255.
        contrast: Standard deviation of its luma, in shares of the mean: exposure does not change it.
        backlight: Mean luma of what surrounds the face, less `light`; nan where the picture ends at the face.
        blur: Of the steepest edges about the eyes: standard deviation in hundredths of the face's width.
        side: The shorter side of the face's box, in pixels.
        yaw, roll: Degrees by which the head is turned and leans, to either side; nan without landmarks.
        color: Of the lower half of the face, in a word.
    """

    found: bool
    light: float
    contrast: float
    backlight: float
    blur: float
    side: float
    yaw: float
    roll: float
    color: str


def measure_traits(image: Image, box: NDArray[np.floating] | None, face: Face | None) -> Traits:
    """Measure a photograph.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        box: ``(4,)``: left, top, right, bottom of the face in pixels, which may reach outside; None: none was found.
        face: The same with landmarks; None: these were not found.
    """
    height, width = image.shape[:2]
    given = np.array([0, 0, width, height], dtype=np.float64) if box is None else np.asarray(box, dtype=np.float64)
    middle = luma_of(_part(image, given, (_MIDDLE, _MIDDLE, 1 - _MIDDLE, 1 - _MIDDLE)))
    eyes = _part(image, given, (0, 0, 1, _EYES))
    across = max(float(given[2] - given[0]), 1.0)
    pose = fit_camera(face.landmarks).pose if face is not None else None
    return Traits(
        found=box is not None,
        light=float(middle.mean()),
        contrast=float(middle.std()) / max(float(middle.mean()), 1.0),
        backlight=_surroundings(image, given) - float(middle.mean()),
        blur=100 * edge_blur(eyes) / across if min(eyes.shape[:2]) >= _LEAST else math.nan,
        side=math.nan if box is None else float(min(given[2:] - given[:2])),
        yaw=math.nan if pose is None else abs(pose.yaw),
        roll=math.nan if pose is None else abs(pose.roll),
        color=dominant_color(_part(image, given, (_MIDDLE, _MOUTH[0], 1 - _MIDDLE, _MOUTH[1]))),
    )


def dominant_color(part: Image) -> str:
    """The median colour of an ``(H, W, 3) uint8`` RGB picture in a word: ``white``, ``grey``, ``black``, or a hue.

    Orange and brown are called ``like skin``: a mask of that colour, or none where one is expected.
    """
    median = np.median(part.reshape(-1, 3), axis=0).astype(np.float32) / 255
    lightness, a, b = (float(value) for value in cv2.cvtColor(median[None, None], cv2.COLOR_RGB2LAB)[0, 0])
    if math.hypot(a, b) < _GREY:
        return "black" if lightness < _DARK else "white" if lightness > _LIGHT else "grey"
    angle = float(cv2.cvtColor(median[None, None], cv2.COLOR_RGB2HSV)[0, 0, 0])
    hue = next(name for end, name in _HUES.items() if angle <= end)
    return "red" if hue == "pink" and lightness < _DEEP else hue


def _part(image: Image, box: NDArray[np.float64], shares: tuple[float, float, float, float]) -> Image:
    """A part of a box, in shares of its sides from left and top, as far as it lies in the picture; a pixel at least."""
    height, width = image.shape[:2]
    corner, sides = box[:2], box[2:] - box[:2]
    low = np.floor(corner + sides * shares[:2]).clip(0, (width - 1, height - 1)).astype(int)
    high = np.ceil(corner + sides * shares[2:]).clip(low + 1, (width, height)).astype(int)
    return np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])


def _surroundings(image: Image, box: NDArray[np.float64]) -> float:
    """Mean luma about a box, at its sides and above it; nan where there is less of it than half of the box."""
    wide = luma_of(_part(image, box, (-_AROUND, -_AROUND, 1 + _AROUND, 1)))
    inner = luma_of(_part(image, box, (0, 0, 1, 1)))
    pixels = wide.size - inner.size
    return (float(wide.sum()) - float(inner.sum())) / pixels if pixels > inner.size / 2 else math.nan
