"""Exports: a curated selection as folders or as tar shards, and the checksum of the whole."""

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from maskaug.augment.curate.selection import Candidate, CurateError, shuffled
from maskaug.core.files import file_sha256

CHECKSUMS_FILE, CARD_FILE, CARD_FOLDER = "checksums.txt", "README.md", "card"
PICTURES_IN_A_SHARD = 5000  # of some 10 kB

Link = Literal["copy", "hard", "sym"]


def write_folders(folder: Path, dst: Path, chosen: Sequence[tuple[Candidate, str]], link: Link) -> dict[str, str]:
    """Write ``FOLDER/<split>/<class>/<picture>``, an ImageFolder.

    Args:
        folder: Where to.
        dst: The generated set.
        chosen: Pictures and the split of each.
        link: Whether pictures are copied, hard-linked, or linked to by their absolute path.

    Returns:
        Where each picture went, by its path in the generated set; both with ``/``.

    Raises:
        CurateError: a picture is not as it was generated.
        OSError: one cannot be read, linked or written.
    """
    places: dict[str, str] = {}
    taken: set[str] = set()
    for candidate, split in chosen:
        source = dst / candidate.path
        _check(source, candidate.sha256, file_sha256(source))
        place = _free(PurePosixPath(split, candidate.label), candidate.path, taken)
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if link == "hard":
            os.link(source.resolve(), target)
        elif link == "sym":
            target.symlink_to(source.resolve())
        else:
            shutil.copyfile(source, target)
        places[candidate.path] = place
    return places


def write_shards(folder: Path, dst: Path, chosen: Sequence[tuple[Candidate, str]], seed: int) -> dict[str, str]:
    """Write ``FOLDER/<split>/<number>.tar``, WebDataset shards of ``KEY.jpg``, ``KEY.cls`` and ``KEY.json``.

    Shards are usually read from front to end: the pictures are shuffled, by the seed. ``.cls`` is the number of the
    class among the set's classes in alphabetical order.

    Returns, raises: As :func:`write_folders`; a picture's place is ``<split>/<number>.tar/<key>.<suffix>``.
    """
    classes = sorted({candidate.label for candidate, _ in chosen})
    by_split: dict[str, dict[str, Candidate]] = defaultdict(dict)
    for candidate, split in chosen:
        by_split[split][candidate.path] = candidate
    places = {}
    for split, members in sorted(by_split.items()):
        (folder / split).mkdir(parents=True, exist_ok=True)
        order = shuffled(members, seed)
        for start in range(0, len(order), PICTURES_IN_A_SHARD):
            shard = f"{split}/{start // PICTURES_IN_A_SHARD:06d}.tar"
            with tarfile.open(folder / shard, "w", format=tarfile.USTAR_FORMAT) as tar:
                for number, path in enumerate(order[start : start + PICTURES_IN_A_SHARD], start):
                    candidate = members[path]
                    data = (dst / path).read_bytes()
                    _check(dst / path, candidate.sha256, hashlib.sha256(data).hexdigest())
                    picture = f"{number:08d}{PurePosixPath(path).suffix}"
                    _add(tar, picture, data)
                    _add(tar, f"{number:08d}.cls", str(classes.index(candidate.label)).encode())
                    _add(tar, f"{number:08d}.json", _facts(candidate))
                    places[path] = f"{shard}/{picture}"
    return places


def write_checksums(folder: Path) -> str:
    """Write ``checksums.txt`` as ``sha256sum --check`` reads it, by path; of all that lies there so far.

    Returns:
        SHA-256 of that file, hexadecimal: the checksum of the whole.
    """
    lines = []
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if path.is_file():
            lines.append(f"{file_sha256(path)}  {path.relative_to(folder).as_posix()}\n")
    text = "".join(lines)
    (folder / CHECKSUMS_FILE).write_text(text, encoding="utf-8", newline="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def hugging_face_header(splits: Sequence[str], classes: Sequence[str]) -> str:
    """The head of a dataset card, YAML, by which ``datasets.load_dataset(FOLDER)`` finds splits and labels."""
    # JSON strings are YAML strings.
    files = [
        f"  - split: {json.dumps(split.replace('/', '.'))}\n    path: {json.dumps(f'{split}/**')}\n" for split in splits
    ]
    names = [f"          '{number}': {json.dumps(name)}\n" for number, name in enumerate(sorted(classes))]
    return (
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        + "".join(files)
        + "dataset_info:\n  features:\n  - name: image\n    dtype: image\n  - name: label\n    dtype:\n"
        + "      class_label:\n        names:\n"
        + "".join(names)
        + "---\n\n"
    )


def _check(path: Path, wanted: str, found: str | None) -> None:
    if found != wanted:
        raise CurateError(f"{path} is not as it was generated; generate it again, or remove it to leave it out")


def _free(folder: PurePosixPath, path: str, taken: set[str]) -> str:
    """A place for a picture; where its name is taken, on any file system, it gets a mark made from its old path."""
    name = PurePosixPath(path)
    place, length = folder / name.name, 8
    while str(place).casefold() in taken:
        place = folder / f"{name.stem}-{hashlib.sha256(path.encode()).hexdigest()[:length]}{name.suffix}"
        length += 1
    taken.add(str(place).casefold())
    return str(place)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # without a time or an owner: the same pictures give the same bytes
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _facts(candidate: Candidate) -> bytes:
    facts = {
        "label": candidate.label,
        "generated": candidate.path,
        "source_sha256": candidate.source_sha256,
        "kind": candidate.kind,
        "template": candidate.template,
        "quality": candidate.quality,
    }
    return json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()
