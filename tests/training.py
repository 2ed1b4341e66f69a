"""Small data sets for training: one class reddish, one bluish, a third greenish; each picture its own."""

import sys
from pathlib import Path

import numpy as np
import tiny_network

from maskaug.core.pictures import encode_picture

CLASSES = ("not_wearing_mask", "wearing_mask")
THREE_CLASSES = (*CLASSES, "mask_worn_incorrectly")
_TINTED = {"not_wearing_mask": 0, "wearing_mask": 2, "mask_worn_incorrectly": 1}  # channel
TINY = ("--arch", "tiny", "--set", "size=32", "--set", "batch_size=8", "--set", "lr=0.001", "--wandb", "disabled")
COMMAND = [sys.executable, str(Path(tiny_network.__file__))]  # `maskaug` with the tiny networks


def write_faces(folder, counts, seed=0):
    """``FOLDER/{split}/{class}/*.png``, as many as ``counts`` says by (split, class)."""
    rng = np.random.default_rng(seed)
    for (split, label), count in counts.items():
        target = folder / split / label
        target.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = rng.integers(40, 160, (40, 48, 3))
            pixels[..., _TINTED[label]] += 60
            (target / f"{number}.png").write_bytes(encode_picture(pixels.astype(np.uint8), "png"))
    return folder


def balanced(folder, train=12, val=6, seed=0, classes=CLASSES):
    return write_faces(
        folder, {(split, label): count for split, count in (("train", train), ("val", val)) for label in classes}, seed
    )
