"""Parquet of pictures, as Hugging Face's datasets writes it and the Hub has it."""

import errno
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from maskaug.core.containers.facts import COLUMNS, GENERATED, facts_of
from maskaug.core.containers.members import MOST_BYTES, ListedPicture, Member, Problem
from maskaug.core.containers.splits import split_named
from maskaug.core.files import PICTURE_SUFFIXES, is_address, open_object
from maskaug.core.manifest import SCHEMA
from maskaug.core.text import parse_json, printable

_LABELS = ("label", "labels", "class", "cls")
_SPLIT = "split"
_ROWS_AT_ONCE = 4096
_PICTURES_AT_ONCE, _BYTES_AT_ONCE, _KEPT = 32, 16 << 20, 8  # of a batch; batches


@dataclass(frozen=True)
class ParquetMember(Member):
    """A picture in a row of a parquet file.

    Attributes:
        column: Path of the column that holds its bytes: ``image.bytes``.
        group, row: Its row group, and its row in that.
    """

    column: str
    group: int
    row: int

    @property
    def place(self) -> tuple[int, ...]:
        """Where it lies."""
        return (self.group, self.row)

    def read_bytes(self) -> bytes:
        """Its bytes; see `Member`. Others near it are kept, for they are usually asked for next."""
        try:
            return _reader(self.container, self.group, self.column).read(self.row)
        except (pa.ArrowException, ValueError) as error:
            raise OSError(errno.EIO, " ".join(str(error).split())) from error


class _Reader:
    """The pictures of a row group, from front to back, a few at a time: a row group may be larger than memory."""

    def __init__(self, path: Path, group: int, column: str) -> None:
        # With a buffer, a column is read as it is needed, not whole.
        self._file = pq.ParquetFile(_source(path), buffer_size=1 << 20)
        self._group, self._column = group, column
        self._at_once = _pictures_at_once(self._file, group, column)
        self._lock = Lock()
        self._start_again()

    def read(self, row: int) -> bytes:
        """The picture of a row."""
        with self._lock:
            if row < (self._recent[0][0] if self._recent else 0):
                self._start_again()
            for start, batch in self._recent:
                if start <= row < start + len(batch):
                    return _bytes(batch, row - start)
            for batch in self._batches:
                start = self._next
                self._next += len(batch)
                self._recent.append((start, batch))
                if row < self._next:
                    return _bytes(batch, row - start)
        raise OSError(errno.EIO, f"it has no row {row} any more")

    def _start_again(self) -> None:
        self._recent: deque[tuple[int, pa.Array]] = deque(maxlen=_KEPT)
        self._next = 0
        batches = self._file.iter_batches(self._at_once, row_groups=[self._group], columns=[self._column])
        self._batches = (_column(batch, self._column) for batch in batches)


def _source(path: Path) -> Path | BinaryIO:
    return open_object(path) if is_address(path) else path


@lru_cache(maxsize=2)
def _reader(path: Path, group: int, column: str) -> _Reader:
    return _Reader(path, group, column)


def _bytes(batch: pa.Array, place: int) -> bytes:
    return batch[place].as_py() or b""


def _column(batch: pa.RecordBatch, path: str) -> pa.Array:
    name, _, inner = path.partition(".")
    column = batch.column(name)
    return column.field(inner) if inner else column


