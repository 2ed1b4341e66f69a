"""`generate`: a folder of unmasked faces in, a traceable, reproducible data set out; classes are balanced."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from maskaug.augment.generate.annotations import Annotations, open_annotations
from maskaug.augment.generate.annotations.sources import annotated_sources
from maskaug.augment.generate.contact_sheet import write_contact_sheet
from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.generate.journal import Journal, has_journal, open_journal, remove_journal
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.outputs import FileOutput, Made, Output, ShardOutput
from maskaug.augment.generate.pairs import Portrait, draw_pairs, pairs_csv
from maskaug.augment.generate.plan import LAST_ROUND, Tally, first_round, next_round
from maskaug.augment.generate.prepare import MaskedCheck, Task
from maskaug.augment.generate.records import whole_boxes, whole_faces
from maskaug.augment.generate.resume import GenerateError, Recorded, check_places, check_sources, remove_stale, resumed
from maskaug.augment.generate.scan import Scan, Source, check_apart, scan, scan_identities
from maskaug.augment.generate.summary import Summary, summarise
from maskaug.augment.generate.worker import SourceWorker, refusal
from maskaug.core.containers import Problem, sha256_of
from maskaug.core.executors import Crash, Executor, ExecutorError, open_executor
from maskaug.core.files import (
    LOCK_FILE,
    file_sha256,
    find_objects,
    is_address,
    is_file,
    locked,
    new_folder,
    path_inside,
    remove_files,
    remove_tree,
    sync_tree,
    write_atomic,
)
from maskaug.core.manifest import ManifestError, Row, manifest_parts, write_manifest
from maskaug.core.version import __version__

_PORTRAIT_COLUMNS = ("status", "output", "split", "identity", "source", "source_sha256", "kind", "box")
Progress = Callable[[int, int, int], None]  # sources done, sources to do, pictures written


def generate(
    options: GenerateOptions, progress: Progress | None = None, wears_mask: MaskedCheck | None = None
) -> Summary:
    """Make a data set as the options say.

    Everything that determines the output is in the options and the files: the same seed gives the same bytes
    whatever the number of processes, and a run that was stopped and resumed ends like one that was not. What an engine
    or a library raises over one source becomes that source's row.

    Args:
        options: See :class:`GenerateOptions`.
        progress: Called after each source.
        wears_mask: Tells which faces of a source already wear a mask; it must be picklable. None: nothing looks.

    Raises:
        ScanError, ModelError, PackError, AnnotationError: an input cannot be used at all.
        GenerateError: DST is in the way, or cannot be written; or it cannot be gone on with.
        ExecutorError: an address is not to be reached by all processes.
        LockedError: another process is writing DST.
    """
    if options.dry_run:
        raise GenerateError("a dry run writes nothing; forecast says what would be made")
    check_places(options)
    options = resumed(options)
    check_apart(options.src, options.dst)
    generated = GeneratedSet(options.dst)
    # Read once: thousands of files take seconds.
    marked = open_annotations(options.annotations, options.box_classes) if options.annotations else None
    found = scanned(options, generated, marked)
    # An unusable model, pack or annotation file is told before anything is written or any process is started.
    worker = SourceWorker(options, wears_mask, marked)
    looked = wears_mask is not None
    with _opened(generated) as check_lock:
        if prepare(found, options, generated):
            return summarise(found, generated, options, looked=looked)
        elsewhere = options.workers > 1 or options.engine != "local"
        start = partial(_start, options, wears_mask, marked) if elsewhere else lambda: worker.process
        try:
            executor = open_executor(start, options)
            shards = _write(found, generated, options, executor, progress, check_lock=check_lock)
            return _finish(generated, summarise(found, generated, options, looked=looked), shards)
        except ExecutorError as error:
            raise GenerateError(str(error)) from error
        except OSError as error:
            raise _unwritable(generated, error) from error
        finally:
            worker.close()
            _remove_partial(generated)


@contextmanager
def _opened(generated: GeneratedSet) -> Iterator[Callable[[], None]]:
    """DST, made if it is missing, while no other process writes it; gives what tells if another does all the same."""
    what = f"destination {generated.path} is being written"
    try:
        with new_folder(generated.path), locked(generated.lock, what) as check_lock:
            yield check_lock
    except OSError as error:
        raise GenerateError(f"destination {generated.path} cannot be used: {error.strerror or error}") from error


def _unwritable(generated: GeneratedSet, error: OSError) -> GenerateError:
    where = f" {error.filename}" if error.filename else f" below {generated.path}"
    return GenerateError(f"cannot write{where}: {error.strerror or error}; mend that and go on with --resume")


def _write(
    found: Scan,
    generated: GeneratedSet,
    options: GenerateOptions,
    executor: Executor[Task, Made],
    progress: Progress | None,
    *,
    check_lock: Callable[[], None],
) -> dict[str, str]:
    """Pictures, manifest and pairs; returns the SHA-256 of shards."""
    _write_json(generated, generated.config, {"maskaug": __version__, **options.resolved()})
    journal = open_journal(generated.journal, check_lock)
    output = _output(found, options, journal, check_lock)
    shards: dict[str, str] = {}
    try:
        done = _work_in_rounds(found, options, output, executor, progress)
        check_lock()
        remove_stale(generated, journal, done)
        write_manifest(options.dst, _counting_shards(_all_rows(found, journal, done), generated, shards))
    finally:
        executor.close()
        output.close()
        journal.close()
    if options.layout == "identities" and options.pairs:
        portraits = list(_portraits(generated))
        pairs = pairs_csv(draw_pairs(portraits, options.pairs, options.seed), portraits)
        write_atomic(generated.pairs, pairs, generated.partial)
    return shards


def _output(found: Scan, options: GenerateOptions, journal: Journal, check_lock: Callable[[], None]) -> Output:
    if options.to == "imagefolder":
        return FileOutput(journal)
    made = {options.masked_class, *([options.incorrect_class] if options.correct_share < 1 else [])}
    return ShardOutput(journal, options, {*made, *(source.label for source in found.sources)}, check_lock)


def _counting_shards(rows: Iterable[Row], generated: GeneratedSet, shards: dict[str, str]) -> Iterator[Row]:
    """The same rows; adds the SHA-256 of their shards, by path, as they pass."""
    for row in rows:
        if "shard" in row:
            shards[generated.file_of(row["output"])] = row["shard"]["sha256"]
        yield row


def _finish(generated: GeneratedSet, summary: Summary, shards: dict[str, str]) -> Summary:
    """Contact sheet and statistics; then the journal is not needed any more."""
    write_contact_sheet(generated)
    digests = {path.relative_to(generated.path).as_posix(): file_sha256(path) for path in generated.checked_files}
    _write_json(generated, generated.stats, {**summary.as_json(), "sha256": digests | shards})
    _remove_partial(generated)
    if not summary.failed:  # else they may be tried again
        sync_tree(generated.path, names_only=True)  # a power cut takes no picture whose row no journal has
        remove_journal(generated.journal)
    return summary


def scanned(options: GenerateOptions, generated: GeneratedSet, marked: Annotations | None) -> Scan:
    """What lies in SRC, if the set has a place for it.

    Raises:
        ScanError: SRC cannot be used.
        GenerateError: a split or a person is called as a file of the set.
    """
    if options.layout == "identities":
        found = scan_identities(options.src, options.person_level)
    else:
        found = scan(options.src, options.source_class, options.masked_class)
    if marked is not None:
        found = annotated_sources(found, marked)
    for split in sorted({source.split for source in found.sources} - {""}):
        if (name := split.split("/")[0]) in generated.own_names:
            raise GenerateError(
                f"{options.src / name} cannot be a split: the output has its own {name} there; rename it"
            )
    if not options.apart:
        for name in sorted({source.label for source in found.sources if not source.split} & generated.own_names):
            raise GenerateError(
                f"{options.src / name} cannot be a person: the output has its own {name} there; rename it, or give "
                "--apart"
            )
    return found


def _portraits(generated: GeneratedSet) -> Iterator[Portrait]:
    """Pictures of persons; an unmasked one counts only if it shows a face."""
    for row in generated.rows(_PORTRAIT_COLUMNS):
        if row["identity"] and row["output"] and (row["status"] == "masked" or row["box"]):
            kind = row["kind"] if row["status"] == "masked" else None
            place = row["output"], row["split"], row["identity"]
            yield Portrait(*place, row["source"], row["source_sha256"], kind)


def _start(
    options: GenerateOptions, wears_mask: MaskedCheck | None, marked: Annotations | None
) -> Callable[[Task], Callable[[], Made]]:
    return SourceWorker(options, wears_mask, marked).process


def _work_in_rounds(
    found: Scan,
    options: GenerateOptions,
    output: Output,
    executor: Executor[Task, Made],
    progress: Progress | None,
) -> set[tuple[str, int]]:
    """Make the first copies of every source, then those that balance still lacks, until none are lacking.

    Returns:
        Source and round of what was done now or before: the journal's entries that count.
    """
    counting = set[tuple[str, int]]()
    tallies = {source.relative: Tally() for source in found.sources}
    copies = first_round(found.sources, options)
    tasks = [Task(source, range(copies.get(source.relative, 0)), original=True) for source in found.sources]
    done, written = 0, 0
    recorded = Recorded(output.journal, options)
    for round_ in range(LAST_ROUND + 1):
        counting.update((task.source.relative, round_) for task in tasks)
        to_do = list[Task]()
        for part in output.begin(round_, tasks):
            rows = recorded.rows(part, round_)
            if rows is None:
                output.expect(part)
                to_do += part.tasks
            else:
                for task, of_task in zip(part.tasks, rows, strict=True):
                    tallies[task.source.relative].add(of_task, options.balanced_class)
                done += len(part.tasks)
        total = done + len(to_do)
        for task, result in executor.run(to_do):
            source = task.source
            made = Made([_crashed(source)], {}) if isinstance(result, Crash) else result
            output.add(source, made)
            tallies[source.relative].add(made.rows, options.balanced_class)
            done += 1
            written += sum("output" in row for row in made.rows)
            if progress is not None:
                progress(done, total, written)
        wanted = next_round(found.sources, tallies, options)
        if not wanted:
            break
        tasks = [
            _later_task(output.journal, source, wanted[source.relative])
            for source in found.sources
            if source.relative in wanted
        ]
    return counting


def _crashed(source: Source) -> Row:
    message = f"the process died over {source.relative}; it may need more memory than there is"
    return refusal(source, "crashed", message, sha256=sha256_of(source.path))


def _later_task(journal: Journal, source: Source, copies: range) -> Task:
    """More copies of a source whose faces the first round has found."""
    _, rows = journal.entries(source.relative)[0]
    originals = [row for row in rows if row["status"] == "original"]
    others = tuple(tuple(box) for box in whole_boxes(originals, "other_boxes").tolist())
    turned = originals[0].get("turned") or 0
    return Task(source, copies, original=False, faces=tuple(whole_faces(originals)), others=others, turned=turned)


def _all_rows(found: Scan, journal: Journal, counting: Collection[tuple[str, int]]) -> Iterator[Row]:
    for problem in found.problems:
        yield _problem_row(problem)
    for source in journal.sources():
        for round_, rows in journal.entries(source):
            if (source, round_) in counting:
                yield from rows


def _problem_row(problem: Problem) -> Row:
    return Row(status="refused", source=problem.relative, reasons=[problem.reason], message=problem.message)


def prepare(found: Scan, options: GenerateOptions, generated: GeneratedSet) -> bool:
    """Make DST ready, where ``overwrite`` removes an earlier output; True if that run finished just what is wanted.

    Raises:
        GenerateError: DST holds something else, or cannot be gone on with.
    """
    dst = generated.path
    try:
        names = (one.name for one in find_objects(dst)) if is_address(dst) else (path.name for path in dst.iterdir())
        occupied = any(name != LOCK_FILE for name in names)
        begun = is_file(generated.config)
    except OSError as error:
        raise GenerateError(f"destination {dst} cannot be used: {error.strerror or error}") from error
    if not begun:
        if occupied:
            raise GenerateError(f"destination {dst} holds other files; name a new or an empty folder")
        return False
    if options.overwrite:
        _remove_output(generated)
        return False
    if not options.goes_on:
        raise GenerateError(f"destination {dst} holds an earlier output; give --resume to go on, or --overwrite")
    has_rows = has_journal(generated.journal)
    finished = not has_rows and is_file(generated.stats)
    if finished or has_rows:
        check_sources(found, generated)
    return finished


def _remove_output(generated: GeneratedSet) -> None:
    """Remove what an earlier run wrote, and nothing else that may lie there."""
    generated = GeneratedSet(generated.path)  # which is of that run
    dst, rows = generated.path, list[Row]()
    if has_journal(generated.journal):
        with closing(open_journal(generated.journal)) as journal:
            rows += journal.rows()
    if manifest_parts(dst):
        rows += generated.rows(("output", "alpha"))
    names = {generated.file_of(name) for row in rows for name in (row.get("output"), row.get("alpha")) if name}
    folders = set[Path]() if is_address(dst) else {(dst / name).parent for name in names}  # stores have none
    for folder in folders:
        if path_inside(dst, folder.relative_to(dst).as_posix()) is None:
            raise ManifestError(f"{folder} leads out of {dst} through a link; remove the link, or name another folder")
    remove_files(dst / name for name in names)
    for folder in sorted(folders, key=lambda folder: -len(folder.parts)):
        for place in [folder, *folder.parents]:
            if place == dst or not place.is_dir() or any(place.iterdir()):
                break
            place.rmdir()
    for whole in (generated.manifest, generated.alpha, generated.partial):
        remove_tree(whole)
    remove_journal(generated.journal)
    remove_files((generated.config, generated.stats, generated.contact_sheet, generated.pairs))


def _remove_partial(generated: GeneratedSet) -> None:
    if not is_address(generated.path):  # objects are written whole
        remove_tree(generated.partial)


def _write_json(generated: GeneratedSet, path: Path, content: dict[str, Any]) -> None:
    data = json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    write_atomic(path, data.encode(), generated.partial)
