"""The plots of the report: metrics and arrays in, SVG text out, for an HTML page."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from maskaug.core.classes import MASKED
from maskaug.train.data.classes import Classes
from maskaug.train.evaluate.metrics import ECE_BINS, STRICT_FPR, recall, specificity
from maskaug.train.model.scores import OneVsRest, Scores

# Paul Tol's bright colours, which the colour-blind can tell apart.
BLUE, RED, GREEN, GREY = "#4477aa", "#ee6677", "#228833", "#bbbbbb"
_SERIES = (BLUE, RED, GREEN, "#ccbb44", "#66ccee", "#aa3377")
STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": "#333333",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "legend.frameon": False,
    "svg.hashsalt": "maskaug",
}
_PANEL = (3.3, 2.7)  # inches
_COLUMNS = 3
_FEWEST_ALARMS = 1e-3  # where the logarithmic axis begins
_SCORE_BINS = 40
_BESIDE_CURVES = 3  # names that find room beside the curves

# Columns of metrics.csv in a panel, the panel's title, and whether its axis is logarithmic.
_PANELS = (
    (("train_loss", "val_loss"), "loss", False),
    (("train_accuracy", "val_accuracy"), "accuracy", False),
    (("val_macro_f1",), "macro F1 on validation", False),
    (("val_auc",), "AUC on validation", False),
    (("lr",), "learning rate", True),
    (("grad_norm",), "gradient norm", True),
    (("samples_per_s",), "pictures a second", False),
)


def training_curves(history: Mapping[str, NDArray[np.floating]], best_epoch: float | None) -> str:
    """The training by epoch, a panel for each metric; the epoch whose weights were kept is marked.

    Args:
        history: Columns of ``metrics.csv`` of one length, ``epoch`` among them.
        best_epoch: The epoch that was kept.
    """
    panels = [panel for panel in _PANELS if any(name in history for name in panel[0])]
    with _figure(len(panels)) as (figure, all_axes):
        for axes, (names, title, logarithmic) in zip(all_axes, panels, strict=True):
            drawn = [name for name in names if name in history]
            for name in drawn:
                training = name.startswith("train_") and len(drawn) > 1
                label = "training" if training else "validation"
                colour = GREY if training else BLUE
                marker = "o" if len(history["epoch"]) < 20 else None
                axes.plot(history["epoch"], history[name], color=colour, label=label, marker=marker, markersize=2.5)
            if best_epoch is not None:
                axes.axvline(best_epoch, color=RED, linewidth=1, linestyle=":", label="kept")
            if logarithmic and all(np.nanmin(history[name]) > 0 for name in drawn):
                axes.set_yscale("log")
            if len(drawn) > 1:
                axes.legend()
            axes.set_title(title)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    return _svg(figure, "loss, accuracy and other metrics by epoch")


def ranking_plots(scores: Mapping[str, OneVsRest]) -> str:
    """ROC curves, the same at few false alarms, and precision over recall; where decisions are made is marked.

    Args:
        scores: Sets of pictures of a class and of others, by name.
    """
    with _figure(3) as (figure, (whole, few, precise)):
        for colour, (name, one) in zip(cycle(_SERIES), scores.items(), strict=False):
            false, true = one.roc
            place = (1 - specificity(one), recall(one))
            for axes in (whole, few):
                shown = np.maximum(false, _FEWEST_ALARMS) if axes is few else false
                axes.plot(shown, true, color=colour, label=name, linewidth=1.6, drawstyle="steps-post")
                axes.plot(
                    max(place[0], _FEWEST_ALARMS if axes is few else 0), place[1], "o", color=colour, markersize=5
                )
            precision, sensitivity, _ = precision_recall_curve(one.labels, one.probabilities)
            precise.plot(sensitivity, precision, color=colour, linewidth=1.6, drawstyle="steps-post")
            said = one.decided.sum()
            if said:
                precise.plot(place[1], (one.decided & one.labels).sum() / said, "o", color=colour, markersize=5)
        whole.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--")
        few.axvline(STRICT_FPR, color=GREY, linewidth=0.8, linestyle="--")
        few.set_xscale("log")
        few.xaxis.set_major_locator(LogLocator(10))
        few.xaxis.set_minor_formatter(NullFormatter())
        few.xaxis.set_major_formatter(lambda share, _: f"{share:.1%}" if share < STRICT_FPR else f"{share:.0%}")
        for axes, title in ((whole, "ROC"), (few, "ROC at few false alarms")):
            axes.set_title(title)
            axes.set_xlabel("false alarms")
            axes.set_ylabel("recall")
        precise.set_title("precision over recall")
        precise.set_xlabel("recall")
        precise.set_ylabel("precision")
        for axes in (whole, few, precise):
            axes.set_ylim(-0.02, 1.02)
            if axes is not few:
                axes.xaxis.set_major_formatter(PercentFormatter(1))
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        if len(scores) <= _BESIDE_CURVES:
            whole.legend(loc="lower right")
        else:
            figure.legend(*whole.get_legend_handles_labels(), loc="outside lower center", ncols=_COLUMNS)
    return _svg(figure, "ROC and precision-recall curves")


def calibration_plots(scores: Scores, uncalibrated: Scores, threshold: float, classes: Classes) -> str:
    """Whether probabilities can be believed, how the classes are spread over them, and what is taken for what.

    Of two classes, the probabilities are of the masked one; of more, each class's against the rest.

    Args:
        scores: Calibrated.
        uncalibrated: The same pictures without.
        threshold: Of the probability, of two classes.
        classes: Names of the classes, by label.
    """
    binary = len(classes) == 2
    with _figure(3) as (figure, (reliable, spread, decided)):
        reliable.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--")
        if binary:
            _reliable(reliable, uncalibrated.masked, GREY, "as trained")
            _reliable(reliable, scores.masked, BLUE, "calibrated")
        else:
            for label, (colour, name) in enumerate(zip(cycle(_SERIES), classes, strict=False)):
                _reliable(reliable, scores.one_vs_rest(label), colour, name)
        reliable.set_title("calibration (dots as large as their bins)")
        reliable.set_xlabel(f"probability of {classes[MASKED] if binary else 'the class'}")
        reliable.set_ylabel(f"share of {classes[MASKED] if binary else 'the class'}")
        reliable.legend(loc="upper left")
        edges = np.linspace(0, 1, _SCORE_BINS + 1).tolist()
        for axes in (reliable, spread):
            axes.xaxis.set_major_formatter(PercentFormatter(1))
        for label, (colour, name) in enumerate(zip((RED, BLUE) if binary else cycle(_SERIES), classes, strict=False)):
            values = scores.probabilities[scores.labels == label, MASKED if binary else label].tolist()
            spread.hist(values, edges, color=colour, alpha=0.65, label=name)
        spread.set_yscale("symlog", linthresh=1)
        if binary:
            spread.axvline(threshold, color="#333333", linewidth=1, linestyle=":", label="threshold")
        spread.set_title("pictures by probability")
        spread.set_xlabel(f"probability of {classes[MASKED] if binary else 'their own class'}")
        spread.set_ylabel("pictures (logarithmic)")
        spread.legend(loc="upper center")
        _confusion(decided, scores, classes)
    return _svg(figure, "calibration, spread of probabilities and confusion matrix")


def _reliable(axes: Axes, scores: OneVsRest, colour: str, name: str) -> None:
    means, shares, counts = _reliability(scores)
    axes.scatter(means, shares, s=8 + 60 * counts / counts.max(), color=colour, label=name, zorder=3)
    axes.plot(means, shares, color=colour, linewidth=0.8)


def spread_plot(panels: Mapping[str, Mapping[str, Sequence[float]]]) -> bytes:
    """A PNG: in each panel a row for each setting, a dot for each seed, and a bar at their mean.

    Args:
        panels: Values by title of the panel and name of the setting.
    """
    with _figure(len(panels)) as (figure, all_axes):
        settings = list(next(iter(panels.values())))
        for place, (axes, (title, rows)) in enumerate(zip(all_axes, panels.items(), strict=True)):
            for row, values in enumerate(rows.values()):
                axes.plot(values, [row] * len(values), "o", color=BLUE, alpha=0.6, markersize=5)
                axes.plot([np.mean(values)] * 2, [row - 0.3, row + 0.3], color=RED, linewidth=2)
            axes.set_ylim(len(settings) - 0.5, -0.5)
            axes.set_yticks(range(len(settings)), settings if place % _COLUMNS == 0 else [""] * len(settings))
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.set_title(title)
        figure.set_figheight(max(figure.get_figheight(), 0.5 + 0.35 * len(settings)))
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()


def _reliability(scores: OneVsRest) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Of each bin that holds pictures: mean probability, share of pictures of the class, pictures."""
    bins = np.minimum((scores.probabilities * ECE_BINS).astype(np.intp), ECE_BINS - 1)
    counts = np.bincount(bins, minlength=ECE_BINS)
    used = counts > 0
    means = np.bincount(bins, scores.probabilities, ECE_BINS)[used] / counts[used]
    shares = np.bincount(bins, scores.labels, ECE_BINS)[used] / counts[used]
    return means, shares, counts[used]


