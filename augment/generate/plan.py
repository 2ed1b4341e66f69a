"""Planning: which copies of which source are made, in rounds, whatever order the work is done in."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.scan import Source
from maskaug.core.manifest import Row

# A source whose first copies were all refused will not do better: its face is hard to see, or there is none.
_FAILURES_ALLOWED = 3
LAST_ROUND = 25
# Reasons of rows of sources that are no worse than others: a library raised something, the process died, or the store
# did not answer.
FAILURES = ("failed", "crashed", "unreachable")


def is_failure(row: Row) -> bool:
    """Whether a row tells of a source that something went wrong over, which may go well another time."""
    return row["status"] == "refused" and row["reasons"][0] in FAILURES


@dataclass(slots=True)
class Tally:
    """What became of one source so far.

    Attributes:
        originals: Unmasked pictures written: one, or a crop of each face.
        with_face: Those of them that show a known face.
        attempts: Masked copies tried.
        masked: Masked pictures written.
        balancing: Those of them in the class that is to be balanced.
        failed: Whether an error in a library, or its process's death, has cost one of its tasks.
    """

    originals: int = 0
    with_face: int = 0
    attempts: int = 0
    masked: int = 0
    balancing: int = 0
    failed: bool = False

    def add(self, rows: Iterable[Row], balanced_class: str) -> None:
        """Count the rows of one round."""
        copies = set()
        for row in rows:
            if row["status"] == "original":
                self.originals += 1
                self.with_face += bool(row.get("landmarks"))
            elif is_failure(row):
                self.failed = True
            elif row.get("copy") is not None:
                copies.add(row["copy"])
                self.masked += row["status"] == "masked"
                self.balancing += row["status"] == "masked" and row["label"] == balanced_class
        self.attempts += len(copies)


def first_round(sources: Iterable[Source], options: GenerateOptions) -> dict[str, int]:
    """Copies of each source, by relative path, that are wanted whatever becomes of the others."""
    sources = list(sources)
    if options.fixed_copies is not None:
        return {source.relative: options.fixed_copies for source in sources if options.gets_masks(source.label)}
    # One copy each can be no more than balance wants, unless the split has masked pictures of its own: then
    # how many are wanted shows only when all have been read.
    real = {source.split for source in sources if source.label == options.balanced_class}
    return {
        source.relative: int(source.split not in real) for source in sources if source.label == options.source_class
    }


def next_round(sources: Iterable[Source], tallies: Mapping[str, Tally], options: GenerateOptions) -> dict[str, range]:
    """Copy numbers of each source, by relative path, that bring every split into balance; empty when done."""
    if options.fixed_copies is not None:
        return {}
    missing: dict[str, int] = defaultdict(int)
    usable: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        tally = tallies[source.relative]
        if source.label == options.balanced_class:
            missing[source.split] -= tally.originals
        elif source.label == options.source_class:
            # Pictures without a face, where they are kept, need no masked picture beside them.
            missing[source.split] += tally.with_face - tally.balancing
            if not tally.failed and tally.with_face and (tally.masked or tally.attempts < _FAILURES_ALLOWED):
                usable[source.split].append(source)

    wanted: dict[str, range] = {}
    for split, count in missing.items():
        # Those with the fewest copies first, then in an order that depends on the seed alone.
        queue = sorted(
            usable[split],
            key=lambda source: (
                tallies[source.relative].attempts,
                hashlib.sha256(f"{options.seed}:{source.relative}".encode()).digest(),
            ),
        )
        if count <= 0 or not queue:
            continue
        each, extra = divmod(_attempts(count, options, [tallies[source.relative] for source in queue]), len(queue))
        for place, source in enumerate(queue):
            first = tallies[source.relative].attempts
            if copies := each + (place < extra):
                wanted[source.relative] = range(first, first + copies)
    return wanted


def _attempts(missing: int, options: GenerateOptions, tallies: Sequence[Tally]) -> int:
    """How many copies to try for: some will be worn incorrectly, but never more than are missing may be right.

    A copy of a scene may give a crop of each face: then what copies gave so far tells how many do.
    """
    share = options.correct_share or 1.0
    tried = sum(tally.attempts for tally in tallies)
    yielded = max(sum(tally.masked for tally in tallies) / tried, 1.0) if tried else 1.0
    count = int(missing / yielded) or 1
    return max(count, int((count - 3 * count**0.5) / share))
