"""Photographs as bad cameras, light and croppings leave them: to see how far a classifier's figures fall.

python benchmarks/corrupted.py REAL OUT [--seed 0]
maskaug evaluate RUN OUT

REAL has {not_wearing_mask,wearing_mask}, as for maskaug evaluate. OUT gets OUT/CORRUPTION/CLASS/NAME.png: each picture
as it is and once with every corruption, so that evaluate gives figures over all and, by split, of each. OUT must be
new. The same seed gives the same pictures.

Corruptions are Albumentations', not those the robust recipe trains with (train/corruptions), though of the same kinds.
What depends on size is a share of the face: of the shorter side of its box, or of the picture where none is found.
Strengths are chosen by eye, on unmasked faces, so that a person still sees at once what is worn.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # or importing it asks the internet for a newer version
import albumentations as A

from maskaug.core.arrays import Image
from maskaug.core.classes import CLASSES
from maskaug.core.pictures import PictureError, encode_picture, read_picture
from maskaug.train.data.largest_face import largest_box
from maskaug.train.data.samples import list_samples
from maskaug.train.errors import TrainError

_SMALL_FACE = 20  # pixels a side


def _odd(value: float) -> int:
    return max(3, round(value) // 2 * 2 + 1)


def _small(side: float) -> A.BasicTransform:
    scale = min(1.0, _SMALL_FACE / side)
    pair = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_CUBIC}
    return A.Downscale(scale_range=(scale, scale), interpolation_pair=pair, p=1)


def _dark(side: float) -> A.BaseCompose:
    return A.Sequential([A.RandomGamma((200, 270), p=1), A.ISONoise((0.01, 0.03), (0.05, 0.15), p=1)], p=1)


# By name: from the face's side in pixels to what is done.
CORRUPTIONS: dict[str, Callable[[float], A.BasicTransform | A.BaseCompose]] = {
    "as-it-is": lambda side: A.NoOp(),
    "black-and-white": lambda side: A.ToGray(p=1),
    "colour-cast": lambda side: A.PlanckianJitter(mode="blackbody", temperature_limit=(3000, 12000), p=1),
    "dark": _dark,
    "bright": lambda side: A.RandomBrightnessContrast((0.3, 0.45), (0, 0.2), brightness_by_max=True, p=1),
    "hazy": lambda side: A.ColorJitter((1.1, 1.3), (0.3, 0.4), (0.7, 0.9), (0, 0), p=1),
    "noise": lambda side: A.GaussNoise(std_range=(0.08, 0.14), p=1),
    "defocus": lambda side: A.GaussianBlur(blur_limit=0, sigma_limit=(side / 40, side / 28), p=1),
    "motion": lambda side: A.MotionBlur(blur_limit=(_odd(side / 7), _odd(side / 4)), p=1),
    "small": _small,
    "jpeg": lambda side: A.ImageCompression(quality_range=(8, 15), p=1),
    "turned": lambda side: A.Rotate((20, 35), border_mode=cv2.BORDER_REFLECT_101, p=1),
}


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path, metavar="REAL")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    out: Path = arguments.out
    if out.exists():
        sys.exit(f"corrupted: {out} exists; name a new folder")
    try:
        samples = list_samples(arguments.real, CLASSES).samples
    except TrainError as error:
        sys.exit(f"corrupted: {error}")
    unfinished = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    written = 0
    for number, sample in enumerate(samples):
        try:
            image = read_picture(sample.path).pixels
        except PictureError as error:
            print(f"corrupted: left out: {error}", file=sys.stderr)
            continue
        label = CLASSES[sample.label]
        inside = [part for part in Path(str(sample.path)).relative_to(arguments.real).parts if part != label]
        for corruption, picture in corrupted(image, arguments.seed * len(samples) + number).items():
            path = Path(unfinished, corruption, label, *inside[:-1], f"{inside[-1]}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_picture(picture, "png"))
        written += 1
    if not written:
        sys.exit(f"corrupted: none of the {len(samples)} pictures in {arguments.real} can be read")
    unfinished.rename(out)
    print(f"{written} pictures, {len(CORRUPTIONS)} times each, in {out}")


def corrupted(image: Image, seed: int) -> dict[str, Image]:
    """An ``(H, W, 3) uint8`` RGB picture by the name of what was done to it."""
    box = largest_box(image)
    side = float(min(image.shape[:2] if box is None else (box[2] - box[0], box[3] - box[1])))
    return {name: A.Compose([make(side)], seed=seed)(image=image)["image"] for name, make in CORRUPTIONS.items()}


if __name__ == "__main__":
    main()
