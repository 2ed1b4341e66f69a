"""Where the bundled classifier fails, shown on a public-domain portrait: the surest errors under each circumstance.

python benchmarks/error_sheet.py [--tries 24] [--out docs/errors.jpg] [--json FILE]

The portrait is the astronaut's that ships in scikit-image (NASA), as it is or mirrored. Under each circumstance, so
many pictures are drawn: masks and things before the face by the overlay engine, light and cameras by the corruptions
of training. A row of the sheet has the share that is called wrongly, and the four pictures whose probabilities are the
worst, errors or not. One face says nothing of others: this shows what kinds of errors there are, not how many.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Canvas
from PIL import ImageDraw, ImageFont
from skimage import data

from maskaug.assets import bundled_classifier
from maskaug.core.arrays import Image
from maskaug.core.files import write_atomic
from maskaug.core.pictures import encode_picture
from maskaug.masktheface_wrapper import Face, MaskDistribution, MaskEngine, sample_occluder
from maskaug.train.corruptions.registry import CORRUPTIONS, to_uint8
from maskaug.train.data.largest_face import largest_box
from maskaug.train.model.onnx_classifier import load_onnx

_WORST, _TILE, _GAP, _TEXT, _CAPTION = 4, 104, 6, 210, 16  # pictures of a row; pixels
_INK, _RED, _PAPER = (34, 34, 34), (190, 40, 60), (255, 255, 255)
_SKIN = ("#c99a7c", "#a87355", "#e0b59a")
_CAMERA_FACE = 8  # pixels

Change = Callable[[Image, Face, np.random.Generator], Image]


@dataclass(frozen=True)
class Case:
    """A circumstance.

    Attributes:
        title: In words.
        masks: What is worn; None: nothing, and the face counts as unmasked.
        change: What happens to the picture then.
        counts: Whether what is worn counts as worn.
    """

    title: str
    masks: MaskDistribution | None
    change: Change
    counts: bool = True

    @property
    def masked(self) -> bool:
        """Whether it is right to call it masked."""
        return self.masks is not None and self.counts


@dataclass(frozen=True)
class Tried:
    """A picture and the probability of a mask."""

    picture: Image
    probability: float


def main() -> None:
    """Parse the command line, draw, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=24)
    parser.add_argument("--out", type=Path, default=Path("docs/errors.jpg"))
    parser.add_argument("--json", type=Path, help="also write the counts here")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    engine, classifier = MaskEngine.default(), load_onnx(bundled_classifier(), threads=1)
    portrait = np.ascontiguousarray(data.astronaut()[0:320, 60:380])
    pictures = [portrait, np.ascontiguousarray(portrait[:, ::-1])]
    faces = [(picture, engine.find(picture)[0]) for picture in pictures]
    rows, counts = [], {}
    for number, case in enumerate(cases(engine)):
        drawn = [draw(engine, case, faces, np.random.default_rng((number, one))) for one in range(given.tries)]
        prepared = np.stack([classifier.prepare(picture, largest_box(picture)) for picture in drawn])
        pairs = zip(drawn, classifier.probabilities(prepared), strict=True)
        tried = sorted((Tried(*pair) for pair in pairs), key=lambda one: one.probability, reverse=not case.masked)
        wrong = sum(bool(one.probability >= classifier.threshold) != case.masked for one in tried)
        rows.append((case, wrong, tried[:_WORST]))
        counts[case.title] = {"masked": case.masked, "wrong": wrong, "tries": given.tries}
        print(f"{wrong:3} of {given.tries} wrong: {case.title}", flush=True)
    drawing = sheet(rows, given.tries, classifier.threshold)
    write_atomic(given.out, encode_picture(drawing, "jpeg", 88), given.out.parent)
    if given.json:
        given.json.write_text(json.dumps(counts, indent=2) + "\n")


def cases(engine: MaskEngine) -> list[Case]:
    """All circumstances: masked faces, then unmasked ones."""
    real, skin = MaskDistribution(), MaskDistribution(color=_SKIN[0], color_weight=1.0)
    chin = MaskDistribution(wear={"under_chin": 1.0})
    lights = ("underexposed", "overexposed", "backlit")
    return [
        Case("masked", real, _as_it_is),
        Case("masked, the colour of skin", skin, _as_it_is),
        *(Case(f"masked, {name.replace('_', ' ')}", real, _corrupted(name)) for name in lights),
        Case("masked, a hand before it", real, _hidden(engine, "hand")),
        Case("masked, a third of the face in the frame", real, _third),
        Case(f"masked, {_CAMERA_FACE} pixels wide", real, _small),
        Case("masked, turned by 45 to 90 degrees", real, _turned),
        Case("bare", None, _as_it_is),
        *(Case(f"bare, {name.replace('_', ' ')}", None, _corrupted(name)) for name in lights),
        *(Case(f"bare, {name} before it", None, _hidden(engine, name)) for name in ("hand", "arm", "scarf", "cup")),
        Case("bare, a third of the face in the frame", None, _third),
        Case(f"bare, {_CAMERA_FACE} pixels wide", None, _small),
        Case("bare, turned by 45 to 90 degrees", None, _turned),
        Case("a mask under the chin", chin, _as_it_is, counts=False),
    ]


