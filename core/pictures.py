"""Reading files as RGB arrays, whatever the files are called, and encoding arrays as files."""

import hashlib
import io
import logging
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from maskaug.core.color import to_srgb
from maskaug.core.containers.members import Location, read_location
from maskaug.core.errors import MaskaugError
from maskaug.core.files import is_address
from maskaug.core.native_words import catch_words
from maskaug.core.text import printable

PictureFormat = Literal["jpeg", "png"]
SUFFIXES: dict[PictureFormat, str] = {"jpeg": ".jpg", "png": ".png"}

# A 12 000 x 8 000 panorama; decoded it takes 300 MB.
MAX_PIXELS = 100_000_000
# In a smaller picture, no face has landmarks that can be found.
MIN_SIDE = 32
MAX_SIDE = 65_500  # as long as OpenCV and libjpeg write a JPEG

# Kinds of warnings about files that can be read, and what each means.
WARNINGS = {
    "animation": "animations or several pages, of which only the first is used",
    "damaged": "damaged files that could be read all the same",
}

# What Pillow logs of damaged files is told by its errors: without a handler, it would go to the terminal.
logging.getLogger("PIL").addHandler(logging.NullHandler())

_ORIENTATION = 0x0112  # EXIF tag
# Of a file's first box, as ISO/IEC 23008-12 names what it holds.
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_LONGEST_BRANDS = 256  # bytes that are looked at


class PictureError(MaskaugError):
    """A file that cannot be used as a picture.

    Attributes:
        reason: ``missing``, ``no_permission``, ``not_a_file``, ``empty_file``, ``not_a_picture``, ``heic_missing``,
            ``truncated``, ``unreadable``, ``unreachable`` (its store does not give it, though asked again and again),
            ``too_many_pixels`` or ``too_small``.
        sha256: Of the file's bytes, where they could be read.
    """

    def __init__(self, reason: str, message: str, sha256: str | None = None) -> None:
        super().__init__(printable(message))  # a file name may hold a newline, or no text at all
        self.reason = reason
        self.sha256 = sha256


@dataclass(frozen=True)
class DecodedPicture:
    """A decoded picture.

    Attributes:
        pixels: ``(H, W, 3) uint8`` sRGB, upright, C-contiguous.
        sha256: Of the file's bytes, hexadecimal.
        full_size: Width and height of the upright picture before it was shrunk.
        orientation: How the file stores the upright picture, 1 to 8 as EXIF numbers them.
        warnings: What is odd about the file, though it can be read: each a kind of `WARNINGS`, a colon, and words.
    """

    pixels: NDArray[np.uint8]
    sha256: str
    full_size: tuple[int, int]
    orientation: int = 1
    warnings: tuple[str, ...] = ()


def read_picture(path: Location, max_size: int | None = None) -> DecodedPicture:
    """Decode a file, or a member of a larger one, into upright sRGB; its type is decided by its content.

    Grey, palette, CMYK, 16-bit and transparent pictures (over white) become 8-bit RGB, and colour profiles are applied;
    of an animation the first frame is taken. HEIC needs the extra ``heic``.

    Args:
        path: The file, or the member.
        max_size: Longest side of the result in pixels; larger pictures are shrunk by area.

    Raises:
        PictureError: the file is no usable picture; the message says which, why, and what to do.
    """
    return decode_picture(_read(path), str(path), max_size)


def decode_picture(data: bytes, name: str, max_size: int | None = None) -> DecodedPicture:
    """The same of a file's bytes, which errors call by its name; see :func:`read_picture`.

    Raises:
        PictureError: they are no usable picture.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        pixels, orientation, warned = _decode(data, name)
    except PictureError as error:
        error.sha256 = sha256
        raise
    full_size = pixels.shape[1], pixels.shape[0]
    if max_size is not None and max(pixels.shape[:2]) > max_size:
        factor = max_size / max(pixels.shape[:2])
        height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    size = f"{pixels.shape[1]} x {pixels.shape[0]}"
    if min(pixels.shape[:2]) < MIN_SIDE:
        raise PictureError("too_small", f"{name} is {size} pixels; {MIN_SIDE} a side are needed", sha256)
    if max(pixels.shape[:2]) > MAX_SIDE:
        message = f"{name} is {size} pixels; {MAX_SIDE} a side are the most that a JPEG holds; scale it down"
        raise PictureError("too_many_pixels", message, sha256)
    return DecodedPicture(np.require(pixels, requirements=["C", "W"]), sha256, full_size, orientation, warned)


def encode_picture(pixels: NDArray[np.uint8], kind: PictureFormat, jpeg_quality: int = 95) -> bytes:
    """Encode ``(H, W, 3)`` RGB or ``(H, W)`` grey pixels; equal pixels give equal bytes."""
    ordered = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if kind == "jpeg" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    done, data = cv2.imencode(SUFFIXES[kind], ordered, options)
    if not done:
        raise ValueError(f"cannot encode {pixels.shape} {pixels.dtype} as {kind}")
    return data.tobytes()


def _read(path: Location) -> bytes:
    try:
        # Opening a named pipe would wait for ever.
        if isinstance(path, Path) and not stat.S_ISREG(path.stat().st_mode):
            raise PictureError("not_a_file", f"{path} is not a regular file; leave it out")
        data = read_location(path)
    except FileNotFoundError as error:
        raise PictureError("missing", f"{path} does not exist") from error
    except PermissionError as error:
        raise PictureError("no_permission", f"{path} may not be read; change its permissions") from error
    except OSError as error:
        if is_address(str(path)):
            message = f"{path} cannot be read for now: {' '.join(str(error).split())}"
            raise PictureError("unreachable", message) from error
        raise PictureError("unreadable", f"{path} cannot be read: {error.strerror or error}") from error
    if not data:
        raise PictureError("empty_file", f"{path} is empty; copy it again", hashlib.sha256(b"").hexdigest())
    return data


def _decode(data: bytes, name: str) -> tuple[NDArray[np.uint8], int, tuple[str, ...]]:
    """Upright sRGB pixels, the EXIF orientation that they were stored in, and warnings."""
    if _is_heic(data):
        _enable_heic(name)
    with warnings.catch_warnings():
        # Pillow warns of large pictures and odd metadata; the limits here are our own.
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data)) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    size = f"{picture.width} x {picture.height}"
                    limit = f"{MAX_PIXELS // 1_000_000} megapixels"
                    raise PictureError("too_many_pixels", f"{name} claims {size} pixels, over {limit}; scale it down")
                orientation = picture.getexif().get(_ORIENTATION, 1)
                quick = _quick_jpeg(picture, data)
                pixels, warned = _by_pillow(picture) if quick is None else quick
                known = orientation if orientation in range(1, 9) else 1
                return pixels, known, (*warned, *_left_out(picture))
        except PictureError:
            raise
        except UnidentifiedImageError as error:
            raise PictureError("not_a_picture", f"{name} holds no picture in a known format; convert it") from error
        except Image.DecompressionBombError as error:
            raise PictureError("too_many_pixels", f"{name} claims far too many pixels; scale it down") from error
        # Damaged files make decoders fail in any way: SyntaxError, struct.error, zlib.error, MemoryError ...
        except Exception as error:
            if "truncated" in str(error).lower():
                raise PictureError("truncated", f"{name} is cut short; copy it again") from error
            raise PictureError("unreadable", f"{name} is damaged ({error}); export it again") from error


def _is_heic(data: bytes) -> bool:
    """Whether a file is HEIC, whatever it is called; AVIF, which looks alike, Pillow reads itself."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4], "big"), _LONGEST_BRANDS)
    brands = {data[8:12], *(data[start : start + 4] for start in range(16, end, 4))}
    return bool(brands & _HEIC_BRANDS) and not brands & _AVIF_BRANDS


