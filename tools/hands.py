"""Hands cut out of their pictures and laid into others, to train what must not take them for faces."""

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image

_SMALLEST, _LARGEST = 0.08, 0.6  # share of its picture that a hand fills; what differs was not cut out well
_ROOM = 1.45  # sides of a hand's picture, in which it can be turned


def lay_hand(image: Image, hand: Image, center: NDArray[np.floating], size: float, rng: np.random.Generator) -> Image:
    """The picture with a hand in it, turned, in other light and of another skin; as it is where that cannot be cut out.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        hand: ``(h, w, 3) uint8`` RGB: a hand before a plain, light wall.
        center: ``(2,)``: x and y of the hand's middle, in pixels of the picture.
        size: Longest side of the hand's picture, in pixels of the picture.
        rng: What the turn and the light come from.
    """
    alpha = _cut_out(hand)
    if alpha is None:
        return image
    side = max(int(size * _ROOM), 2)
    angle = rng.uniform(0, 360) if rng.random() < 0.6 else rng.normal(0, 25)
    middle = np.array(hand.shape[1::-1]) / 2
    turn = cv2.getRotationMatrix2D(middle.tolist(), angle, size / max(hand.shape[:2]))
    turn[:, 2] += side / 2 - middle
    coverage = cv2.warpAffine(alpha, turn, (side, side))[..., None]
    colors = cv2.warpAffine(hand, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    light = np.exp(rng.normal(-0.1, 0.15, 3) * 0.6 + rng.normal(0, 0.2))
    colors = (colors / 255.0) ** np.exp(rng.normal(0.15, 0.45)) * light * 255
    left, top = np.round(center - side / 2).astype(int)
    rows = slice(max(top, 0), min(top + side, image.shape[0]))
    columns = slice(max(left, 0), min(left + side, image.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return image
    part = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    laid = image.copy()
    mixed = image[rows, columns] * (1 - coverage[part]) + colors[part] * coverage[part]
    laid[rows, columns] = np.clip(mixed, 0, 255).astype(np.uint8)
    return laid


def _cut_out(hand: Image) -> NDArray[np.float32] | None:
    """``(h, w)``: how much of each pixel is hand: the largest part that is redder and yellower than the wall."""
    lab = cv2.cvtColor(hand, cv2.COLOR_RGB2LAB).astype(np.float32)
    redness = np.zeros(hand.shape[:2], dtype=np.uint8)
    cv2.normalize(lab[..., 1] + 0.8 * lab[..., 2], redness, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
    _, mask = cv2.threshold(redness, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(
        cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), dtype=np.uint8))
    )
    if count < 2:
        return None
    largest = (parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.float32)
    if not _SMALLEST < largest.mean() < _LARGEST:
        return None
    return np.asarray(np.clip(cv2.GaussianBlur(largest, (0, 0), 0.8) * 1.6 - 0.6, 0, 1), dtype=np.float32)
