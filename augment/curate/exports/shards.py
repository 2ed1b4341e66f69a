"""Shards: tar files, as the webdataset library reads them, and parquet, as Hugging Face's datasets does."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from maskaug.augment.curate.exports.registry import Chosen, ExportFormat, register
from maskaug.augment.curate.selection import Candidate, shuffled
from maskaug.core.containers import SHARD_WRITERS, Packed, ShardWriter

PICTURES_IN_A_SHARD = 5000  # of some 10 kB


def write_shards(folder: Path, chosen: Chosen, begin: type[ShardWriter]) -> dict[str, str]:
    """Write shards ``FOLDER/<split>/<number>.tar`` or ``.parquet``.

    Shards are usually read from front to end: the pictures are shuffled, by the seed. A class has the number of its
    place among the set's classes in alphabetical order. A picture's place is ``<split>/<number>.tar/<key>.<suffix>``.

    Args:
        folder: A new one.
        chosen: The pictures.
        begin: What begins a shard.
    """
    classes = sorted({candidate.label for candidate, _ in chosen.pictures})
    by_split: dict[str, dict[str, Candidate]] = defaultdict(dict)
    for candidate, split in chosen.pictures:
        by_split[split][candidate.path] = candidate
    places = {}
    for split, members in sorted(by_split.items()):
        (folder / split).mkdir(parents=True, exist_ok=True)
        for shard, start, paths in _shards(shuffled(members, chosen.seed)):
            name = f"{split}/{shard:06d}{begin.suffix}"
            with begin(folder / name, classes) as writer:
                for number, path in enumerate(paths, start * begin.numbered_across):
                    candidate = members[path]
                    suffix = PurePosixPath(path).suffix
                    packed = Packed(number, suffix, chosen.read(candidate), candidate.label, _facts(candidate))
                    writer.add(packed)
                    places[path] = f"{name}/{packed.key}{suffix}"
    return places


def _shards(order: list[str]) -> Iterator[tuple[int, int, list[str]]]:
    """Number, number of the first picture, and pictures of each shard."""
    for shard, start in enumerate(range(0, len(order), PICTURES_IN_A_SHARD)):
        yield shard, start, order[start : start + PICTURES_IN_A_SHARD]


def _facts(candidate: Candidate) -> dict[str, Any]:
    return {
        "status": "original" if candidate.quality is None else "masked",
        "generated": candidate.path,
        "source_sha256": candidate.source_sha256,
        "kind": candidate.kind,
        "template": candidate.template,
        "quality": candidate.quality,
    }


def _card_data(splits: Sequence[str], _classes: Sequence[str]) -> dict[str, Any]:
    """By which Hugging Face's datasets finds the shards; the manifest is no split."""
    files = [{"split": split.replace("/", "."), "path": f"{split}/*"} for split in splits]
    return {"configs": [{"config_name": "default", "data_files": files}]}


for _name, _begin in SHARD_WRITERS.items():
    _write = partial(write_shards, begin=_begin)
    register(ExportFormat(_name, _begin.description, _write, links=False, card_data=_card_data))
