"""How `maskaug review` copes with 100 000 pictures: time until the window, memory, and time until the next picture.

python benchmarks/review.py [--rows 100000] [--shown 400] [--pause 0.12] [--json FILE]

A set of ROWS pictures is made in a temporary folder; the most doubtful of them, which are shown, exist. The window is
opened on a screen without a monitor (Xvfb, openbox, xdotool; tests/screen.py). Then, without a window, SHOWN of them
are decided on, PAUSE seconds apart: measured is the time from the key to the composed frame with the next picture.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from maskaug.augment.reviews.log import ReviewLog
from maskaug.core.manifest import Row, write_manifest
from maskaug.core.pictures import encode_picture
from maskaug.review_ui import ReviewOptions
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.session.session import Session
from maskaug.review_ui.view.controller import Controller
from maskaug.review_ui.view.keys import labels, read_keys
from maskaug.review_ui.view.picture_cache import PictureCache
from maskaug.review_ui.window.compose import compose

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import screen

_SIDE, _SIZE = 240, (1200, 750)
_WANTED = {"seconds until the window": 3.0, "memory, MB": 500.0, "next picture, p99 ms": 50.0}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--shown", type=int, default=400)
    parser.add_argument("--pause", type=float, default=0.12)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        dst = Path(folder, "dst")
        _make(dst, arguments.rows, arguments.shown + 100)
        started, memory = _window(dst)
        waits = _waits(dst, arguments.shown, arguments.pause)
    metrics = {
        "seconds until the window": started,
        "memory, MB": memory,
        "next picture, median ms": statistics.median(waits),
        "next picture, p99 ms": float(np.percentile(waits, 99)),
    }
    table = Table("", "figure", "wanted")
    for name, value in metrics.items():
        table.add_row(name, f"{value:.1f}", f"< {_WANTED[name]:g}" if name in _WANTED else "")
    Console().print(f"{arguments.rows} pictures, {arguments.shown} decided on")
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": arguments.rows, **metrics}, indent=1) + "\n")


def _make(dst: Path, count: int, existing: int) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        sha256 = f"{number:064x}"
        output = f"train/wearing_mask/{number:06}__n95_0.jpg"
        files = Row(source=f"{number:06}.png", source_sha256=sha256, output=output, output_sha256=sha256)
        place = Row(split="train", label="wearing_mask", subfolder="", copy=0, seed=1, width=_SIDE, height=_SIDE)
        mask = Row(status="masked", kind="n95", template="n95_white", quality=number / count)
        face = Row(yaw=0.0, pitch=0.0, roll=0.0, landmarks=[float(value) for value in rng.uniform(0, _SIDE, 136)])
        rows.append(Row(**files, **place, **mask, **face))
        if number < existing:
            path = dst / output
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_picture(rng.integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8), "jpeg"))
    write_manifest(dst, rows)


def _window(dst: Path) -> tuple[float, float]:
    """Seconds until the window is there, and MB of memory it then takes at most."""
    with screen.screen() as display:
        started = time.monotonic()
        command = [sys.executable, "-m", "maskaug", "review", str(dst), "--annotator", "window"]
        process = subprocess.Popen(command, cwd=dst.parent, env=display.environment, stdout=subprocess.DEVNULL)
        screen.until(display.windows, 60)
        seconds = time.monotonic() - started
        display.focus()
        display.press(*"aaaaaaaaaa")
        status = Path("/proc", str(process.pid), "status").read_text()
        display.press("q")
        process.wait(30)
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return seconds, int(peak.split()[1]) / 1024


def _waits(dst: Path, count: int, pause: float) -> list[float]:
    """Milliseconds from each key to the frame that shows the next picture."""
    log = ReviewLog(dst, "waits")
    queue = read_queue(ReviewOptions(dst=dst, annotator="waits"), log.events)
    picture_cache = PictureCache(dst, queue, None)
    controller, keys = Controller(Session(queue, log), picture_cache), labels(read_keys(None))
    waits = []
    try:
        _frame(controller, keys)
        for _ in range(count):
            time.sleep(pause)
            pressed = time.perf_counter()
            controller.do("accept", controller.scene)
            _frame(controller, keys)
            waits.append((time.perf_counter() - pressed) * 1e3)
    finally:
        picture_cache.close()
        log.close()
    return waits


def _frame(controller: Controller, keys: dict[str, str]) -> None:
    """Compose until all that is to be shown is there."""
    while True:
        view = controller.view()
        compose(view, _SIZE, keys)
        if all(cell.display is not None for cell in view.cells):
            controller.drawn(controller.scene)
            return
        time.sleep(0.002)


if __name__ == "__main__":
    os.environ.pop("DISPLAY", None)
    main()
