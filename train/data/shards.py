"""Labelled pictures from tar shards, parquet or a CSV of paths, for the most part as from folders."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, cast

from maskaug.core.containers import ListedPicture, Location, is_container, list_pictures, shards_below, stamp_of
from maskaug.core.files import find_objects, is_address
from maskaug.core.manifest import Row

NO_SPLIT = "all"


@dataclass(frozen=True)
class ShardedPictures:
    """What shards hold.

    Attributes:
        pictures: By split, and by class.
        problems: A sentence on each thing that cannot be used.
    """

    pictures: dict[str, dict[str, list[ListedPicture]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def labels(self, split: str) -> list[str]:
        """Names of the classes of a split."""
        return sorted(self.pictures.get(split, {}))

    def of_class(self, split: str, label: str, rows: Mapping[str, Row]) -> list[tuple[Location, Row]]:
        """Pictures of a class with their rows, in the order that folders of the same curated set have.

        Args:
            split, label: Where.
            rows: Of the manifest beside the shards, by name; where it has none, what a shard says counts.
        """
        found = self.pictures.get(split, {}).get(label, [])
        told = [(one, cast("Row", {**one.facts, **rows.get(one.name, {})})) for one in found]
        return [(one.location, row) for one, row in sorted(told, key=lambda pair: _order(*pair))]


def find_shards(data: Path) -> list[PurePath] | None:
    """The shards of a folder, none of a container itself; None where there are only files and folders.

    Raises:
        OSError: it cannot be listed.
    """
    if is_container(data):
        return []
    return shards_below(data) or None


def list_shards(data: Path, shards: Sequence[PurePath]) -> ShardedPictures:
    """What shards hold, as they are now: a second look at the same ones takes no reading.

    Args:
        data: Their folder, or a container.
        shards: As :func:`find_shards` gives them.
    """
    if is_address(data) and shards:  # one listing, instead of a request a shard
        stamps = {one.name: one.stamp for one in find_objects(data)}
        stamped = tuple((shard, stamps.get(shard.as_posix(), "")) for shard in shards)
    else:
        stamped = tuple((shard, stamp_of(data / shard)) for shard in shards or [PurePath()])
    return _list(data, stamped, bool(shards))


@lru_cache(maxsize=2)
def _list(data: Path, stamped: tuple[tuple[PurePath, str], ...], in_folder: bool) -> ShardedPictures:
    listing: dict[str, dict[str, list[ListedPicture]]] = defaultdict(lambda: defaultdict(list))
    problems = []
    for found in list_pictures(data, [shard for shard, _ in stamped] if in_folder else ()):
        if not isinstance(found, ListedPicture):
            problems.append(f"{found.relative}: {found.message}")
        elif found.label is None:
            problems.append(f"{found.name}: nothing says of which class it is")
        else:
            listing[found.split or NO_SPLIT][found.label].append(found)
    return ShardedPictures({split: dict(of) for split, of in sorted(listing.items())}, problems)


def _order(found: ListedPicture, row: Row) -> tuple[str, ...]:
    generated = cast("dict[str, Any]", row).get("generated")
    name = generated if isinstance(generated, str) else found.name
    return PurePosixPath(name).name, name, found.name
