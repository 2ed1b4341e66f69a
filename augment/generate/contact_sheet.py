"""The contact sheet: a sample of the masked copies side by side, with kind and quality."""

import hashlib
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.core.containers import Location
from maskaug.core.files import write_atomic
from maskaug.core.manifest import Row
from maskaug.core.pictures import encode_picture, read_picture

_CELL, _CAPTION, _COLUMNS, _ROWS = 144, 18, 10, 6
_BACKGROUND, _INK = 24, 210


def write_contact_sheet(generated: GeneratedSet) -> None:
    """Render up to 60 masked copies, the same ones for the same data set; without any, nothing is written.

    Args:
        generated: A set whose manifest is written.

    Raises:
        FileNotFoundError: there is no manifest.
        PictureError: one of the copies cannot be read.
        OSError: the sheet cannot be written.
    """
    samples = _sample(generated.rows(("status", "output", "kind", "quality")), _COLUMNS * _ROWS)
    if not samples:
        return
    cells = [_cell(row, generated.locate(row["output"])) for row in samples]
    columns = min(_COLUMNS, len(cells))
    blank = np.full_like(cells[0], _BACKGROUND)
    cells += [blank] * (-len(cells) % columns)
    lines = [np.concatenate(cells[start : start + columns], axis=1) for start in range(0, len(cells), columns)]
    write_atomic(generated.contact_sheet, encode_picture(np.concatenate(lines), "png"), generated.partial)


def _sample(rows: Iterable[Row], count: int) -> list[Row]:
    """Copies in an order that depends on their content alone."""
    kept: list[tuple[str, Row]] = []
    for row in rows:
        if row["status"] == "masked":
            kept.append((hashlib.sha256(row["output"].encode()).hexdigest(), row))
            if len(kept) > 4 * count:  # a million rows pass through here
                kept = sorted(kept, key=lambda item: item[0])[:count]
    return [row for _, row in sorted(kept, key=lambda item: item[0])[:count]]


def _cell(row: Row, location: Location) -> NDArray[np.uint8]:
    pixels = read_picture(location).pixels
    factor = _CELL / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    cell = np.full((_CELL + _CAPTION, _CELL, 3), _BACKGROUND, dtype=np.uint8)
    top, left = (_CELL - size[1]) // 2, (_CELL - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = small
    caption = f"{row['kind']}  {row['quality']:.2f}"
    place = (4, _CELL + _CAPTION - 5)
    cv2.putText(cell, caption, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (_INK, _INK, _INK), 1, cv2.LINE_AA)
    return cell
