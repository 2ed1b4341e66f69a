"""Shards as they are written: pictures with their class and what is said of them, as tar or parquet."""

import io
import json
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from maskaug.core.containers.facts import COLUMNS
from maskaug.core.manifest import SCHEMA

_ROWS_IN_A_GROUP = 100  # as `datasets` writes them: a picture is read with those of its group before it


@dataclass(frozen=True)
class Packed:
    """A picture that goes into a shard.

    Attributes:
        number: Of the picture, by which it is called there: from 0 in a parquet, any but no other's in a tar.
        suffix: Of its file, such as ``.jpg``.
        data: Its bytes.
        label: Name of its class.
        facts: What is said of it, under the names of the manifest's columns; and ``generated``.
        alpha: Bytes of a PNG of what its mask covers, if that is wanted.
    """

    number: int
    suffix: str
    data: bytes
    label: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    alpha: bytes | None = None

    @property
    def key(self) -> str:
        """By which it is called in its shard."""
        return f"{self.number:08d}"


class ShardWriter(ABC):
    """Writes one shard, a file on this machine's disks; the same pictures in the same order give the same bytes.

    Attributes:
        suffix: Of the file.
        description: A few words for an option's help.
        numbered_across: Whether pictures are numbered on from shard to shard, so that a split can be unpacked into one
            folder; or each shard's begin with 0.
    """

    suffix: ClassVar[str]
    description: ClassVar[str]
    numbered_across: ClassVar[bool]

    def __init__(self, path: Path, classes: Sequence[str]) -> None:
        """Begin the file.

        Args:
            path: Of the shard.
            classes: Names of all classes of the set, by number.

        Raises:
            OSError: it cannot be written.
        """
        self._classes = list(classes)

    @abstractmethod
    def add(self, picture: Packed) -> None:
        """Append a picture.

        Raises:
            OSError: it cannot be written.
        """

    @abstractmethod
    def close(self) -> None:
        """End the file.

        Raises:
            OSError: it cannot be written.
        """

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


class TarWriter(ShardWriter):
    """``KEY.jpg``, ``KEY.cls`` and ``KEY.json``, and ``KEY.mask.png`` where there is an alpha mask.

    As the webdataset library reads them: ``.cls`` is the number of the class.
    """

    suffix = ".tar"
    description = "tar shards"
    numbered_across = True

    def __init__(self, path: Path, classes: Sequence[str]) -> None:
        """Begin the file; see `ShardWriter`."""
        super().__init__(path, classes)
        self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115  closed by `close`

    def add(self, picture: Packed) -> None:
        """Append a picture; see `ShardWriter`."""
        facts = {**picture.facts, "label": picture.label}
        self._add(f"{picture.key}{picture.suffix}", picture.data)
        self._add(f"{picture.key}.cls", str(self._classes.index(picture.label)).encode())
        self._add(f"{picture.key}.json", json.dumps(facts, ensure_ascii=False, sort_keys=True).encode())
        if picture.alpha is not None:
            self._add(f"{picture.key}{ALPHA_SUFFIX}", picture.alpha)

    def close(self) -> None:
        """End the file; see `ShardWriter`."""
        self._tar.close()

    def _add(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)  # without a time or an owner: the same pictures give the same bytes
        member.size = len(data)
        self._tar.addfile(member, io.BytesIO(data))


class ParquetWriter(ShardWriter):
    """Columns ``image`` and ``label`` as Hugging Face's datasets has them, ``mask`` for alpha masks, and the facts."""

    suffix = ".parquet"
    description = "parquet with the pictures in it"
    numbered_across = False

    def __init__(self, path: Path, classes: Sequence[str]) -> None:
        """Begin the file; see `ShardWriter`."""
        super().__init__(path, classes)
        image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        facts = [SCHEMA.field(name) for name in COLUMNS if name not in {"label", "split"}]
        features = {
            "image": {"_type": "Image"},
            "label": {"names": self._classes, "_type": "ClassLabel"},
            "mask": {"_type": "Image"},
        }
        noted = json.dumps({"info": {"features": features}}).encode()
        columns = [("image", image), ("label", pa.int64()), ("mask", image), ("generated", pa.string()), *facts]
        self._schema = pa.schema(columns, metadata={b"huggingface": noted})
        self._rows = list[dict[str, Any]]()
        self._writer = pq.ParquetWriter(path, self._schema)

    def add(self, picture: Packed) -> None:
        """Append a picture; see `ShardWriter`."""
        own = {
            "image": {"bytes": picture.data, "path": f"{picture.key}{picture.suffix}"},
            "label": self._classes.index(picture.label),
            "mask": None if picture.alpha is None else {"bytes": picture.alpha, "path": f"{picture.key}{ALPHA_SUFFIX}"},
        }
        self._rows.append({**picture.facts, **own})
        if len(self._rows) == _ROWS_IN_A_GROUP:
            self._flush()

    def close(self) -> None:
        """End the file; see `ShardWriter`."""
        if self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []


ALPHA_SUFFIX = ".mask.png"
# By the name that --to has for them.
SHARD_WRITERS: Mapping[str, type[ShardWriter]] = {"webdataset": TarWriter, "parquet": ParquetWriter}
