"""`scan`: an ImageFolder, with or without splits, or a container with classes."""

from collections.abc import Iterable
from pathlib import Path

from maskaug.augment.generate.scan.contained import scan_container
from maskaug.augment.generate.scan.listing import Listing, list_source
from maskaug.augment.generate.scan.source import (
    SPLIT_NAMES,
    Scan,
    ScanError,
    Source,
    add_source,
    no_class,
)
from maskaug.core.containers import Problem, is_container, shards_among
from maskaug.core.files import PICTURE_SUFFIXES
from maskaug.core.text import printable

_SCENES = "images"  # a folder of data sets for detectors, which have no folders of classes


def scan(src: Path, source_class: str, masked_class: str) -> Scan:
    """List the files of an ImageFolder, or the pictures of a container, with their splits and classes.

    A folder named like one of the two classes is a class folder, wherever it lies; what lies above it is the
    split, what lies beside it are further classes. A folder without any class folder but with pictures, or one
    that is itself called ``source_class``, holds pictures of ``source_class``; so does one whose pictures lie in
    ``images``, in folders named as splits are, or in both. Pictures that lie in no class folder are problems; other
    files there are left alone. Containers are a tar, a parquet or a CSV, or a folder of tars and parquets.

    Raises:
        ScanError: the folder is missing or unreadable, holds no file, or no folder of either name.
    """
    if is_container(src):
        return scan_container(Listing(src, [], [], []), (), source_class)
    listing = list_source(src)
    folders, problems = listing.folders, list(listing.problems)
    classes = {source_class, masked_class}
    # Folders that directly hold a class folder: their other sub-folders are classes too.
    split_folders = {folder.parent for folder in folders if folder.name in classes}
    if not split_folders and (shards := shards_among(listing.files())):
        return scan_container(listing, shards, source_class)
    flat = not split_folders or src.name == source_class
    if flat and src.name != source_class and (split_of := _splits_of_scenes(listing.files())):
        scenes = [
            listing.source(path, split_of[path.parent], source_class, ())
            for path in listing.files()
            if path.parent in split_of
        ]
        return Scan.of(scenes, problems)
    if flat and src.name != source_class and all("/" in name for name in listing.names):
        raise no_class(src, source_class, {path.parts[0] for path in listing.files()})
    sources: list[Source] = []
    for path in listing.files():
        if flat:
            sources.append(listing.source(path, "", source_class, path.parent.parts))
            continue
        parents = [folder for folder in path.parents if folder in split_folders]
        if parents and len(path.parts) > len(parents[0].parts) + 1:
            inside = path.parent.parts[len(parents[0].parts) :]
            add_source(listing.source(path, parents[0].as_posix(), inside[0], inside[1:]), sources, problems)
        elif path.suffix.lower() in PICTURE_SUFFIXES:
            relative = printable(path.as_posix())
            message = f"{relative} lies in no class folder; move it into one"
            problems.append(Problem(relative, "no_class", message))
    if not sources and not problems:
        raise ScanError(f"source {src} holds no picture below {source_class!r}")
    if not flat and all(folder.name != source_class for folder in folders):
        raise no_class(src, source_class, {source.label for source in sources})
    return Scan.of(sources, problems)


def _splits_of_scenes(files: Iterable[Path]) -> dict[Path, str]:
    """The split of each folder of pictures, as detectors' data sets have them; empty where any lies elsewhere.

    These are ``images``, ``SPLIT``, ``SPLIT/images`` and ``images/SPLIT``.
    """
    splits = {}
    for folder in {path.parent for path in files if path.suffix.lower() in PICTURE_SUFFIXES}:
        names = [name for name in folder.parts if name != _SCENES]
        if (
            not folder.parts
            or len(names) > 1
            or len(folder.parts) - len(names) > 1
            or not SPLIT_NAMES.issuperset(names)
        ):
            return {}
        splits[folder] = names[0] if names else ""
    return splits
