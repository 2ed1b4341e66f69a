"""What makes a difference among runs: means over seeds, paired comparisons, and their table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import isfinite, isnan, nan
from pathlib import Path
from statistics import mean, stdev

from scipy.stats import ttest_rel

METRICS = ("accuracy", "macro_f1", "auc", "loss")  # of those that the runs' number of classes has

Settings = dict[str, str]  # values by the names of what is varied
Key = tuple[str, str]  # set of pictures, metric


@dataclass(frozen=True)
class Outcome:
    """One trained run.

    Attributes:
        settings: What was varied.
        seed: Of the run.
        run: Its folder.
        metrics: Such as ``("validation", "accuracy")``; nan where undefined.
    """

    settings: Settings
    seed: int
    run: Path
    metrics: dict[Key, float]


@dataclass(frozen=True)
class Spread:
    """A metric over seeds or pairs: its values, their mean, and their sample standard deviation (nan for one)."""

    values: list[float]

    @property
    def mean(self) -> float:
        """Of the values; nan without any."""
        return mean(self.values) if self.values else nan

    @property
    def deviation(self) -> float:
        """Sample standard deviation."""
        return stdev(self.values) if len(self.values) > 1 else nan

    def text(self, sign: str = "") -> str:
        """``0.9912 ± 0.0020``; with sign ``+``, ``+0.9912 ± 0.0020``."""
        if isnan(self.mean):
            return "-"
        return f"{self.mean:{sign}.4f}" + (f" ± {self.deviation:.4f}" if isfinite(self.deviation) else "")


@dataclass(frozen=True)
class Comparison:
    """What one value of one factor changes against the factor's first, all else and the seed being equal.

    Attributes:
        factor: What was varied.
        value, baseline: The two values.
        on: Set of pictures.
        metric: Its name.
        differences: Value minus baseline, of each pair of runs.
        p: Of Student's paired t-test, two-sided; nan where there are fewer than two pairs, or no spread.
    """

    factor: str
    value: str
    baseline: str
    on: str
    metric: str
    differences: Spread
    p: float


@dataclass(frozen=True)
class Ablation:
    """All runs of a grid, and what was varied: the first value of each factor is its baseline."""

    factors: dict[str, list[str]]
    outcomes: list[Outcome]

    @property
    def keys(self) -> list[Key]:
        """Sets of pictures the runs were judged on, each with all metrics."""
        return list(dict.fromkeys(key for outcome in self.outcomes for key in outcome.metrics))

    def spreads(self) -> Iterator[tuple[Settings, dict[Key, Spread]]]:
        """Each combination of settings with its metrics over the seeds."""
        seen = {tuple(outcome.settings.values()): outcome.settings for outcome in self.outcomes}
        for settings in seen.values():
            mine = [outcome for outcome in self.outcomes if outcome.settings == settings]
            yield settings, {key: Spread([outcome.metrics[key] for outcome in mine]) for key in self.keys}

    def comparisons(self) -> Iterator[Comparison]:
        """Every value of every factor against the first one, metric by metric."""
        known = {(*sorted(outcome.settings.items()), outcome.seed): outcome.metrics for outcome in self.outcomes}
        for factor, values in self.factors.items():
            for value, (on, metric) in product(values[1:], self.keys):
                pairs = []
                for outcome in self.outcomes:
                    other = {**outcome.settings, factor: values[0]}
                    against = known.get((*sorted(other.items()), outcome.seed))
                    if outcome.settings[factor] == value and against is not None:
                        pairs.append((outcome.metrics[on, metric], against[on, metric]))
                pairs = [pair for pair in pairs if not any(map(isnan, pair))]
                differences = Spread([first - second for first, second in pairs])
                yield Comparison(factor, value, values[0], on, metric, differences, _p(pairs, differences))


def grid(factors: Mapping[str, list[str]], *, one_at_a_time: bool = False) -> list[Settings]:
    """All combinations, the last factor varying fastest; or the baseline, and what differs from it in one factor."""
    combinations = [dict(zip(factors, values, strict=True)) for values in product(*factors.values())]
    if not one_at_a_time:
        return combinations
    baseline = combinations[0]
    changed = [{**baseline, name: value} for name, values in factors.items() for value in values[1:]]
    return [baseline, *changed]


def describe(settings: Settings) -> str:
    """Settings for people: ``weights none, arch resnet50``."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def summary_table(ablation: Ablation) -> tuple[list[str], list[list[str]]]:
    """Titles and rows of the metrics: a row for each combination and set of pictures, mean and deviation over seeds."""
    sets = list(dict.fromkeys(on for on, _ in ablation.keys))
    metrics = [name for name in METRICS if any(name == metric for _, metric in ablation.keys)]
    rows = []
    for settings, spreads in ablation.spreads():
        for on in sets:
            mine = [spreads[on, metric] for metric in metrics]
            rows.append([*settings.values(), on, str(len(mine[0].values)), *(spread.text() for spread in mine)])
    return [*ablation.factors, "on", "seeds", *metrics], rows


def comparison_table(ablation: Ablation) -> tuple[list[str], list[list[str]]]:
    """Titles and rows of the comparisons."""
    titles = ["change", "on", "figure", "difference", "pairs", "p"]
    rows = []
    for one in ablation.comparisons():
        change = f"{one.factor}: {one.baseline} to {one.value}"
        p = "-" if isnan(one.p) else f"{one.p:.2g}"
        rows.append([change, one.on, one.metric, one.differences.text("+"), str(len(one.differences.values)), p])
    return titles, rows


def markdown(titles: list[str], rows: list[list[str]]) -> str:
    """A table as Markdown has it."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"


def _p(pairs: list[tuple[float, float]], differences: Spread) -> float:
    if len(pairs) < 2 or not differences.deviation > 0:
        return nan
    return float(ttest_rel(*zip(*pairs, strict=True)).pvalue)
