"""The report's two ablations, as a table and a plot: ResNet-50 or ResNet-152, and pretrained or not.

python benchmarks/report_ablation.py [DEPTH PRETRAINED]

DEPTH and PRETRAINED are folders of `maskaug ablate`, as docs/ablations.md says; what they hold is kept in
benchmarks/report_ablation.json. Without them, table and plot are made anew from that file: the part of
docs/ablations.md between its two marks, and docs/ablations.png.
"""

import argparse
import json
from math import nan
from pathlib import Path
from typing import Any

from maskaug.core.files import write_atomic
from maskaug.train.ablate.ablate import ABLATION_FILE
from maskaug.train.ablate.comparison import Ablation, Key, Outcome, comparison_table, markdown, summary_table
from maskaug.train.evaluate.plots import spread_plot

_ROOT = Path(__file__).resolve().parents[1]
_KEPT = _ROOT / "benchmarks/report_ablation.json"
_PAGE, _PLOT = _ROOT / "docs/ablations.md", _ROOT / "docs/ablations.png"
_TITLES = {"depth": "ResNet-50 or ResNet-152", "pretrained": "EfficientNet-Lite0, with ImageNet weights or without"}
_BEGIN, _END = "<!-- tables: benchmarks/report_ablation.py -->\n", "<!-- end of tables -->\n"
_PLOTTED = ("accuracy", "auc")


def main() -> None:
    """Parse the command line, keep what is given, write table and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    given = parser.parse_args()
    if given.folders:
        if len(given.folders) != len(_TITLES):
            parser.error(f"name two folders, of {' and '.join(_TITLES)}, or none")
        kept = {name: read(folder) for name, folder in zip(_TITLES, given.folders, strict=True)}
        _KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    record = json.loads(_KEPT.read_text(encoding="utf-8"))
    grids = {name: ablation_of(record[name]) for name in _TITLES}
    before, _, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    _PAGE.write_text(before + _BEGIN + tables(grids) + _END + after, encoding="utf-8")
    write_atomic(_PLOT, plot(grids), _PLOT.parent)


def read(folder: Path) -> dict[str, Any]:
    """Settings and figures of a finished grid; weights of a file are called by its name, and places are left out."""
    record = json.loads((folder / ABLATION_FILE).read_text(encoding="utf-8"))
    factors = {name: [Path(value).name for value in values] for name, values in record["factors"].items()}
    runs = [
        {
            "settings": {name: Path(value).name for name, value in run["settings"].items()},
            "seed": run["seed"],
            "figures": run["figures"],
        }
        for run in record["runs"]
    ]
    return {"recipe": record["base"]["recipe"], "set": record["base"]["set"], "factors": factors, "runs": runs}


def ablation_of(record: dict[str, Any]) -> Ablation:
    """What :func:`read` has kept of a grid."""
    outcomes = []
    for run in record["runs"]:
        metrics: dict[Key, float] = {}
        for title, value in run["figures"].items():
            metric, _, on = title.partition(", ")
            metrics[on, metric] = nan if value is None else value
        outcomes.append(Outcome(run["settings"], run["seed"], Path(), metrics))
    return Ablation(record["factors"], outcomes)


def tables(grids: dict[str, Ablation]) -> str:
    """The picture, and of each grid its figures and its comparisons."""
    parts = [f"\n![Accuracy and AUC of the four networks: a dot is a seed, a bar the mean]({_PLOT.name})\n"]
    for name, grid in grids.items():
        titles, rows = comparison_table(grid)
        rows = [row for row in rows if row[titles.index("difference")] != "-"]
        parts.append(f"\n## {_TITLES[name]}\n\n{markdown(*summary_table(grid))}\n{markdown(titles, rows)}\n")
    return "".join(parts)


def plot(grids: dict[str, Ablation]) -> bytes:
    """A panel for each metric and set; a row for each network of either grid."""
    rows = [(", ".join(settings.values()), spreads) for grid in grids.values() for settings, spreads in grid.spreads()]
    keys = [key for key in next(iter(grids.values())).keys if key[1] in _PLOTTED]
    defined = [key for key in keys if all(spreads[key].mean == spreads[key].mean for _, spreads in rows)]
    return spread_plot(
        {f"{metric}, {on}": {title: spreads[on, metric].values for title, spreads in rows} for on, metric in defined}
    )


if __name__ == "__main__":
    main()
