"""`scan_identities`: a folder a person, with or without splits, or a container whose classes are persons."""

from dataclasses import replace
from pathlib import Path

from maskaug.augment.generate.scan.contained import scan_container
from maskaug.augment.generate.scan.listing import Listing, list_source
from maskaug.augment.generate.scan.source import SPLIT_NAMES, Scan, ScanError, Source, add_source
from maskaug.core.containers import Problem, is_container, shards_among
from maskaug.core.files import PICTURE_SUFFIXES
from maskaug.core.text import printable


def scan_identities(src: Path, level: int | None = None) -> Scan:
    """List the files of a folder a person; what lies above the persons' folders are splits. In containers, classes are.

    Pictures that lie in no person's folder are problems; other files there are left alone.

    Args:
        src: The folder.
        level: How deep the persons' folders lie, 1 for ``SRC/anna``; None: those that hold the pictures.

    Raises:
        ScanError: the folder is missing or unreadable, holds no person's folder, or it cannot be told which folders
            are persons.
    """
    if is_container(src):
        return scan_container(Listing(src, [], [], []), ())
    listing = list_source(src)
    problems = list(listing.problems)
    if shards := shards_among(listing.files()):
        return scan_container(listing, shards)
    holding = {path.parent for path in listing.files() if path.suffix.lower() in PICTURE_SUFFIXES}
    if level is None:
        level = _level_of_persons(src, sorted(holding - {Path()}))
    sources: list[Source] = []
    for path in listing.files():
        folders = path.parent.parts
        if len(folders) >= level:
            split = Path(*folders[: level - 1]).as_posix()
            source = listing.source(path, split, folders[level - 1], folders[level:])
            add_source(
                replace(source, split="" if split == "." else source.split, identity=source.label), sources, problems
            )
        elif path.suffix.lower() in PICTURE_SUFFIXES:
            relative = printable(path.as_posix())
            message = f"{relative} lies in no person's folder; move it into one"
            problems.append(Problem(relative, "no_person", message))
    if not sources and not problems:
        raise ScanError(f"source {src} holds no picture")
    if not sources and holding:
        raise ScanError(
            f"source {src} holds pictures, but no person's folder{f' at level {level}' if level > 1 else ''}; "
            "put each person's pictures into a folder of their own"
        )
    return Scan.of(sources, problems)


def _level_of_persons(src: Path, folders: list[Path]) -> int:
    """How deep the folders that hold pictures lie, if nothing speaks against these being the persons."""
    depths = {len(folder.parts): folder for folder in folders}
    if not depths:
        return 1
    if len(depths) > 1:
        told = ", ".join(f"--person-level {depth} if {_told(src, depths[depth])} is one" for depth in sorted(depths))
        raise ScanError(
            f"source {src} has pictures at several levels, and which folders are persons is unclear: {told}"
        )
    (level,) = depths
    # Folders called test or val are splits. Others may be persons, with a folder for each session or video.
    above: dict[str, list[Path]] = {}
    for folder in folders:
        if folder.parent.name.casefold() not in SPLIT_NAMES:
            above.setdefault(folder.name, []).append(folder)
    parents = {folder.parent for found in above.values() for folder in found}
    shared = next((found for found in above.values() if len(found) > 1), None)
    lonely = sorted(found[0] for found in above.values()) if 1 < len(parents) == len(above) else None
    if found := shared or lonely:
        one, other = (_told(src, folder) for folder in found[:2])
        raise ScanError(
            f"source {src} has {one} and {other}, and which folders are persons is unclear: "
            f"--person-level {level - 1} if {_told(src, found[0].parent)} is one, --person-level {level} if {one} is"
        )
    return level


def _told(src: Path, folder: Path) -> str:
    return printable((src / folder).as_posix())
