"""`Summary`: what became of a run, counted from its manifest."""

import csv
import io
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.plan import is_failure
from maskaug.augment.generate.scan import Scan
from maskaug.core.files import is_file, read_bytes
from maskaug.core.manifest import Row

_COLUMNS = (
    *("status", "source", "split", "label", "identity", "reasons", "message", "warnings", "landmarks"),
    "faces_bare",
)


@dataclass
class Summary:
    """What became of a run.

    Attributes:
        sources: Files in SRC, places that could not be looked into, and pictures that annotations name but SRC lacks.
        with_face: Pictures of the source class, or of a person, with a face.
        faceless: Unmasked pictures written that show none, by split.
        original: Unmasked pictures written, by ``split/class``, or in the layout of identities by split.
        masked: Masked copies, likewise.
        refused: Sources and copies refused, by reason.
        failed: What an engine or a library raised over a source, or how its process died, by source.
        warnings: Sources whose file is odd but could be read, by kind.
        missing: Copies that balance would still need, by split.
        surplus: Masked pictures of SRC beyond what balance would need, by split.
        faces_bare: Faces that stay bare in masked copies.
        looked: Whether anything looked for masks in the sources.
        identities: Persons, by split; empty in the layout of classes.
        pairs: Of ``same`` and ``other`` persons, in ``pairs.csv``.
    """

    sources: int = 0
    with_face: int = 0
    faceless: Counter[str] = field(default_factory=Counter)
    original: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    missing: dict[str, int] = field(default_factory=dict)
    surplus: dict[str, int] = field(default_factory=dict)
    faces_bare: int = 0
    looked: bool = True
    identities: dict[str, int] = field(default_factory=dict)
    pairs: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row, options: GenerateOptions) -> None:
        """Count a manifest row."""
        place = f"{row['split']}/{row['label']}" if row.get("split") else row.get("label", "")
        if options.layout == "identities":
            place = row["split"] or ""
        for warning in row.get("warnings") or ():
            self.warnings[warning.partition(":")[0]].add(row["source"])
        if row["status"] == "refused":
            self.refused[row["reasons"][0]] += 1
            if is_failure(row):
                self.failed[row["source"]] = row["message"]
        elif row["status"] == "masked":
            self.masked[place] += 1
            self.faces_bare += row.get("faces_bare") or 0
        else:
            self.original[place] += 1
            if options.gets_masks(row["label"]):
                self.with_face += bool(row.get("landmarks"))
                self.faceless[row["split"]] += not row.get("landmarks")

    def as_json(self) -> dict[str, Any]:
        """The same, sorted, for ``stats.json``."""
        persons = {"identities": dict(sorted(self.identities.items())), "pairs": dict(sorted(self.pairs.items()))}
        return {
            **(persons if self.identities else {}),
            "sources": self.sources,
            "with_face": self.with_face,
            "faces_bare": self.faces_bare,
            "original": dict(sorted(self.original.items())),
            "masked": dict(sorted(self.masked.items())),
            "refused": dict(sorted(self.refused.items())),
            "failed": dict(sorted(self.failed.items())),
            "warnings": {kind: len(sources) for kind, sources in sorted(self.warnings.items())},
            "missing": dict(sorted(self.missing.items())),
            "surplus": dict(sorted(self.surplus.items())),
        }


def summarise(found: Scan, generated: GeneratedSet, options: GenerateOptions, *, looked: bool) -> Summary:
    """Count the rows of a finished set.

    Args:
        found: What lay in SRC.
        generated: The set, whose manifest is written.
        options: Of the run.
        looked: Whether anything looked for masks in the sources.
    """
    summary = Summary(sources=len(found.sources) + len(found.problems), looked=looked)
    persons: set[tuple[str, str]] = set()
    for row in generated.rows(_COLUMNS):
        summary.add(row, options)
        if row.get("identity") and row["status"] != "refused":
            persons.add((row["split"], str(row["identity"])))
    summary.identities.update(Counter(split for split, _ in sorted(persons)))
    if is_file(generated.pairs):
        pairs = csv.DictReader(io.StringIO(read_bytes(generated.pairs).decode(), newline=""))
        summary.pairs.update("same" if row["same"] == "1" else "other" for row in pairs)
    if options.fixed_copies is None:
        for split in {source.split for source in found.sources}:
            masked = f"{split}/{options.balanced_class}"
            have = summary.original[masked] + summary.masked[masked]
            wanted = summary.original[f"{split}/{options.source_class}"] - summary.faceless[split]
            if (lack := wanted - have) > 0:
                summary.missing[split] = lack
            elif lack < 0 and not summary.masked[masked]:
                summary.surplus[split] = -lack
    return summary
