"""Bad days by the hundred: kill -9, full and failing disks, a clock that goes backwards, two runs at once, a power cut.

python benchmarks/faults.py [--kills 200] [--others 3] [--seed 0] [--only kills,disk,...] [--work DIR]

Each kill hits a worker, the parent or the whole group of a command at a random moment; then the command that goes on is
given, its output is compared byte for byte with that of an undisturbed run, and `maskaug verify` looks at it. Prints
what was tried and lost; exit 1 where anything was. The disks and the power cut need root, for mount, and are left out
where it is missing. A power cut is a copy of a mounted ext4 image, taken while the command's processes stand still: it
holds what the kernel had brought to the disk by then, and nothing else.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import faulted

_WORKS = {"generate": faulted.Generate, "curate": faulted.Curate, "train": faulted.Train}
# Of ten kills; a review is killed in a second, a generation takes some.
_SHARES = {"review": 4, "generate": 3, "curate": 2, "train": 1}
_BACKWARDS = """
import sys, time
from itertools import count
steps, real = count(), time.time
time.time = lambda: real() - 3600.0 * next(steps)
time.time_ns = lambda: int(time.time() * 1e9)
sys.path.insert(0, {tests!r})
import tiny_network
from maskaug.cli.app import main
main()
"""


@dataclass
class Tally:
    """What was tried, and what was lost."""

    tried: Counter[str] = field(default_factory=Counter)
    seen: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def count(self, fault: str, trial: Callable[[], str]) -> None:
        """Try once; the trial says how the user sees it, or raises `faulted.Lost`."""
        started = time.monotonic()
        try:
            self.seen[fault] = trial()
        except (faulted.Lost, subprocess.SubprocessError, OSError) as error:
            self.lost.append(f"{fault}: {error}")
        self.tried[fault] += 1
        lost = f", lost so far: {len(self.lost)}"
        print(f"{fault}, {self.tried[fault]}: {time.monotonic() - started:.0f} s{lost}", flush=True)


def main() -> None:
    """Parse the command line, try, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--others", type=int, default=3, help="trials of each other fault and command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="kills,clock,twice,full,readonly,eio,power", help="faults, with commas")
    parser.add_argument("--work", type=Path, help="folder to work in; it is not removed")
    arguments = parser.parse_args()
    tally, only = Tally(), arguments.only.split(",")
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as scratch:
        place = arguments.work or Path(scratch)
        works = {name: make(place / name) for name, make in _WORKS.items()}
        review = faulted.Review(place / "review")
        if "kills" in only:
            _kills(arguments.kills, works, review, rng, tally)
        for fault in only:
            if fault in _NEEDS_ROOT and os.geteuid():
                print(f"{fault} is left out: only root may mount")
                continue
            for _ in range(arguments.others if fault in _OTHERS else 0):
                _OTHERS[fault](works, rng, tally)
    _print(tally)
    sys.exit(bool(tally.lost))


def _kills(
    number: int, works: dict[str, faulted.Work], review: faulted.Review, rng: random.Random, tally: Tally
) -> None:
    turns = [name for name, share in _SHARES.items() for _ in range(share)]
    rng.shuffle(turns)
    for turn in range(number):
        name = turns[turn % len(turns)]
        if name == "review":
            tally.count("kill -9, review", lambda: f"{review.killed(rng)} decisions kept")
            continue
        who = rng.choice(faulted.WHO if name == "generate" else faulted.WHO[1:])
        work = works[name]
        tally.count(f"kill -9 of the {who}, {name}", lambda work=work, who=who: work.killed(who, rng) or "goes on")  # type: ignore[misc]


