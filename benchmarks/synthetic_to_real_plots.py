"""The pictures of synthetic_to_real.py: ROC curves of all runs, and a sheet of what is called wrongly."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, PercentFormatter
from PIL import Image as Canvas
from PIL import ImageDraw, ImageFont

from maskaug.core.arrays import Image
from maskaug.core.pictures import PictureError, encode_picture, read_picture
from maskaug.train.evaluate.metrics import compute_metrics, recall, specificity
from maskaug.train.evaluate.plots import BLUE, GREY, RED, STYLE
from maskaug.train.model.scores import Scores

_COLORS = (GREY, RED, BLUE)  # of the last rows, so that a row keeps its own where the first is left out
_INCHES, _DPI = (7.0, 4.1), 200  # letters are of 12 px where the plot is shown 700 px wide

_TILE, _CAPTION, _GAP, _TITLE = 112, 17, 6, 30  # pixels
_COLUMNS = 10
_PAPER, _INK, _LOST = (255, 255, 255), (40, 40, 40), 200


@dataclass(frozen=True)
class Wrong:
    """A picture that is called wrongly.

    Attributes:
        path: Its file.
        masked: Whether a mask is worn.
        probability: That the runs give to one, on average.
    """

    path: Path
    masked: bool
    probability: float

    @property
    def error(self) -> float:
        """How far the probability is from the truth."""
        return abs(self.masked - self.probability)


def roc_plot(runs: Mapping[str, Sequence[Scores]]) -> bytes:
    """A PNG: ROC curves, whole and at few false alarms; a thin line for each run.

    The run of median AUC is in bold, with a dot at its threshold.

    Args:
        runs: The same pictures, of both classes, as each run of a row judges them; by the row's title.
    """
    unmasked = max(int((~one.masked.labels).sum()) for scores in runs.values() for one in scores)
    fewest = 0.5 / unmasked  # stands for no false alarm at all, which has no place on a logarithmic axis
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=_INCHES, layout="constrained")
        whole, few = figure.subplots(1, 2)
        for color, (title, scores) in zip(_COLORS[-len(runs) :], runs.items(), strict=True):
            areas = [compute_metrics(one, names=("auc",), resamples=0)["auc"].value for one in scores]
            median = int(np.argsort(areas)[(len(areas) - 1) // 2])
            for number, one in enumerate(scores):
                _curve(whole, one, color, 0.0, number == median)
                _curve(few, one, color, fewest, number == median)
            whole.plot([], [], color=color, linewidth=2, label=f"{title}: AUC {np.mean(areas):.3f}")
        told = "bold: the run of median AUC; dot: at its own threshold"
        whole.plot([], [], "o", color="#555555", markersize=4, label=told)
        whole.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--")
        _label(whole, "ROC")
        _label(few, "ROC at few false alarms")
        _few_alarms(few, fewest)
        figure.legend(loc="outside lower left")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def _curve(axes: Axes, scores: Scores, color: str, fewest: float, bold: bool) -> None:
    false, true = scores.masked.roc
    width, alpha = (2.0, 1.0) if bold else (0.8, 0.6)
    axes.plot(np.maximum(false, fewest), true, color=color, linewidth=width, alpha=alpha, drawstyle="steps-post")
    if bold:
        axes.plot(max(1 - specificity(scores.masked), fewest), recall(scores.masked), "o", color=color, markersize=5)


def _label(axes: Axes, title: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("unmasked faces called masked")
    axes.set_ylabel("masks found")
    axes.set_ylim(-0.02, 1.02)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))


def _few_alarms(axes: Axes, fewest: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(left=fewest * 0.9)  # room for half of a line
    shares = [share for share in (0.001, 0.01, 0.1, 1.0) if share > fewest]
    axes.set_xticks(
        [fewest, *shares], ["none", *(f"{share:.1%}" if share < 0.01 else f"{share:.0%}" for share in shares)]
    )
    axes.xaxis.set_minor_formatter(NullFormatter())


def wrong_sheet(title: str, wrong: Sequence[Wrong]) -> bytes:
    """A PNG: a row with the title; below, pictures of 112 px in rows of ten, under each its class and probability."""
    rows = -(-len(wrong) // _COLUMNS)
    size = _GAP + _COLUMNS * (_TILE + _GAP), _TITLE + rows * (_TILE + _CAPTION + _GAP) + _GAP
    sheet = Canvas.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _TITLE // 2), title, fill=_INK, font=ImageFont.load_default(14), anchor="lm")
    small = ImageFont.load_default(12)
    for number, one in enumerate(wrong):
        row, column = divmod(number, _COLUMNS)
        left, top = _GAP + column * (_TILE + _GAP), _TITLE + row * (_TILE + _CAPTION + _GAP)
        tile = _tile(one.path)
        inset = (_TILE - tile.shape[1]) // 2, (_TILE - tile.shape[0]) // 2
        sheet.paste(Canvas.fromarray(tile), (left + inset[0], top + inset[1]))
        caption = f"{'masked' if one.masked else 'unmasked'}  {one.probability:.3f}"
        draw.text((left + _TILE // 2, top + _TILE + 2), caption, fill=_INK, font=small, anchor="ma")
    return encode_picture(np.asarray(sheet), "png")


def _tile(path: Path) -> Image:
    """A picture with its longer side of 112 px, ``(H, W, 3) uint8`` RGB; grey where it is gone."""
    try:
        pixels = read_picture(path, max_size=_TILE).pixels
    except PictureError:
        return np.full((_TILE, _TILE, 3), _LOST, dtype=np.uint8)
    factor = _TILE / max(pixels.shape[:2])
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
