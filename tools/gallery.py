"""Draws docs/gallery/*.jpg: what masks, occluders and corruptions look like, on the astronaut's face.

``make gallery`` writes all sheets anew; each JPEG's comment lists what it shows, so that `tests/test_docs.py` notices
what is missing. The photograph is NASA's, in the public domain, as scikit-image ships it.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import cv2
import numpy as np
from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont
from skimage import data

from maskaug.assets import standard_pack
from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper import (
    Face,
    MaskDistribution,
    MaskEngine,
    MaskParams,
    NamedMask,
    Variety,
    Wear,
    load_pack,
    sample_occluder,
)
from maskaug.masktheface_wrapper.occluders import OCCLUDERS
from maskaug.train.corruptions import CORRUPTIONS, Corruption
from maskaug.train.corruptions.registry import to_uint8

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "gallery"
_TILE, _TITLE = 172, 20  # pixels: a picture's side, and the height of the words below it
_ACROSS = 6  # pictures in a row
_VIEW = np.s_[0:216, 42:258]  # of the picture that is drawn on: the head

Tile = tuple[str, Image]  # what is shown, and the picture


def shown() -> dict[str, list[str]]:
    """What each sheet is to show, by its name."""
    return {
        "kinds": list(load_pack(standard_pack()).templates),
        "variety": [name for name in get_args(Variety) for _ in range(_ACROSS)],
        "wear": [name for name in get_args(Wear) for _ in range(2)],
        "occluders": [f"{name}, {style}" for name, spec in OCCLUDERS.items() for style in spec.styles],
        "corruptions": list(CORRUPTIONS),
    }


def sheet(tiles: Sequence[Tile]) -> Image:
    """Pictures in rows, with what they show below each, ``(H, W, 3) uint8`` RGB."""
    rows = -(-len(tiles) // _ACROSS)
    canvas = PilImage.new("RGB", (_ACROSS * _TILE, rows * (_TILE + _TITLE)), "white")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(13)
    for number, (title, picture) in enumerate(tiles):
        left, top = number % _ACROSS * _TILE, number // _ACROSS * (_TILE + _TITLE)
        small = cv2.resize(picture, (_TILE - 4, _TILE - 4), interpolation=cv2.INTER_AREA)
        canvas.paste(PilImage.fromarray(small), (left + 2, top + 2))
        draw.text((left + _TILE // 2, top + _TILE + 8), title, fill="black", font=font, anchor="mm")
    return np.asarray(canvas)


def draw_all(folder: Path) -> None:
    """Write a JPEG for each sheet."""
    picture = np.ascontiguousarray(data.astronaut()[0:300, 70:370])
    engine = MaskEngine.default()
    face = engine.find(picture)[0]
    names = shown()
    tiles = {
        "kinds": [(name, _masked(engine, picture, face, _plain(engine, name))) for name in names["kinds"]],
        "variety": _variety(engine, picture, face, names["variety"]),
        "wear": _wear(engine, picture, face, names["wear"]),
        "occluders": [(name, _occluded(engine, picture, face, name)) for name in names["occluders"]],
        "corruptions": [(name, _corrupted(picture, face, CORRUPTIONS[name])) for name in names["corruptions"]],
    }
    folder.mkdir(exist_ok=True)
    for name, several in tiles.items():
        comment = "; ".join(title for title, _ in several).encode()
        PilImage.fromarray(sheet(several)).save(folder / f"{name}.jpg", quality=85, comment=comment)


def _masked(engine: MaskEngine, picture: Image, face: Face, params: MaskParams) -> Image:
    return engine.apply(picture, face, params).image[_VIEW]


def _plain(engine: MaskEngine, template: str) -> MaskParams:
    distribution = MaskDistribution(variety="none", fixed=(NamedMask(template),))
    return engine.sample(np.random.default_rng(1), distribution)


def _variety(engine: MaskEngine, picture: Image, face: Face, names: Sequence[str]) -> list[Tile]:
    tiles: list[Tile] = []
    for number, name in enumerate(names):
        params = engine.sample(np.random.default_rng(number), MaskDistribution(variety=cast(Variety, name)))
        tiles.append((name, _masked(engine, picture, face, params)))
    return tiles


def _wear(engine: MaskEngine, picture: Image, face: Face, names: Sequence[str]) -> list[Tile]:
    tiles: list[Tile] = []
    for number, name in enumerate(names):
        params = engine.sample(np.random.default_rng(number), MaskDistribution(wear={cast(Wear, name): 1.0}))
        tiles.append((name, _masked(engine, picture, face, params)))
    return tiles


def _occluded(engine: MaskEngine, picture: Image, face: Face, name: str) -> Image:
    kind, _, style = name.partition(", ")
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    while True:
        occluder = sample_occluder(rng, {kind: 1.0})
        if occluder.form == style:
            return engine.occlude(picture, face, occluder)[_VIEW]


def _corrupted(picture: Image, face: Face, corruption: Corruption) -> Image:
    """At the size of training pictures, where half of the corruptions are of a pixel or two."""
    left, top, right, bottom = face.box.astype(int)
    margin = (right - left) // 3
    crop = picture[max(top - margin, 0) : bottom + margin, max(left - margin, 0) : right + margin]
    small = cv2.resize(crop, (112, 112), interpolation=cv2.INTER_AREA)
    return to_uint8(np.asarray(corruption.apply(small.astype(np.float32), np.random.default_rng(4)), dtype=np.float32))


if __name__ == "__main__":
    draw_all(FOLDER)
