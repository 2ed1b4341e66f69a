"""The blur of a photograph, measured on a face."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points, median, quantile
from maskaug.core.color import luma_of
from maskaug.masktheface_wrapper.geometry.face_size import face_size

_EYES = slice(17, 48)  # brows, nose and eyes: the sharpest edges of a face
_REBLUR = (1.0, 3.0)  # pixels
_CALMING = 0.2  # blur that hides a grey level of noise, as a share of the blur that follows
_STEEPEST = 0.96  # quantile of the gradient
_OWN_SOFTNESS, _MOST_OF_IT = 0.021, 0.85  # of edges about the eyes: in eye distances, and as a share of what is read
_BLUR_RANGE = (0.55, 12.0)


def measure_blur(image: Image, landmarks: Points) -> float:
    """Standard deviation of the picture's blur at its sharpest edges about the eyes, in pixels.

    A step edge blurred by s has, when blurred once more by r, a gradient smaller by sqrt(s² + r²) / s (Zhuo and
    Sim 2011). Noise has sharper edges than any eye: it is blurred away first, by as much as there is of it.
    """
    left, top = np.maximum(np.floor(landmarks[_EYES].min(axis=0) - 2), 0).astype(int).tolist()
    right, bottom = np.maximum(np.ceil(landmarks[_EYES].max(axis=0) + 3), 0).astype(int).tolist()
    eyes = image[top:bottom, left:right]
    if min(eyes.shape[:2]) < 5:
        return _BLUR_RANGE[0]
    blur = edge_blur(eyes)
    # Lids, lashes and brows are softer than a step by themselves.
    own = min(_OWN_SOFTNESS * face_size(landmarks), _MOST_OF_IT * blur)
    return min(max(math.sqrt(blur**2 - own**2), _BLUR_RANGE[0]), _BLUR_RANGE[1])


def edge_blur(image: Image) -> float:
    """Blur of the steepest edges of an ``(H, W, 3) uint8`` picture of 5 pixels a side or more, in pixels.

    What lies in a face is never as sharp as a step: :func:`measure_blur` takes that off.
    """
    luma = luma_of(image)
    # What a blur of one pixel takes away, by its median: edges are few.
    noise = median(cv2.absdiff(luma, cv2.GaussianBlur(luma, (0, 0), 1.0))) / 0.6745
    blur = 0.0
    for again in _REBLUR:
        blur = _blur_of_edges(luma, min(_CALMING * noise, 2.0) * again, again)
        # Against a wide blur a narrow one changes too little to be told from noise.
        if blur < 1.5 * again:
            break
    return blur


def _blur_of_edges(luma: NDArray[np.float32], before: float, again: float) -> float:
    """Blur of the steepest edges, from how much flatter a blur of ``again`` pixels makes them after ``before``."""
    if before > 0.3:
        luma = cv2.GaussianBlur(luma, (0, 0), before)
    else:
        before = 0.0
    gradient, softer = _gradient(luma), _gradient(cv2.GaussianBlur(luma, (0, 0), again))
    # Chosen by the softer picture: by the other, noise that happened to steepen an edge would be chosen with it.
    steepest = softer >= quantile(softer, _STEEPEST)
    ratio = median(gradient[steepest] / np.maximum(softer[steepest], 1e-3))
    return math.sqrt(max(again**2 / max(ratio**2 - 1, 1e-3) - before**2, 0.0))


def _gradient(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    across, down = cv2.Sobel(luma, -1, 1, 0, ksize=3, scale=1 / 8), cv2.Sobel(luma, -1, 0, 1, ksize=3, scale=1 / 8)
    return np.asarray(cv2.magnitude(across, down))
