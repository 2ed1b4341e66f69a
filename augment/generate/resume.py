"""Going on with a run: with its own options, on the sources that it began with, and without what it no longer needs."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.generate.journal import Journal
from maskaug.augment.generate.options import RUN_ONLY, GenerateOptions
from maskaug.augment.generate.scan import Scan
from maskaug.core.errors import MaskaugError
from maskaug.core.files import file_sha256
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
    if not generated.config.is_file():
        if options.retry_failed:
            raise GenerateError(f"destination {options.dst} holds no earlier output; leave out --retry-failed")
        return options
    stored = generated.read_options()
    version = parse_json(generated.config.read_text(encoding="utf-8")).get("maskaug")
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


def check_sources(found: Scan, generated: GeneratedSet) -> None:
    """Make sure that the sources of a run that goes on are still those that it has done.

    New ones are welcome as long as the run is not finished: it has them to do as it has others.

    Raises:
        GenerateError: sources were added to a finished set, or those it has done were removed or replaced.
    """
    finished = not generated.journal.exists()
    done = dict(_finished_sources(generated) if finished else _journal_sources(generated))
    paths = {source.relative: source.path for source in found.sources}
    present = {*paths, *(problem.relative for problem in found.problems)}
    both = [name for name in done if name in paths]
    with ThreadPoolExecutor() as threads:  # reading and hashing let other threads run
        now = dict(zip(both, threads.map(lambda name: file_sha256(paths[name]), both), strict=True))
    changes = {
        "added": sorted(present - done.keys()) if finished else [],
        "removed": sorted(done.keys() - present),
        "replaced": sorted(name for name in both if now[name] != done[name]),
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


def _finished_sources(generated: GeneratedSet) -> Iterator[tuple[str, str | None]]:
    """Name and SHA-256 of each source."""
    return ((row["source"], row["source_sha256"]) for row in generated.rows(("source", "source_sha256")))


def _journal_sources(generated: GeneratedSet) -> Iterator[tuple[str, str | None]]:
    journal = Journal(generated.journal)
    try:
        yield from ((row["source"], row.get("source_sha256")) for row in journal.rows())
    finally:
        journal.close()


def remove_stale(generated: GeneratedSet, journal: Journal, done: Collection[tuple[str, int]]) -> None:
    """Remove files that an earlier attempt has written and this one does without.

    Where sources are tried again, balance may want other copies than before.

    Args:
        generated: The set.
        journal: Of all attempts.
        done: Source and round of what this attempt counts.
    """
    for source in journal.sources():
        kept = {
            name
            for round_, rows in journal.entries(source)
            if (source, round_) in done
            for row in rows
            for name in (row.get("output"), row.get("alpha"))
        }
        for row in journal.all_rows(source):
            for name in {row.get("output"), row.get("alpha")} - kept:
                if name:
                    (generated.path / name).unlink(missing_ok=True)
