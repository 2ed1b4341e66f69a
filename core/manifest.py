"""The manifest: one row for each original, each copy attempted and each source refused."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Literal, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from maskaug.core.errors import MaskaugError
from maskaug.core.faces import Face
from maskaug.core.files import LEADS_OUT, find_objects, is_address, is_inside, open_object, sync_folder, upload
from maskaug.core.text import printable

MANIFEST_FOLDER = "manifest"
REVIEWS_FOLDER = "reviews"  # of the decisions made on a generated set
_PART = "part-00000.parquet"
_ROWS_AT_ONCE = 2048

_PATHS = ("output", "alpha")  # columns of files below the set's folder


class ManifestError(MaskaugError):
    """A manifest is damaged, or names files outside its folder; the message says which one, and what to do."""


Status = Literal["original", "masked", "refused"]
# What version 0.1.0 called them.
_FORMER_STATUS: Mapping[str, Status] = {"carried": "original"}


class FaceRecord(TypedDict, total=False):
    """One face of a picture, in pixels of the written one; from `kind` on, only where it was to wear a mask."""

    box: list[float]  # left, top, right, bottom
    landmarks: list[float]  # x0, y0, x1, y1 ... of the 68 points
    stability: float
    detector: str
    kind: str
    template: str
    parameters: str  # JSON of masktheface_wrapper.MaskParams
    yaw: float
    pitch: float
    roll: float
    quality: float
    reasons: list[str]


class ShardRecord(TypedDict):
    """The shard that a picture went to."""

    sha256: str
    pictures: int


class Row(FaceRecord, total=False):
    """One row. Face columns are the largest face's; ``quality`` and ``reasons`` those of the whole picture."""

    status: Status
    source: str
    source_sha256: str
    output: str
    output_sha256: str
    alpha: str
    alpha_sha256: str
    split: str
    label: str  # name of the class; in the layout of identities, of the person
    identity: str | None  # name of the person, where the set has a folder a person
    subfolder: str
    copy: int
    seed: int
    width: int
    height: int
    turned: int  # quarter turns counterclockwise by which the source was turned
    face: int  # of a crop: the number of its face in the source, from 0
    crop: list[int]  # left, top, right, bottom of a crop, in pixels of the source as it was turned
    faces_bare: int  # faces in sight that wear none of our masks
    message: str
    warnings: list[str]  # about the source's file, where it is odd but could be read
    other_faces: list[FaceRecord]
    other_boxes: list[list[float]]  # of faces in sight whose landmarks could not be found
    masked_boxes: list[list[float]]  # of an original: faces that wear a mask in the source, a crop's beside it, too
    shard: ShardRecord  # in the journal alone


