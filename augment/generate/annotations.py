"""Boxes and landmarks that the user has or an earlier run has found: with them, detection is skipped."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from maskaug.core.errors import MaskaugError
from maskaug.core.manifest import MANIFEST_FOLDER, faces_of, read_manifest
from maskaug.masktheface_wrapper import Face, FaceFinder, face_from_landmarks

_BOX_COLUMNS = ("left", "top", "right", "bottom")
# Of a manifest: what tells of the faces of an original.
_FACE_COLUMNS = (
    *("status", "source_sha256", "width", "height", "turned"),
    *("box", "landmarks", "stability", "detector", "other_faces"),
)
_POINT_COLUMNS = tuple(f"{axis}{number}" for number in range(68) for axis in "xy")


class AnnotationError(MaskaugError):
    """An annotation file cannot be used; the message says what it lacks."""


class Annotations:
    """Known faces by picture.

    Three sources are read: an earlier output folder of ``maskaug generate``, matched by content; and a CSV or a
    parquet file with a column ``path`` (relative to SRC), and either ``left, top, right, bottom`` and/or
    ``x0, y0 ... x67, y67``, or the lists ``box`` and/or ``landmarks``; in pixels of the upright picture. One row a
    face.
    """

    def __init__(self, source: Path) -> None:
        """Read everything.

        Raises:
            AnnotationError: the file is missing, no table, or lacks a column.
        """
        self._by_content: dict[str, tuple[tuple[int, int], list[Face]]] = {}
        self._by_path: dict[str, list[Mapping[str, Any]]] = {}
        if (source / MANIFEST_FOLDER).is_dir():
            self._read_output(source)
        else:
            self._read_table(source)

    def faces(self, relative: str, sha256: str, pixels: NDArray[np.uint8], finder: FaceFinder) -> list[Face] | None:
        """Known faces of a picture, largest first, or None if nothing is known of it.

        Args:
            relative: The picture's path below SRC.
            sha256: Of its file.
            pixels: ``(H, W, 3)`` RGB; known coordinates are scaled to its size.
            finder: Turns a known box into landmarks.
        """
        if sha256 in self._by_content:
            (width, height), faces = self._by_content[sha256]
            scale = (pixels.shape[1] / width, pixels.shape[0] / height)
            return [_scaled(face, scale) for face in faces]
        rows = self._by_path.get(relative)
        if rows is None:
            return None
        found = [_face(row, pixels, finder) for row in rows]
        return sorted(
            (face for face in found if face is not None), key=lambda face: -float(np.ptp(face.landmarks[:, 0]))
        )

    def _read_output(self, dst: Path) -> None:
        for row in read_manifest(dst, _FACE_COLUMNS):
            if row["status"] == "original" and row["landmarks"]:
                turned, width, height = row.get("turned") or 0, row["width"], row["height"]
                faces = [face.turned(-turned, (height, width)) for face in faces_of(row)]
                size = (height, width) if turned % 2 else (width, height)  # of the source, as it came
                self._by_content[row["source_sha256"]] = (size, faces)

    def _read_table(self, file: Path) -> None:
        if file.suffix.lower() not in (".csv", ".parquet"):
            raise AnnotationError(f"annotations {file} must end in .csv or .parquet, or be an earlier output")
        try:
            table = pacsv.read_csv(file) if file.suffix.lower() == ".csv" else pq.read_table(file)
        except (OSError, pa.ArrowException) as error:
            raise AnnotationError(f"annotations {file} cannot be read: {error}") from error
        columns = set(table.column_names)
        if "path" not in columns:
            raise AnnotationError(f"annotations {file} has no column 'path'")
        if not ({"box", "landmarks"} & columns or columns >= set(_BOX_COLUMNS) or columns >= set(_POINT_COLUMNS)):
            raise AnnotationError(
                f"annotations {file} has neither left, top, right, bottom nor x0, y0 ... x67, y67, box or landmarks"
            )
        for row in table.to_pylist():
            self._by_path.setdefault(str(row["path"]), []).append(row)


def _face(row: Mapping[str, Any], pixels: NDArray[np.uint8], finder: FaceFinder) -> Face | None:
    points = _numbers(row, "landmarks", _POINT_COLUMNS)
    if points is not None:
        return face_from_landmarks(points.reshape(68, 2))
    box = _numbers(row, "box", _BOX_COLUMNS)
    return None if box is None else finder.from_box(pixels, box)


def _numbers(row: Mapping[str, Any], column: str, columns: Iterable[str]) -> NDArray[np.float32] | None:
    """A list column, or as many single columns; None where a value is missing."""
    names = tuple(columns)
    values = row.get(column)
    flat = np.array([row.get(name) for name in names] if values is None else values, dtype=object).reshape(-1)
    if len(flat) != len(names) or any(value is None for value in flat):
        return None
    return flat.astype(np.float32)


def _scaled(face: Face, scale: tuple[float, float]) -> Face:
    if scale == (1.0, 1.0):
        return face
    factor = np.array(scale, dtype=np.float32)
    return Face(face.box * np.tile(factor, 2), face.landmarks * factor, face.stability, face.detector)
