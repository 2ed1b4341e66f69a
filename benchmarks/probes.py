"""What a classifier goes by besides masks: probes with known answers, on pictures it was validated on.

python benchmarks/probes.py RUN DATA [--json FILE]

RUN is a training run, DATA the folder that maskaug generate wrote. Probes start from the unmasked faces of DATA/val:

- ghost, a null overlay: the alpha of a mask, the picture's own pixels as its colour, through the same softening,
  grain and composite. It looks unmasked; area under the ROC curve of null overlays against the same faces as they
  are. 0.5: the compositing leaves no fingerprint that the classifier goes by.
- blank mouth: an ellipse of one colour over mouth and chin; share called masked, by colour.
- each kind of occluder, a hard negative; share called masked.
- JPEG: both classes, encoded anew; accuracy by quality.
- half and quarter size: both classes, shrunk; accuracy.
- file size alone: area under the ROC curve of the overlays' file sizes against the unmasked pictures'.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from maskaug.assets import standard_pack
from maskaug.core.arrays import Image
from maskaug.core.classes import CLASSES
from maskaug.core.manifest import faces_of
from maskaug.core.pictures import read_picture
from maskaug.masktheface_wrapper import Face, MaskEngine, load_pack, sample_occluder
from maskaug.masktheface_wrapper.occluders import OCCLUDERS
from maskaug.train.data.samples import Sample, list_samples
from maskaug.train.model.checkpoint import load_model
from maskaug.train.model.network import Classifier

Change = Callable[[Image, Face, np.random.Generator], Image]

_COLOURS = {"black": (20, 20, 20), "grey": (128, 128, 128), "white": (235, 235, 235), "blue": (90, 140, 200)}
_NAMES = {"null_overlay": "ghost"}  # in the file, as its first version has it
_QUALITIES = (95, 75, 50, 30, 15)
_BATCH = 128


def main() -> None:
    """Probe, print, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    classifier = load_model(arguments.run, torch.device("cpu"))
    samples = list_samples(arguments.data, CLASSES, "val").samples
    found = probe(classifier, samples)
    table = Table(box=None, pad_edge=False)
    for title in ("probe", "figure", "value"):
        table.add_column(title, justify="right" if title == "value" else "left")
    for (name, figure), value in found.items():
        table.add_row(name, figure, f"{value:.3f}")
    Console().print(table)
    if arguments.json:
        rows = [{"probe": name, "figure": figure, "value": value} for (name, figure), value in found.items()]
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def probe(classifier: Classifier, samples: list[Sample]) -> dict[tuple[str, str], float]:
    """Every figure by probe and name."""
    engine = MaskEngine(None, load_pack(standard_pack()))
    pictures = [read_picture(sample.path).pixels for sample in samples]
    labels = np.array([sample.label for sample in samples])
    faces = [
        (picture, known[0])
        for picture, sample in zip(pictures, samples, strict=True)
        if sample.label == 0 and (known := faces_of(sample.row))
    ]

    def changed(change: Change) -> NDArray[np.float32]:
        return _logits(
            classifier,
            [change(picture, face, np.random.default_rng(number)) for number, (picture, face) in enumerate(faces)],
        )

    def masked(change: Change) -> float:
        return float((classifier.calibration.probabilities(changed(change)) >= threshold).mean())

    def accuracy(change: Callable[[Image], Image]) -> float:
        logits = _logits(classifier, [change(picture) for picture in pictures])
        return float(((classifier.calibration.probabilities(logits) >= threshold) == labels).mean())

    threshold = classifier.calibration.threshold
    plain, traces = changed(lambda picture, face, rng: picture), changed(_occluder(engine, "null_overlay"))
    both = np.repeat([0, 1], len(faces))
    found = {("ghost", "AUC"): float(roc_auc_score(both, np.concatenate([plain, traces])))}
    for name, colour in _COLOURS.items():
        found[f"blank mouth, {name}", "called masked"] = masked(_blank(colour))
    for kind in OCCLUDERS:
        found[_NAMES.get(kind, kind), "called masked"] = masked(_occluder(engine, kind))
    for quality in _QUALITIES:
        found[f"JPEG {quality}", "accuracy"] = accuracy(_encoded(quality))
    for name, share in (("half size", 2), ("quarter size", 4)):
        found[name, "accuracy"] = accuracy(_smaller(share))
    sizes = [len(sample.path.read_bytes()) for sample in samples]
    found["file size alone", "AUC"] = float(roc_auc_score(labels, sizes))
    return found


def _logits(classifier: Classifier, pictures: list[Image]) -> NDArray[np.float32]:
    prepared = np.stack([classifier.prepare(picture) for picture in pictures])
    parts = [classifier.logits(prepared[start : start + _BATCH]) for start in range(0, len(prepared), _BATCH)]
    return np.concatenate(parts)


def _occluder(engine: MaskEngine, kind: str) -> Change:
    def put_on(picture: Image, face: Face, rng: np.random.Generator) -> Image:
        return engine.occlude(picture, face, sample_occluder(rng, {kind: 1.0}))

    return put_on


def _blank(colour: tuple[int, int, int]) -> Change:
    def put_on(picture: Image, face: Face, rng: np.random.Generator) -> Image:
        corners = face.landmarks[[48, 54, 33, 8]]
        middle = corners.mean(axis=0)
        axes = (0.75 * np.linalg.norm(corners[1] - corners[0]), 0.42 * np.linalg.norm(corners[3] - corners[2]))
        angle = np.rad2deg(np.arctan2(*(corners[1] - corners[0])[::-1]))
        ellipse = (tuple(map(float, middle)), tuple(2 * float(axis) for axis in axes), float(angle))
        return np.asarray(cv2.ellipse(picture.copy(), ellipse, colour, cv2.FILLED, cv2.LINE_AA))

    return put_on


def _encoded(quality: int) -> Callable[[Image], Image]:
    def encode(picture: Image) -> Image:
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)

    return encode


def _smaller(share: int) -> Callable[[Image], Image]:
    def shrink(picture: Image) -> Image:
        size = (max(8, picture.shape[1] // share), max(8, picture.shape[0] // share))
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    return shrink


if __name__ == "__main__":
    main()
