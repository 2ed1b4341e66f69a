"""How large a face is in a picture."""

import numpy as np

from maskaug.core.arrays import Points
from maskaug.core.landmarks import LEFT_EYE, MOUTH, RIGHT_EYE


def face_size(landmarks: Points) -> float:
    """Size of a face in pixels: its eye distance, or what that would be judged by the height of a turned head.

    On the mean face that looks straight ahead, the mouth lies 0.92 eye distances below the eyes.
    """
    left, right = landmarks[LEFT_EYE].mean(axis=0), landmarks[RIGHT_EYE].mean(axis=0)
    height = np.hypot(*(landmarks[MOUTH].mean(axis=0) - (left + right) / 2))
    return max(float(np.hypot(*(right - left))), 0.92 * float(height), 1e-3)
