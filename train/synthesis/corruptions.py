"""Training pictures as cameras, crops and networks of distribution spoil them: the same for both classes.

Strengths are standard deviations or ranges of uniform draws, chosen by eye so that a person still sees what is worn.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.core.color import LUMA
from maskaug.train.data.preprocess import resize_area
from maskaug.train.synthesis.overlay_sampler import shift_hue

Box = NDArray[np.integer]

_SCALE, _ASPECT, _SHEAR = (0.72, 1.3), 0.10, 0.06
_TURN, _MOST_TURN = 12.0, 35.0  # degrees
_SHIFT = (0.12, 0.20)  # frames across and down: masked faces are found lower or higher than others
_BLURRED_AT = 64  # pixels a side: where the strengths of blur are in pixels
_CUT, _LARGEST_CUT = 0.35, 0.3  # probability, and share of the picture that is lost at a side


def random_affine(
    pixels: Image, inside: Box, detail: int, size: int, rng: np.random.Generator
) -> tuple[Image, NDArray[np.float64]]:
    """A frame moved, turned, sheared, scaled, mirrored; and a picture that may end within it.

    Args:
        pixels: ``(P, P, 3) uint8``, prepared: the frame is in its middle.
        inside: ``(4,)``: left, top, right, bottom of what is picture.
        detail: Side of the frame, in pixels.
        size: Side of what comes out, at most ``detail``.
        rng: Where every random number comes from.

    Returns:
        ``(size, size, 3) uint8``; and the ``(2, 3)`` matrix that takes points of ``pixels``, in its pixels, to where
        they are in the frame: from -1 at its left and upper edge to 1 at the right and lower one.
    """
    left, top, right, bottom = _cut(inside, rng)
    scale, aspect = np.exp(rng.uniform(*np.log(_SCALE))), np.exp(rng.normal(0, _ASPECT))
    turn = np.deg2rad(np.clip(rng.normal(0, _TURN), -_MOST_TURN, _MOST_TURN))
    mirror = -1 if rng.random() < 0.5 else 1
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shear = np.array([[1, rng.normal(0, _SHEAR)], [0, 1]])
    linear = rotation @ shear @ np.diag([scale * aspect * mirror, scale / aspect])
    center = np.full(2, (len(pixels) - 1) / 2)
    target = (detail - 1) / 2 + detail * rng.uniform(-1, 1, 2) * _SHIFT
    shift = target - linear @ center
    matrix = np.column_stack([linear, shift + linear @ (left, top)])  # of the part that is picture
    # Beyond the picture's edge: its last pixels go on, or grey.
    border = cv2.BORDER_REPLICATE if rng.random() < 0.6 else cv2.BORDER_CONSTANT
    part = np.ascontiguousarray(pixels[top:bottom, left:right])
    moved = cv2.warpAffine(
        part, matrix, (detail, detail), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=(127, 127, 127)
    )
    to_frame = np.column_stack([linear, shift + 0.5]) * (2 / detail) - [[0, 0, 1]]
    return resize_area(np.asarray(moved, dtype=np.uint8), size), to_frame


def _cut(inside: Box, rng: np.random.Generator) -> Box:
    if rng.random() >= _CUT:
        return inside
    cut, side = inside.copy(), int(rng.integers(4))
    lost = int((inside[side % 2 + 2] - inside[side % 2]) * rng.uniform(0, _LARGEST_CUT))
    cut[side] += lost if side < 2 else -lost
    return cut


def corrupt(picture: Image, rng: np.random.Generator) -> Image:
    """Resolution, blur, light, colour, noise and compression as they come.

    Args:
        picture: ``(S, S, 3) uint8`` RGB.
        rng: Where every random number comes from.
    """
    if rng.random() < 0.35:
        picture = _coarser(picture, rng)
    if rng.random() < 0.25:
        picture = random_blur(picture, rng)
    if rng.random() < 0.2:
        picture = shift_hue(picture, rng)
    values = _relit(picture.astype(np.float32), rng)
    if rng.random() < 0.3:
        values = values + rng.normal(0, rng.uniform(1, 12), values.shape)
    picture = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))])
        picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return picture


def _coarser(picture: Image, rng: np.random.Generator) -> Image:
    size = len(picture)
    side = int(size * np.exp(rng.uniform(np.log(0.28), np.log(0.8))))
    back = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(resize_area(picture, side), (size, size), interpolation=back), dtype=np.uint8)


def random_blur(picture: Image, rng: np.random.Generator) -> Image:
    """A square ``(S, S, 3) uint8`` picture out of focus or moved in a straight line: by a share of S."""
    unit = len(picture) / _BLURRED_AT
    if rng.random() < 0.7:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 2.0) * unit), dtype=np.uint8)
    length = round(int(rng.integers(3, 9)) * unit)
    kernel = np.zeros((length, length), dtype=np.float32)
    cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0)
    kernel = kernel.T if rng.random() < 0.5 else kernel
    return np.asarray(cv2.filter2D(picture, -1, np.ascontiguousarray(kernel / kernel.sum())), dtype=np.uint8)


def _relit(values: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.floating]:
    """Exposure and contrast or gamma, a colour cast, saturation; black and white at times."""
    if rng.random() < 0.4:
        mean, contrast, gain = values.mean(), *np.exp(rng.normal(0, (0.2, 0.2)))
        values = (values - mean) * contrast + mean * gain + rng.normal(0, 14)
    elif rng.random() < 0.65:
        values = 255 * (values / 255) ** np.exp(rng.normal(0, 0.3))
    if rng.random() < 0.5:
        values = values * np.exp(rng.normal(0, 0.08, 3))
    grey = (values @ LUMA)[..., None]
    if rng.random() < 0.15:
        return np.repeat(grey, 3, axis=2)
    if rng.random() < 0.5:
        return grey + (values - grey) * np.exp(rng.normal(0, 0.3))
    return values
