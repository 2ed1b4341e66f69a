"""What becomes of the boxes of bare faces that people have drawn.

python benchmarks/annotated_boxes.py SCENES ANNOTATIONS

SCENES is a folder of pictures, ANNOTATIONS what `maskaug generate --annotations` takes. Of all boxes 40 pixels wide or
more, it tells how many become faces with landmarks, and how far these lie from those of the faces that the cascade of
detectors finds in the whole picture without boxes.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.annotations import open_annotations
from maskaug.augment.generate.annotations.classes import sorted_out
from maskaug.augment.generate.annotations.located import locate, squared
from maskaug.augment.generate.annotations.placed import Placement
from maskaug.core.arrays import Image
from maskaug.core.pictures import read_picture
from maskaug.masktheface_wrapper import Face, FaceFinder

Box = NDArray[np.float32]  # (4,): left, top, right, bottom in pixels

_SMALLEST = 40.0  # pixels
_SURE = 0.05  # two estimates of a sure face's landmarks lie nearer, in distances between the eyes


def main() -> None:
    """Print what becomes of the boxes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path, help="folder of pictures")
    parser.add_argument("annotations", type=Path, help="their boxes")
    options = parser.parse_args()
    annotations, finder = open_annotations(options.annotations), FaceFinder()

    def located(image: Image, box: Box, beside: list[Box]) -> Face | None:
        return next(iter(locate(image, [box], beside, finder)[0]), None)

    ways: dict[str, Callable[[Image, Box, list[Box]], Face | None]] = {
        "landmarks in the box as drawn": lambda image, box, _: finder.from_box(image, box),
        "in a square of its area": lambda image, box, _: finder.from_box(image, squared(box)),
        "in the box that detectors draw about there": located,
    }
    results: dict[str, list[tuple[Face | None, Face | None]]] = {name: [] for name in ways}
    seconds = dict.fromkeys(ways, 0.0)
    for path in sorted(options.scenes.iterdir()):
        name = annotations.name_of(path.name)
        if name is None:
            continue
        picture = read_picture(path)
        placement = Placement(annotations.names[name], picture, path.name)
        bare, masked = sorted_out(annotations.names[name].faces, annotations.roles)
        drawn, worn = ([placement.box(face.box, 1) for face in faces if face.box] for faces in (bare, masked))
        found = finder.find(picture.pixels)
        for number, box in enumerate(drawn):
            if box[2] - box[0] < _SMALLEST:
                continue
            beside = [*drawn[:number], *drawn[number + 1 :], *worn]
            for way, locate_by in ways.items():
                started = time.perf_counter()
                face = locate_by(picture.pixels, box, beside)
                seconds[way] += time.perf_counter() - started
                results[way].append((face, _in_box(found, box)))
    for way, pairs in results.items():
        _tell(way, pairs, seconds[way])


def _in_box(faces: list[Face], box: Box) -> Face | None:
    """The widest of the faces whose middle lies in a box."""
    middles = [face.landmarks.mean(axis=0) for face in faces]
    inside = [
        face for face, middle in zip(faces, middles, strict=True) if ((middle > box[:2]) & (middle < box[2:])).all()
    ]
    return max(inside, key=lambda face: float(np.ptp(face.landmarks[:, 0])), default=None)


def _tell(way: str, pairs: list[tuple[Face | None, Face | None]], seconds: float) -> None:
    both = [(face, other) for face, other in pairs if face is not None and other is not None]
    apart = np.array([np.hypot(*(face.landmarks - other.landmarks).T).mean() / _eyes(other) for face, other in both])
    sure = np.array([other.stability < _SURE for _, other in both])
    print(
        f"{way}: {sum(face is not None for face, _ in pairs)} of {len(pairs)} boxes are faces, "
        f"{1000 * seconds / max(len(pairs), 1):.0f} ms each; from the {len(both)} found without boxes "
        f"{apart.mean():.3f} distances between the eyes apart, from the {sure.sum()} sure ones {apart[sure].mean():.3f}"
    )


def _eyes(face: Face) -> float:
    return float(np.hypot(*(face.landmarks[42:48].mean(axis=0) - face.landmarks[36:42].mean(axis=0))))


if __name__ == "__main__":
    main()
