"""The 68 iBUG 300-W landmarks by their numbers, from 0.

Left and right are the picture's, on an upright face; imutils names sides as the person does.
"""

import numpy as np
from imutils.face_utils import FACIAL_LANDMARKS_68_IDXS as _NAMED

JAW = slice(*_NAMED["jaw"])  # from the left ear over the chin to the right ear
LEFT_BROW, RIGHT_BROW = slice(*_NAMED["right_eyebrow"]), slice(*_NAMED["left_eyebrow"])
BROWS = slice(LEFT_BROW.start, RIGHT_BROW.stop)
LEFT_EYE, RIGHT_EYE = slice(*_NAMED["right_eye"]), slice(*_NAMED["left_eye"])
EYES = slice(LEFT_EYE.start, RIGHT_EYE.stop)
NOSE = slice(*_NAMED["nose"])
MOUTH = slice(*_NAMED["mouth"])
LIPS = slice(MOUTH.start, _NAMED["inner_mouth"][0])  # the outer edge of the mouth
NOSE_ROOT, NOSE_TIP, CHIN = 27, 30, 8
LOWER_FACE = np.array([28, *range(2, 15)])  # nose bridge and jaw: what a worn mask covers

# The number of each landmark on the mirrored face.
MIRRORED = np.array(
    [
        *range(16, -1, -1),  # jaw
        *range(26, 16, -1),  # brows
        *(27, 28, 29, 30, 35, 34, 33, 32, 31),  # nose
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),  # eyes
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),  # lips
    ]
)
