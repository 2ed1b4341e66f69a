"""Folders, as torchvision's ImageFolder reads them."""

import hashlib
import os
import shutil
from pathlib import Path, PurePosixPath

from maskaug.augment.curate.exports.registry import Chosen, ExportFormat, Link, check_unchanged, register
from maskaug.core.containers import Member
from maskaug.core.files import file_sha256, is_address


def write_folders(folder: Path, chosen: Chosen) -> dict[str, str]:
    """Write ``FOLDER/<split>/<class>/<picture>``: copies or links, as ``chosen.link`` says.

    Where originals and masked copies of persons lie apart, that is ``FOLDER/<split>/<tree>/<person>/<picture>``.
    """
    places: dict[str, str] = {}
    taken: set[str] = set()
    for candidate, split in chosen.pictures:
        source = chosen.generated.locate(candidate.path)
        place = _free(PurePosixPath(split, candidate.tree, candidate.label), candidate.path, taken)
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, Member) or is_address(source):
            target.write_bytes(chosen.read(candidate))
        else:
            check_unchanged(source, file_sha256(source), candidate)
            _copy(source, target, chosen.link)
        places[candidate.path] = place
    return places


def _copy(source: Path, target: Path, link: Link) -> None:
    if link == "hard":
        os.link(source.resolve(), target)
    elif link == "sym":
        target.symlink_to(source.resolve())
    else:
        shutil.copyfile(source, target)


def _free(folder: PurePosixPath, path: str, taken: set[str]) -> str:
    """A place for a picture; where its name is taken, on any file system, it gets a mark made from its old path."""
    name = PurePosixPath(path)
    place, length = folder / name.name, 8
    while str(place).casefold() in taken:
        place = folder / f"{name.stem}-{hashlib.sha256(path.encode()).hexdigest()[:length]}{name.suffix}"
        length += 1
    taken.add(str(place).casefold())
    return str(place)


register(ExportFormat("imagefolder", "folders of pictures", write_folders))
