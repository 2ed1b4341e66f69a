"""One file for each way in which a picture can be odd or broken."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def jpeg(pixels: NDArray[np.uint8], **options: object) -> bytes:
    return encoded(Image.fromarray(pixels), "JPEG", quality=95, **options)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(pixels: NDArray[np.uint8], orientation: int) -> bytes:
    """A JPEG that shows ``pixels`` upright once its EXIF orientation is applied."""
    undo = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    picture = Image.fromarray(pixels)
    for step in undo[orientation]:
        picture = picture.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(picture, "JPEG", quality=95, exif=exif)


def huge_header() -> bytes:
    """A PNG of a few bytes whose header claims 100 000 x 100 000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def write(folder: Path, photo: NDArray[np.uint8]) -> dict[str, str | None]:
    """Write them all; by file name, the reason for which it must be refused, or None if it must be read."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(photo)
    good = jpeg(photo)
    cut_png = encoded(picture, "PNG")
    deep = (photo[..., 1].astype(np.uint16) * 257).astype(np.uint16)
    transparent = picture.convert("RGBA")
    transparent.putalpha(Image.fromarray(np.full(photo.shape[:2], 255, np.uint8)))
    frames = [picture, picture.rotate(90)]
    large = picture.resize((6000, 4000))
    cases: dict[str, tuple[bytes, str | None]] = {
        "corrupt.jpg": (good[:2] + b"\x00" * 400 + good[402:900], "not_a_picture"),
        "truncated.jpg": (good[: len(good) // 2], "truncated"),
        "truncated.png": (cut_png[: len(cut_png) // 2], "truncated"),
        "empty.jpg": (b"", "empty_file"),
        "text.jpg": (b"This is not a picture.\n" * 40, "not_a_picture"),
        "tiny.png": (encoded(picture.resize((20, 20)), "PNG"), "too_small"),
        "large.jpg": (encoded(large, "JPEG", quality=60), None),
        "deep_grey.png": (encoded(Image.fromarray(deep), "PNG"), None),
        "deep_grey.tif": (encoded(Image.fromarray(deep), "TIFF"), None),
        "grey.jpg": (encoded(picture.convert("L"), "JPEG"), None),
        "one_bit.png": (encoded(picture.convert("1"), "PNG"), None),
        "rgba.png": (encoded(transparent, "PNG"), None),
        "grey_alpha.png": (encoded(transparent.convert("LA"), "PNG"), None),
        "palette.png": (encoded(picture.quantize(256), "PNG"), None),
        "palette.gif": (encoded(picture.quantize(256), "GIF"), None),
        "cmyk.jpg": (encoded(picture.convert("CMYK"), "JPEG", quality=95), None),
        "animated.gif": (encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), None),
        "animated.webp": (encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]), None),
        "name.with.several.dots.jpg": (good, None),
        "name with spaces.jpg": (good, None),
        "naïve 写真 🙂.jpg": (good, None),
        "a\nnewline.jpg": (good, None),
        "UPPER.JPG": (good, None),
        "no_extension": (good, None),
        "really_a_png.jpg": (encoded(picture, "PNG"), None),
        "bitmap.bmp": (encoded(picture, "BMP"), None),
        "huge_header.png": (huge_header(), "too_many_pixels"),
        "longer than a jpeg.gif": (encoded(Image.new("L", (33, 65_501)), "GIF"), "too_many_pixels"),
        **{f"exif_{orientation}.jpg": (turned(photo, orientation), None) for orientation in range(1, 9)},
    }
    for name, (data, _) in cases.items():
        (folder / name).write_bytes(data)
    return {name: reason for name, (_, reason) in cases.items()}
