"""Labelled pictures to train and judge a classifier by: from folders or shards, with what a manifest says of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from maskaug.augment.generate.generated_set import GeneratedSet, GeneratedSetError, open_generated
from maskaug.core.classes import CLASSES, INCORRECT_CLASS
from maskaug.core.containers import Location
from maskaug.core.files import PICTURE_SUFFIXES, is_address
from maskaug.core.manifest import Row, faces_of, read_manifest
from maskaug.core.text import counted
from maskaug.masktheface_wrapper import Wear
from maskaug.masktheface_wrapper.geometry.pose import fit_camera
from maskaug.train.data.classes import Classes, ClassesError, check_classes
from maskaug.train.data.shards import NO_SPLIT, ShardedPictures, find_shards, list_shards
from maskaug.train.errors import TrainError

_NAMES_TOLD = 8


class DataError(TrainError):
    """The pictures cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Sample:
    """One labelled picture.

    Attributes:
        path: Its file, or its place in a shard.
        split: Its split; ``all`` where there are none.
        label: The place of its class among the classes, from 0.
        row: Its row of the manifest, or what its shard says; empty where there is none.
    """

    path: Location
    split: str
    label: int
    row: Row


@dataclass(frozen=True)
class Listing:
    """Labelled pictures.

    Attributes:
        samples: By class and path.
        notes: Sentences on what is unusual about them.
        others: Pictures by the names of other classes.
        problems: Sentences on what of the data set cannot be used, whatever the split.
    """

    samples: list[Sample]
    notes: list[str]
    others: dict[str, list[Location]]
    problems: list[str]


def resolve_classes(data: Path, given: Classes | None = None) -> Classes:
    """Names of the classes that are learnt from a folder of pictures.

    Args:
        data: The folder.
        given: What the user calls them; None: as the data set itself does, or else `THREE_CLASSES`, of which the third
            is learnt where train and val both have pictures of it.

    Raises:
        ClassesError: see :func:`~maskaug.train.data.classes.check_classes`.
        GeneratedSetError: the options of a generated set are damaged.
        DataError: the folder is a generated or curated set of persons, and the user names no classes of it.
    """
    if given is not None:
        return check_classes(given)
    known = check_classes(_own_classes(data) or CLASSES)
    third = known[2] if len(known) > 2 else INCORRECT_CLASS
    there = _open(data, known)
    learnt = third not in known[:2] and all(there.of_class(split, third, {}) for split in ("train", "val"))
    return (*known[:2], third) if learnt else known[:2]


def resolve_judged_classes(data: Path, given: Classes | None, classes: Classes, option: str = "--classes") -> Classes:
    """Names of the classes of a folder whose pictures are judged, as many as the classifier knows.

    Args:
        data: The folder.
        given: What the user calls them; None: as the data set itself does.
        classes: Of the classifier; its names stand for those that neither says.
        option: That names the classes.

    Raises:
        ClassesError: the user names more classes than the classifier knows, or its own in another order, or see
            :func:`~maskaug.train.data.classes.check_classes`.
        GeneratedSetError, DataError: see :func:`resolve_classes`.
    """
    if given is not None and len(given) > len(classes):
        raise ClassesError(
            f"{option} names {', '.join(given)}, but the classifier knows {', '.join(classes)}: name {len(classes)}"
        )
    if any(name in classes and name != own for name, own in zip(given or (), classes, strict=False)):
        raise ClassesError(f"{option} names classes of the classifier in another order than its: {', '.join(classes)}")
    known = (given or _own_classes(data) or ())[: len(classes)]
    return check_classes((*known, *classes[len(known) :]))


def _own_classes(data: Path) -> Classes | None:
    """As the data set itself calls them; None where it does not."""
    if _has_identities(data):
        raise DataError(
            f"{data} has a folder a person and no classes; generate the set with --layout classes to train or judge a "
            "classifier of masks"
        )
    return _generated_classes(data)


def how_to_name(option: str = "--classes") -> str:
    """What to do where folders have other names than the classes.

    Args:
        option: That names them.
    """
    return f"name the folder of unmasked faces, that of masked ones, and any others: {option} UNMASKED,MASKED"


