"""A mean adult face in three dimensions: the 68 iBUG 300-W points in millimetres."""

import numpy as np
from numpy.typing import NDArray

# Head frame: x to the picture's right, y down, z into the head; the origin is point 27, the root of the nose.
# x and y are the median of dlib's points over near-frontal portraits, scaled so that the outer eye corners
# are 88 mm apart and made symmetric; z comes from how the points move against each other as heads turn.
# The result agrees with anthropometry: sellion to menton 116 mm, bizygomatic breadth 138 mm (the medium
# NIOSH headform has 118 and 138).
FACE_MODEL: NDArray[np.float64] = np.array(
    [
        (-69.1, 4, 88.3), (-68.2, 22.4, 79.3), (-65.6, 40.6, 71.5), (-62.4, 58.7, 64.2),
        (-56.8, 76, 52.8), (-46.7, 91.3, 37.4), (-33.4, 103.8, 20.8), (-18.1, 113.5, 5.2),
        (0, 116.2, 0), (18.1, 113.5, 5.2), (33.4, 103.8, 20.8), (46.7, 91.3, 37.4),
        (56.8, 76, 52.8), (62.4, 58.7, 64.2), (65.6, 40.6, 71.5), (68.2, 22.4, 79.3),
        (69.1, 4, 88.3), (-58.6, -8.5, 34.6), (-49.8, -17.3, 25.9), (-36.7, -20.1, 17.6),
        (-23.3, -18.5, 9.9), (-10.6, -13.9, 3.7), (10.6, -13.9, 3.7), (23.3, -18.5, 9.9),
        (36.7, -20.1, 17.6), (49.8, -17.3, 25.9), (58.6, -8.5, 34.6), (0, 0, 0),
        (0, 12.6, -8.6), (0, 25.3, -18), (0, 38.2, -27.4), (-14.4, 46.7, -10.6),
        (-7.4, 48.9, -14.7), (0, 50.9, -17.2), (7.4, 48.9, -14.7), (14.4, 46.7, -10.6),
        (-44, 3.2, 23.3), (-36.3, -1.3, 19.4), (-26.9, -1.3, 17.5), (-18.6, 4.7, 15.8),
        (-27.4, 6.1, 15.2), (-36.7, 6.3, 17.3), (18.6, 4.7, 15.8), (26.9, -1.3, 17.5),
        (36.3, -1.3, 19.4), (44, 3.2, 23.3), (36.7, 6.3, 17.3), (27.4, 6.1, 15.2),
        (-27.8, 69.5, 7.4), (-17.7, 65.5, -5.9), (-7.6, 62.7, -13.4), (0, 64.8, -14),
        (7.6, 62.7, -13.4), (17.7, 65.5, -5.9), (27.8, 69.5, 7.4), (17.9, 77.4, -3.8),
        (8, 81.6, -11.4), (0, 82.4, -11.9), (-8, 81.6, -11.4), (-17.9, 77.4, -3.8),
        (-23.5, 69.9, 5.5), (-7.7, 70, -13.2), (0, 70.5, -13.8), (7.7, 70, -13.2),
        (23.5, 69.9, 5.5), (7.7, 71.5, -10.2), (0, 72.6, -10.7), (-7.7, 71.5, -10.2),
    ]
)

LEFT_EYE = slice(36, 42)  # left in the picture
RIGHT_EYE = slice(42, 48)


def eye_distance(landmarks: NDArray[np.floating]) -> float:
    """Distance between the eye centres of ``(68, 2)`` landmarks, in pixels: the unit of a face's size."""
    between = landmarks[RIGHT_EYE].mean(axis=0) - landmarks[LEFT_EYE].mean(axis=0)
    return float(np.hypot(*between))
