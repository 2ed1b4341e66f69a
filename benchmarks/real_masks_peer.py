"""The bundled classifier beside a public detector that was trained on photographs of real masks, in one run.

python benchmarks/real_masks_peer.py PATH REAL [REAL ...] [--model FILE] [--json FILE]

PATH is a checkout of github AIZOOTech/FaceMaskDetection, or its face_mask_detection.tflite, an SSD for pictures of 260
pixels; OpenCV runs it. Each REAL is a folder with not_wearing_mask, wearing_mask or both, a face a picture. FILE is
another network than the bundled one, as `maskaug export` writes it.

The detector looks at each picture twice, as it is and with a grey border of a quarter of its sides, for it was made for
faces with some room about them. The look with the surer answer counts: the class of its surest anchor, and for the area
under the curve the difference of its two classes' best scores. What it says of two faces in a picture is not told
apart. Intervals are of 1,000 bootstrap samples.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import logit

from maskaug.assets import bundled_classifier
from maskaug.core.arrays import Image
from maskaug.core.classes import CLASSES
from maskaug.core.files import PICTURE_SUFFIXES
from maskaug.core.pictures import read_picture
from maskaug.train.data.largest_face import largest_box
from maskaug.train.evaluate.metrics import MetricValue, compute_metrics
from maskaug.train.model.decision import of_both
from maskaug.train.model.onnx_classifier import load_onnx
from maskaug.train.model.scores import Scores

_FILE, _SIDE, _SCORES = "face_mask_detection.tflite", 260, "cls_branch_concat_1/concat"
_BORDER, _GREY = 0.25, (127, 127, 127)
_METRICS = ("accuracy", "auc", "recall", "specificity")
_LEAST = 1e-12  # a probability of 0 has no logit

Judge = Callable[[Image], tuple[float, bool]]  # of a picture: a number that grows with the mask's odds; the verdict


def main() -> None:
    """Parse the command line, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", type=Path, metavar="PATH")
    parser.add_argument("real", type=Path, nargs="+", metavar="REAL")
    parser.add_argument("--model", type=Path, default=bundled_classifier())
    parser.add_argument("--json", type=Path, help="also write the figures here")
    given = parser.parse_args()
    file = given.peer / "models" / _FILE if given.peer.is_dir() else given.peer
    judges = {"maskaug": make_classifier(given.model), "trained on real masks": make_detector(file)}
    figures = {}
    for folder in given.real:
        pictures, labels = read_set(folder)
        figures[folder.name] = {name: measure(judge, pictures, labels) for name, judge in judges.items()}
    _print(figures)
    if given.json:
        content = {
            name: {
                who: {metric: [one.value, one.low, one.high] for metric, one in of.items()} for who, of in by.items()
            }
            for name, by in figures.items()
        }
        given.json.write_text(json.dumps(content, indent=2) + "\n")


def read_set(folder: Path) -> tuple[list[Image], NDArray[np.int64]]:
    """Pictures, and for each whether it is of the masked class."""
    found = [
        (path, label)
        for label, name in enumerate(CLASSES)
        if (folder / name).is_dir()
        for path in sorted((folder / name).iterdir())
        if path.suffix.lower() in PICTURE_SUFFIXES
    ]
    if not found:
        raise SystemExit(f"real_masks_peer: {folder} has no pictures in {' or '.join(CLASSES)}")
    return [read_picture(path).pixels for path, _ in found], np.array([label for _, label in found])


def measure(judge: Judge, pictures: list[Image], labels: NDArray[np.int64]) -> dict[str, MetricValue]:
    """Metrics of what a judge says of N pictures with ``(N,)`` labels."""
    said = [judge(picture) for picture in pictures]
    odds = np.array([number for number, _ in said])
    verdicts = np.array([int(masked) for _, masked in said])
    return compute_metrics(Scores(labels, of_both(odds), np.zeros(len(odds)), verdicts), names=_METRICS)


def make_classifier(path: Path) -> Judge:
    """A network of `maskaug export`, on the largest face that the finder sees."""
    classifier = load_onnx(path, threads=1)

    def judge(picture: Image) -> tuple[float, bool]:
        prepared = classifier.prepare(picture, largest_box(picture))
        probability = float(classifier.probabilities(prepared[None])[0])
        return float(logit(np.clip(probability, _LEAST, 1 - _LEAST))), probability >= classifier.threshold

    return judge


def make_detector(file: Path) -> Judge:
    """The public detector."""
    # OpenCV 5's new engine cannot run it.
    engine = [cv2.dnn.ENGINE_CLASSIC] if hasattr(cv2.dnn, "ENGINE_CLASSIC") else []
    network = cv2.dnn.readNetFromTFLite(str(file), *engine)

    def look(picture: Image) -> NDArray[np.float32]:
        """The best scores of any anchor: masked, unmasked."""
        network.setInput(cv2.dnn.blobFromImage(picture, 1 / 255, (_SIDE, _SIDE)))
        return np.asarray(network.forward(_SCORES)[0].max(axis=0))

    def judge(picture: Image) -> tuple[float, bool]:
        down, across = (int(_BORDER * side) for side in picture.shape[:2])
        bordered = cv2.copyMakeBorder(picture, down, down, across, across, cv2.BORDER_CONSTANT, value=_GREY)
        masked, unmasked = max(look(picture), look(np.asarray(bordered, dtype=np.uint8)), key=np.max)
        return float(masked) - float(unmasked), bool(masked > unmasked)

    return judge


def _print(figures: dict[str, dict[str, dict[str, MetricValue]]]) -> None:
    table = Table("set", "network", *_METRICS)
    for name, by in figures.items():
        for who, metrics in by.items():
            cells = (f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})" for one in metrics.values())
            table.add_row(name, who, *("" if cell.startswith("nan") else cell for cell in cells))
    Console(width=140).print(table)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
