"""Textures: pictures of the user's own that masks are made of."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.cloth.template import PackError

_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
_SMALLEST = 8  # pixels a side
_LARGEST = 1024  # pixels a side: templates have no finer detail


def load_textures(paths: Iterable[Path]) -> dict[str, Image]:
    """Pictures, ``(h, w, 3) uint8`` RGB, by ``name#hash``: the name of the file and the start of its SHA-256.

    Args:
        paths: Files, or folders of files.

    Raises:
        PackError: a file is missing or no picture, or a folder holds none.
    """
    found = {}
    for path in paths:
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES) if path.is_dir() else [path]
        if not files:
            raise PackError(f"{path} holds no texture: put pictures in it, such as JPEG or PNG")
        for file in files:
            try:
                data = file.read_bytes()
            except OSError as error:
                raise PackError(f"cannot read texture {file}: {error.strerror}") from error
            found[f"{file.name}#{hashlib.sha256(data).hexdigest()[:8]}"] = _decode(file, data)
    return found


def _decode(file: Path, data: bytes) -> Image:
    picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        raise PackError(f"texture {file} is not a picture; export it again as PNG")
    if min(picture.shape[:2]) < _SMALLEST:
        raise PackError(f"texture {file} is smaller than {_SMALLEST} pixels; use a larger picture")
    shrink = _LARGEST / max(picture.shape[:2])
    if shrink < 1:
        picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
