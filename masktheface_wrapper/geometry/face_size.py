"""How large a face is in a picture."""

import math

import numpy as np

from maskaug.core.arrays import Points
from maskaug.core.landmarks import LEFT_EYE, MOUTH, RIGHT_EYE

# Weights of the landmarks in the middles of eyes and mouth.
_MIDDLES = np.zeros((3, 68))
for _row, _part in zip(_MIDDLES, (LEFT_EYE, RIGHT_EYE, MOUTH), strict=True):
    _row[_part] = 1 / (_part.stop - _part.start)


def face_size(landmarks: Points) -> float:
    """Size of a face in pixels: its eye distance, or what that would be judged by the height of a turned head.

    On the mean face that looks straight ahead, the mouth lies 0.92 eye distances below the eyes.
    """
    (left_x, left_y), (right_x, right_y), (x, y) = (_MIDDLES @ landmarks).tolist()
    height = math.hypot(x - (left_x + right_x) / 2, y - (left_y + right_y) / 2)
    return max(math.hypot(right_x - left_x, right_y - left_y), 0.92 * height, 1e-3)


def eye_distance(landmarks: Points) -> float:
    """Pixels between the middles of the eyes."""
    return math.dist(*(_MIDDLES[:2] @ landmarks).tolist())
