"""Where the pictures of a run go: files of their own, which the processes write, or shards, which this one packs."""

import errno
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.generate.journal import Journal
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.prepare import Task
from maskaug.augment.generate.scan import Source
from maskaug.core.containers import ALPHA_SUFFIX, SHARD_WRITERS, Packed, ShardWriter
from maskaug.core.containers.facts import COLUMNS as FACTS
from maskaug.core.containers.facts import GENERATED
from maskaug.core.files import file_sha256, write_whole
from maskaug.core.manifest import Row, ShardRecord

_NUMBERS = 100_000  # for the pictures of a shard, where all of a split differ; crops of faces may be many


class Made(NamedTuple):
    """What a process has made of a task.

    Attributes:
        rows: For the manifest; their pictures are named as files of their own would be.
        files: The pictures and alpha masks that it has not written itself, by name.
    """

    rows: list[Row]
    files: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Part:
    """Tasks whose pictures go to one place: all of them are done, or none.

    Attributes:
        tasks: Of one round.
        shard: Path of their shard below the set's folder; empty where each picture is a file.
        number: Of the shard in its split.
    """

    tasks: Sequence[Task]
    shard: str = ""
    number: int = 0

    def is_recorded(self, rows: Sequence[Row]) -> bool:
        """Whether what an earlier run recorded of these tasks is all that its shard holds."""
        packed = [row for row in rows if "output" in row] if self.shard else []
        return all(
            row["output"].startswith(f"{self.shard}/") and row["shard"]["pictures"] == len(packed) for row in packed
        )


