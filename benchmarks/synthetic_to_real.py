"""What synthetic masks are worth on real ones: two recipes and two programs' overlays, judged on photographs.

python benchmarks/synthetic_to_real.py DATA --real DIR [--peer-overlays DIR] [--seeds 3] [--set FIELD=VALUE ...]
    [--report-set FIELD=VALUE ...] [--out DIR] [--device auto] [--only-summary]

DATA is what maskaug generate or curate wrote; the folder of --real has {not_wearing_mask,wearing_mask}, photographs of
other people; that of --peer-overlays is of peer_overlays.py. Three rows are trained, with so many seeds each: the
report's recipe on MaskTheFace's overlays, the report's recipe on DATA, and the robust recipe on DATA. A run is in
OUT/ROW/seedN, as of maskaug train. Given again, the command leaves finished runs and goes on with others; with
--only-summary it trains nothing, and DATA can be left out.

OUT gets table.md, figures.json, roc.png, and wrong.png: what the robust runs call wrongly. All finished runs in OUT
count, whatever their seeds. A figure is the mean over the runs of a row, with their sample standard deviation, and the
95 % percentile bootstrap interval of that mean: pictures are drawn again, the same ones for every run, so it tells how
far other photographs might move the figure; the deviation tells how far another seed might. Pictures made from one
face are drawn together, where the manifest says so. Each run's temperature and threshold are found on its own
validation pictures, whose accuracy is therefore a little too good; never on photographs.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from synthetic_to_real_plots import Wrong, roc_plot, wrong_sheet
from synthetic_to_real_rows import (
    BOOTSTRAP_SEED,
    INTERVAL,
    MACHINE_FILE,
    RESAMPLES,
    Row,
    SummaryError,
    check_same,
    read_config,
    read_row,
)

from maskaug.cli.training import train_progress
from maskaug.core.classes import CLASSES
from maskaug.core.files import write_atomic
from maskaug.core.version import __version__
from maskaug.train.ablate.comparison import markdown
from maskaug.train.data.samples import list_samples
from maskaug.train.errors import TrainError
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.train import train
from maskaug.train.model.device import pick_device
from maskaug.train.run_dir import RunDir

TABLE_FILE, FIGURES_FILE, ROC_FILE, WRONG_FILE = "table.md", "figures.json", "roc.png", "wrong.png"

_REPORT, _ROBUST = "report", "robust"  # recipes
_PEER_ROW, _REPORT_ROW, _ROBUST_ROW = "report-peer", "report", "robust"  # folders below OUT
_TITLES = {
    _PEER_ROW: "report recipe, MaskTheFace's overlays",
    _REPORT_ROW: "report recipe, maskaug's overlays",
    _ROBUST_ROW: "robust recipe, maskaug's overlays",
}
_MOST_WRONG = 60


@dataclass(frozen=True)
class Plan:
    """One row to be trained."""

    folder: Path
    recipe: str
    data: Path
    changes: list[str]

    def options(self, seed: int, device: str) -> TrainOptions:
        """Of one run."""
        return TrainOptions.model_validate(
            {
                "recipe": self.recipe,
                "data": self.data,
                "classes": CLASSES,
                "set_": self.changes,
                "out": self.folder / f"seed{seed}",
                "seed": seed,
                "device": device,
                "wandb": "disabled",
            }
        )


def main() -> None:
    """Train what is missing, judge, and summarise."""
    arguments = _arguments()
    out, real = arguments.out, arguments.real
    try:
        _check_real(real)
        if not arguments.only_summary:
            _train(_plans(arguments), arguments.seeds, arguments.device)
        rows = {
            name: row for name, title in _TITLES.items() if (row := read_row(title, out / name, real, arguments.device))
        }
        if not rows:
            raise SummaryError(f"{out} holds no finished run; leave out --only-summary to train some")
        check_same({row.title: row.real.predictions for row in rows.values()})
        _write(out, real, rows)
    except TrainError as error:
        sys.exit(f"synthetic_to_real: {error}")
    except OSError as error:
        sys.exit(f"synthetic_to_real: cannot write {error.filename or out}: {error.strerror}")
    except KeyboardInterrupt:
        sys.exit("synthetic_to_real: stopped; the same command goes on")
    console = Console()
    console.print(_table(rows, real.resolve().name))
    console.print(f"± over seeds; in brackets: {INTERVAL}", highlight=False)
    console.print(f"written to {out}: {', '.join(_files(rows))}", highlight=False, soft_wrap=True, markup=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="data set of maskaug generate or curate")
    parser.add_argument("--real", type=Path, required=True, help="photographs to judge on")
    parser.add_argument("--peer-overlays", type=Path, help="data set of peer_overlays.py")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each row, with seeds 0, 1, 2 ...")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="for the robust runs")
    parser.add_argument(
        "--report-set", action="append", default=[], metavar="FIELD=VALUE", help="for the report's runs"
    )
    parser.add_argument("--out", type=Path, default=Path("synthetic_to_real"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only-summary", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    if arguments.data is None and not arguments.only_summary:
        parser.error("name DATA to train on, or give --only-summary")
    if arguments.seeds < 1:
        parser.error(f"--seeds must be 1 or more, but is {arguments.seeds}")
    return arguments


def _check_real(real: Path) -> None:
    labels = {sample.label for sample in list_samples(real, CLASSES).samples}
    if len(labels) < len(CLASSES):
        raise SummaryError(f"{real} must have pictures in both {' and '.join(CLASSES)}")


def _plans(arguments: argparse.Namespace) -> list[Plan]:
    """The rows asked for; that what is wrong with them is told before hours of training.

    Raises:
        DataError, RecipeError: a data set or a recipe cannot be used.
    """
    out = arguments.out
    plans = [
        Plan(out / _REPORT_ROW, _REPORT, arguments.data, arguments.report_set),
        Plan(out / _ROBUST_ROW, _ROBUST, arguments.data, arguments.set),
    ]
    if arguments.peer_overlays:
        plans.insert(0, Plan(out / _PEER_ROW, _REPORT, arguments.peer_overlays, arguments.report_set))
    for plan in plans:
        _ = plan.options(0, arguments.device).resolved_recipe
        for split in ("train", "val"):
            list_samples(plan.data, CLASSES, split)
    return plans


def _train(plans: Sequence[Plan], seeds: int, device: str) -> None:
    """Train what is missing; finished runs are left, unfinished ones go on."""
    console = Console(stderr=True)
    wanted = [plan.options(seed, device) for plan in plans for seed in range(seeds)]
    for options in wanted:
        _check_run(options)
    for number, options in enumerate(wanted):
        run = options.out or Path()
        if RunDir(run).is_finished:  # a training writes it when it is through
            continue
        console.print(f"run {number + 1} of {len(wanted)}: {run}", highlight=False, soft_wrap=True, markup=False)
        begun = RunDir(run).config.exists()
        with train_progress() as report:
            train(TrainOptions.model_validate({"resume": run}) if begun else options, report)
        machine = {"hardware": _hardware(device), "torch": torch.__version__, "finished": _now()}
        write_atomic(run / MACHINE_FILE, json.dumps(machine, indent=2).encode() + b"\n", run)


def _check_run(options: TrainOptions) -> None:
    """A run that is there already must be what is asked for.

    Raises:
        SummaryError: it was begun with another recipe or other data.
    """
    run = options.out or Path()
    if not RunDir(run).config.exists():
        return
    config, recipe = read_config(run), options.resolved_recipe.model_dump(mode="json")
    now = {"data": str((options.data or Path()).resolve()), **recipe}
    for name, before in {"data": config["options"]["data"], **config["recipe"]}.items():
        if now.get(name) != before:
            raise SummaryError(
                f"{run} was begun with {name} {before}, and now it is {now.get(name)}; choose another --out"
            )


def _write(out: Path, real: Path, rows: dict[str, Row]) -> None:
    name = real.resolve().name
    write_atomic(out / ROC_FILE, roc_plot({row.title: row.real.scores for row in rows.values()}), out)
    if _ROBUST_ROW in rows:
        write_atomic(out / WRONG_FILE, _sheet(rows[_ROBUST_ROW], name), out)
    text = f"{markdown(*_cells(rows, name, ' '))}\n± over seeds; in brackets: {INTERVAL}.\n"
    write_atomic(out / TABLE_FILE, text.encode(), out)
    record = json.dumps(_record(real, rows), indent=2)
    write_atomic(out / FIGURES_FILE, record.encode() + b"\n", out)


def _files(rows: dict[str, Row]) -> list[str]:
    return [TABLE_FILE, FIGURES_FILE, ROC_FILE, *([WRONG_FILE] if _ROBUST_ROW in rows else [])]


def _cells(rows: dict[str, Row], real: str, between: str) -> tuple[list[str], list[list[str]]]:
    """Titles and lines: a column for each row that was trained, since a figure with its interval is long."""
    titles = [f"on {real}", *(row.title for row in rows.values())]
    names = next(iter(rows.values())).metrics
    lines = [[name, *(row.metrics[name].text(between) for row in rows.values())] for name in names]
    return titles, [*lines, ["runs", *(str(len(row.seeds)) for row in rows.values())]]


def _table(rows: dict[str, Row], real: str) -> Table:
    titles, lines = _cells(rows, real, "\n")
    table = Table(*titles)
    for line in lines:
        table.add_row(*line)
    return table


def _sheet(row: Row, real: str) -> bytes:
    """What the runs call wrongly together: by their mean probability, at their mean threshold."""
    first, threshold = row.real.scores[0], float(row.real.thresholds.mean())
    probabilities = np.mean([one.masked.probabilities for one in row.real.scores], axis=0)
    wrong = [
        Wrong(Path(path), bool(masked), float(probability))
        for path, masked, probability in zip(row.real.predictions.path, first.masked.labels, probabilities, strict=True)
        if (probability >= threshold) != masked
    ]
    shown = sorted(wrong, key=lambda one: -one.error)[:_MOST_WRONG]
    runs = "1 run" if len(row.seeds) == 1 else f"mean of {len(row.seeds)} runs"
    title = (
        f"{row.title}: {len(wrong)} of {len(first)} pictures of {real} called wrongly, worst first. Below: "
        f"class, probability of a mask ({runs}; threshold {threshold:.2f})."
    )
    return wrong_sheet(title, shown)


def _record(real: Path, rows: dict[str, Row]) -> dict[str, Any]:
    """For ``figures.json``; what is undefined is null."""
    labels = next(iter(rows.values())).real.scores[0].masked.labels
    return {
        "made": _now(),
        "maskaug": __version__,
        "real": {"name": real.resolve().name, "masked": int(labels.sum()), "unmasked": int((~labels).sum())},
        "interval": f"{INTERVAL}; {RESAMPLES} resamples, seed {BOOTSTRAP_SEED}",
        "rows": {
            name: {
                "title": row.title,
                "data": Path(row.configs[0]["options"]["data"]).name,
                "runs": len(row.configs),
                "seeds": row.seeds,
                "machines": row.machines,
                "torch": sorted({config["versions"]["torch"] for config in row.configs}),
                "figures": {title: figure.as_json() for title, figure in row.metrics.items()},
            }
            for name, row in rows.items()
        },
        "recipes_differ_in": _differences({name: row.configs[0]["recipe"] for name, row in rows.items()}),
        "recipes": {name: row.configs[0]["recipe"] for name, row in rows.items()},
    }


def _differences(recipes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Fields that are not the same in all rows, each with its value by row."""
    fields = list(dict.fromkeys(field for recipe in recipes.values() for field in recipe))
    values = {field: {name: recipe.get(field) for name, recipe in recipes.items()} for field in fields}
    return {field: by_row for field, by_row in values.items() if len({json.dumps(one) for one in by_row.values()}) > 1}


def _hardware(device: str) -> str:
    """What it was trained on: ``NVIDIA H100 80GB HBM3``, or the processor and its cores."""
    chosen = pick_device(device)
    if chosen.type == "cuda":
        return torch.cuda.get_device_name(chosen)
    return f"{_processor()}, {os.cpu_count()} cores"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


if __name__ == "__main__":
    main()
