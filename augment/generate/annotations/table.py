"""Tables: a CSV or parquet file with a row for each face."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from maskaug.augment.generate.annotations.registry import (
    AnnotationError,
    AnnotationFormat,
    AnnotationSet,
    Corners,
    MarkedFace,
    MarkedPicture,
    register,
)

_SUFFIXES = (".csv", ".parquet")
_BOX_COLUMNS = ("left", "top", "right", "bottom")
_POINT_COLUMNS = tuple(f"{axis}{number}" for number in range(68) for axis in "xy")


def _recognises(source: Path, _files: Sequence[Path]) -> bool:
    return source.suffix.lower() in _SUFFIXES and not source.is_dir()


def _read(source: Path, _files: Sequence[Path]) -> AnnotationSet:
    """Faces by the column ``path``, relative to SRC.

    Either ``left, top, right, bottom`` and/or ``x0, y0 ... x67, y67``, or the lists ``box`` and/or ``landmarks``; in
    pixels of the upright picture; and, where faces are of several classes, ``class``. A row without numbers says
    that its picture is known to show no other face than those of its other rows.
    """
    try:
        table = pacsv.read_csv(source) if source.suffix.lower() == ".csv" else pq.read_table(source)
    except (OSError, pa.ArrowException) as error:
        raise AnnotationError(f"annotations {source} cannot be read: {error}") from error
    columns = set(table.column_names)
    if "path" not in columns:
        raise AnnotationError(f"annotations {source} has no column 'path'")
    if not ({"box", "landmarks"} & columns or columns >= set(_BOX_COLUMNS) or columns >= set(_POINT_COLUMNS)):
        raise AnnotationError(
            f"annotations {source} has neither left, top, right, bottom nor x0, y0 ... x67, y67, box or landmarks"
        )
    faces: dict[str, list[MarkedFace]] = {}
    problems: dict[str, str] = {}
    for number, row in enumerate(table.to_pylist(), 1):
        path = str(row["path"])
        marked = faces.setdefault(path, [])
        try:
            marked += _faces(row)
        except (TypeError, ValueError):
            problems.setdefault(path, f"have a value in row {number} that is no number")
    told_in = str(source)
    pictures = {
        path: MarkedPicture(told_in, tuple(marked), problem=problems.get(path)) for path, marked in faces.items()
    }
    return AnnotationSet(pictures, "path", files=frozenset([source]))


def _faces(row: Mapping[str, Any]) -> list[MarkedFace]:
    label = None if row.get("class") in (None, "") else str(row["class"])
    points = _numbers(row, "landmarks", _POINT_COLUMNS)
    corners = _numbers(row, "box", _BOX_COLUMNS)
    if points is None and corners is None:
        return []
    box: Corners | None = None if corners is None else tuple(corners.tolist())
    return [MarkedFace(box, label, None if points is None else points.reshape(68, 2))]


def _numbers(row: Mapping[str, Any], column: str, columns: Iterable[str]) -> NDArray[np.float32] | None:
    """A list column, or as many single columns; None where a value is missing."""
    names = tuple(columns)
    values = row.get(column)
    flat = np.array([row.get(name) for name in names] if values is None else values, dtype=object).reshape(-1)
    if len(flat) != len(names) or any(value is None for value in flat):
        return None
    numbers = flat.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError("not finite")
    return numbers


register(AnnotationFormat("a table", _recognises, _read))
