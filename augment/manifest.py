"""The manifest: one row for each picture carried over, each copy attempted and each source refused."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Literal, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from maskaug.masktheface_wrapper import Face, Overlay

MANIFEST_FOLDER = "manifest"
_PART = "part-00000.parquet"
_ROWS_AT_ONCE = 2048

Status = Literal["carried", "masked", "refused"]


class FaceRecord(TypedDict, total=False):
    """One face of a picture; the last nine only where it was to wear a mask. Pixels of the written picture."""

    box: list[float]  # left, top, right, bottom
    landmarks: list[float]  # x0, y0, x1, y1 ... of the 68 points
    stability: float
    detector: str
    kind: str
    template: str
    parameters: str  # JSON of masktheface_wrapper.Wearing
    yaw: float
    pitch: float
    roll: float
    quality: float
    reasons: list[str]


class Row(FaceRecord, total=False):
    """One row. Face columns are the largest face's; ``quality`` and ``reasons`` those of the whole picture."""

    status: Status
    source: str
    source_sha256: str
    output: str
    output_sha256: str
    alpha: str
    split: str
    label: str
    subfolder: str
    copy: int
    seed: int
    width: int
    height: int
    message: str
    other_faces: list[FaceRecord]


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
SCHEMA = pa.schema(
    [
        ("status", pa.string()),
        ("source", pa.string()),
        ("source_sha256", pa.string()),
        ("output", pa.string()),
        ("output_sha256", pa.string()),
        ("alpha", pa.string()),
        ("split", pa.string()),
        ("label", pa.string()),
        ("subfolder", pa.string()),
        ("copy", pa.int32()),
        ("seed", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("message", pa.string()),
        *_FACE_FIELDS,
        ("other_faces", pa.list_(pa.struct(_FACE_FIELDS))),
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


def overlay_record(overlay: Overlay) -> FaceRecord:
    """A face and the mask it wears."""
    return FaceRecord(
        **face_record(overlay.face),
        kind=overlay.wearing.kind,
        template=overlay.wearing.template,
        parameters=overlay.wearing.model_dump_json(),
        yaw=overlay.pose.yaw,
        pitch=overlay.pose.pitch,
        roll=overlay.pose.roll,
        quality=overlay.quality,
        reasons=list(overlay.reasons),
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


def write_manifest(dst: Path, rows: Iterable[Mapping[str, object]], schema: pa.Schema = SCHEMA) -> None:
    """Write ``DST/manifest/part-00000.parquet`` whole or not at all, a few thousand rows in memory at a time."""
    folder = dst / MANIFEST_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{_PART}"
    with pq.ParquetWriter(unfinished, schema) as writer:
        batch: list[Mapping[str, object]] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _ROWS_AT_ONCE:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                batch = []
        writer.write_table(pa.Table.from_pylist(batch, schema=schema))
    unfinished.replace(folder / _PART)


def read_manifest(dst: Path) -> Iterator[Row]:
    """Rows of a finished data set, in order.

    Raises:
        FileNotFoundError: there is no manifest.
    """
    for part in _parts(dst):
        for batch in pq.ParquetFile(part).iter_batches(_ROWS_AT_ONCE):
            yield from batch.to_pylist()


def read_columns(dst: Path, columns: Sequence[str]) -> pa.Table:
    """Some columns of a finished data set, all rows in order.

    Raises:
        FileNotFoundError: there is no manifest.
    """
    return pa.concat_tables(pq.read_table(part, columns=list(columns)) for part in _parts(dst))


class RowReader:
    """Single rows of a finished data set by number, read when asked for; several threads may ask."""

    def __init__(self, dst: Path, columns: Sequence[str]) -> None:
        """Look up where rows lie.

        Raises:
            FileNotFoundError: there is no manifest.
        """
        self._columns = list(columns)
        self._lock = Lock()
        self._groups: list[tuple[pq.ParquetFile, int]] = []
        starts = [0]
        for part in _parts(dst):
            file = pq.ParquetFile(part)
            for number in range(file.num_row_groups):
                self._groups.append((file, number))
                starts.append(starts[-1] + file.metadata.row_group(number).num_rows)
        self._starts = np.array(starts)

    def row(self, number: int) -> Row:
        """The columns of one row, counted from 0 over all parts."""
        group = int(np.searchsorted(self._starts, number, side="right")) - 1
        file, place = self._groups[group]
        with self._lock:
            table = file.read_row_group(place, columns=self._columns, use_threads=False)
        row: Row = table.slice(number - int(self._starts[group]), 1).to_pylist()[0]
        return row


def _parts(dst: Path) -> list[Path]:
    parts = sorted((dst / MANIFEST_FOLDER).glob("[!.]*.parquet"))
    if not parts:
        raise FileNotFoundError(f"{dst} holds no finished data set: {dst / MANIFEST_FOLDER} has no parquet file")
    return parts


class Journal:
    """Rows of finished sources while a run is under way, one JSON line a source, appended.

    Where each source's line begins is kept in memory, its rows are not: runs of a million pictures fit.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file; a torn last line, left by a kill, is cut off."""
        self.path = path
        self._offsets: dict[str, list[int]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        self._file.seek(0)
        end = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            self._offsets.setdefault(json.loads(line)["source"], []).append(end)
            end += len(line)
        self._file.truncate(end)

    def append(self, source: str, round_: int, rows: list[Row]) -> None:
        """Record all rows that one round made of a source."""
        line = json.dumps({"source": source, "round": round_, "rows": rows}) + "\n"
        self._file.seek(0, 2)
        self._offsets.setdefault(source, []).append(self._file.tell())
        self._file.write(line.encode())
        self._file.flush()

    def entries(self, source: str) -> list[tuple[int, list[Row]]]:
        """Round and rows of each time the source was worked on; the last where a round was done again."""
        by_round: dict[int, list[Row]] = {}
        for offset in self._offsets.get(source, []):
            self._file.seek(offset)
            entry = json.loads(self._file.readline())
            by_round[entry["round"]] = entry["rows"]
        return sorted(by_round.items())

    def rows(self) -> Iterator[Row]:
        """All rows by source, then in the order they were made."""
        for source in sorted(self._offsets):
            for _, rows in self.entries(source):
                yield from rows

    def close(self) -> None:
        """Close the file."""
        self._file.close()
