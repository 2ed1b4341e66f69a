"""Landmarks by the pixels they were found on: found once, kept in a file, looked up while training."""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.annotations import AnnotationError
from maskaug.augment.masking.engine import is_upright_known
from maskaug.core.arrays import check_image
from maskaug.core.files import write_atomic
from maskaug.masktheface_wrapper import FaceFinder


def pixels_key(image: NDArray[np.uint8]) -> str:
    """What a picture's landmarks are kept under: BLAKE2b of shape and pixels, as 32 hexadecimal digits.

    The same file read by two JPEG decoders has two keys: make them from pictures read as the training reads them.

    Args:
        image: ``(H, W, 3) uint8`` RGB.

    Raises:
        TypeError, ValueError: it is no such picture.
    """
    check_image(image)
    digest = hashlib.blake2b(np.array(image.shape, dtype="<i8").tobytes(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def cache_landmarks(images: Iterable[NDArray[np.uint8]], finder: FaceFinder) -> dict[str, NDArray[np.float32]]:
    """Find the largest face of each picture.

    Args:
        images: ``(H, W, 3) uint8`` RGB, at the size and in the state in which masks will be put on.
        finder: Finds faces.

    Returns:
        ``(68, 2) float32`` landmarks in pixels by :func:`pixels_key`; pictures without a face, or with one
        whose way up cannot be told, are absent.

    Raises:
        TypeError, ValueError: one of them is no such picture.
    """
    found = {}
    for image in images:
        faces = finder.find(image)
        if faces and is_upright_known(faces):
            found[pixels_key(image)] = faces[0].landmarks
    return found


def save_landmarks(path: Path, landmarks: Mapping[str, NDArray[np.float32]]) -> None:
    """Write landmarks by key to an ``.npz`` file, whole or not at all.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    points = np.stack(list(landmarks.values())) if landmarks else np.empty((0, 68, 2), dtype=np.float32)
    buffer = io.BytesIO()
    np.savez(buffer, keys=np.array(list(landmarks), dtype="U32"), points=points.astype(np.float32))
    write_atomic(path, buffer.getvalue(), path.parent)


def load_landmarks(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read what :func:`save_landmarks` has written: ``(68, 2) float32`` by key.

    Raises:
        AnnotationError: the file is missing, or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            keys, points = file["keys"], file["points"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise AnnotationError(f"{path} holds no landmarks of save_landmarks: {error}") from error
    if points.shape != (len(keys), 68, 2):
        raise AnnotationError(f"{path} must hold 68 points a face, but holds {points.shape} for {len(keys)} faces")
    return dict(zip(keys.tolist(), points.astype(np.float32, copy=False), strict=True))
