"""Small generated sets for the tests of curating: pictures, a manifest as ``generate`` writes it, decisions."""

import hashlib
from datetime import datetime, timezone
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from maskaug.augment.reviews.log import Event, ReviewLog
from maskaug.core.manifest import Row, write_manifest
from maskaug.core.pictures import encode_picture

UNMASKED, MASKED = "not_wearing_mask", "wearing_mask"
_NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def texture(seed, side=48):
    """A smooth picture unlike those of other seeds, ``(side, side, 3) uint8``."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def digest(name):
    return hashlib.sha256(str(name).encode()).hexdigest()


class Generated:
    """A set under construction below ``dst``; :meth:`finish` writes its manifest."""

    def __init__(self, dst: Path) -> None:
        self.dst, self.rows = dst, []

    def original(self, split, name, pixels, *, label=UNMASKED, source=None, subfolder=""):
        row = Row(status="original", source_sha256=source or digest(name))
        return self._add(Path(split, label, subfolder, f"{name}.jpg"), pixels, row)

    def mask(self, split, name, copy, *, quality=0.9, kind="n95", source=None, **more):
        pixels = texture(int(digest(f"{name} {copy}")[:8], 16))
        row = Row(status="masked", copy=copy, seed=7, quality=quality, kind=kind, template=f"{kind}_white", yaw=20.0)
        row["parameters"] = '{"template": "white", "kind": "n95"}'
        row.update(cast(Row, more))
        row["source_sha256"] = source or digest(name)
        return self._add(Path(split, MASKED, f"{name}__{kind}_{copy}.jpg"), pixels, row)

    def refuse(self, name, reason):
        self.rows.append(Row(status="refused", source=name, reasons=[reason], message=reason))

    def _add(self, place, pixels, row):
        data = encode_picture(pixels, "jpeg")
        (self.dst / place).parent.mkdir(parents=True, exist_ok=True)
        (self.dst / place).write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        if "label" not in row:
            split, label, *subfolder = place.parts[:-1]
            row.update(split=split, label=label, subfolder="/".join(subfolder), source=f"{place.stem}.png")
        row.update(output=place.as_posix(), output_sha256=sha256)
        row.update(width=pixels.shape[1], height=pixels.shape[0])
        self.rows.append(row)
        return sha256

    def finish(self):
        write_manifest(self.dst, self.rows)
        return self.dst


def review(dst, annotator, decisions, **more):
    """Record decisions: ``accept``, ``reject`` or ``reject: reason`` by SHA-256."""
    log = ReviewLog(dst, annotator)
    for sha256, decision in decisions.items():
        action, _, reason = decision.partition(": ")
        log.append(Event(output_sha256=sha256, action=action, reason=reason or None, time=_NOW, **more))
    log.close()
