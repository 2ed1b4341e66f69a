"""Draws what more faces are worth: accuracy on photographs over the number of faces that a network learnt from.

python benchmarks/faces_plot.py [--out docs/faces.png]

Reads benchmarks/faces.json, whose figures the bundled classifier's card has.
"""

import argparse
import io
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter

from maskaug.train.evaluate.plots import STYLE

_ROOT = Path(__file__).resolve().parents[1]
_FIGURES = _ROOT / "benchmarks/faces.json"
_INCHES, _DPI = (7.0, 4.0), 200  # letters are of 12 px where the plot is shown 700 px wide
_ASIDE = 1.02  # dots of one number of faces lie beside each other by this factor


def draw(told: dict[str, Any]) -> bytes:
    """A PNG: a line for each set of photographs, with a bar of one standard deviation over the seeds each way.

    Args:
        told: As benchmarks/faces.json has it.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.subplots()
        for place, (name, one) in enumerate(told["sets"].items()):
            beside = [count * _ASIDE ** (place - (len(told["sets"]) - 1) / 2) for count in told["faces"]]
            axes.errorbar(beside, one["mean"], yerr=one["sd"], marker="o", markersize=5, capsize=3, label=name)
        axes.set_xscale("log")
        axes.set_xticks(
            told["faces"],
            [
                f"{faces:,}\n{pictures:,} pictures\n{seeds} seeds"
                for faces, seeds, pictures in zip(told["faces"], told["seeds"], told["pictures"], strict=True)
            ],
        )
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel("unmasked faces learnt from")
        axes.set_ylabel("accuracy")
        axes.set_title(f"{told['network']}: mean and standard deviation over seeds")
        figure.legend(loc="outside lower center", ncols=4)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=_ROOT / "docs/faces.png")
    parser.parse_args().out.write_bytes(draw(json.loads(_FIGURES.read_text())))


if __name__ == "__main__":
    main()