def draw(engine: MaskEngine, case: Case, faces: list[tuple[Image, Face]], rng: np.random.Generator) -> Image:
    """One picture of a circumstance, ``(H, W, 3) uint8`` RGB."""
    picture, face = faces[int(rng.integers(len(faces)))]
    if case.masks is not None:
        picture = engine.apply(picture, face, engine.sample(rng, case.masks)).image
    return case.change(picture, face, rng)


def _as_it_is(picture: Image, face: Face, rng: np.random.Generator) -> Image:
    return picture


def _corrupted(name: str) -> Change:
    return lambda picture, face, rng: _corrupt(name, picture, rng)


def _corrupt(name: str, picture: Image, rng: np.random.Generator) -> Image:
    return to_uint8(np.asarray(CORRUPTIONS[name].apply(picture.astype(np.float32), rng), dtype=np.float32))


def _hidden(engine: MaskEngine, name: str) -> Change:
    return lambda picture, face, rng: engine.occlude(picture, face, sample_occluder(rng, {name: 1}))


def _third(picture: Image, face: Face, rng: np.random.Generator) -> Image:
    """Only one side of the face."""
    left, top, right, bottom = face.box
    middle = int((left + right) / 2 + rng.uniform(0.1, 0.3) * (right - left))
    return np.ascontiguousarray(picture[int(max(top - 10, 0)) : int(bottom + 20), middle : int(right + 15)])


def _small(picture: Image, face: Face, rng: np.random.Generator) -> Image:
    """As a camera sees it from afar, and as a viewer enlarges it."""
    factor = _CAMERA_FACE / float(face.box[2] - face.box[0])
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC))


def _turned(picture: Image, face: Face, rng: np.random.Generator) -> Image:
    angle = rng.uniform(45, 90) * rng.choice([-1, 1])
    left, top, right, bottom = map(float, face.box)
    turn = cv2.getRotationMatrix2D(((left + right) / 2, (top + bottom) / 2), angle, 1.0)
    return np.asarray(cv2.warpAffine(picture, turn, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE))


def sheet(rows: list[tuple[Case, int, list[Tried]]], tries: int, threshold: float) -> Image:
    """A row of pictures for each circumstance, two circumstances side by side."""
    height, width = _TILE + _CAPTION + _GAP, _TEXT + _WORST * (_TILE + _GAP)
    down = -(-len(rows) // 2)
    canvas = Canvas.new("RGB", (2 * width + _GAP, down * height + _GAP), _PAPER)
    pen = ImageDraw.Draw(canvas)
    for number, (case, wrong, tried) in enumerate(rows):
        column, row = divmod(number, down)
        left, top = _GAP + column * width, _GAP + row * height
        words = case.title.replace(", ", ",\n").replace(" in the frame", "\nin the frame")
        words += f"\n{wrong} of {tries} wrong"
        pen.multiline_text((left, top), words, fill=_RED if wrong else _INK, font=ImageFont.load_default(15))
        for place, one in enumerate(tried):
            at = left + _TEXT - 2 * _GAP + place * (_TILE + _GAP)
            tile = _tile(one.picture)
            inset = (_TILE - tile.shape[1]) // 2, (_TILE - tile.shape[0]) // 2
            canvas.paste(Canvas.fromarray(tile), (at + inset[0], top + inset[1]))
            ink = _RED if (one.probability >= threshold) != case.masked else _INK
            caption = (at + _TILE // 2, top + _TILE + 1)
            pen.text(caption, f"{one.probability:.3f}", fill=ink, font=ImageFont.load_default(13), anchor="ma")
    return np.asarray(canvas)


def _tile(picture: Image) -> NDArray[np.uint8]:
    factor = _TILE / max(picture.shape[:2])
    size = [max(1, round(side * factor)) for side in picture.shape[1::-1]]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


if __name__ == "__main__":
    main()
