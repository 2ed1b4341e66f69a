"""Masks a second that `RandomMask` puts on at training size, on one core, by kind.

python benchmarks/random_mask.py FACES [--side 112] [--pictures 60] [--passes 7]

FACES is a folder of unmasked face pictures, such as `python tests/astronaut.py FACES` makes. They are shrunk to SIDE x
SIDE, and their landmarks found beforehand. The kinds take turns; a figure is the median over passes, in time of the
processor, for other programs may want it, too. A picture's first mask takes longer than those of later epochs, for what
is measured of the face is kept. Where crops and rotations come before the transform, every mask is a first one.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits
from torchvision import tv_tensors

from maskaug.assets import standard_pack
from maskaug.augment import RandomMask, cache_landmarks, pixels_key
from maskaug.core.pictures import read_picture
from maskaug.masktheface_wrapper import FaceFinder, load_pack

_TARGET = 250  # a second


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--side", type=int, default=112, help="of the pictures, pixels")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--passes", type=int, default=7)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    threadpool_limits(1)

    pictures = _read(arguments.faces, arguments.side, arguments.pictures)
    landmarks = cache_landmarks(pictures, FaceFinder())
    pictures = [picture for picture in pictures if pixels_key(picture) in landmarks]
    if not pictures:
        sys.exit(f"no face in the pictures of {arguments.faces}")
    kinds = [None, *load_pack(standard_pack()).kinds]
    seconds: dict[str | None, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for number in range(arguments.passes + 1):
        for kind in kinds:
            spent = _epochs(pictures, landmarks, kind, number)
            if number:  # the first pass loads the templates and builds their coarser levels
                seconds[kind].append(spent)
    _print(seconds, len(pictures), arguments.side)


def _read(folder: Path, side: int, count: int) -> list[NDArray[np.uint8]]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    shrunk = (
        cv2.resize(read_picture(path).pixels, (side, side), interpolation=cv2.INTER_AREA) for path in paths[:count]
    )
    return [np.asarray(picture, dtype=np.uint8) for picture in shrunk]


def _epochs(
    pictures: list[NDArray[np.uint8]], landmarks: dict[str, NDArray[np.float32]], kind: str | None, seed: int
) -> tuple[float, float]:
    """Seconds of the first epoch, and of the second."""
    images = [tv_tensors.Image(torch.from_numpy(picture).permute(2, 0, 1)) for picture in pictures]
    transform = RandomMask(landmarks, kind, label=1)
    torch.manual_seed(seed)
    seconds = []
    for _ in range(2):
        started = time.process_time()
        for image in images:
            transform(image, 0)
        seconds.append(time.process_time() - started)
    return seconds[0], seconds[1]


def _print(seconds: dict[str | None, list[tuple[float, float]]], count: int, side: int) -> None:
    table = Table("kind", "first masks a second", "later masks a second", "slowest to fastest pass", f">= {_TARGET}")
    for kind, passes in seconds.items():
        first, later = ([count / spent for spent in epoch] for epoch in zip(*passes, strict=True))
        rate = statistics.median(later)
        table.add_row(
            kind or "all",
            f"{statistics.median(first):.0f}",
            f"{rate:.0f}",
            f"{min(later):.0f} to {max(later):.0f}",
            "yes" if rate >= _TARGET else "no",
        )
    Console().print(f"{count} faces of {side} x {side}, {len(next(iter(seconds.values())))} passes")
    Console().print(table)


if __name__ == "__main__":
    main()