def _enable_heic(name: str) -> None:
    try:
        from pillow_heif import register_heif_opener  # noqa: PLC0415  of an extra
    except ModuleNotFoundError as error:
        message = f"{name} is a HEIC picture; to read these: pip install 'maskaug[heic]'"
        raise PictureError("heic_missing", message) from error
    register_heif_opener()  # as often as one likes


def _left_out(picture: Image.Image) -> tuple[str, ...]:
    """A warning where a file has more pictures than the one that is used."""
    if picture.format == "MPO":  # a camera's, whose further pictures are previews or another eye's view
        return ()
    try:
        count = getattr(picture, "n_frames", 1)
    except Exception:  # the later frames are damaged, and not needed
        return ("animation: only the first frame is used, and a later one is damaged",)
    unit = "pages" if picture.format == "TIFF" else "frames"
    return (f"animation: only the first of {count} {unit} is used",) if count > 1 else ()


def _quick_jpeg(picture: Image.Image, data: bytes) -> tuple[NDArray[np.uint8], tuple[str, ...]] | None:
    """The usual case by OpenCV, in less than Pillow's time, with warnings; None where it is not the usual case.

    OpenCV fills what a cut file lacks with grey and says nothing: only files that end as they should come here.
    """
    usual = picture.format == "JPEG" and picture.mode == "RGB" and data.endswith(b"\xff\xd9")
    if not usual or picture.getexif().get(_ORIENTATION, 1) != 1:
        return None
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = catch_words(lambda: cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags))
    if decoded is None or decoded[0] is None:
        return None
    pixels = np.asarray(cv2.cvtColor(decoded[0], cv2.COLOR_BGR2RGB), dtype=np.uint8)
    if picture.info.get("icc_profile"):
        # A new picture has no profile of its own.
        plain = Image.fromarray(pixels)
        plain.info["icc_profile"] = picture.info["icc_profile"]
        pixels = np.asarray(to_srgb(plain))
    return pixels, tuple(f"damaged: {word}" for word in decoded[1])


def _by_pillow(picture: Image.Image) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Any picture, with warnings."""

    def decode() -> NDArray[np.uint8]:
        return _to_rgb(to_srgb(_upright(picture)))

    caught = catch_words(decode) if picture.format == "TIFF" else None  # Pillow's other decoders are silent
    return (decode(), ()) if caught is None else (caught[0], tuple(f"damaged: {word}" for word in caught[1]))


def _upright(picture: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(picture) if picture.getexif().get(_ORIENTATION, 1) != 1 else picture


def _to_rgb(upright: Image.Image) -> NDArray[np.uint8]:
    if upright.mode == "RGB" and not upright.has_transparency_data:
        return np.asarray(upright)
    if upright.mode.startswith(("I", "F")):
        return _deep_grey(upright)
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return np.asarray(Image.alpha_composite(white, layer).convert("RGB"))
    return np.asarray(upright.convert("RGB"))


def _deep_grey(picture: Image.Image) -> NDArray[np.uint8]:
    """16- and 32-bit grey to 8 bits; Pillow itself clips at 255 instead of scaling."""
    values = np.nan_to_num(np.asarray(picture).astype(np.float64), posinf=0.0, neginf=0.0)
    top = 65535.0 if picture.mode.startswith("I;16") or values.max() > 255 else 255.0
    if picture.mode == "F" and values.max() <= 1:
        top = 1.0
    grey = np.clip(values / max(top, float(values.max())) * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
