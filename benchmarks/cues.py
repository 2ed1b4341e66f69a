"""By what a data set's masks can be told, and what of that holds for real ones: a small network for each cue alone.

python benchmarks/cues.py DATA --real DIR [--arch resnet18] [--epochs 12] [--seed 0] [--json FILE]

DATA is what maskaug generate or peer_overlays.py wrote, the folder of --real has {not_wearing_mask,wearing_mask}. A
ResNet-18 is trained from scratch on DATA/train, framed faces of 64 pixels, of which it is shown

- all: everything;
- colour: what a blur of 6 pixels leaves, neither edges nor texture;
- edges: where Canny's detector finds them, black and white: shapes, neither colour nor texture;
- texture: luma without its local mean and contrast, cut into 8 x 8 pixels and shuffled: neither colour nor shape.

Printed are the areas under the ROC curve on DATA/val and on the photographs. A cue by which the synthetic masks are
told and the real ones are not is one that a classifier had better not learn. Where DATA has maskaug's manifest, a last
row is about traces of the compositing: faces as they are, against the same faces put through it without a mask.
"""

import argparse
import json
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from maskaug.assets import standard_pack
from maskaug.core.arrays import Image
from maskaug.core.classes import CLASSES
from maskaug.core.color import LUMA
from maskaug.core.manifest import faces_of
from maskaug.core.pictures import encode_picture, read_picture
from maskaug.masktheface_wrapper import MaskEngine, load_pack, sample_occluder
from maskaug.train.data.cache import default_cache, load_pictures
from maskaug.train.data.preprocess import Preparation
from maskaug.train.data.samples import Sample, list_samples
from maskaug.train.evaluate.evaluate import evaluate
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.train import train

Split = tuple[str, list[Sample], Image]  # folder, what the pictures are, and their framed faces

_SIZE, _BLUR, _LOCAL, _PATCH = 64, 6.0, 1.5, 8  # pixels
_FACE = Preparation("face", _SIZE)
_TRAINING = (
    *("framing=picture", f"size={_SIZE}", "online_masks=false", "occluder_share=0", "headwear=0"),
    *("corruptions=none", "landmark_weight=0", "warmup=1"),
)


def main() -> None:
    """Train a network for each cue, judge, print, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--arch", default="resnet18", help="classifier of torchvision")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    synthetic = [_read(name, list_samples(arguments.data, CLASSES, name).samples) for name in ("train", "val")]
    real = _read("real", list_samples(arguments.real, CLASSES).samples)
    recipe = [*_TRAINING, f"arch={arguments.arch}", f"epochs={arguments.epochs}"]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, view in VIEWS.items():
            print(f"{name} ...", flush=True)
            place = Path(folder) / name
            for split in (*synthetic, real):
                _write(place, split, view)
            rows.append({"cue": name, **_scores(place, recipe, arguments.seed, ("val", "real"))})
        place = Path(folder) / "null_overlays"
        written = [_write_null_overlays(place, name, samples) for name, samples, _ in synthetic]
        if all(written):
            print("compositing without a mask ...", flush=True)
            found = _scores(place, recipe, arguments.seed, ("val",))
            rows.append({"cue": "compositing without a mask", **found})
    table = Table("shown", "AUC, synthetic", "AUC, real", box=None, pad_edge=False)
    for row in rows:
        table.add_row(str(row["cue"]), *(f"{row[name]:.3f}" if name in row else "" for name in ("val", "real")))
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def colour(face: Image) -> Image:
    """An ``(S, S, 3) uint8`` RGB picture without edges and texture."""
    return np.asarray(cv2.GaussianBlur(face, (0, 0), _BLUR), dtype=np.uint8)


def edges(face: Image) -> Image:
    """Its edges, white on black: Canny's, with thresholds by the picture's own median, a third to either side."""
    grey = cv2.GaussianBlur(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    middle = float(np.median(grey))
    return np.repeat(cv2.Canny(grey, 0.66 * middle, 1.33 * middle)[..., None], 3, axis=2)


def texture(face: Image) -> Image:
    """Its luma without local mean and contrast, in pieces that lie as chance, seeded by the pixels, has them."""
    luma = (face @ LUMA).astype(np.float32)
    fine = luma - cv2.GaussianBlur(luma, (0, 0), _LOCAL)
    contrast = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 2 * _LOCAL))
    even = np.clip(127.5 + 48 * fine / (contrast + 1), 0, 255).astype(np.uint8)
    count = len(even) // _PATCH
    pieces = even.reshape(count, _PATCH, count, _PATCH).swapaxes(1, 2).reshape(-1, _PATCH, _PATCH)
    pieces = pieces[np.random.default_rng(zlib.crc32(face.tobytes())).permutation(len(pieces))]
    mixed = pieces.reshape(count, count, _PATCH, _PATCH).swapaxes(1, 2).reshape(even.shape)
    return np.repeat(mixed[..., None], 3, axis=2)


VIEWS: dict[str, Callable[[Image], Image]] = {
    "all": lambda face: face,
    "colour": colour,
    "edges": edges,
    "texture": texture,
}


def _read(name: str, samples: list[Sample]) -> Split:
    pixels = load_pictures([sample.path for sample in samples], _FACE, default_cache()).pixels
    return name, samples, _FACE.framed(pixels)


def _write(place: Path, split: Split, view: Callable[[Image], Image]) -> None:
    name, samples, faces = split
    for number, (sample, face) in enumerate(zip(samples, faces, strict=True)):
        _save(place / name / CLASSES[sample.label] / f"{number}.png", view(face))


def _write_null_overlays(place: Path, split: str, samples: list[Sample]) -> bool:
    """Unmasked faces, and the same ones with null overlays as the other class; whether there are any."""
    engine = MaskEngine(None, load_pack(standard_pack()))
    known = [(sample, faces) for sample in samples if sample.label == 0 and (faces := faces_of(sample.row))]
    for number, (sample, (face, *_)) in enumerate(known):
        picture = read_picture(sample.path).pixels
        traces = engine.occlude(picture, face, sample_occluder(np.random.default_rng(number), {"null_overlay": 1.0}))
        box = np.asarray(face.box, dtype=np.float64)
        for name, pixels in zip(CLASSES, (picture, traces), strict=True):
            framed = _FACE.framed(_FACE.prepare(pixels, box).pixels[None])[0]
            _save(place / split / name / f"{number}.png", framed)
    return bool(known)


def _save(path: Path, pixels: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_picture(pixels, "png"))


def _scores(place: Path, recipe: list[str], seed: int, parts: tuple[str, ...]) -> dict[str, float]:
    """The area under the ROC curve by part, of a network that was trained on what lies in the folder."""
    given = {"data": place, "out": place / "run", "recipe": "robust", "set_": recipe}
    run = train(TrainOptions.model_validate({**given, "seed": seed, "wandb": "disabled", "cache": place / "cache"})).run
    return {
        part: evaluate(EvaluateOptions(run=run, data=place / part, resamples=0, cache=place / "cache"))
        .metrics["auc"]
        .value
        for part in parts
    }


if __name__ == "__main__":
    main()
