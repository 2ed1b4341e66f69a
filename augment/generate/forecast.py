"""`forecast`: what a run would make, how long it would take and how large it would be: some pictures are tried."""

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maskaug.augment.generate.annotations import open_annotations
from maskaug.augment.generate.generate import prepare, scanned
from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.plan import Tally, first_round
from maskaug.augment.generate.prepare import MaskedCheck, Task
from maskaug.augment.generate.resume import check_places
from maskaug.augment.generate.scan import Scan, Source, check_apart
from maskaug.augment.generate.worker import SourceWorker
from maskaug.core.files import is_address, is_file
from maskaug.core.manifest import Row

_TRIED = 12  # pictures of those that are to get masks, and as many of the others


@dataclass
class Forecast:
    """What a run would make; all but ``sources`` and ``problems`` is estimated from the pictures that were tried.

    Attributes:
        sources: Pictures in SRC by ``split/class``, or in the layout of identities by split.
        problems: Places in SRC that cannot be used, by reason.
        tried: Pictures that were tried.
        refused: Of their sources and copies, by reason.
        original: Unmasked pictures that would be written.
        masked: Masked copies that would be written, by split.
        seconds: Of the whole run, with the processes that the options name, where nothing else is at work and disks
            are quick: processor time is measured.
        size: Of all pictures that would be written, bytes.
    """

    sources: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    tried: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    original: int = 0
    masked: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    size: int = 0


@dataclass(frozen=True)
class _Trial:
    """What became of some sources, per source.

    Attributes:
        originals, with_face: Unmasked pictures written, and of these with a face.
        copies: Masked copies tried.
        masked: Of these written.
        seconds, size: Processor time, and bytes written.
    """

    originals: float = 0.0
    with_face: float = 0.0
    copies: float = 0.0
    masked: float = 0.0
    seconds: float = 0.0
    size: float = 0.0


def forecast(options: GenerateOptions, wears_mask: MaskedCheck | None = None) -> Forecast:
    """Try some pictures, evenly from all of SRC, in a temporary folder; DST is not touched.

    Args:
        options: Of the run, which does not go on with an earlier one.
        wears_mask: As `generate` takes it.

    Raises:
        ScanError, ModelError, PackError, AnnotationError, GenerateError: as `generate` would.
    """
    check_places(options)
    check_apart(options.src, options.dst)
    generated = GeneratedSet(options.dst)
    marked = open_annotations(options.annotations, options.box_classes) if options.annotations else None
    found = scanned(options, generated, marked)
    there = is_address(generated.path) or generated.path.exists()
    if there and not (options.overwrite and is_file(generated.config)):
        prepare(found, options, generated)  # which refuses a folder that is not empty
    result = Forecast(problems=Counter(problem.reason for problem in found.problems))
    identities = options.layout == "identities"
    result.sources.update(one.split if identities else f"{one.split}/{one.label}" for one in found.sources)
    first = first_round(found.sources, options)
    if options.fixed_copies is None:
        first = dict.fromkeys(first, 1)  # where the set has masked pictures, too: what a copy takes is to be known
    masking = [source for source in found.sources if source.relative in first]
    others = [source for source in found.sources if source.relative not in first]
    with tempfile.TemporaryDirectory(prefix="maskaug-") as folder:
        started = time.process_time()  # of all threads: a busy machine does not change it
        worker = SourceWorker(options.model_copy(update={"dst": Path(folder), "to": "imagefolder"}), wears_mask, marked)
        try:
            worker.process(Task(found.sources[0], range(1), original=True))()  # the first loads more
            loading = time.process_time() - started
            trials = [_try(part, first, worker, Path(folder), result) for part in (masking, others)]
        finally:
            worker.close()
    masked, result.original, seconds, size = _extrapolate(found, (masking, others), trials, options)
    result.masked.update(masked)
    result.seconds, result.size = loading + seconds / options.workers, round(size)
    return result


def _try(
    sources: Sequence[Source], copies: dict[str, int], worker: SourceWorker, folder: Path, result: Forecast
) -> _Trial:
    """What becomes of some of the sources."""
    count = min(_TRIED, len(sources))
    if not count:
        return _Trial()
    chosen = [sources[place * len(sources) // count] for place in range(count)]
    tasks = [Task(source, range(copies.get(source.relative, 0)), original=True) for source in chosen]
    started = time.process_time()
    rows = list[Row]()
    for task in tasks:
        rows += worker.process(task)().rows
    seconds = time.process_time() - started
    tally = Tally()
    tally.add(rows, "")
    result.tried += count
    result.refused.update(row["reasons"][0] for row in rows if row["status"] == "refused")
    return _Trial(
        originals=tally.originals / count,
        with_face=tally.with_face / count,
        copies=sum(len(task.copies) for task in tasks) / count,
        masked=tally.masked / count,
        seconds=seconds / count,
        size=sum((folder / name).stat().st_size for row in rows for name in _files(row)) / count,
    )


def _files(row: Row) -> list[str]:
    return [name for name in (row.get("output"), row.get("alpha")) if name]


def _extrapolate(
    found: Scan, parts: tuple[Sequence[Source], Sequence[Source]], trials: Sequence[_Trial], options: GenerateOptions
) -> tuple[dict[str, int], int, float, float]:
    """Masked copies by split, originals, seconds of one process, and bytes."""
    (masking, others), (tried, plain) = parts, trials
    a_copy = tried.masked / tried.copies if tried.copies else 0.0  # written of each that is tried
    masked, attempts = dict[str, int](), 0.0
    for split, count in Counter(source.split for source in masking).items():
        wanted = count * tried.masked
        if options.fixed_copies is None:
            real = sum(one.split == split and one.label == options.balanced_class for one in found.sources)
            wanted = max(count * tried.with_face - real * plain.originals, 0.0) if a_copy else 0.0
        masked[split] = round(wanted)
        attempts += wanted / a_copy if a_copy else 0.0
    # A later copy costs no more than a first one with its source.
    rounds = max(attempts / (len(masking) * tried.copies), 1.0) if masking and tried.copies else 1.0
    originals = len(masking) * tried.originals
    a_file = tried.size / (tried.originals + tried.masked) if tried.size else 0.0
    size = (sum(masked.values()) + originals) * a_file + len(others) * plain.size
    seconds = len(masking) * tried.seconds * rounds + len(others) * plain.seconds
    return masked, round(originals + len(others) * plain.originals), seconds, size
