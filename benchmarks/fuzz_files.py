"""Damaged and malicious packs, masks.cfg, manifests, journals, reviews, configs, checkpoints, ONNX files and videos.

python benchmarks/fuzz_files.py [--files 5000] [--seed 0] [--only KIND] [--keep DIR]

The files are made by the seed (tests/mutated_files.py), and read as the program reads them, in a process of their own.
Each must be used, refused with a sentence, or become a picture's row; anything else is a fault: another exception, a
process that dies, more than 5 seconds, more than 1 GB more than before. Exit 1 where there is any.
"""

import argparse
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import mutated_files

from maskaug.core.errors import MaskaugError, failure

SECONDS, MEMORY = 5.0, 1 << 30
# Seconds until a process that says nothing counts as hung, and that it may take to begin; a busy machine is slow.
_PATIENCE, _BEGINNING = 60.0, 600.0


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="one kind")
    parser.add_argument("--keep", type=Path, help="folder for the files that something failed over")
    arguments = parser.parse_args()
    outcomes, faults = Counter[tuple[str, str]](), dict[str, str]()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "files")
        mutated_files.make(root)
        fuzz(root, arguments, outcomes, faults)
    _print(outcomes, faults)
    sys.exit(bool(faults))


def fuzz(root: Path, arguments: argparse.Namespace, outcomes: Counter[tuple[str, str]], faults: dict[str, str]) -> None:
    """Read all files, in as many processes as die over them."""
    number = 0
    while number < arguments.files:
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=_read_all, args=(root, number, arguments, theirs))
        process.start()
        theirs.close()
        kind = ""
        try:
            while ours.poll(_PATIENCE if kind else _BEGINNING):
                number, kind, outcome, fault = ours.recv()
                if outcome:
                    outcomes[kind, outcome] += 1
                    if fault:
                        faults[f"{kind}, file {number}"] = fault
                    number += 1
            died = "it hangs"
        except EOFError:
            died = "the process died"
        process.kill()
        process.join()
        if number < arguments.files:
            faults[f"{kind}, file {number}"] = died
            outcomes[kind, "fault"] += 1
            number += 1


def _read_all(root: Path, first: int, arguments: argparse.Namespace, told: Connection) -> None:
    """In a process of its own: say before each file that it begins, and after it what became of it."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch, "files")
        shutil.copytree(root, place)
        kinds = mutated_files.kinds(mutated_files.Reader())
        names = [arguments.only] if arguments.only else list(kinds)
        for number in range(first, arguments.files):
            name = names[number % len(names)]
            kind = kinds[name]
            told.send((number, name, "", ""))
            rng = np.random.default_rng([arguments.seed, number])
            whole = (root / kind.file).read_bytes()
            spoiled = mutated_files.mutated_file(whole, kind.how, rng)
            (place / kind.file).write_bytes(spoiled)
            outcome, fault = one(kind, place)
            (place / kind.file).write_bytes(whole)
            if fault and arguments.keep:
                arguments.keep.mkdir(parents=True, exist_ok=True)
                (arguments.keep / f"{number:06d}_{Path(kind.file).name}").write_bytes(spoiled)
            told.send((number, name, outcome, fault))
    told.close()


def one(kind: mutated_files.Kind, place: Path) -> tuple[str, str]:
    """What becomes of a file, and what is wrong with that."""
    started, before = time.monotonic(), time.process_time()
    memory = _memory()
    try:
        kind.read(place)
        outcome, fault = "used", ""
    except MaskaugError as error:
        lines = str(error).splitlines()
        outcome, fault = ("refused", "") if len(lines) == 1 else ("fault", f"{len(lines)} lines: {error}")
    except mutated_files.RowError:
        outcome, fault = "a row", ""
    except Exception as error:
        outcome, fault = "fault", failure(error)
    seconds = min(time.monotonic() - started, time.process_time() - before)  # others may have the processor
    if seconds > SECONDS:
        outcome, fault = "fault", f"{seconds:.1f} s"
    if (more := _memory() - memory) > MEMORY:
        outcome, fault = "fault", f"{more / MEMORY:.1f} GB"
    return outcome, fault


def _memory() -> int:
    """The most that the process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _print(outcomes: Counter[tuple[str, str]], faults: dict[str, str]) -> None:
    titles = ["used", "refused", "a row", "fault"]
    table = Table("kind", "files", *titles, box=None, pad_edge=False)
    for kind in sorted({kind for kind, _ in outcomes}):
        counts = [outcomes[kind, title] for title in titles]
        table.add_row(kind, str(sum(counts)), *map(str, counts))
    counts = [sum(count for (_, one), count in outcomes.items() if one == title) for title in titles]
    table.add_row("all", str(sum(counts)), *map(str, counts))
    out = Console()
    out.print(table)
    for name, fault in list(faults.items())[:50]:
        out.print(f"{name}: {fault}", highlight=False, soft_wrap=True, markup=False)


if __name__ == "__main__":
    main()
