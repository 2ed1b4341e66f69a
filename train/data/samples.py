"""Labelled pictures to judge a classifier by: from folders, with what a manifest says of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from maskaug.core.files import PICTURE_SUFFIXES
from maskaug.core.manifest import Row, faces_of, read_manifest
from maskaug.masktheface_wrapper.geometry.pose import fit_camera
from maskaug.train.errors import TrainError

NO_SPLIT = "all"
_NAMES_TOLD = 8


class DataError(TrainError):
    """The pictures cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Sample:
    """One labelled picture.

    Attributes:
        path: Its file.
        split: Its split; ``all`` where there are none.
        label: 0 is unmasked, 1 is masked.
        row: Its row of the manifest; empty where there is none.
    """

    path: Path
    split: str
    label: int
    row: Row


@dataclass(frozen=True)
class Listing:
    """Samples by path, and sentences on what is unusual about them."""

    samples: list[Sample]
    notes: list[str]


def list_samples(data: Path, classes: tuple[str, str], split: str | None = None) -> Listing:
    """The pictures of ``{split}/{class}`` or ``{class}`` folders of any depth.

    Args:
        data: The folder.
        classes: Names of the folders of unmasked and masked faces; one of the two may be absent.
        split: The one to take; None: all but ``train``, unless that is the only one.

    Raises:
        DataError: there is no folder of either name, no such split, or no picture.
    """
    splits = _splits(data, classes)
    if split is not None and split not in splits:
        raise DataError(f"{data} has no split {split!r} with a class folder; it has {_told(splits)}")
    notes = []
    if split is None:
        chosen = [name for name in splits if name != "train"] or ["train"]
        if chosen == ["train"]:
            notes.append("The only split is train: metrics on pictures a network was trained on say little.")
    else:
        chosen = [split]
    rows = _rows(data)
    samples = [
        Sample(path, name, label, rows.get(path.relative_to(data).as_posix(), Row()))
        for name in chosen
        for label, folder in enumerate(classes)
        for path in _pictures(splits[name] / folder)
    ]
    if not samples:
        raise DataError(f"{data} holds no picture in its class folders {' and '.join(classes)}")
    for label, name in enumerate(classes):
        if all(sample.label != label for sample in samples):
            notes.append(f"There is no picture of class {name}: what needs both classes is undefined.")
    others = {
        folder.name
        for name in chosen
        for folder in splits[name].iterdir()
        if folder.is_dir() and folder.name not in classes and _pictures(folder)
    }
    if others:
        notes.append(f"Other classes are left out: {_told(others)}.")
    return Listing(samples, notes)


def yaw_of(row: Row) -> float:
    """Degrees by which the largest face is turned; nan where nobody knows."""
    if row.get("yaw") is not None:
        return float(row["yaw"])
    faces = faces_of(row)
    return fit_camera(faces[0].landmarks).pose.yaw if faces else float("nan")


def _splits(data: Path, classes: tuple[str, str]) -> dict[str, Path]:
    """The folders that hold class folders, by split."""
    if not data.is_dir():
        raise DataError(f"{data} {'is not a folder' if data.exists() else 'does not exist'}; name a folder of pictures")
    if any((data / name).is_dir() for name in classes):
        return {NO_SPLIT: data}
    folders = sorted(folder for folder in data.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    found = {folder.name: folder for folder in folders if any((folder / name).is_dir() for name in classes)}
    if not found:
        inside = {below.name for folder in folders for below in folder.iterdir() if below.is_dir()}
        there = _told(inside or {folder.name for folder in folders})
        raise DataError(
            f"{data} has no folder {classes[0]!r} or {classes[1]!r}, nor has any folder in it; it has {there}: "
            "say which is which with --unmasked-class and --masked-class"
        )
    return found


def _pictures(folder: Path) -> list[Path]:
    files = folder.rglob("*") if folder.is_dir() else ()
    return sorted(path for path in files if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith("."))


def _rows(data: Path) -> Mapping[str, Row]:
    """Rows of the manifest by the path of what was written; none where there is no manifest."""
    try:
        return {row["output"]: row for row in read_manifest(data) if row.get("output")}
    except FileNotFoundError:
        return {}


def _told(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _NAMES_TOLD} more" if len(listed) > _NAMES_TOLD else ""
    return (", ".join(listed[:_NAMES_TOLD]) or "no folder") + more
