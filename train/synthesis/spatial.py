"""Training frames that lie elsewhere than the finder says, and pictures that end within them.

torchio calls such transforms spatial: what is looked at moves, and with it the landmarks. What changes the pixels
themselves stands in `maskaug.train.corruptions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.train.corruptions import generator_for
from maskaug.train.data.preprocess import Preparation, resize_area

Box = NDArray[np.integer]

_SCALE, _ASPECT, _SHEAR = (0.72, 1.3), 0.10, 0.06
_TURN, _MOST_TURN = 12.0, 35.0  # degrees
_SHIFT = (0.12, 0.20)  # frames across and down: masked faces are found lower or higher than others
_CUT, _LARGEST_CUT = 0.35, 0.3  # probability, and share of the picture that is lost at a side
_REPLICATED = 0.6  # share of pictures whose last pixels go on beyond the edge; the others end in grey
_GREY = (127, 127, 127)


@dataclass(frozen=True)
class Affine:
    """How a frame is moved.

    Attributes:
        linear: ``(2, 2)``: what turns, shears, scales and mirrors the picture about its middle.
        shift: ``(2,)``: by how much its middle moves, in sides of the frame, right and down.
        replicate: Whether the picture's last pixels go on beyond its edge, rather than grey.
    """

    linear: NDArray[np.float64]
    shift: NDArray[np.float64]
    replicate: bool


def sample_affine(rng: np.random.Generator) -> Affine:
    """A frame moved, turned, sheared, scaled, and mirrored half of the time."""
    scale, aspect = np.exp(rng.uniform(*np.log(_SCALE))), np.exp(rng.normal(0, _ASPECT))
    turn = np.deg2rad(np.clip(rng.normal(0, _TURN), -_MOST_TURN, _MOST_TURN))
    mirror = -1 if rng.random() < 0.5 else 1
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shear = np.array([[1, rng.normal(0, _SHEAR)], [0, 1]])
    linear = rotation @ shear @ np.diag([scale * aspect * mirror, scale / aspect])
    return Affine(linear, rng.uniform(-1, 1, 2) * _SHIFT, bool(rng.random() < _REPLICATED))


def sample_crop(inside: Box, rng: np.random.Generator) -> Box:
    """``(4,)``: left, top, right, bottom of what is left of a picture that may be cut off at a side."""
    if rng.random() >= _CUT:
        return inside
    cut, side = inside.copy(), int(rng.integers(4))
    lost = int((inside[side % 2 + 2] - inside[side % 2]) * rng.uniform(0, _LARGEST_CUT))
    cut[side] += lost if side < 2 else -lost
    return cut


def random_frame(
    pixels: Image, inside: Box, preparation: Preparation, names: Sequence[str], key: tuple[int, ...]
) -> tuple[Image, NDArray[np.float64]]:
    """What the network is shown of a prepared training picture, and where its points are there.

    Args:
        pixels: ``(P, P, 3) uint8``, prepared: the frame is in its middle.
        inside: ``(4,)``: left, top, right, bottom of what is picture.
        preparation: Of the pixels.
        names: Of the corruptions: with ``crop`` the picture may end within the frame, with ``affine`` the frame moves;
            without either, it is the one that is evaluated.
        key: Numbers that all random numbers are derived from.

    Returns:
        ``(S, S, 3) uint8``; and the ``(2, 3)`` matrix of :func:`move_frame`.
    """
    if "crop" not in names and "affine" not in names:
        return preparation.framed(pixels[None])[0], preparation.to_frame
    part = sample_crop(inside, generator_for(key, "crop")) if "crop" in names else inside
    affine = sample_affine(generator_for(key, "affine")) if "affine" in names else _unmoved(preparation)
    return move_frame(pixels, part, affine, preparation.detail, preparation.size)


def move_frame(pixels: Image, inside: Box, affine: Affine, detail: int, size: int) -> tuple[Image, NDArray[np.float64]]:
    """A frame of a picture that is moved under it.

    Args:
        pixels: ``(P, P, 3) uint8``, prepared.
        inside: ``(4,)``: left, top, right, bottom of what is picture.
        affine: How it is moved.
        detail: Side of the frame, in pixels.
        size: Side of what comes out, at most ``detail``.

    Returns:
        ``(size, size, 3) uint8``; and the ``(2, 3)`` matrix that takes points of ``pixels``, in its pixels, to where
        they are in the frame: from -1 at its left and upper edge to 1 at the right and lower one.
    """
    left, top, right, bottom = inside
    center = np.full(2, (len(pixels) - 1) / 2)
    shift = (detail - 1) / 2 + detail * affine.shift - affine.linear @ center
    matrix = np.column_stack([affine.linear, shift + affine.linear @ (left, top)])  # of the part that is picture
    part = np.ascontiguousarray(pixels[top:bottom, left:right])
    border = cv2.BORDER_REPLICATE if affine.replicate else cv2.BORDER_CONSTANT
    moved = cv2.warpAffine(part, matrix, (detail, detail), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=_GREY)
    to_frame = np.column_stack([affine.linear, shift + 0.5]) * (2 / detail) - [[0, 0, 1]]
    return resize_area(np.asarray(moved, dtype=np.uint8), size), to_frame


def _unmoved(preparation: Preparation) -> Affine:
    """The frame that is evaluated."""
    middle = np.array([*np.full(2, (preparation.side - 1) / 2), 1.0])
    return Affine(np.eye(2), preparation.to_frame @ middle / 2, replicate=False)
