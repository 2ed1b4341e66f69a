"""Where the time of one masked copy goes: milliseconds a picture by stage, on one core, best of a few passes.

python benchmarks/stages.py FACES [--passes 4]
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from maskaug.core.pictures import encode_picture, read_picture
from maskaug.masktheface_wrapper import MaskEngine, engine
from maskaug.masktheface_wrapper.detect import landmarks


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--passes", type=int, default=4)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    masks = MaskEngine.default()
    cv2.setNumThreads(1)
    threadpool_limits(1)

    paths = sorted(path for path in arguments.faces.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        sys.exit(f"no picture in {arguments.faces}")
    spent = _watch(
        (engine, ("fit_camera", "fit_shell", "warp", "strap_layers", "shade", "composite", "assess")),
        (landmarks.LandmarkPredictor, ("predict",)),
    )
    best: dict[str, float] = {}
    for _ in range(arguments.passes):
        spent.clear()
        _one_pass(masks, paths, spent)
        best = {name: min(seconds, best.get(name, seconds)) for name, seconds in spent.items()}
    table = Table("stage", "ms a picture")
    for name, seconds in best.items():
        table.add_row(name, f"{seconds / len(paths) * 1e3:.2f}")
    Console().print(table)


def _one_pass(masks: MaskEngine, paths: list[Path], spent: dict[str, float]) -> None:
    rng = np.random.default_rng(0)
    for path in paths:
        picture = _timed(spent, "read", read_picture)(path).pixels
        for face in _timed(spent, "find (all)", masks.find)(picture)[:1]:
            overlay = _timed(spent, "apply (all)", masks.apply)(picture, face, masks.draw(rng))
            _timed(spent, "encode", encode_picture)(overlay.image, "jpeg")


def _watch(*places: tuple[Any, tuple[str, ...]]) -> dict[str, float]:
    """Seconds spent in functions, by name; they are replaced where their callers look them up."""
    spent: dict[str, float] = {}
    for place, names in places:
        for name in names:
            setattr(place, name, _timed(spent, f"  {name}", getattr(place, name)))
    return spent


def _timed(spent: dict[str, float], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        started = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - started

    return timed


if __name__ == "__main__":
    main()
