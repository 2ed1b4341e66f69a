"""How well a small network tells overlays from photographs of real masks, from the region of the mask only."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from realism_metrics import eye_distance
from scipy.stats import rankdata
from torch import nn

from maskaug.core.arrays import Image

Points = NDArray[np.floating]

SIDE, SHARPEST = 64, 48
_FOLDS, _EPOCHS, _BATCH = 5, 20, 32
_WIDTH, _TOP = 1.8, 0.2  # eye distances
_OUTSIDE = 0.1


def crop(image: Image, landmarks: Points) -> Image | None:
    """The lower face, upright, ``(64, 64, 3) uint8``; None where it is smaller than 48 pixels or out of the picture.

    A square 1.8 eye distances wide, from 0.2 to 2 of them below the eyes at a right angle to their line: of a masked
    face's points only the eyes can be relied on. It is shrunk to 48 pixels first, by averaging, so that all crops are
    as sharp as that at most. Up to a tenth of it may lie outside, where the picture's edge is repeated.
    """
    unit = eye_distance(landmarks)
    left, right = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    across = (right - left) / unit
    down = np.array([-across[1], across[0]])
    corner = (left + right) / 2 + (_TOP * down - _WIDTH / 2 * across) * unit
    native = round(_WIDTH * unit)
    if native < SHARPEST:
        return None
    # From crop to picture.
    matrix = np.stack([across, down, corner], axis=1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    inside = cv2.warpAffine(np.ones(image.shape[:2], dtype=np.float32), matrix, (native, native), flags=flags)
    if inside.mean() < 1 - _OUTSIDE:
        return None
    cut = cv2.warpAffine(image, matrix, (native, native), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    cut = cv2.resize(cut, (SHARPEST, SHARPEST), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))


def told_apart(fakes: Sequence[Image], reals: Sequence[Image], seed: int) -> tuple[float, NDArray[np.float64]]:
    """Area under the ROC curve of a network that tells crops of overlays from crops of real masks.

    Args:
        fakes: Crops of overlays, one a source.
        reals: As many crops of real masks.
        seed: Of the folds, the weights and the batches.

    Returns:
        The mean over 5 folds of the area on the crops left out, and how fake each overlay looked to the network that
        had not seen it, in [0, 1].
    """
    torch.set_num_threads(1)  # the network is small: threads wait for each other longer than they work
    order = np.random.default_rng(seed)
    crops = np.stack([*fakes, *reals]).astype(np.float32).transpose(0, 3, 1, 2) / np.float32(127.5) - 1
    is_fake = np.arange(len(crops)) < len(fakes)
    fold = np.concatenate([order.permutation(np.arange(count) % _FOLDS) for count in (len(fakes), len(reals))])
    scores, areas = np.zeros(len(crops)), []
    for one in range(_FOLDS):
        held = fold == one
        network = _trained(crops[~held], is_fake[~held], seed * _FOLDS + one)
        with torch.inference_mode():
            scores[held] = torch.sigmoid(network(torch.from_numpy(crops[held]))[:, 0]).numpy()
        areas.append(area_under_curve(scores[held], is_fake[held]))
    return float(np.mean(areas)), scores[is_fake]


def area_under_curve(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """The chance that a positive scores above a negative, ties counting half."""
    count = int(positive.sum())
    return float((rankdata(scores)[positive].sum() - count * (count + 1) / 2) / (count * (len(scores) - count)))


def _trained(crops: NDArray[np.float32], is_fake: NDArray[np.bool_], seed: int) -> nn.Module:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for channels, wider in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(channels, wider, 3, stride=2, padding=1), nn.BatchNorm2d(wider), nn.ReLU()]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(64, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    pictures, wanted = torch.from_numpy(crops), torch.from_numpy(is_fake.astype(np.float32))
    batches = -(-len(crops) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=batches * _EPOCHS)
    for _ in range(_EPOCHS):
        for batch in torch.randperm(len(crops)).tensor_split(batches):
            seen = pictures[batch]
            flipped = torch.rand(len(batch)) < 0.5
            seen[flipped] = seen[flipped].flip(3)
            loss = nn.functional.binary_cross_entropy_with_logits(network(seen)[:, 0], wanted[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()