def _pictures_at_once(file: pq.ParquetFile, group: int, column: str) -> int:
    """As many as take some megabytes.

    Raises:
        OSError: by the metadata, each takes more than a picture may.
    """
    told = file.metadata.row_group(group)
    sizes = [told.column(number) for number in range(told.num_columns)]
    whole = sum(one.total_uncompressed_size for one in sizes if one.path_in_schema == column)
    mean = whole // max(told.num_rows, 1)
    if mean > MOST_BYTES:
        raise OSError(errno.EFBIG, f"its pictures claim {mean} bytes each, over {MOST_BYTES // 1_000_000} MB")
    return max(1, min(_PICTURES_AT_ONCE, _BYTES_AT_ONCE // max(mean, 1)))


def list_parquet(path: Path) -> Iterator[ListedPicture | Problem]:
    """The pictures of a parquet file, a row each, called after the row's number; only columns of labels are read.

    The picture is a column ``image``, or another one that holds ``bytes``; the class ``label``, by the names of its
    numbers in the schema's metadata. A column ``split`` counts, and so do those of a manifest.
    """
    try:
        with pq.ParquetFile(_source(path)) as file:
            features = _features(file.schema_arrow)
            image = _image_column(file.schema_arrow, features)
            if image is None:
                told = ", ".join(file.schema_arrow.names) or "none"
                message = f"{path} has no column of pictures (it has: {told}); call it image, with the files' bytes"
                yield Problem("", "no_pictures", printable(message))
                return
            if not _holds_bytes(file, image):
                message = f"{path} names its pictures' files and does not hold them; write it with their bytes embedded"
                yield Problem("", "no_pictures", printable(message))
                return
            yield from _rows(path, file, image, features)
    except (OSError, pa.ArrowException, ValueError) as error:  # names of columns may be no text
        yield Problem("", "damaged", printable(f"{path} cannot be read: {' '.join(str(error).split())}; copy it again"))


def _features(schema: pa.Schema) -> dict[str, Any]:
    """What datasets has noted of the columns; empty where it has not."""
    try:
        features = parse_json((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {name: one for name, one in features.items() if isinstance(one, dict)} if isinstance(features, dict) else {}


def _image_column(schema: pa.Schema, features: dict[str, Any]) -> str | None:
    """Path of the column with the pictures' bytes; None without one."""

    def leaf(name: str) -> str | None:
        kind = schema.field(name).type
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            return name
        if not pa.types.is_struct(kind) or kind.get_field_index("bytes") < 0:
            return None
        inner = kind.field("bytes").type
        return f"{name}.bytes" if pa.types.is_binary(inner) or pa.types.is_large_binary(inner) else None

    images = [name for name in schema.names if features.get(name, {}).get("_type") == "Image"]
    ordered = sorted(schema.names, key=lambda name: (name not in images, name != "image"))
    return next((found for name in ordered if (found := leaf(name))), None)


def _holds_bytes(file: pq.ParquetFile, column: str) -> bool:
    """False where the statistics say that all are null."""
    for group in range(file.num_row_groups):
        told = file.metadata.row_group(group)
        for one in (told.column(number) for number in range(told.num_columns)):
            known = one.path_in_schema == column and one.statistics is not None and one.statistics.has_null_count
            if known and one.statistics.null_count == told.num_rows:
                return False
    return True


def _rows(path: Path, file: pq.ParquetFile, image: str, features: dict[str, Any]) -> Iterator[ListedPicture]:
    schema = file.schema_arrow
    own_name = _name_column(schema, image)
    label = next((name for name in _LABELS if name in schema.names), "")
    label = next((name for name in schema.names if features.get(name, {}).get("_type") == "ClassLabel"), label)
    names = features.get(label, {}).get("names")
    types = {**{name: SCHEMA.field(name).type for name in COLUMNS}, GENERATED: pa.string()}
    facts = [name for name, kind in types.items() if name in schema.names and schema.field(name).type == kind]
    told = {label, own_name, *facts, *({_SPLIT} & set(schema.names))} - {""}
    number = 0
    for group in range(file.num_row_groups):
        batches = file.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=sorted(told))
        rows = (said for batch in batches for said in batch.to_pylist() or [{}] * batch.num_rows)
        for row, said in enumerate(rows):
            name = f"{number:08d}{_suffix(said, own_name)}"
            split = said.get(_SPLIT)
            yield ListedPicture(
                ParquetMember(path, name, image, group, row),
                name,
                split_named(split) or split if isinstance(split, str) else "",
                _class_name(said.get(label), names),
                facts_of({name: said[name] for name in facts}),
            )
            number += 1


def _name_column(schema: pa.Schema, image: str) -> str:
    """Path of the column with the files' own names; empty without one."""
    name, _, inner = image.partition(".")
    return f"{name}.path" if inner and schema.field(name).type.get_field_index("path") >= 0 else ""


def _suffix(said: dict[str, Any], own_name: str) -> str:
    """Of the file that a row's picture once was; empty where that is unknown."""
    name = (said.get(own_name.partition(".")[0]) or {}).get("path") if own_name else None
    suffix = PurePosixPath(name).suffix.lower() if isinstance(name, str) else ""
    return suffix if suffix in PICTURE_SUFFIXES else ""


def _class_name(value: object, names: object) -> str | None:
    """Of a class by its name or number; None where it is not told, as -1 says of Hugging Face's sets."""
    if isinstance(value, str):
        return value or None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return None
    known = names if isinstance(names, list) else []
    return str(known[value]) if value < len(known) else str(value)
