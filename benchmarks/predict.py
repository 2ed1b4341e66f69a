"""Faces a second of `maskaug predict`, on one core: where the face is known, and with finding it.

python benchmarks/predict.py PICTURES [--classifier MODEL.onnx] [--run RUN] [--faces 300] [--json FILE]

PICTURES is a folder of pictures of any depth; of each, the largest face counts. MODEL.onnx is the bundled classifier by
default. Pictures are decoded before the clock starts. With --run, the run's network judges the same faces, too, and
what is said by both is compared.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.assets import bundled_classifier
from maskaug.core.arrays import Image
from maskaug.core.pictures import read_picture
from maskaug.masktheface_wrapper import FaceFinder
from maskaug.train.model.base_classifier import BaseClassifier
from maskaug.train.model.onnx_classifier import load_onnx
from maskaug.train.predict.inputs import list_inputs

Box = NDArray[np.float32]

_AT_ONCE = 64
_ROUNDS = 3


def main() -> None:
    """Parse the command line, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--classifier", type=Path, default=bundled_classifier())
    parser.add_argument("--run", type=Path, help="training run to compare with")
    parser.add_argument("--faces", type=int, default=300, help="at most, spread over the folder")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # before anything starts threads
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    classifier = load_onnx(arguments.classifier)
    images = read(arguments.pictures, arguments.faces)
    finder = FaceFinder()
    found = [finder.boxes(image) for image in images]
    faces = [(image, boxes[0]) for image, boxes in zip(images, found, strict=True) if len(boxes)]
    metrics = {
        "pictures": len(images),
        "faces": len(faces),
        "median_side": float(np.median([min(image.shape[:2]) for image in images])),
        "megabytes": arguments.classifier.stat().st_size / 1e6,
        "faces_per_s": len(faces) / fastest(lambda: scores(classifier, faces)),
        "found_and_judged_per_s": len(images) / fastest(lambda: found_and_judged(classifier, images, finder)),
    }
    print(
        f"{metrics['faces']} faces in {metrics['pictures']} pictures, short side {metrics['median_side']:.0f} (median)"
    )
    print(f"prepared and judged, box known: {metrics['faces_per_s']:8.1f} faces/s, one core")
    print(f"found, prepared and judged:     {metrics['found_and_judged_per_s']:8.1f} pictures/s, one core")
    if arguments.run:
        metrics |= compared(arguments.run, classifier, faces)
        print(f"the run itself, box known:      {metrics['run_faces_per_s']:8.1f} faces/s, one core")
        print(
            f"decided alike: {metrics['decided_alike']:.2%}; probabilities apart by {metrics['apart_mean']:.4f} in the "
            f"mean, {metrics['apart_most']:.4f} at most"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(metrics, indent=2) + "\n")


def read(folder: Path, most: int) -> list[Image]:
    """``(H, W, 3) uint8`` RGB pictures, evenly spread over the files' names."""
    paths = [one.source for one in list_inputs([folder])]
    picks = np.unique(np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int))
    return [read_picture(paths[pick]).pixels for pick in picks]


def scores(classifier: BaseClassifier, faces: Sequence[tuple[Image, Box]]) -> NDArray[np.float64]:
    """Probabilities of a mask, ``(N,)``, of faces whose boxes are known."""
    said = []
    for start in range(0, len(faces), _AT_ONCE):
        prepared = [prepare(classifier, image, box) for image, box in faces[start : start + _AT_ONCE]]
        said.append(classifier.probabilities(np.stack(prepared)))
    return np.concatenate(said)


def prepare(classifier: BaseClassifier, image: Image, box: Box) -> Image:
    """As `maskaug predict` prepares a face; pictures that are framed as they are count as crops."""
    return classifier.prepare(image, box if classifier.frames_faces else None)


def found_and_judged(classifier: BaseClassifier, images: Sequence[Image], finder: FaceFinder) -> None:
    """The largest face of each picture, found and judged."""
    found = ((image, finder.boxes(image)) for image in images)
    scores(classifier, [(image, boxes[0]) for image, boxes in found if len(boxes)])


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of three rounds, after one to warm up: other programs only ever take time away."""
    seconds = []
    for _ in range(1 + _ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


def compared(run: Path, classifier: BaseClassifier, faces: Sequence[tuple[Image, Box]]) -> dict[str, float]:
    """What the run's network says of the same faces, beside the file."""
    import torch  # noqa: PLC0415  not needed without a run

    from maskaug.train.model.checkpoint import load_model  # noqa: PLC0415

    torch.set_num_threads(1)
    network = load_model(run, torch.device("cpu"))
    first, second = scores(network, faces), scores(classifier, faces)
    return {
        "run_faces_per_s": len(faces) / fastest(lambda: scores(network, faces)),
        "decided_alike": float(((first >= network.threshold) == (second >= classifier.threshold)).mean()),
        "apart_mean": float(np.abs(first - second).mean()),
        "apart_most": float(np.abs(first - second).max()),
    }


if __name__ == "__main__":
    main()
