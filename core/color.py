"""Colour: its constants, and the profiles (ICC) of pictures, applied so that equal numbers are equal colours."""

import io
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # weights of red, green and blue: ITU-R BT.601

_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of a profile's colours, as Pillow names them
# Levels of 255 by which a profile must change some colour: sRGB itself has many profiles, which differ in rounding.
_NOTICED = 2


def to_srgb(picture: Image.Image) -> Image.Image:
    """A picture in sRGB by its profile; where it has none, or one that cannot be used or changes nothing, itself.

    Args:
        picture: In any mode; its transparency is kept.
    """
    profile = picture.info.get("icc_profile")
    if not profile:
        return picture
    if picture.mode in ("P", "PA"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else None
    colors = picture if alpha is None else picture.convert(picture.mode.removesuffix("A"))
    transform = _transform(profile, colors.mode)
    if transform is None:
        return picture
    changed = ImageCms.applyTransform(colors, transform)
    if changed is None:
        return picture
    if alpha is not None:
        changed.putalpha(alpha)
    return changed


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From colours of a profile to sRGB; None where it cannot be used on pictures of the mode, or is sRGB's own."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _MODES.get(source.profile.xcolor_space) != mode:
            return None
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        probe = _probe(mode)
        changed = ImageCms.applyTransform(probe, transform)
    # Of a damaged profile, LittleCMS complains in several ways: its picture is read as if it had none.
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if changed is None:
        return None
    difference = np.abs(np.asarray(changed).astype(int) - np.asarray(probe.convert("RGB")))
    return transform if difference.max() > _NOTICED else None


def _probe(mode: str) -> Image.Image:
    """A picture that has colours from all over what its mode can show."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(*[levels] * len(mode), indexing="ij"), axis=-1).reshape(1, -1, len(mode))
    return Image.frombytes(mode, (grid.shape[1], 1), grid.tobytes())


def luma_of(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    """``(h, w) float32``: brightness of ``(h, w, 3)`` RGB pixels, bytes or numbers, in [0, 255]."""
    return np.asarray(cv2.transform(pixels.astype(np.float32, copy=False), LUMA[None]))
