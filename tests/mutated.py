"""Damaged and odd pictures, made by a seed: each is a photograph in some format, then spoiled in some way."""

import io
from collections.abc import Callable
from functools import cache

import astronaut
import numpy as np
from PIL import Image

Damage = Callable[[bytearray, np.random.Generator], bytearray]

_LONGEST = 6000  # pixels of a strip


def mutated(seed: int, number: int) -> tuple[str, bytes]:
    """Name and content of one file; the same numbers give the same file.

    Args:
        seed: Of all files.
        number: Of this one.
    """
    rng = np.random.default_rng([seed, number])
    kind = str(rng.choice(sorted(FORMATS)))
    data = bytearray(_encoded(_picture(rng), kind, rng))
    for _ in range(int(rng.integers(0, 4))):
        data = DAMAGES[int(rng.integers(len(DAMAGES)))](data, rng)
    suffix = kind if rng.random() < 0.9 else str(rng.choice(sorted(FORMATS)))
    return f"{number:06d}_{kind}.{suffix}", bytes(data)


# By suffix: Pillow's name, and modes it can store.
FORMATS = {
    "jpg": ("JPEG", ("RGB", "L", "CMYK")),
    "png": ("PNG", ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")),
    "webp": ("WEBP", ("RGB", "RGBA")),
    "bmp": ("BMP", ("RGB", "L", "P", "1")),
    "tif": ("TIFF", ("RGB", "RGBA", "L", "CMYK", "I;16", "F")),
    "gif": ("GIF", ("P", "L")),
}


@cache
def _face(side: int, roll: int) -> Image.Image:
    return Image.fromarray(astronaut.face(side, roll=float(roll)))


def _picture(rng: np.random.Generator) -> Image.Image:
    picture = _face(int(rng.choice([48, 96, 140])), int(rng.integers(-2, 3)) * 8)
    shape = rng.random()
    if shape < 0.08:  # proportions that no camera has
        sides = [int(rng.integers(1, 64)), int(rng.integers(200, _LONGEST))]
        picture = picture.resize(sides if rng.random() < 0.5 else sides[::-1])
    elif shape < 0.2:
        picture = picture.crop((0, 0, int(rng.integers(1, picture.width)), int(rng.integers(1, picture.height))))
    return picture


def _encoded(picture: Image.Image, kind: str, rng: np.random.Generator) -> bytes:
    name, modes = FORMATS[kind]
    mode = str(rng.choice(modes)) if rng.random() < 0.5 else modes[0]
    if mode == "I;16":
        grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        stored = Image.fromarray(grey)
    else:
        stored = picture.convert(mode)
    options: dict[str, object] = {}
    if kind in ("gif", "webp", "tif", "png") and rng.random() < 0.2:
        options = {"save_all": True, "append_images": [stored.rotate(90), stored.rotate(180)]}
    if kind == "jpg":
        options = {"quality": int(rng.integers(20, 98)), "progressive": bool(rng.random() < 0.3)}
        if rng.random() < 0.2:
            exif = Image.Exif()
            exif[0x0112] = int(rng.integers(0, 12))
            options["exif"] = exif
    if kind in ("jpg", "png", "tif", "webp") and rng.random() < 0.1:
        options["icc_profile"] = rng.bytes(int(rng.integers(1, 400)))
    buffer = io.BytesIO()
    stored.save(buffer, name, **options)
    return buffer.getvalue()


def _bytes(data: bytearray, rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, max(len(data), 1), int(rng.integers(1, 12))).tolist():
        data[place : place + 1] = rng.bytes(1)
    return data


def _bits_of_the_header(data: bytearray, rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, min(max(len(data), 1), 64), int(rng.integers(1, 4))).tolist():
        data[place : place + 1] = bytes([data[place] ^ 1 << int(rng.integers(8))]) if place < len(data) else b""
    return data


def _extreme_numbers(data: bytearray, rng: np.random.Generator) -> bytearray:
    place = int(rng.integers(0, min(len(data), 400) + 1))
    value = [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x01", b"\xff\xff"]
    found = value[int(rng.integers(len(value)))]
    data[place : place + len(found)] = found
    return data


def _cut(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: int(rng.integers(0, len(data) + 1))]


def _hole(data: bytearray, rng: np.random.Generator) -> bytearray:
    start = int(rng.integers(0, len(data) + 1))
    del data[start : start + int(rng.integers(1, 200))]
    return data


def _repeated(data: bytearray, rng: np.random.Generator) -> bytearray:
    start = int(rng.integers(0, len(data) + 1))
    data[start:start] = data[start : start + int(rng.integers(1, 400))]
    return data


def _noise(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = int(rng.integers(0, len(data) + 1)), int(rng.integers(1, 64))
    data[start : start + length] = rng.bytes(length)
    return data


def _of_another_file(data: bytearray, rng: np.random.Generator) -> bytearray:
    other = _encoded(_picture(rng), str(rng.choice(sorted(FORMATS))), rng)
    middle = int(rng.integers(0, min(len(data), len(other)) + 1))
    return data[:middle] + other[middle:]


DAMAGES: tuple[Damage, ...] = (
    *(_bytes, _bits_of_the_header, _extreme_numbers, _cut, _hole, _repeated, _noise, _of_another_file),
)