def _clock(works: dict[str, faulted.Work], _rng: random.Random, tally: Tally) -> None:
    """An hour back each time it is asked for."""
    program = _BACKWARDS.format(tests=str(Path(faulted.__file__).parent))
    for name, work in works.items():

        def trial(work: faulted.Work = work) -> str:
            faulted.remove(work.place / "out")
            environment = faulted.environment_of(work.place)
            command = [sys.executable, "-c", program, *work.begin(Path("out"))]
            done = subprocess.run(command, cwd=work.place, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise faulted.Lost(done.stderr[-600:])
            work.whole(Path("out"))
            return "not at all"

        tally.count(f"clock goes backwards, {name}", trial)


def _twice(works: dict[str, faulted.Work], rng: random.Random, tally: Tally) -> None:
    """Two commands on one folder, one a little later."""
    for name, work in works.items():

        def trial(work: faulted.Work = work) -> str:
            out = Path("out")
            faulted.remove(work.place / out)
            first = work.start(out)
            time.sleep(rng.uniform(0.0, 0.7) * work.seconds)
            second = faulted.run(work.begin(out), work.place)
            statuses = sorted([first.wait(), second.returncode])
            if statuses != [0, 1] or "Traceback" in second.stderr:
                raise faulted.Lost(f"exits {statuses}: {second.stderr[-600:]}")
            work.whole(out)
            return second.stderr.strip().splitlines()[-1] if second.returncode else "the first is refused"

        tally.count(f"two runs on one folder, {name}", trial)


def _full(works: dict[str, faulted.Work], rng: random.Random, tally: Tally) -> None:
    """A tmpfs that is too small, and then is not."""
    for name, work in works.items():

        def trial(work: faulted.Work = work) -> str:
            needed = sum(path.stat().st_size for path in (work.place / "whole").rglob("*") if path.is_file())
            size = int(needed * rng.uniform(0.1, 0.8)) // 4096 * 4 + 4
            with faulted.mounted(work.place / "disk", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs") as disk:
                out = Path("disk", "out")
                done = faulted.run(work.begin(out), work.place)
                _refused(done, "No space left on device")
                subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
                work.finish(out)
            return done.stderr.strip().splitlines()[-1]

        tally.count(f"full disk, {name}", trial)


def _read_only(works: dict[str, faulted.Work], _rng: random.Random, tally: Tally) -> None:
    """A file system on which nothing can be written."""
    for name, work in works.items():

        def trial(work: faulted.Work = work) -> str:
            with faulted.mounted(work.place / "disk", "-t", "tmpfs", "-o", "ro", "tmpfs"):
                done = faulted.run(work.begin(Path("disk", "out")), work.place)
                _refused(done, "Read-only file system")
            return done.stderr.strip().splitlines()[-1]

        tally.count(f"read-only folder, {name}", trial)


def _eio(works: dict[str, faulted.Work], _rng: random.Random, tally: Tally) -> None:
    """Files whose first byte the kernel refuses with EIO: links to /proc/self/mem, where nothing lies at address 0."""

    def source() -> str:
        work = works["generate"]
        bad = work.place / "faces" / "train" / "not_wearing_mask" / "zzz.jpg"
        faulted.remove(work.place / "out")
        bad.symlink_to("/proc/self/mem")
        try:
            done = faulted.run(work.begin(Path("out")), work.place)
        finally:
            bad.unlink()
        if done.returncode or "refused, unreadable" not in done.stdout:
            raise faulted.Lost(f"exit {done.returncode}: {done.stdout} {done.stderr}")
        return "the picture's row: refused, unreadable"

    def picture() -> str:
        work = works["curate"]
        victim = min((work.place / "set" / "train" / "wearing_mask").iterdir())
        return _unreadable(work, victim, work.begin(Path("out")))

    def manifest() -> str:
        work = works["curate"]
        return _unreadable(work, work.place / "set" / "manifest" / "part-00000.parquet", work.begin(Path("out")))

    def checkpoint() -> str:
        work = works["train"]
        faulted.remove(work.place / "out")
        work.must(work.begin(Path("out")))
        return _unreadable(work, work.place / "out" / "last.pt", ["train", "--resume", "out"])

    for trial in (source, picture, manifest, checkpoint):
        tally.count(f"EIO on read, {trial.__name__}", trial)


def _unreadable(work: faulted.Work, victim: Path, command: list[str]) -> str:
    if command[0] == "curate":
        faulted.remove(work.place / "out")
    kept = victim.with_name(f"{victim.name}.kept")
    victim.rename(kept)
    victim.symlink_to("/proc/self/mem")
    try:
        done = faulted.run(command, work.place)
    finally:
        victim.unlink()
        kept.rename(victim)
    _refused(done, str(victim.name))
    return done.stderr.strip().splitlines()[-1]


def _power(works: dict[str, faulted.Work], rng: random.Random, tally: Tally) -> None:
    """What a power cut leaves of a file system."""
    for name, work in works.items():
        tally.count(f"power cut, {name}", lambda work=work: _cut(work, rng))  # type: ignore[misc]


def _cut(work: faulted.Work, rng: random.Random) -> str:
    image, copy, out = work.place / "disk.img", work.place / "cut.img", Path("disk", "out")
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    with faulted.mounted(work.place / "disk", "-o", "loop,commit=1", str(image)):
        process = work.start(out)
        time.sleep(rng.uniform(0.3, 1.1) * work.seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGSTOP)
        shutil.copyfile(image, copy)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.5)  # the last of the killed processes lets go of the disk
    image.unlink()
    with faulted.mounted(work.place / "disk", "-o", "loop", str(copy)) as disk:
        there = sorted(path.name for path in disk.glob("out/*"))
        work.finish(out)
    copy.unlink()
    return f"as a kill; {len(there)} names were there"


def _refused(done: "subprocess.CompletedProcess[str]", told: str) -> None:
    """Make sure that a command ended with exit 1 and a sentence.

    Raises:
        faulted.Lost: it did not.
    """
    if done.returncode != 1 or told not in done.stderr or "Traceback" in done.stderr:
        raise faulted.Lost(f"exit {done.returncode}, without {told!r}: {done.stderr[-600:]}")


_NEEDS_ROOT = {"full", "readonly", "power"}
_OTHERS = {
    **{"clock": _clock, "twice": _twice, "full": _full},
    **{"readonly": _read_only, "eio": _eio, "power": _power},
}


def _print(tally: Tally) -> None:
    table = Table("fault", "times", "how it is seen, the last time", box=None, pad_edge=False)
    for fault, times in sorted(tally.tried.items()):
        table.add_row(fault, str(times), tally.seen.get(fault, ""))
    out = Console()
    out.print(table)
    for lost in tally.lost:
        out.print(f"LOST: {lost}", highlight=False, soft_wrap=True, markup=False)
    out.print(f"{sum(tally.tried.values())} tried, {len(tally.lost)} lost", highlight=False)


if __name__ == "__main__":
    main()
