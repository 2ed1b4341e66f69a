"""Fitting: a shell carried from the mean head onto the face in the picture."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points
from maskaug.core.landmarks import JAW
from maskaug.masktheface_wrapper.cloth.template import ShellName
from maskaug.masktheface_wrapper.fit.shell import COLUMNS, ROWS, Shell, shell
from maskaug.masktheface_wrapper.geometry.correction import Correction, correction_through
from maskaug.masktheface_wrapper.geometry.face_model import FACE_MODEL
from maskaug.masktheface_wrapper.geometry.pose import Camera
from maskaug.masktheface_wrapper.overlay import MaskParams

# Landmarks that mark a place on the head, whatever its pose: nose, eye corners and lower lids.
_PLACES = np.array([27, 28, 29, 30, 31, 33, 35, 36, 39, 40, 41, 42, 45, 46, 47])
# Jaw landmarks beside or below the mask: they mark the visible outline of the face.
_OUTLINE = np.arange(2, 15)
# How far the mask stands out beyond the jaw line: its own thickness at the cheeks, a fold below the chin.
_OVERHANG_MM = np.interp(np.abs(_OUTLINE - 8), [0, 3, 6], [5.0, 3.0, 1.0])

_TILT_CENTER = np.array([0.0, 66.0, 0.0])  # the middle of a worn mask, in the head frame


@dataclass(frozen=True)
class FittedMesh:
    """A shell in the picture.

    Attributes:
        depth: ``(N,)`` in mm from the camera.
        worn: ``(N, 3) float64``: the shell as it sits, in the head frame, in mm.
        normals: ``(N, 3) float32`` in the camera frame.
        shell: The shell it is made of.
        correction: The spline that carried it here.
    """

    worn: NDArray[np.float64]
    vertices: Points
    depth: NDArray[np.float64]
    normals: NDArray[np.float32]
    shell: Shell
    correction: Correction

    def at(self, u: float, v: float) -> NDArray[np.float64]:
        """The worn shell's point, ``(3,)`` in the head frame, nearest to chart position (u, v)."""
        return self.worn[round(v * (ROWS - 1)) * COLUMNS + round((u + 1) / 2 * (COLUMNS - 1))]


def fit_shell(
    cut: ShellName, landmarks: Points, camera: Camera, params: MaskParams, correction: Correction | None = None
) -> FittedMesh:
    """Carry a shell of some cut onto a face: project it with the head's pose, then correct the mean face's proportions.

    The correction takes the projected mean face to the landmarks at nose and eyes, and the shell's outline
    to the jaw line. An outline has no points of its own: at a turned head's far side it runs along another
    part of the cheek. So each jaw landmark is compared with the shell's extent in the direction of the jaw
    line's normal there.

    Args:
        cut: Of the shell.
        landmarks: ``(68, 2)`` of the face.
        camera: That shows it.
        params: How the mask sits.
        correction: Of this cut on this face, where it is known: from :func:`fit_correction`.
    """
    correction = correction or fit_correction(cut, landmarks, camera)
    slid = shell(cut, params.slide)
    net = _worn(slid, params)
    return FittedMesh(
        worn=slid.blend @ net,
        vertices=(slid.blend @ correction(camera.project(net))).astype(np.float32),
        depth=slid.blend @ camera.depth(net),
        normals=np.asarray(slid.normals @ camera.rotation.T, dtype=np.float32),
        shell=slid,
        correction=correction,
    )


def _worn(slid: Shell, params: MaskParams) -> NDArray[np.float64]:
    """The shell's control points as it sits: loosened, then scaled, tilted and shifted in the plane of the face."""
    # The edges lie on the skin however loose the cloth.
    u, v = slid.net_chart.T
    loose = params.slack * (1 - u**2) * np.sin(np.pi * v)
    points = slid.net + loose[:, None] * slid.outward
    angle = math.radians(params.tilt)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    moved = (points - _TILT_CENTER) @ (params.scale * turn).T + _TILT_CENTER
    return np.asarray(moved + np.array([params.shift_x, params.shift_y, 0.0]))


def fit_correction(cut: ShellName, landmarks: Points, camera: Camera) -> Correction:
    """Where a face departs from the mean, as it shows against a mask of some cut worn as it should be."""
    worn = shell(cut)
    scale = camera.pixels_per_mm * np.array([1.0, camera.aspect])
    places = camera.project(FACE_MODEL[_PLACES])
    origin = places.mean(axis=0).astype(np.float64)

    # Everything below is in mm on an upright grid, so that a squeezed picture has right angles again.
    known = (landmarks[_PLACES] - origin) / scale
    modelled = (places - origin) / scale
    jaw = (landmarks[JAW] - origin) / scale
    outline = (worn.blend @ camera.project(worn.net) - origin) / scale

    along = jaw[_OUTLINE + 1] - jaw[_OUTLINE - 1]
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.hypot(normal[:, :1], normal[:, 1:]) + 1e-9
    extreme = outline[np.argmax(normal @ outline.T, axis=1)]
    target = jaw[_OUTLINE] + normal * _OVERHANG_MM[:, None]
    excess = ((target - extreme) * normal).sum(axis=1, keepdims=True) * normal

    centers = np.concatenate([modelled, extreme])
    offsets = np.concatenate([known - modelled, excess])
    return correction_through(centers, offsets, origin, scale)
