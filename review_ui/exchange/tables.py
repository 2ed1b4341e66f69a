"""CSV: one row a picture, six columns an annotator. It can be filled in with any spreadsheet."""

import csv
import io
from collections.abc import Mapping

from maskaug.augment.reviews.log import ReviewError
from maskaug.review_ui.exchange.judged import TOLD, Exported, Judged, flat, from_flat


def write_csv(exported: Exported) -> Mapping[str, bytes]:
    """One file."""
    about = ("output", "output_sha256", "split", "label", "kind", "quality")
    columns = [f"{key}_{name}" for name in exported.annotators for key in TOLD] or TOLD
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*about, *columns])  # lines end as RFC 4180 has it
    writer.writeheader()
    for one in exported.pictures:
        values = (one.output, one.sha256, one.split, one.label, one.kind, f"{one.quality:.3f}")
        told = {
            key: str(value).lower() if isinstance(value, bool) else value for key, value in flat(exported, one).items()
        }
        writer.writerow({**dict(zip(about, values, strict=True)), **told})
    return {"": text.getvalue().encode()}


def read_csv(data: bytes, name: str) -> list[Judged]:
    """What a table says; its columns may stand in any order, and may be separated by semicolons.

    Raises:
        ReviewError: it is no such table.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReviewError(f"{name} is not UTF-8; save it as CSV UTF-8") from error
    head = text.partition("\n")[0]
    rows = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",", restval=""
    )
    columns = set(rows.fieldnames or ())
    if not columns & {"output", "output_sha256"}:
        raise ReviewError(f"{name} has neither a column output nor output_sha256; export a table to see the columns")
    if not any(column == "decision" or column.startswith("decision_") for column in columns):
        raise ReviewError(f"{name} has no column decision, nor one such as decision_anna")
    found = []
    try:
        for row in rows:
            if None in row:
                raise ReviewError(f"{name}, line {rows.line_num} has more cells than the first line")
            about = {key: row.pop(key, "") for key in ("output", "output_sha256")}
            found += from_flat(f"{name}, line {rows.line_num}", about, row)
    except csv.Error as error:
        raise ReviewError(f"{name}, line {rows.line_num} is no CSV: {error}") from error
    return found
