"""Which pictures one annotator is to see, and in what order: read from the manifest, without opening any picture."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from maskaug.augment.reviews.log import Event, ReviewError, by_people, in_dispute, judgements, read_reviews, verdicts
from maskaug.core.manifest import column_batches
from maskaug.review_ui.options import Order, ReviewOptions

_COLUMNS = (
    *("status", "source", "source_sha256", "face", "output", "output_sha256"),
    *("split", "kind", "yaw", "quality"),
)
_SORTED_BY: dict[Order, tuple[str, ...]] = {
    "doubtful": ("quality",),
    "random": ("number",),
    "kind": ("kind", "quality"),
    "pose": ("yaw",),
    "source": ("source", "output"),
}
# A control is shown so many places away from the picture it is made from: far enough not to stand out beside it, near
# enough to have a score like its neighbours'.
_CONTROL_DISTANCE = (20, 200)


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A masked copy.

    Attributes:
        row: Its number in the manifest.
        sha256: Of its file.
        output: Its path below the set's folder.
        before: Path of the unmasked picture there, or None if the data set holds none.
        kind, split, quality: As in the manifest.
    """

    row: int
    sha256: str
    output: str
    before: str | None
    kind: str
    split: str
    quality: float


class Queue:
    """Pictures in the order in which they are shown, with controls among them.

    Attributes:
        controls: ``(n,) bool``: which places show a control, made from that picture.
        disputes: Decisions by annotator on disputed pictures, by SHA-256; empty unless disputes are settled.
        by_score: SHA-256 of pictures that are to be accepted without being shown.
    """

    def __init__(
        self,
        table: pa.Table,
        places: NDArray[np.intp],
        controls: NDArray[np.bool_],
        disputes: Mapping[str, Mapping[str, Event]],
        by_score: Sequence[str],
    ) -> None:
        self._table = table
        self._places = places
        self.controls = controls
        self.disputes = disputes
        self.by_score = by_score

    def __len__(self) -> int:
        return len(self._places)

    def picture(self, place: int) -> QueueItem:
        """The picture shown at a place, or that a control there is made from.

        A control has the score of the picture before it: in the order of scores, its own would tell it apart.
        """
        (record,) = self._table.slice(int(self._places[place]), 1).to_pylist()
        if self.controls[place]:
            record["quality"] = self._score_before(place)
        return QueueItem(**record)

    def _score_before(self, place: int) -> float:
        before, after = np.flatnonzero(~self.controls[:place]), np.flatnonzero(~self.controls[place:])
        beside = int(before[-1]) if len(before) else place + int(after[0])
        return float(self._table["quality"][int(self._places[beside])].as_py())

    def sha256s(self) -> list[str]:
        """The SHA-256 of each place's picture, or of the one that a control there is made from."""
        shas: list[str] = self._table["sha256"].to_pylist()
        return [shas[place] for place in self._places]


def read_queue(options: ReviewOptions, events: Sequence[Event] = ()) -> Queue:
    """Choose and order pictures as the options say; the queue is empty if none of them is left undecided.

    Args:
        options: See :class:`ReviewOptions`.
        events: What this annotator has done so far.

    Raises:
        ReviewError: there is no finished data set, or the options leave none of its pictures.
    """
    table = _masked(*_read(options.dst), options.seed)
    if not len(table):
        raise ReviewError(f"{options.dst} has no masked picture to review")
    disputes = _disputes(options.dst) if options.disputed else {}
    if options.disputed:
        table = table.filter(_among(table, disputes))
        if not len(table):
            raise ReviewError(f"no picture of {options.dst} is in dispute")
    table = _share(_filtered(table, options), options)
    if not len(table):
        raise ReviewError(f"the options leave no masked picture of {options.dst}; drop some of them")
    table, by_score = _undecided(table, options, events)
    table = table.sort_by([(column, "ascending") for column in (*_SORTED_BY[options.order], "number")])
    places, controls = _with_controls(table, options)
    return Queue(table.select([field.name for field in fields(QueueItem)]), places, controls, disputes, by_score)


def _read(dst: Path) -> tuple[pa.Table, pa.Table]:
    """Masked copies, with their numbers in the manifest, and of the unmasked pictures what finds them."""
    masked, originals, read = [], [], 0
    try:
        for batch in column_batches(dst, _COLUMNS):
            numbered = batch.append_column("row", pa.array(np.arange(read, read + len(batch))))
            read += len(batch)
            masked.append(numbered.filter(pc.equal(batch["status"], "masked")))
            kept = [name for name in ("source_sha256", "face", "output") if name in batch.column_names]
            originals.append(batch.filter(pc.equal(batch["status"], "original")).select(kept))
    except FileNotFoundError as error:
        raise ReviewError(f"{error}; name an output of maskaug generate") from error
    return pa.concat_tables(masked), pa.concat_tables(originals)


def _disputes(dst: Path) -> dict[str, dict[str, Event]]:
    decisions = {sha256: by_people(given) for sha256, given in judgements(read_reviews(dst)).items()}
    return {sha256: given for sha256, given in decisions.items() if in_dispute(given)}