def _confusion(axes: Axes, scores: Scores, classes: Classes) -> None:
    table, places = scores.confusion, range(scores.classes)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
    for row in places:
        for column in places:
            ink = "white" if shares[row, column] > 0.6 else "#333333"
            text = f"{table[row, column]}\n{shares[row, column]:.1%}"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=11)
    if scores.classes == 2:
        axes.set_xticks(places, classes)
        axes.set_yticks(places, classes, rotation=90, va="center")
    else:
        names = [name.replace("_", "\n") for name in classes]
        axes.set_xticks(places, names)
        axes.set_yticks(places, names)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_title("confusion (shares of each row)")


@contextmanager
def _figure(panels: int) -> Iterator[tuple[Figure, list[Axes]]]:
    """Panels in rows of three, in the page's style; those that fill up a row are hidden."""
    rows = -(-panels // _COLUMNS)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_COLUMNS * _PANEL[0], rows * _PANEL[1]), layout="constrained")
        cells = list(figure.subplots(rows, _COLUMNS, squeeze=False).flat)
        for cell in cells[panels:]:
            cell.set_visible(False)
        yield figure, cells[:panels]


def _svg(figure: Figure, label: str) -> str:
    """The figure as an element of an HTML page, without what only a file of its own needs."""
    with mpl.rc_context(STYLE):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # the same in every plot of the page, and nothing refers to them
    text = re.sub(r'width="[^"]*pt" height="[^"]*pt"|height="[^"]*pt" width="[^"]*pt"', "", text, count=1)
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