def list_samples(data: Path, classes: Classes, split: str | None = None, option: str = "--classes") -> Listing:
    """The pictures of ``{split}/{class}`` or ``{class}`` folders of any depth, or of shards.

    Args:
        data: The folder, or a tar, parquet or CSV; an address, if there are shards.
        classes: Names of the classes, by label; some may be absent.
        split: The one to take; None: all but ``train``, unless that is the only one.
        option: That names the classes, for who has given others.

    Raises:
        DataError: there is no class of any of these names, no such split, or no picture.
    """
    there = _open(data, classes)
    splits = there.splits(classes, option)
    if split is not None and split not in splits:
        raise DataError(f"{data} has no split {split!r} with {there.unit}; it has {listed(splits)}")
    notes = []
    if split is None:
        chosen = [name for name in splits if name != "train"] or ["train"]
        if chosen == ["train"]:
            notes.append("The only split is train: metrics on pictures a network was trained on say little.")
    else:
        chosen = [split]
    rows = _rows(data)
    samples = [
        Sample(path, name, label, row)
        for name in chosen
        for label, class_name in enumerate(classes)
        for path, row in there.of_class(name, class_name, rows)
    ]
    if not samples:
        raise DataError(f"{data} holds no picture in its class folders {' and '.join(classes)}")
    for label, name in enumerate(classes):
        if all(sample.label != label for sample in samples):
            notes.append(f"There is no picture of class {name}: what needs all classes is undefined.")
    others: dict[str, list[Location]] = {}
    for name in chosen:
        for other in sorted(set(there.labels(name)) - set(classes)):
            if found := there.of_class(name, other, {}):
                others.setdefault(other, []).extend(path for path, _ in found)
    if others:
        notes.append(f"Other classes are left out: {listed(others)}.")
    return Listing(samples, notes, others, there.problems)


def yaw_of(row: Row) -> float:
    """Degrees by which the largest face is turned; nan where that is unknown."""
    if row.get("yaw") is not None:
        return float(row["yaw"])
    faces = faces_of(row)
    return fit_camera(faces[0].landmarks).pose.yaw if faces else float("nan")


def wear_of(row: Row) -> Wear:
    """How the mask of an overlay is worn."""
    wear: Wear = json.loads(row.get("parameters") or "{}").get("wear", "correct")
    return wear


def _has_identities(data: Path) -> bool:
    try:
        return any(row.get("identity") for row in read_manifest(data, ("identity",)))
    except FileNotFoundError:
        return False


def _generated_classes(data: Path) -> Classes | None:
    """As `maskaug generate` or `curate` has named them; None where neither made the folder, or a name is not told.

    The third, of masks that are worn incorrectly, is missing where a curated set has none, or more than one.
    """
    try:
        found = open_generated(data)
    except GeneratedSetError:
        return None
    if found.config.is_file():
        options = found.read_options()
        return options.source_class, options.masked_class, options.incorrect_class
    return _classes_in_manifest(found)


def _classes_in_manifest(found: GeneratedSet) -> Classes | None:
    """A curated set has no options: masked faces are what overlays that are worn correctly are called, unmasked ones
    what the pictures are called that these were made from. None where rows say more than one name, or none.
    """
    rows = list(found.rows(["status", "label", "source_sha256", "parameters"]))
    overlays = [row for row in rows if row["status"] == "masked" and row["label"]]
    masked, incorrect = {row["label"] for row in overlays}, set[str]()
    if len(masked) > 1:
        masked = {row["label"] for row in overlays if wear_of(row) == "correct"}
        incorrect = {row["label"] for row in overlays} - masked
    sources = {row["source_sha256"] for row in overlays}
    unmasked = {row["label"] for row in rows if row["status"] == "original" and row["source_sha256"] in sources}
    if not len(masked) == len(unmasked) == 1:
        return None
    return (*unmasked, *masked, *(incorrect if len(incorrect) == 1 else ()))