class Output(ABC):
    """Takes what becomes of tasks, and records it in the journal once it is safe.

    Attributes:
        journal: Of the run.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    @abstractmethod
    def begin(self, round_: int, tasks: Sequence[Task]) -> Iterator[Part]:
        """The tasks of a round by what is done together; rounds come in turn."""

    @abstractmethod
    def expect(self, part: Part) -> None:
        """Say that a part is to be done, after those that were named before."""

    @abstractmethod
    def add(self, source: Source, made: Made) -> None:
        """Take what became of a task, in any order.

        Raises:
            OSError: it cannot be written.
        """

    @abstractmethod
    def close(self) -> None:
        """Drop what is not finished."""


class FileOutput(Output):
    """Each picture is a file, which its process has written before its row comes here."""

    def begin(self, round_: int, tasks: Sequence[Task]) -> Iterator[Part]:
        """Each task by itself."""
        self._round = round_
        return (Part([task]) for task in tasks)

    def expect(self, part: Part) -> None:
        """They may come in any order."""

    def add(self, source: Source, made: Made) -> None:
        """Record its rows."""
        self.journal.append(source.relative, self._round, made.rows, source.stamp)

    def close(self) -> None:
        """There is nothing to drop."""


class ShardOutput(Output):
    """Shards ``SPLIT/000000.tar``, each of what is made of so many sources, in the order of SRC.

    A shard and its rows are recorded when it is whole: what a run that is stopped had made of the next one is lost.
    """

    def __init__(
        self, journal: Journal, options: GenerateOptions, classes: Collection[str], check_lock: Callable[[], None]
    ) -> None:
        """Prepare shards.

        Args:
            journal: Of the run.
            options: Of the run.
            classes: Names of all classes that the set may have.
            check_lock: Called before a shard is put into its place; raises where DST is somebody else's by now.
        """
        super().__init__(journal)
        self._generated = GeneratedSet(options.dst)
        self._writer = SHARD_WRITERS[options.to]
        self._classes = sorted(classes)
        self._check_lock = check_lock
        copies = 1 if options.fixed_copies is None else options.fixed_copies
        self._sources_in_a_shard = max(1, options.shard_size // (1 + copies))
        self._shards = Counter[str]()
        self._round = 0
        self._following = deque[tuple[Part, Task]]()
        self._ready: dict[str, tuple[Source, Made]] = {}  # what came before its turn
        self._done = list[tuple[Source, list[Row]]]()  # of the shard that is being written
        self._open: _OpenShard | None = None

    def begin(self, round_: int, tasks: Sequence[Task]) -> Iterator[Part]:
        """So many sources of one split each, in their order; shards are numbered on from round to round."""
        self._round = round_
        by_split: dict[str, list[Task]] = {}
        for task in tasks:
            by_split.setdefault(task.source.split, []).append(task)
        for split, of_split in by_split.items():
            for start in range(0, len(of_split), self._sources_in_a_shard):
                yield self._next_part(split, of_split[start : start + self._sources_in_a_shard])

    def _next_part(self, split: str, tasks: Sequence[Task]) -> Part:
        number = self._shards[split]
        self._shards[split] += 1
        return Part(tasks, str(PurePosixPath(split, f"{number:06d}{self._writer.suffix}")), number)

    def expect(self, part: Part) -> None:
        """Its shard is the next one."""
        self._following.extend((part, task) for task in part.tasks)

    def add(self, source: Source, made: Made) -> None:
        """Keep it until it is its turn; pack it, and record the shard after its last task."""
        self._ready[source.relative] = (source, made)
        while self._following and self._following[0][1].source.relative in self._ready:
            part, task = self._following.popleft()
            self._pack(part, *self._ready.pop(task.source.relative))
            if task is part.tasks[-1]:
                self._record()

    def _pack(self, part: Part, source: Source, made: Made) -> None:
        for row in made.rows:
            if "output" in row:
                if self._open is None:
                    place = write_whole(self._generated.path / part.shard, self._generated.partial, self._check_lock)
                    self._open = _OpenShard(part, place, self._writer, self._classes)
                self._open.add(row, made.files)
        self._done.append((source, made.rows))

    def _record(self) -> None:
        """End the shard, if there is one, and record all that is in it and what was refused."""
        if self._open is not None:
            told = self._open.finish()
            for _, rows in self._done:
                for row in rows:
                    if "output" in row:
                        row["shard"] = told
            self._open = None
        for source, rows in self._done:
            self.journal.append(source.relative, self._round, rows, source.stamp)
        self._done = []

    def close(self) -> None:
        """Drop a shard that is not whole."""
        if self._open is not None:
            self._open.drop()


class _OpenShard:
    """A shard that is being written."""

    def __init__(
        self, part: Part, place: AbstractContextManager[Path], writer: type[ShardWriter], classes: Sequence[str]
    ) -> None:
        self._part, self._count = part, 0
        self._stack = ExitStack()
        self._path = self._stack.enter_context(place)
        self._writer = writer(self._path, classes)

    def add(self, row: Row, files: Mapping[str, bytes]) -> None:
        """Append the picture of a row, which gets its place in the shard."""
        place = row["output"]
        start = self._part.number * _NUMBERS if self._writer.numbered_across else 0
        facts = {name: value for name, value in row.items() if name in FACTS and value is not None}
        alpha = files[row["alpha"]] if "alpha" in row else None
        picture = Packed(
            start + self._count,
            PurePosixPath(place).suffix,
            files[place],
            row["label"],
            {**facts, GENERATED: place},
            alpha,
        )
        self._writer.add(picture)
        self._count += 1
        row["output"] = f"{self._part.shard}/{picture.key}{picture.suffix}"
        if alpha is not None:
            row["alpha"] = f"{self._part.shard}/{picture.key}{ALPHA_SUFFIX}"

    def finish(self) -> ShardRecord:
        """Put it into its place."""
        self._writer.close()
        sha256 = file_sha256(self._path)
        if sha256 is None:
            raise OSError(errno.EIO, "it cannot be read again", str(self._path))
        self._stack.close()
        return ShardRecord(sha256=sha256, pictures=self._count)

    def drop(self) -> None:
        """Leave nothing of it."""
        with suppress(OSError, _DroppedError), self._stack:
            self._writer.close()
            raise _DroppedError


class _DroppedError(Exception):
    """Ends a shard that is not whole."""
