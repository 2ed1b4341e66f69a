"""An hour of generate, review, curate and train in one process: memory, handles, threads and temporary files over time.

python benchmarks/soak.py [--minutes 60]

Prints a line a round; exit 1 where, after a fifth of the rounds, memory leaves ± 5 % of its mean, the last round has
more handles or threads than the first, or a temporary file is left.
"""

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import torch

from maskaug.augment import CurateOptions, GenerateOptions, VerifyOptions, generate, verify
from maskaug.augment.curate.curate import curate
from maskaug.augment.reviews.log import Event, ReviewLog
from maskaug.review_ui import ReviewOptions
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.session.session import ACCEPT, Session
from maskaug.train import TrainOptions, train

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import astronaut
import tiny_network  # noqa: F401  registers the network

_WIDTH = 0.05  # of the mean
_CHANGES = ["size=32", "batch_size=8", "epochs=1"]


@dataclass(frozen=True)
class State:
    """The process after a round: resident memory in bytes, open handles, threads, and temporary files left."""

    memory: int
    handles: int
    threads: int
    left: int


def main() -> None:
    """Parse the command line, run, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    states = list[State]()
    with tempfile.TemporaryDirectory() as scratch:
        tempfile.tempdir = str(Path(scratch, "temporary"))
        Path(tempfile.tempdir).mkdir()
        astronaut.write_faces(Path(scratch, "faces"), {"train": 3, "val": 2})
        end = time.monotonic() + 60 * arguments.minutes
        for state in rounds(Path(scratch), end):
            states.append(state)
            print(f"round {len(states)}: {state.memory / 1e6:.1f} MB, {state}", flush=True)
    problems = judge(states)
    print(
        "\n".join(problems) or f"{len(states)} rounds in {arguments.minutes:g} minutes: nothing grows, nothing is left"
    )
    sys.exit(bool(problems))


def rounds(place: Path, end: float) -> Iterator[State]:
    """The process after each round, until the time is over."""
    while time.monotonic() < end:
        one_round(place)
        left = [path for path in place.rglob("*") if ".partial" in path.name or path.name.endswith(".lock")]
        left += list((place / "temporary").rglob("*"))
        for name in ("set", "final", "run"):
            shutil.rmtree(place / name)
        status = Path("/proc/self/status").read_text(encoding="ascii")
        memory = int(status.partition("VmRSS:")[2].split()[0]) * 1024
        yield State(memory, len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(left))


def one_round(place: Path) -> None:
    """All that a user does, once."""
    generated = place / "set"
    generate(GenerateOptions(src=place / "faces", dst=generated, workers=1))
    log = ReviewLog(generated, "anna")
    session = Session(read_queue(ReviewOptions(dst=generated, annotator="anna"), log.events), log)
    while not session.finished:
        session.decide(ACCEPT)
    log.append(Event(output_sha256="0" * 64, action="flag", time=datetime.now(timezone.utc)))
    log.close()
    curate(CurateOptions(dst=generated, out=place / "final", balance="none"))
    options = {"arch": "tiny", "set_": _CHANGES, "wandb": "disabled", "cache": place / "cache"}
    train(TrainOptions(data=place / "final", out=place / "run", **options))
    for folder in (generated, place / "final", place / "run"):
        if not verify(VerifyOptions(dst=folder)).is_whole:
            raise SystemExit(f"{folder} is not whole")


def judge(states: list[State]) -> list[str]:
    """What grew or was left, in sentences."""
    warm = states[len(states) // 5 :]
    if len(warm) < 3:
        return ["there were too few rounds to judge; give more --minutes"]
    mean = sum(state.memory for state in warm) / len(warm)
    widest = max(abs(state.memory / mean - 1) for state in warm)
    problems = [f"memory is up to {widest:.1%} from its mean"] if widest > _WIDTH else []
    for name in ("handles", "threads"):
        first, last = getattr(warm[0], name), getattr(warm[-1], name)
        problems += [f"{name}: {first} at first, {last} in the end"] if last > first else []
    left = sum(state.left for state in states)
    return problems + ([f"{left} temporary files were left"] if left else [])


if __name__ == "__main__":
    main()
