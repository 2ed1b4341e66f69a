"""Going on with a run: with its own options, on the sources that it began with, and without what it no longer needs."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.generate.journal import Journal, has_journal, open_journal
from maskaug.augment.generate.options import RUN_ONLY, GenerateOptions
from maskaug.augment.generate.outputs import Part
from maskaug.augment.generate.plan import is_failure
from maskaug.augment.generate.prepare import Task
from maskaug.augment.generate.scan import Scan, Source
from maskaug.core.containers import sha256_of
from maskaug.core.errors import MaskaugError
from maskaug.core.executors import check_reach
from maskaug.core.files import file_sha256, find_objects, is_address, is_file, protocol, read_bytes, remove_files
from maskaug.core.manifest import Row
from maskaug.core.text import parse_json
from maskaug.core.version import __version__

_NAMED = 3  # sources of a kind


class GenerateError(MaskaugError):
    """The run cannot start or go on; the message says why and what to do."""


def resumed(options: GenerateOptions) -> GenerateOptions:
    """The options of a run: where it goes on with an earlier one, those that are stored in DST.

    Args:
        options: As given; what was not given explicitly is taken from the earlier run.

    Raises:
        GenerateError: an option that was given is not the stored one, or there is nothing to try again.
        GeneratedSetError: the stored options cannot be used.
    """
    generated = GeneratedSet(options.dst)
    if not options.goes_on:
        return options
    if not is_file(generated.config):
        if options.retry_failed:
            raise GenerateError(f"destination {options.dst} holds no earlier output; leave out --retry-failed")
        return options
    stored = generated.read_options()
    version = parse_json(read_bytes(generated.config)).get("maskaug")
    old, new = stored.resolved(), options.resolved()
    changed = {
        name: (old[name], new[name])
        for name in sorted(options.model_fields_set - RUN_ONLY)
        if not _is_same(getattr(stored, name), getattr(options, name))
    }
    if version != __version__:
        told = (
            f"maskaug was {version!r}, is {__version__!r}; install that version, or give --overwrite to make all anew"
        )
        raise GenerateError(f"cannot resume {options.dst} with another version: {told}")
    if changed:
        differences = "; ".join(f"{name} was {was!r}, is {now!r}" for name, (was, now) in changed.items())
        raise GenerateError(f"cannot resume {options.dst} with other options: {differences}; leave them out")
    return stored.model_copy(update={name: getattr(options, name) for name in RUN_ONLY})


def _is_same(stored: object, given: object) -> bool:
    if isinstance(stored, Path) and isinstance(given, Path):
        return stored.resolve() == given.resolve()
    return stored == given


def check_places(options: GenerateOptions) -> None:
    """Make sure that all processes of the run reach SRC and DST, and that DST takes pictures one by one.

    Raises:
        ExecutorError, GenerateError: it is not so.
    """
    check_reach(options, options.src, options.dst)
    if protocol(options.dst) == "hf":
        raise GenerateError(
            f"destination {options.dst} would have a commit for each picture; generate into a folder, and then: "
            "hf upload-large-folder USER/NAME FOLDER --repo-type dataset"
        )


def check_sources(found: Scan, generated: GeneratedSet) -> None:
    """Make sure that the sources of a run that goes on are still those that it has done.

    New ones are welcome as long as the run is not finished: it has them to do as it has others.

    Raises:
        GenerateError: sources were added to a finished set, or those it has done were removed or replaced.
    """
    finished = not has_journal(generated.journal)
    done = {one.name: one for one in (_finished_sources(generated) if finished else _journal_sources(generated))}
    sources = {source.relative: source for source in found.sources}
    present = {*sources, *(problem.relative for problem in found.problems)}
    both = [(done[name], sources[name]) for name in done if name in sources]
    with ThreadPoolExecutor() as threads:  # reading and hashing let other threads run
        replaced = list(threads.map(lambda pair: _is_replaced(*pair, finished=finished), both))
    changes = {
        "added": sorted(present - done.keys()) if finished else [],
        "removed": sorted(done.keys() - present),
        "replaced": sorted(pair[0].name for pair, one in zip(both, replaced, strict=True) if one),
    }
    told = "; ".join(f"{what}: {_listed(names)}" for what, names in changes.items() if names)
    if told:
        raise GenerateError(
            f"sources have changed since {generated.path} was begun ({told}); bring back what there was, or give "
            "--overwrite to make all anew"
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


class _Done(NamedTuple):
    """A source that a run has done, as its content was then."""

    name: str
    sha256: str | None
    stamp: str | None = None


def _is_replaced(then: _Done, now: Source, *, finished: bool) -> bool:
    # An object is fetched only if its stamp says that it was written anew. A finished set has no stamps, and of that
    # nothing is made any more.
    if now.stamp is not None and (finished or now.stamp == then.stamp):
        return False
    return sha256_of(now.path) != then.sha256


def _finished_sources(generated: GeneratedSet) -> Iterator[_Done]:
    return (_Done(row["source"], row["source_sha256"]) for row in generated.rows(("source", "source_sha256")))


def _journal_sources(generated: GeneratedSet) -> Iterator[_Done]:
    with closing(open_journal(generated.journal)) as journal:
        for source in journal.sources():
            stamp = journal.stamp(source)
            for _, rows in journal.entries(source):
                yield from (_Done(row["source"], row.get("source_sha256"), stamp) for row in rows)


class Recorded:
    """Rows of an earlier run, as far as they are what is wanted, and their files still there."""

    def __init__(self, journal: Journal, options: GenerateOptions) -> None:
        """List what lies at an address.

        On this machine's disks, a file counts if it is still as it was written. An object counts if it is there: it was
        written whole, and to know more, it would have to be fetched; `maskaug verify` does so.

        Args:
            journal: Of the run.
            options: Of the run.

        Raises:
            OSError: the address cannot be listed.
        """
        self._journal, self._options = journal, options
        self._dst = options.dst
        self._generated = GeneratedSet(self._dst)
        self._shards: dict[str, str | None] = {}  # SHA-256 by name, as they are
        listed = is_address(self._dst) and options.goes_on
        self._objects = frozenset(one.name for one in find_objects(self._dst)) if listed else frozenset[str]()

    def rows(self, part: Part, round_: int) -> list[list[Row]] | None:
        """What a round made of each task of a part; None if it is to be done, or done again."""
        found = [self._rows_of(task, round_) for task in part.tasks]
        whole = [rows for rows in found if rows is not None]
        if len(whole) < len(found) or not part.is_recorded([row for rows in whole for row in rows]):
            return None
        return whole

    def _rows_of(self, task: Task, round_: int) -> list[Row] | None:
        """What a round made of a source; None if it is to be done, or done again."""
        for recorded_round, rows in self._journal.entries(task.source.relative):
            if recorded_round == round_:
                if self._options.retry_failed and any(map(is_failure, rows)):
                    return None
                # Where others were tried again, balance may want other copies than it did then.
                if {row["copy"] for row in rows if "copy" in row} not in (set(), set(task.copies)):
                    return None
                return rows if all(self._is_there(row) for row in rows if "output" in row) else None
        return None

    def _is_there(self, row: Row) -> bool:
        if "shard" in row:
            return self._has_shard(self._generated.file_of(row["output"]), row["shard"]["sha256"])
        names = [row["output"], *([row["alpha"]] if "alpha" in row else [])]
        if is_address(self._dst):
            return self._objects.issuperset(names)
        digests = [(row["output"], row["output_sha256"])]
        # Journals of earlier versions have no digest of the alpha mask.
        digests += [(row["alpha"], row["alpha_sha256"])] if "alpha_sha256" in row else []
        whole = all(file_sha256(self._dst / name) == digest for name, digest in digests)
        return whole and all((self._dst / name).is_file() for name in names)

    def _has_shard(self, name: str, sha256: str) -> bool:
        if is_address(self._dst):
            return name in self._objects
        if name not in self._shards:
            self._shards[name] = file_sha256(self._dst / name)
        return self._shards[name] == sha256


def remove_stale(generated: GeneratedSet, journal: Journal, done: Collection[tuple[str, int]]) -> None:
    """Remove files that an earlier attempt has written and this one does without.

    Where sources are tried again, balance may want other copies than before.

    Args:
        generated: The set.
        journal: Of all attempts.
        done: Source and round of what this attempt counts.
    """
    shards, kept_shards = set[str](), set[str]()
    for source in journal.sources():
        kept = {
            name
            for round_, rows in journal.entries(source)
            if (source, round_) in done
            for row in rows
            for name in _files(generated, row)
        }
        written = {name for row in journal.all_rows(source) for name in _files(generated, row)}
        if generated.has_shards:  # each is of several sources
            shards |= written
            kept_shards |= kept
        else:
            remove_files(generated.path / name for name in sorted(written - kept))
    remove_files(generated.path / name for name in sorted(shards - kept_shards))


def _files(generated: GeneratedSet, row: Row) -> Iterator[str]:
    return (generated.file_of(name) for name in (row.get("output"), row.get("alpha")) if name)
