"""`GeneratedSet`: the folder that ``maskaug generate`` writes, its files named in one place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import pyarrow as pa

from maskaug.augment.generate.options import GenerateOptions
from maskaug.core.containers import SHARD_WRITERS, Location, Member, is_shard, members_of
from maskaug.core.errors import MaskaugError, first_problem
from maskaug.core.files import LOCK_FILE, is_address, is_file, read_bytes
from maskaug.core.manifest import MANIFEST_FOLDER, REVIEWS_FOLDER, Row, manifest_parts, read_columns, read_manifest
from maskaug.core.text import parse_json

JOURNAL_FILE, JOURNAL_FOLDER = ".journal.jsonl", ".journal"  # the latter at an address


class GeneratedSetError(MaskaugError):
    """A folder is not a generated set, or a file of it cannot be used; the message says which, and what to do."""


@dataclass(frozen=True)
class GeneratedSet:
    """A generated set, finished or not.

    Attributes:
        path: Its folder or address, DST of ``maskaug generate``.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The options as resolved, and the version, as JSON."""
        return self.path / "config.json"

    @property
    def stats(self) -> Path:
        """Counts by status, and SHA-256 of the other files of its own, as JSON; written last."""
        return self.path / "stats.json"

    @property
    def contact_sheet(self) -> Path:
        """A sample to look at, PNG."""
        return self.path / "contact_sheet.png"

    @property
    def manifest(self) -> Path:
        """Folder of parquet files: a row for each original, each copy attempted and each source refused."""
        return self.path / MANIFEST_FOLDER

    @property
    def alpha(self) -> Path:
        """Folder of alpha masks, written with ``--alpha``: what each mask covers."""
        return self.path / "alpha"

    @property
    def pairs(self) -> Path:
        """Pairs of pictures to verify persons by, CSV; written with ``--layout identities``."""
        return self.path / "pairs.csv"

    @property
    def reviews(self) -> Path:
        """Folder of the decisions that people make on the set."""
        return self.path / REVIEWS_FOLDER

    @property
    def lock(self) -> Path:
        """Held by the process that writes the set; removed when it ends."""
        return self.path / LOCK_FILE

    @property
    def journal(self) -> Path:
        """Rows of the sources done so far, as JSON lines; at an address, a folder of them. It goes when all is done."""
        return self.path / (JOURNAL_FOLDER if is_address(self.path) else JOURNAL_FILE)

    @property
    def partial(self) -> Path:
        """Folder of files that are being written; removed when the set is finished."""
        return self.path / ".partial"

    @property
    def checked_files(self) -> list[Path]:
        """Those beside the pictures whose SHA-256 :attr:`stats` has, where they are there."""
        files = [self.config, self.contact_sheet, self.pairs, *manifest_parts(self.path)]
        return [path for path in files if is_file(path)]

    @property
    def own_names(self) -> set[str]:
        """Names in the folder that can be neither splits nor persons."""
        files = (self.config, self.stats, self.contact_sheet, self.pairs)
        return {path.name for path in (*files, self.manifest, self.alpha, self.reviews)}

    def read_options(self) -> GenerateOptions:
        """The options that the set was made with.

        Options that do not change the output, such as ``workers``, are not kept: they have their defaults.

        Raises:
            GeneratedSetError: ``config.json`` is missing or damaged.
        """
        try:
            options = parse_json(read_bytes(self.config))
            options.pop("maskaug", None)  # the version
            return GenerateOptions(dst=self.path, **options)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise GeneratedSetError(
                f"{self.config} cannot be used: {first_problem(error)}; generate the set again"
            ) from error

    @cached_property
    def has_shards(self) -> bool:
        """Whether the pictures lie in shards, so that the manifest names members of these, as ``config.json`` says."""
        try:
            config = parse_json(read_bytes(self.config))
        except (OSError, ValueError):
            return False
        return isinstance(config, dict) and config.get("to") in SHARD_WRITERS

    def file_of(self, name: str) -> str:
        """The file that holds a picture: it itself, or its shard; path below the folder, with ``/``.

        Args:
            name: As the manifest has it.
        """
        if not self.has_shards:
            return name
        return next((str(above) for above in PurePosixPath(name).parents if is_shard(above)), name)

    def locate(self, name: str) -> Location:
        """Where a picture's bytes are.

        Args:
            name: As the manifest has it.

        Raises:
            GeneratedSetError: its shard is not there, or does not hold it.
        """
        shard = self.file_of(name)
        if shard == name:
            return self.path / name
        if shard not in self._members:  # kept: they are asked for in any order, and a shard is quick to list once
            self._members[shard] = members_of(self.path / shard)
        found = self._members[shard].get(name.removeprefix(f"{shard}/"))
        if found is None:
            raise GeneratedSetError(
                f"{self.path / name} is not in its shard, which is damaged; bring back {self.path / shard}, or "
                "remove it to leave out what it held"
            )
        return found

    @cached_property
    def _members(self) -> dict[str, dict[str, Member]]:
        """Those of shards that were asked for, by shard and name."""
        return {}

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Rows of the manifest, in order.

        Args:
            columns: Those that are needed; None: all.

        Raises:
            FileNotFoundError: there is no manifest.
        """
        return read_manifest(self.path, columns)

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Some columns of the manifest, all rows in order.

        Args:
            names: Of the columns.

        Raises:
            FileNotFoundError: there is no manifest.
        """
        return read_columns(self.path, names)


def folder_of(row: Row, apart: bool) -> PurePosixPath:
    """Where the picture of a row lies below the set's folder.

    Args:
        row: With status, split, label, identity and subfolder.
        apart: Whether the originals and the masked copies of persons lie in trees of their own.
    """
    tree = row["status"] if apart and row["identity"] is not None else ""
    return PurePosixPath(row["split"], tree, row["label"], row["subfolder"])


def open_generated(dst: Path) -> GeneratedSet:
    """Open a finished set.

    Args:
        dst: Its folder, DST of ``maskaug generate``.

    Raises:
        GeneratedSetError: the folder holds no finished set.
    """
    found = GeneratedSet(dst)
    if not manifest_parts(dst):
        raise GeneratedSetError(f"{dst} holds no finished data set; make one with: maskaug generate FACES {dst}")
    return found
