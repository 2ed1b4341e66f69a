"""The dataset card: what a curated data set holds, in tables and plots."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from maskaug.augment.curate.checksums import CARD_FILE, CARD_FOLDER
from maskaug.augment.curate.color_names import color_name
from maskaug.core.files import CHECKSUMS_FILE
from maskaug.core.manifest import ManifestError
from maskaug.core.version import __version__

_YAW_EDGES = (-60, -45, -30, -15, 15, 30, 45, 60)
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
_ROW_INCHES, _WIDTH_INCHES = 0.32, 7.0

Table = Counter[tuple[str, str]]  # by row and column


@dataclass(frozen=True)
class CardData:
    """What the Hugging Face Hub asks of a card and the manifest does not say.

    Attributes:
        licence: Of the photographs, by the Hub's name for it: ``cc-by-4.0``, ``other``, ``unknown``.
        task: The Hub's name of what the set is for.
        more: Fields that a format of data sets needs.
    """

    licence: str
    task: str
    more: Mapping[str, Any] = field(default_factory=dict)


class Card:
    """Counts what is written, row by row of the manifest, and writes ``README.md`` and ``card/*.png``."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {
            title: Counter() for title in ("Pictures", "Kind", "Colour", "Yaw", "Annotators", "Rejections", "Refusals")
        }

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row of the curated manifest."""
        for judged in row["decisions"]:
            annotator, decision = judged["annotator"], judged.get("decision")
            if decision:
                self.tables["Annotators"][annotator, "accept by score" if judged["auto"] else decision] += 1
            if decision == "reject":
                self.tables["Rejections"][judged["reason"] or "no reason given", annotator] += 1
        if row["outcome"] != "kept":
            return
        self.tables["Pictures"][row["split"], row["label"] if row.get("identity") is None else row["status"]] += 1
        if row["kind"]:
            self.tables["Kind"][row["kind"], row["split"]] += 1
            self.tables["Colour"][_colour(row), row["split"]] += 1
        if row["yaw"] is not None:
            self.tables["Yaw"][_bin(row["yaw"]), row["split"]] += 1

    def add_refusal(self, reasons: list[str]) -> None:
        """Count a source or copy that ``generate`` refused."""
        self.tables["Refusals"][reasons[0], "refused"] += 1

    def _front_matter(self, title: str, data: CardData) -> str:
        """YAML, of which JSON is a part."""
        fields = {
            "pretty_name": title,
            "license": data.licence,
            "task_categories": [data.task],
            "size_categories": [_size_category(self.tables["Pictures"].total())],
            "source_datasets": ["extended"],
            "annotations_creators": ["machine-generated"],
            "tags": ["face-mask", "synthetic"],
            **data.more,
        }
        lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in fields.items()]
        return f"---\n{''.join(lines)}---\n\n"

    def write(
        self, folder: Path, *, title: str, choices: Mapping[str, Any], changes: Table, checksum: str, data: CardData
    ) -> None:
        """Write the card.

        Args:
            folder: Of the data set.
            title: Name of the data set.
            choices: The options it was curated by.
            changes: What was left out and moved, by reason and class.
            checksum: Of the whole data set.
            data: What the Hugging Face Hub asks of a card.
        """
        parts = [
            f"{self._front_matter(title, data)}# {title}\n",
            f"Made by maskaug {__version__}, `maskaug curate`, with {_listed(choices)}.\n",
            f"{_ABOUT}\n",
        ]
        (folder / CARD_FOLDER).mkdir(exist_ok=True)
        tables = {**self.tables, "Left out and moved": changes}
        for name, table in tables.items():
            if not table:
                continue
            file = f"{CARD_FOLDER}/{name.lower().replace(' ', '_')}.png"
            rows = _YAW_BINS if name == "Yaw" else sorted({row for row, _ in table})
            rows = [row for row in rows if any(table[row, column] for _, column in table)]
            _plot(folder / file, rows, table)
            parts.append(f"## {name}\n\n{_NOTES[name]}\n\n{_markdown(rows, table)}\n\n![{name}]({file})\n")
        parts.append(
            "## Checksum\n\n"
            f"`sha256sum --check {CHECKSUMS_FILE}` checks every file but this card; the SHA-256 of `{CHECKSUMS_FILE}` "
            f"itself is\n\n    {checksum}\n"
        )
        (folder / CARD_FILE).write_text("\n".join(parts), encoding="utf-8", newline="\n")


_ABOUT = """\
## Source

Photographs of people, given to `maskaug generate`, which drew the masks on; `manifest/` says which file each picture
came from and what was done to it. Labels follow from that; what people decided about copies, or the
score did, is counted below.

## Intended use

To train and compare classifiers of masked faces, and to verify persons who wear masks. It is for nothing that the
licence of the photographs excludes, and not for identifying people who did not agree to that.

## Limits

Masks are drawn, not worn: a classifier that is right on all of these pictures can fail on photographs of real masks,
and has to be measured on some. Who is in the photographs, and how often, is as in the source; nothing was balanced by
age, sex or skin. Pictures that nobody has looked at may have a mask in a wrong place.
"""

_NOTES = {
    "Pictures": "By split and class; of persons, by what is done to them.",
    "Kind": "Of the masks put on, by split.",
    "Colour": "The nearest of 15 named colours, or the print, of the masks put on, by split.",
    "Yaw": "Of heads with a mask put on, in degrees, by split; positive to the picture's right.",
    "Annotators": "Decisions that stand, on all generated pictures.",
    "Rejections": "Reasons the annotators gave.",
    "Refusals": "What `maskaug generate` refused, by its first reason.",
    "Left out and moved": "By class. Near-duplicates are kept in one split; `manifest/` says which picture went where.",
}


def _colour(row: Mapping[str, Any]) -> str:
    """The sampled colour's name, where the parameters have one, or else what the template is called after its kind."""
    try:
        sampled = json.loads(row["parameters"] or "{}").get("color")
    except (ValueError, AttributeError) as error:
        told = f"the manifest's parameters of {row['generated']} are damaged; generate the set again"
        raise ManifestError(told) from error
    if isinstance(sampled, str):
        return color_name(sampled)
    return str(row["template"]).removeprefix(f"{row['kind']}_")


def _size_category(number: int) -> str:
    """A number of pictures by the Hub's classes."""
    edges = ["1K", "10K", "100K", "1M", "10M", "100M", "1B"]
    place = next((place for place in range(len(edges)) if number < 1000 * 10**place), len(edges))
    if place == len(edges):
        return f"n>{edges[-1]}"
    return f"{edges[place - 1]}<n<{edges[place]}" if place else f"n<{edges[0]}"


def _yaw_bins() -> list[str]:
    inner = [f"{low} to {high}" for low, high in pairwise(_YAW_EDGES)]
    return [f"below {_YAW_EDGES[0]}", *inner, f"above {_YAW_EDGES[-1]}"]


_YAW_BINS = _yaw_bins()


def _bin(yaw: float) -> str:
    return _YAW_BINS[sum(yaw >= edge for edge in _YAW_EDGES)]


def _listed(choices: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in choices.items() if value is not None)


def _columns(table: Table) -> list[str]:
    return sorted({column for _, column in table})


def _markdown(rows: list[str], table: Table) -> str:
    columns = _columns(table)
    lines = [["", *columns, "all"], ["---", *["---:"] * (len(columns) + 1)]]
    for row in rows:
        counts = [table[row, column] for column in columns]
        lines.append([row, *map(str, counts), str(sum(counts))])
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _plot(path: Path, rows: list[str], table: Table) -> None:
    """Stacked bars, a row each."""
    figure = Figure(figsize=(_WIDTH_INCHES, 1.0 + _ROW_INCHES * len(rows)), layout="constrained")
    axes = figure.subplots()
    left = [0] * len(rows)
    for number, column in enumerate(_columns(table)):
        widths = [table[row, column] for row in rows]
        axes.barh(range(len(rows)), widths, 0.7, left, color=_COLOURS[number % len(_COLOURS)], label=column)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    axes.set_xlabel("pictures")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