_FACE_FIELDS = [
    ("box", pa.list_(pa.float32())),
    ("landmarks", pa.list_(pa.float32())),
    ("stability", pa.float32()),
    ("detector", pa.string()),
    ("kind", pa.string()),
    ("template", pa.string()),
    ("parameters", pa.string()),
    ("yaw", pa.float32()),
    ("pitch", pa.float32()),
    ("roll", pa.float32()),
    ("quality", pa.float32()),
    ("reasons", pa.list_(pa.string())),
]
# Those that all versions have written.
_EVER = {
    *("status", "source", "source_sha256", "output", "output_sha256", "split", "label", "copy", "seed"),
    *("kind", "template", "parameters", "yaw", "quality", "reasons", "message", "box", "landmarks"),
}
_NEEDED = {"status", "output_sha256", "source_sha256", "label"}  # of every picture
_GREW = {"other_faces"}  # a struct, to which versions have added fields
# Columns of the manifest that `maskaug generate` writes.
SCHEMA = pa.schema(
    [
        ("status", pa.string()),
        ("source", pa.string()),
        ("source_sha256", pa.string()),
        ("output", pa.string()),
        ("output_sha256", pa.string()),
        ("alpha", pa.string()),
        ("alpha_sha256", pa.string()),
        ("split", pa.string()),
        ("label", pa.string()),
        ("identity", pa.string()),
        ("subfolder", pa.string()),
        ("copy", pa.int32()),
        ("seed", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("turned", pa.int8()),
        ("face", pa.int32()),
        ("crop", pa.list_(pa.int32())),
        ("faces_bare", pa.int32()),
        ("message", pa.string()),
        ("warnings", pa.list_(pa.string())),
        *_FACE_FIELDS,
        ("other_faces", pa.list_(pa.struct(_FACE_FIELDS))),
        ("other_boxes", pa.list_(pa.list_(pa.float32()))),
        ("masked_boxes", pa.list_(pa.list_(pa.float32()))),
    ]
)


def face_record(face: Face) -> FaceRecord:
    """A found face."""
    return FaceRecord(
        box=[float(value) for value in face.box],
        landmarks=[float(value) for value in face.landmarks.reshape(-1)],
        stability=face.stability,
        detector=face.detector,
    )


def faces_of(row: Row) -> list[Face]:
    """The faces a row tells of, largest first."""
    records: list[FaceRecord] = [row, *(row.get("other_faces") or [])]
    return [
        Face(
            box=np.array(record["box"], dtype=np.float32),
            landmarks=np.array(record["landmarks"], dtype=np.float32).reshape(68, 2),
            stability=float(record["stability"]),
            detector=record["detector"],
        )
        for record in records
        if record.get("landmarks")
    ]


def picture_key(row: Row) -> tuple[str, int | None] | None:
    """What a picture shows: a source, or one face of it; equal for an unmasked picture and its masked copies."""
    return (row["source_sha256"], row.get("face")) if row.get("source_sha256") else None


def write_manifest(dst: Path, rows: Iterable[Mapping[str, object]], schema: pa.Schema = SCHEMA) -> None:
    """Write ``DST/manifest/part-00000.parquet`` whole or not at all, a few thousand rows in memory at a time.

    For an address it is made in this machine's folder of temporary files first: a stream that breaks off may be taken
    for a whole object.
    """
    folder = dst / MANIFEST_FOLDER
    if is_address(dst):
        with tempfile.TemporaryDirectory(prefix="maskaug-") as here:
            _write_part(Path(here, _PART), rows, schema)
            upload(Path(here, _PART), folder / _PART)
        return
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{_PART}"
    _write_part(unfinished, rows, schema)
    unfinished.replace(folder / _PART)
    sync_folder(folder)


def _write_part(unfinished: Path, rows: Iterable[Mapping[str, object]], schema: pa.Schema) -> None:
    with unfinished.open("wb") as file, pq.ParquetWriter(file, schema) as writer:
        batch: list[Mapping[str, object]] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _ROWS_AT_ONCE:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                batch = []
        writer.write_table(pa.Table.from_pylist(batch, schema=schema))
        writer.close()
        file.flush()
        os.fsync(file.fileno())


def read_manifest(dst: Path, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """Rows of a finished data set, in order; those that an earlier version wrote, in today's words.

    Args:
        dst: Its folder.
        columns: Those that are needed; None: all.

    Raises:
        FileNotFoundError: there is no manifest.
        ManifestError: it is damaged, or names a file outside of the folder.
    """
    names = None if columns is None else list(columns)
    for part in _parts(dst):
        with _readable(part):
            batches = _opened(part).iter_batches(_ROWS_AT_ONCE, columns=names)
            while (batch := next(batches, None)) is not None:
                rows = batch.to_pylist()
                for row in rows:
                    yield checked(in_todays_words(row))


def read_columns(dst: Path, columns: Sequence[str]) -> pa.Table:
    """Some columns of a finished data set, all rows in order and in today's words; without those it does not have yet.

    Raises:
        FileNotFoundError: there is no manifest.
        ManifestError: it is damaged, or names a file outside of the folder.
    """
    return pa.concat_tables(column_batches(dst, columns))


def column_batches(dst: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The same, some thousand rows at a time: of very many, not all need be in memory; at least one table, if empty.

    Raises:
        FileNotFoundError, ManifestError: as above.
    """
    for part in _parts(dst):
        with _readable(part):
            file = _opened(part)
            names = [name for name in columns if name in file.schema_arrow.names]
            for group in range(file.num_row_groups):
                yield _in_todays_words(file.read_row_group(group, names))
            if not file.num_row_groups:
                yield _in_todays_words(file.read(names))


def _in_todays_words(table: pa.Table) -> pa.Table:
    for name in set(_PATHS) & set(table.column_names):
        for place in table[name].filter(pc.match_substring_regex(table[name], LEADS_OUT)).to_pylist():
            checked(Row(output=place))
    if "status" not in table.column_names:
        return table
    status = table["status"]
    for former, current in _FORMER_STATUS.items():
        status = pc.if_else(pc.equal(status, former), current, status)
    return table.set_column(table.column_names.index("status"), "status", status)


def checked(row: Row) -> Row:
    """A row whose files lie in the set's folder.

    Raises:
        ManifestError: one does not; nothing is read, written or removed there.
    """
    for place in (row.get("output"), row.get("alpha")):
        if place and not (isinstance(place, str) and is_inside(place)):
            told = printable(str(place))
            raise ManifestError(f"the manifest names {told}, outside of its folder; do not trust this set")
    if row.get("output"):
        for name, value in row.items():
            if name in _NEEDED and not isinstance(value, str):
                told = printable(row["output"])
                raise ManifestError(f"the manifest has no {name} of {told}: it is damaged; generate the set again")
    return row


def _opened(part: Path) -> pq.ParquetFile:
    """A part whose columns are what they are called."""
    file = pq.ParquetFile(open_object(part) if is_address(part) else part)
    for name in file.schema_arrow.names:
        known = SCHEMA.get_field_index(name) >= 0
        if known and name not in _GREW and file.schema_arrow.field(name).type != SCHEMA.field(name).type:
            raise ManifestError(f"{part} is damaged: its column {name} holds something else; generate the set again")
    if missing := _EVER - set(file.schema_arrow.names):
        raise ManifestError(f"{part} is no manifest: it has no column {min(missing)}; name an output of maskaug")
    return file


@contextmanager
def _readable(part: Path) -> Iterator[None]:
    """A part while it is read."""
    try:
        yield
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise ManifestError(f"{part} cannot be read: {' '.join(str(error).split())}; generate the set again") from error


def in_todays_words(row: Row) -> Row:
    """A row that an earlier version may have written."""
    status = row.get("status")
    if isinstance(status, str) and status in _FORMER_STATUS:
        row["status"] = _FORMER_STATUS[status]
    return row


class RowReader:
    """Single rows of a finished data set by number, read when asked for; several threads may ask."""

    def __init__(self, dst: Path, columns: Sequence[str]) -> None:
        """Look up where rows lie.

        Raises:
            FileNotFoundError: there is no manifest.
        """
        self._dst = dst / MANIFEST_FOLDER
        self._columns = list(columns)
        self._lock = Lock()
        self._groups: list[tuple[pq.ParquetFile, int]] = []
        starts = [0]
        for part in _parts(dst):
            with _readable(part):
                file = _opened(part)
            for number in range(file.num_row_groups):
                self._groups.append((file, number))
                starts.append(starts[-1] + file.metadata.row_group(number).num_rows)
        self._starts = np.array(starts)

    def row(self, number: int) -> Row:
        """The columns of one row, counted from 0 over all parts."""
        group = int(np.searchsorted(self._starts, number, side="right")) - 1
        file, place = self._groups[group]
        with self._lock, _readable(self._dst):
            table = file.read_row_group(place, columns=self._columns, use_threads=False)
        row: Row = table.slice(number - int(self._starts[group]), 1).to_pylist()[0]
        return checked(row)


def manifest_parts(dst: Path) -> list[Path]:
    """The manifest's files, by name; none where there is no finished data set.

    Raises:
        OSError: an address cannot be listed.
    """
    folder = dst / MANIFEST_FOLDER
    if not is_address(dst):
        return sorted(folder.glob("[!.]*.parquet"))
    try:
        names = [PurePosixPath(one.name) for one in find_objects(folder)]
    except FileNotFoundError:  # no such bucket
        return []
    return [folder / name for name in names if len(name.parts) == 1 and re.fullmatch(r"[^.].*\.parquet", name.name)]


def _parts(dst: Path) -> list[Path]:
    parts = manifest_parts(dst)
    if not parts:
        raise FileNotFoundError(f"{dst} holds no finished data set: {dst / MANIFEST_FOLDER} has no parquet file")
    return parts
