"""Damaged and odd pictures through generate or predict: what becomes of each, and whether anything stops the run.

python benchmarks/fuzz.py [--files 20000] [--seed 0] [--through generate|predict|read] [--workers 1] [--keep DIR]

The files are made by the seed (tests/mutated.py): photographs as JPEG, PNG, WebP, BMP, TIFF and GIF, in all modes, some
of odd proportions, most of them damaged. `read` decodes only. A file over which a library raised something is a row
`failed` in generate, and named in predict; they and whatever the libraries write to standard error by themselves are
counted and shown, and with --keep the files are kept. Exit 1 where there is any, or where a run was stopped.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from maskaug.assets import bundled_classifier
from maskaug.augment import GenerateOptions, generate, read_manifest
from maskaug.core.pictures import PictureError, read_picture
from maskaug.masktheface_wrapper import FaceFinder
from maskaug.train import load_onnx
from maskaug.train.data.margins import Margins
from maskaug.train.predict.frames import read_frames
from maskaug.train.predict.inputs import Input
from maskaug.train.predict.masked_check import masked_check_available, wears_mask
from maskaug.train.predict.predict import classify

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import mutated

_AT_ONCE = 500  # files in a folder


@dataclass
class Found:
    """What became of files.

    Attributes:
        outcomes: Files by format and outcome.
        faults: What a library raised, by file.
        words: Lines that libraries wrote to standard error.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)
    words: Counter[str] = field(default_factory=Counter)

    def add(self, path: Path, outcome: str) -> None:
        """Count a file."""
        self.outcomes[path.stem.partition("_")[2], outcome] += 1


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--through", choices=sorted(_THROUGH), default="generate")
    parser.add_argument("--workers", type=int, default=1, help="of generate")
    parser.add_argument("--keep", type=Path, help="folder for the files that something failed over")
    arguments = parser.parse_args()
    found, started, out = Found(), time.monotonic(), Console()
    for first in range(0, arguments.files, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, arguments.files))
        with tempfile.TemporaryDirectory() as scratch, _words_of_libraries(found):
            folder = Path(scratch, "faces")
            folder.mkdir()
            for number in numbers:
                name, data = mutated.mutated(arguments.seed, number)
                (folder / name).write_bytes(data)
            before = set(found.faults)
            _THROUGH[arguments.through](folder, Path(scratch), arguments.workers, found)
            for name in found.faults.keys() - before if arguments.keep else ():
                arguments.keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / name, arguments.keep)
        done = f"{numbers.stop} files in {time.monotonic() - started:.0f} s, {len(found.faults)} failed"
        out.print(done, highlight=False)
    _print(found, out)
    sys.exit(bool(found.faults or found.words))


def _generate(folder: Path, scratch: Path, workers: int, found: Found) -> None:
    look = wears_mask if masked_check_available() else None
    options = GenerateOptions(src=folder, dst=scratch / "out", copies=1, workers=workers)
    generate(options, wears_mask=look)
    outcomes: dict[str, str] = {}
    for row in read_manifest(options.dst):
        refused = row["status"] == "refused"
        outcomes[row["source"]] = row["reasons"][0] if refused else outcomes.get(row["source"], row["status"])
        if refused and row["reasons"][0] in ("failed", "crashed"):
            found.faults[row["source"]] = row["message"]
    for path in folder.iterdir():
        found.add(path, outcomes.get(path.name, "without a row"))
        if path.name not in outcomes:
            found.faults[path.name] = "has no row"


def _predict(folder: Path, _scratch: Path, _workers: int, found: Found) -> None:
    files = [Input(path, Path(path.name)) for path in sorted(folder.iterdir())]
    judge = load_onnx(bundled_classifier(), threads=1)
    for one in classify(read_frames(files), judge, FaceFinder().boxes, Margins()):
        path, problem = Path(one.frame.source), one.frame.problem
        failed = problem.startswith(f"{path} failed: ")
        if failed:
            found.faults[path.name] = problem
        found.add(path, "failed" if failed else "refused" if problem else "judged" if one.boxes else "no face")


def _read(folder: Path, _scratch: Path, _workers: int, found: Found) -> None:
    for path in sorted(folder.iterdir()):
        try:
            read_picture(path)
        except PictureError as error:
            found.add(path, error.reason)
        else:
            found.add(path, "read")


_THROUGH = {"generate": _generate, "predict": _predict, "read": _read}


@contextmanager
def _words_of_libraries(found: Found) -> Iterator[None]:
    """Count what comes to standard error, of which nothing here is this program's own."""
    with tempfile.TemporaryFile() as words:
        terminal = os.dup(2)
        os.dup2(words.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            words.seek(0)
            lines = words.read().decode("utf-8", "replace").splitlines()
            found.words.update(lines)
            if sys.exc_info()[0] is not None:
                sys.stderr.write("\n".join(lines))


def _print(found: Found, out: Console) -> None:
    kinds = sorted({kind for kind, _ in found.outcomes})
    totals = Counter[str]()
    for (_, outcome), count in found.outcomes.items():
        totals[outcome] += count
    table = Table("outcome", *kinds, "all", box=None, pad_edge=False)
    for outcome, total in totals.most_common():
        table.add_row(outcome, *(str(found.outcomes[kind, outcome]) for kind in kinds), str(total))
    out.print(table)
    for name, message in found.faults.items():
        out.print(f"{name}: {message}", highlight=False, soft_wrap=True, markup=False)
    for line, count in found.words.most_common(20):
        out.print(f"on standard error, {count} times: {line}", highlight=False, soft_wrap=True, markup=False)


if __name__ == "__main__":
    main()