def _undecided(table: pa.Table, options: ReviewOptions, events: Sequence[Event]) -> tuple[pa.Table, list[str]]:
    """The pictures to be shown, and the SHA-256 of those that their score accepts now."""
    standing = verdicts(event for event in events if not event.control)
    decided = {sha256: verdict.decided for sha256, verdict in standing.items() if verdict.decided is not None}
    by_score: list[str] = []
    if options.auto_accept is not None:
        by_hand = _among(table, [sha256 for sha256, event in decided.items() if not event.auto])
        passed = pc.and_not(pc.greater_equal(table["quality"], options.auto_accept), by_hand)
        by_score = [sha256 for sha256 in table.filter(passed)["sha256"].to_pylist() if sha256 not in decided]
        table = table.filter(pc.invert(passed))
    if options.undecided:
        table = table.filter(pc.invert(_among(table, decided)))
    return table, by_score


def _masked(masked: pa.Table, originals: pa.Table, seed: int) -> pa.Table:
    """The masked copies, each content once, with their unmasked pictures and a random number for each."""
    if pc.count_distinct(masked["output_sha256"]).as_py() < len(masked):
        first = masked.group_by("output_sha256").aggregate([("row", "min")])["row_min"]
        masked = masked.filter(pc.is_in(masked["row"], value_set=first.combine_chunks()))
    sources = pc.index_in(_picture_keys(masked), value_set=_picture_keys(originals))
    numbers = np.fromiter(
        (_uniform(f"{seed}:{sha256}") for chunk in masked["output_sha256"].chunks for sha256 in chunk.to_pylist()),
        dtype=np.float64,
        count=len(masked),
    )
    return pa.table(
        {
            **{name: masked[name] for name in ("row", "output", "kind", "split", "quality", "source", "yaw")},
            "sha256": masked["output_sha256"],
            "before": originals["output"].take(sources),
            "number": pa.array(numbers),
        }
    )


def _picture_keys(rows: pa.Table) -> pa.Array:
    """For each row, `manifest.picture_key` as one string. Sets made before 0.2 know no crops."""
    if "face" not in rows.column_names:
        return rows["source_sha256"].combine_chunks()
    face = pc.fill_null(pc.cast(rows["face"], pa.string()), "")
    return pc.binary_join_element_wise(rows["source_sha256"], face, ":").combine_chunks()


def _filtered(table: pa.Table, options: ReviewOptions) -> pa.Table:
    for column, names in (("kind", options.kind), ("split", options.split)):
        if names is not None:
            there = set(pc.unique(table[column]).to_pylist())
            if unknown := [name for name in names if name not in there]:
                raise ReviewError(
                    f"there is no {column} {unknown[0]!r} to review, only {', '.join(sorted(there)).strip() or 'none'}"
                )
            table = table.filter(pc.is_in(table[column], value_set=pa.array(names, pa.string())))
    if options.quality_below is not None:
        table = table.filter(pc.less(table["quality"], options.quality_below))
    return table


def _share(table: pa.Table, options: ReviewOptions) -> pa.Table:
    """The pictures that fall to this annotator, and of these the sample."""
    if options.annotators is not None:
        mine = [_falls_to(options, sha256) for sha256 in table["sha256"].to_pylist()]
        table = table.filter(pa.array(mine, pa.bool_()))
    if options.sample is not None:
        table = table.sort_by("number").slice(0, options.sample)
    return table


def _falls_to(options: ReviewOptions, sha256: str) -> bool:
    """Whether everyone sees this picture, or it falls to this annotator: the content alone decides.

    Each annotator has a random number for it, and the highest wins: when someone joins, the others keep the rest.
    """
    if int(sha256[:8], 16) < options.overlap * 2**32:
        return True
    return max(options.annotators or (), key=lambda name: _uniform(f"{name}:{sha256}")) == options.name


def _with_controls(table: pa.Table, options: ReviewOptions) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Row of the table for each place of the queue, and whether a control made from it is shown there."""
    count = len(table)
    usable = np.asarray(pc.is_valid(table["before"]), dtype=np.bool_)
    wanted = min(round(count * options.honeypots / (1 - options.honeypots)), int(usable.sum()))
    controls = np.zeros(count + wanted, dtype=np.bool_)
    rng = np.random.default_rng(int(2**53 * _uniform(f"{options.seed}:{options.name}")))
    controls[rng.choice(count + wanted, wanted, replace=False)] = True
    places = np.empty(count + wanted, dtype=np.intp)
    places[~controls] = np.arange(count)
    nearest, farthest = (min(distance, count // part) for distance, part in zip(_CONTROL_DISTANCE, (3, 2), strict=True))
    distances = rng.integers(nearest, farthest, wanted, endpoint=True) * rng.choice((-1, 1), wanted)
    for number, slot in enumerate(np.flatnonzero(controls)):
        base = (slot - number + distances[number]) % count
        while not usable[base]:
            base = (base + 1) % count
        usable[base] = False
        places[slot] = base
    return places, controls


def _among(table: pa.Table, sha256s: Iterable[str]) -> pa.ChunkedArray:
    return pc.is_in(table["sha256"], value_set=pa.array(sha256s, pa.string()))


def _uniform(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48
