"""Tar shards, as the webdataset library reads them."""

import hashlib
import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from maskaug.augment.curate.exports.registry import Chosen, ExportFormat, check_unchanged, register
from maskaug.augment.curate.selection import Candidate, shuffled
from maskaug.core.files import read_bytes

PICTURES_IN_A_SHARD = 5000  # of some 10 kB


def write_shards(folder: Path, chosen: Chosen) -> dict[str, str]:
    """Write ``FOLDER/<split>/<number>.tar``, WebDataset shards of ``KEY.jpg``, ``KEY.cls`` and ``KEY.json``.

    Shards are usually read from front to end: the pictures are shuffled, by the seed. ``.cls`` is the number of the
    class among the set's classes in alphabetical order. A picture's place is ``<split>/<number>.tar/<key>.<suffix>``.
    """
    classes = sorted({candidate.label for candidate, _ in chosen.pictures})
    by_split: dict[str, dict[str, Candidate]] = defaultdict(dict)
    for candidate, split in chosen.pictures:
        by_split[split][candidate.path] = candidate
    places = {}
    for split, members in sorted(by_split.items()):
        (folder / split).mkdir(parents=True, exist_ok=True)
        for shard, start, paths in _shards(shuffled(members, chosen.seed)):
            name = f"{split}/{shard:06d}.tar"
            with tarfile.open(folder / name, "w", format=tarfile.USTAR_FORMAT) as tar:
                for number, path in enumerate(paths, start):
                    picture = _add_sample(tar, number, chosen.dst / path, members[path], classes)
                    places[path] = f"{name}/{picture}"
    return places


def _shards(order: list[str]) -> Iterator[tuple[int, int, list[str]]]:
    """Number, number of the first picture, and pictures of each shard."""
    for shard, start in enumerate(range(0, len(order), PICTURES_IN_A_SHARD)):
        yield shard, start, order[start : start + PICTURES_IN_A_SHARD]


def _add_sample(tar: tarfile.TarFile, number: int, path: Path, candidate: Candidate, classes: list[str]) -> str:
    """Add a picture, its class and the facts of it; returns the picture's name in the shard."""
    data = read_bytes(path)
    check_unchanged(path, hashlib.sha256(data).hexdigest(), candidate)
    picture = f"{number:08d}{PurePosixPath(candidate.path).suffix}"
    _add(tar, picture, data)
    _add(tar, f"{number:08d}.cls", str(classes.index(candidate.label)).encode())
    _add(tar, f"{number:08d}.json", _facts(candidate))
    return picture


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # without a time or an owner: the same pictures give the same bytes
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _facts(candidate: Candidate) -> bytes:
    facts = {
        "label": candidate.label,
        "status": "original" if candidate.quality is None else "masked",
        "generated": candidate.path,
        "source_sha256": candidate.source_sha256,
        "kind": candidate.kind,
        "template": candidate.template,
        "quality": candidate.quality,
    }
    return json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()


register(ExportFormat("webdataset", "tar shards", write_shards, links=False))
