"""What is done to training pictures on the device, a batch at a time, each picture by its own numbers."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


def draw_angles(degrees: float, seed: int, epoch: int, indices: NDArray[np.integer]) -> NDArray[np.float32]:
    """``(N,)`` rotations in degrees, uniform in plus and minus ``degrees``.

    Each depends on seed, epoch and the picture's number alone: neither the batch it is in, nor the process, nor where a
    run was resumed, changes it.
    """
    return np.array(
        [np.random.default_rng((seed, epoch, int(index))).uniform(-degrees, degrees) for index in indices],
        dtype=np.float32,
    )


def rotate(pictures: Tensor, degrees: Tensor) -> Tensor:
    """Turn ``(N, C, S, S)`` float pictures counter-clockwise by ``(N,)`` degrees: nearest neighbour, corners 0."""
    angle = torch.deg2rad(degrees)
    zero = torch.zeros_like(angle)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    # The grid says where each pixel comes from; y points down.
    back = torch.stack([torch.stack([cosine, -sine, zero], 1), torch.stack([sine, cosine, zero], 1)], 1)
    grid = affine_grid(back.to(pictures.dtype), list(pictures.shape), align_corners=False)
    return grid_sample(pictures, grid, mode="nearest", padding_mode="zeros", align_corners=False)
