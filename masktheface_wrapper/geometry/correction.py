"""`Correction`: what carries points of the mean head's projection onto a face of other proportions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points

# Beyond that a landmark is wrong rather than a face unusual.
_LARGEST_CORRECTION_MM = 22.0
# Smoothing of the spline: landmarks of one face scatter by about a millimetre.
_STIFFNESS = 0.35


@dataclass(frozen=True)
class Correction:
    """A thin-plate spline over the picture: where the mean head's projection is off, and by how much.

    Attributes:
        centers: ``(N, 2)`` in mm about ``origin``.
        weights: ``(N + 3, 2)``: of the kernels, then of 1, x and y.
        origin: ``(2,)`` in pixels.
        scale: ``(2,)``: pixels a mm, across and down.
    """

    centers: NDArray[np.float64]
    weights: NDArray[np.float64]
    origin: NDArray[np.float64]
    scale: NDArray[np.float64]

    def __call__(self, points: Points) -> Points:
        """``(N, 2)`` projected points, in pixels, moved onto this face."""
        place = (points - self.origin) / self.scale
        count = len(self.centers)
        kernels, flat, slopes = self.weights[:count], self.weights[count], self.weights[count + 1 :]
        offset = _kernel(place, self.centers) @ kernels + flat + place @ slopes
        return np.asarray(points + _limited(offset) * self.scale, dtype=np.float32)


def correction_through(
    centers: NDArray[np.float64], offsets: NDArray[np.float64], origin: NDArray[np.float64], scale: NDArray[np.float64]
) -> Correction:
    """The correction that moves ``(N, 2)`` centers by about ``(N, 2)`` offsets, in mm about the origin."""
    return Correction(centers, _spline(centers, _limited(offsets)), origin, scale)


def _limited(offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.minimum(np.maximum(offsets, -_LARGEST_CORRECTION_MM), _LARGEST_CORRECTION_MM)


def _kernel(points: NDArray[np.floating], centers: NDArray[np.floating]) -> NDArray[np.float64]:
    """Thin-plate kernel r² log r (Bookstein 1989) with r in units of 60 mm, about half a face."""
    across, down = (points[:, None, axis] - centers[None, :, axis] for axis in (0, 1))
    square = (across * across + down * down) * (1 / 60.0**2)
    return np.asarray(0.5 * square * np.log(square + 1e-12))


def _spline(centers: NDArray[np.float64], offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the smoothing thin-plate spline through ``(N, 2)`` offsets at ``(N, 2)`` centers."""
    count = len(centers)
    affine = np.concatenate([np.ones((count, 1)), centers], axis=1)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(centers, centers) + _STIFFNESS * np.eye(count)
    system[:count, count:] = affine
    system[count:, :count] = affine.T
    right = np.zeros((count + 3, 2))
    right[:count] = offsets
    return np.asarray(np.linalg.solve(system, right))