class _Folders:
    """Pictures as ``{split}/{class}`` or ``{class}`` folders have them."""

    unit = "a class folder"

    def __init__(self, data: Path) -> None:
        self._data = data
        self.problems = list[str]()

    def splits(self, classes: Classes, option: str) -> list[str]:
        """Names of the folders that hold class folders; ``all`` where there are none.

        Raises:
            DataError: no folder is called as a class is.
        """
        data = self._data
        if any((data / name).is_dir() for name in classes):
            return [NO_SPLIT]
        folders = sorted(folder for folder in data.iterdir() if folder.is_dir() and not folder.name.startswith("."))
        found = [folder.name for folder in folders if any((folder / name).is_dir() for name in classes)]
        if not folders:
            raise DataError(
                f"{data} has no folder of a class in it; make a data set of its pictures with maskaug generate and "
                f"curate, or put them into folders {' and '.join(map(repr, classes[:2]))}"
            )
        if not found:
            inside = {below.name for folder in folders for below in folder.iterdir() if below.is_dir()}
            there = listed(inside or {folder.name for folder in folders})
            raise DataError(
                f"{data} has no folder {' or '.join(map(repr, classes))}, nor has any folder in it; it has {there}: "
                f"{how_to_name(option)}"
            )
        return found

    def labels(self, split: str) -> list[str]:
        """Names of the folders of a split."""
        return sorted(folder.name for folder in self._folder(split).iterdir() if folder.is_dir())

    def of_class(self, split: str, label: str, rows: Mapping[str, Row]) -> list[tuple[Location, Row]]:
        """The pictures of a folder by path, with their rows."""
        found = _pictures(self._folder(split) / label)
        return [(path, rows.get(path.relative_to(self._data).as_posix(), Row())) for path in found]

    def _folder(self, split: str) -> Path:
        return self._data if split == NO_SPLIT else self._data / split


class _Shards:
    """Pictures as shards have them."""

    unit = "a picture of these classes"

    def __init__(self, data: Path, found: ShardedPictures) -> None:
        self._data, self._found = data, found
        count, first = len(found.problems), found.problems[:1]
        told = f"Of the shards, {counted(count, 'thing')} cannot be used; the first: "
        self.problems = [told + one for one in first]
        self.labels, self.of_class = found.labels, found.of_class

    def splits(self, classes: Classes, option: str) -> list[str]:
        """Names of the splits that have pictures of the classes.

        Raises:
            DataError: none has.
        """
        found = [split for split in self._found.pictures if not set(classes).isdisjoint(self.labels(split))]
        if not found:
            there = listed({label for split in self._found.pictures for label in self.labels(split)})
            why = f" ({self._found.problems[0]})" if self._found.problems else ""
            raise DataError(
                f"the shards of {self._data} have no class {' or '.join(map(repr, classes))}; they have {there}{why}: "
                f"{how_to_name(option)}"
            )
        return found


def _has_class_folders(data: Path, classes: Classes) -> bool:
    if is_address(data) or not data.is_dir():
        return False
    splits = (folder for folder in data.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    return any((folder / name).is_dir() for folder in (data, *splits) for name in classes)


def _open(data: Path, classes: Classes) -> _Folders | _Shards:
    """What lies in a folder or a container."""
    try:
        shards = None if _has_class_folders(data, classes) else find_shards(data)
        if shards is not None:
            return _Shards(data, list_shards(data, shards))
    except OSError as error:
        raise DataError(f"{data} cannot be read: {error.strerror or error}") from error
    if is_address(data):
        raise DataError(f"{data} has no shards; at an address, name a folder of tar shards or parquet, or copy it here")
    if not data.is_dir():
        raise DataError(f"{data} {'is not a folder' if data.exists() else 'does not exist'}; name a folder of pictures")
    return _Folders(data)


def _pictures(folder: Path) -> list[Path]:
    files = folder.rglob("*") if folder.is_dir() else ()
    return sorted(path for path in files if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith("."))


def _rows(data: Path) -> Mapping[str, Row]:
    """Rows of the manifest by the path of what was written; none where there is no manifest."""
    try:
        return {row["output"]: row for row in read_manifest(data) if row.get("output")}
    except FileNotFoundError:
        return {}


def listed(names: Iterable[str]) -> str:
    """The first of some names, as a sentence has them."""
    ordered = sorted(names)
    more = f" and {len(ordered) - _NAMES_TOLD} more" if len(ordered) > _NAMES_TOLD else ""
    return (", ".join(ordered[:_NAMES_TOLD]) or "no folder") + more
