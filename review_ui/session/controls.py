"""Controls: overlays displaced on purpose. Whoever accepts one was not looking.

A control is made from the unmasked picture and the parameters of a masked copy, with the landmarks of the largest face
displaced. It is kept below ``DST/reviews``, so that a session opened again shows the same.
"""

import hashlib
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.generated_set import GeneratedSet, GeneratedSetError
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.masking.engine import load_engine
from maskaug.augment.reviews.log import ReviewError
from maskaug.core.files import write_atomic
from maskaug.core.landmarks import LOWER_FACE
from maskaug.core.manifest import REVIEWS_FOLDER, RowReader, faces_of
from maskaug.core.pictures import SUFFIXES, PictureError, encode_picture, read_picture
from maskaug.masktheface_wrapper import Face, MaskEngine, MaskParams, PackError
from maskaug.review_ui.session.queue import QueueItem

_FOLDER = ".controls"
_DISTANCE = (0.3, 0.5)  # by which a mask is displaced, in widths of the face
_TRIES = 6
COLUMNS = ("box", "landmarks", "stability", "detector", "parameters", "other_faces")


class Controls:
    """Makes controls, and knows those made earlier; several threads may ask."""

    def __init__(self, dst: Path) -> None:
        """Load the masks that the set was made with.

        Raises:
            ReviewError: they cannot be loaded.
        """
        self._generated = GeneratedSet(dst)
        self._folder = dst / REVIEWS_FOLDER / _FOLDER
        self._lock = Lock()
        self._options = _options(dst)
        self._rows = RowReader(dst, COLUMNS)
        self._engine = _engine(self._options)
        self._paths = {path.name.split(".")[0]: path for path in sorted(self._folder.glob("*.*.*"))}

    @property
    def made(self) -> dict[str, str]:
        """SHA-256 of the controls made so far, by that of the picture they were made from."""
        return {base: path.name.split(".")[1] for base, path in self._paths.items()}

    def make(self, picture: QueueItem) -> tuple[Path, str]:
        """The control made from a picture: its file, and the SHA-256 of that.

        Raises:
            PictureError: the unmasked picture cannot be used.
            OSError: the control cannot be written.
        """
        with self._lock:
            if picture.sha256 not in self._paths:
                data = self._displaced(picture)
                sha256 = hashlib.sha256(data).hexdigest()
                path = self._folder / f"{picture.sha256}.{sha256}{SUFFIXES[self._options.format]}"
                write_atomic(path, data, self._folder)
                self._paths[picture.sha256] = path
            path = self._paths[picture.sha256]
            return path, path.name.split(".")[1]

    def _displaced(self, picture: QueueItem) -> bytes:
        if picture.before is None:
            raise PictureError("missing", f"the data set holds no unmasked picture of {picture.output}")
        row = self._rows.row(picture.row)
        image = read_picture(self._generated.locate(picture.before)).pixels
        rng = np.random.default_rng(int(picture.sha256[:16], 16))
        records = [row, *(row.get("other_faces") or [])]
        # Faces that stayed bare in the copy stay so.
        worn = [(face, record) for face, record in zip(faces_of(row), records, strict=True) if record["parameters"]]
        if not worn:
            raise PictureError("unreadable", f"the manifest holds no landmarks of {picture.output}")
        for number, (face, record) in enumerate(worn):
            params = MaskParams.model_validate_json(record["parameters"])
            image = self._engine.apply(image, face if number else displaced(face, image.shape[:2], rng), params).image
        return encode_picture(image, self._options.format, self._options.jpeg_quality)


def displaced(face: Face, size: tuple[int, ...], rng: np.random.Generator) -> Face:
    """The face elsewhere, by a third to a half of its width, in a direction that leaves the mask in the picture.

    Args:
        face: Where it is.
        size: ``(H, W)`` of the picture.
        rng: Samples some directions; the one that leaves most of the mask in the picture is taken.
    """
    width = float(np.linalg.norm(face.landmarks[16] - face.landmarks[0]))
    angles, lengths = rng.uniform(0, 2 * np.pi, _TRIES), rng.uniform(*_DISTANCE, _TRIES) * width
    moves = np.stack([np.cos(angles), np.sin(angles)], axis=1) * lengths[:, None]
    inside = [_inside(face.landmarks[LOWER_FACE] + move, size) for move in moves]
    move = moves[int(np.argmax(inside))].astype(np.float32)
    return face.moved(1.0, move)


def _inside(points: NDArray[np.floating], size: tuple[int, ...]) -> float:
    return float(((points >= 0) & (points < (size[1], size[0]))).all(axis=1).mean())


def _options(dst: Path) -> GenerateOptions:
    try:
        return GeneratedSet(dst).read_options()
    except GeneratedSetError as error:
        raise ReviewError(f"--honeypots needs the options of the set: {error}") from error


def _engine(options: GenerateOptions) -> MaskEngine:
    try:
        return load_engine(options, find=False)[0]
    except PackError as error:
        raise ReviewError(f"--honeypots needs the masks the set was made with: {error}") from error
