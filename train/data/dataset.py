"""The pictures of a training run: listed, checked, decoded once."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.core.classes import CLASSES
from maskaug.core.text import counted
from maskaug.train.data.cache import CachedPictures, DecodeProgress, load_pictures
from maskaug.train.data.classes import Classes
from maskaug.train.data.preprocess import Preparation
from maskaug.train.data.samples import DataError, Sample, how_to_name, list_samples, listed

_UNEQUAL = 3  # times more pictures of one class than of another


@dataclass(frozen=True)
class SplitPictures:
    """One split.

    Attributes:
        samples: N labelled pictures that could be read.
        pixels: ``(N, P, P, 3) uint8`` RGB, prepared, on disk.
        views: ``(N, 8) float32``: how each was cut out, see `Prepared.view`.
        sizes: Height and width of each file, in pixels.
        sha256: Of each file, hexadecimal.
        classes: Names of the classes, by label.
    """

    samples: list[Sample]
    pixels: NDArray[np.uint8]
    views: NDArray[np.float32]
    sizes: list[tuple[int, int]]
    sha256: list[str]
    classes: Classes = CLASSES

    @property
    def labels(self) -> NDArray[np.float32]:
        """``(N,)``: the place of each picture's class among the classes, from 0."""
        return np.array([sample.label for sample in self.samples], dtype=np.float32)

    def __len__(self) -> int:
        return len(self.samples)


@dataclass(frozen=True)
class TrainingData:
    """What a run is trained and selected on.

    Attributes:
        train, val: The two splits.
        classes: Names of the classes, by label.
        checksum: SHA-256 over both splits' labels and files, whatever these are called.
        notes: Sentences on what is unusual.
    """

    train: SplitPictures
    val: SplitPictures
    classes: Classes
    checksum: str
    notes: list[str]


def load_training_data(
    data: Path,
    preparation: Preparation,
    cache: Path,
    progress: DecodeProgress = lambda done, total: None,
    *,
    classes: Classes = CLASSES,
) -> TrainingData:
    """The splits ``train`` and ``val`` of a folder, as ``maskaug curate`` and ``generate`` write it.

    Args:
        data: ``{split}/{class}`` folders.
        preparation: What is done to the pictures.
        cache: Folder for decoded pictures.
        progress: Called with pictures decoded, and of how many.
        classes: Names of the classes, by label.

    Raises:
        DataError: a split or a class is missing, or no picture of it can be read.
    """
    notes, parts = [], []
    for split in ("train", "val"):
        listing = list_samples(data, classes, split)
        loaded = load_pictures([sample.path for sample in listing.samples], preparation, cache, progress)
        part = _readable(listing.samples, loaded, classes)
        others = sorted(listing.others)
        _check_all_there(data, split, part, others)
        notes += [*_unread(split, loaded.problems), *_unequal(split, part), *_left_out(split, others)]
        parts.append(part)
    notes += listing.problems
    if len(classes) > 2:
        two = ",".join(classes[:2])
        notes.insert(0, f"{len(classes)} classes are learnt: {', '.join(classes)}; for two, give --classes {two}.")
    train, val = parts
    return TrainingData(train, val, classes, _checksum(train, val), notes + _shared(train, val))


def _readable(samples: list[Sample], loaded: CachedPictures, classes: Classes) -> SplitPictures:
    samples = [samples[number] for number in loaded.numbers]
    return SplitPictures(samples, loaded.pixels, loaded.views, loaded.sizes, loaded.sha256, classes)


def _check_all_there(data: Path, split: str, part: SplitPictures, others: list[str]) -> None:
    for label, name in enumerate(part.classes):
        if all(sample.label != label for sample in part.samples):
            instead = f"it has pictures of {listed(others)}, too: {how_to_name()}; or " if others else ""
            raise DataError(
                f"{data / split} has no picture of class {name} that can be read; {instead}make them with maskaug "
                f"generate and curate: training needs pictures of {' and '.join(part.classes)} in train and val"
            )


def _unread(split: str, problems: list[str]) -> list[str]:
    if not problems:
        return []
    left_out = "is left out" if len(problems) == 1 else "are left out"
    return [f"{counted(len(problems), 'picture')} of {split} cannot be read and {left_out}; the first: {problems[0]}"]


def _left_out(split: str, others: list[str]) -> list[str]:
    return [f"Pictures of {split} that are not trained on, for their class: {listed(others)}."] if others else []


def _unequal(split: str, part: SplitPictures) -> list[str]:
    counts = Counter(sample.label for sample in part.samples)
    if max(counts.values()) <= _UNEQUAL * min(counts.values()):
        return []
    told = " and ".join(f"{counts[label]} of {name}" for label, name in enumerate(part.classes))
    return [
        f"The classes of {split} are unequal: {told}. A network may learn to prefer the largest; balance them first."
    ]


def _shared(train: SplitPictures, val: SplitPictures) -> list[str]:
    """Leaks: the same file, or the same source, in both splits."""
    notes = []
    for title, train_keys, val_keys in (
        ("the same as one", train.sha256, val.sha256),
        ("made from the same source as one", *([_source(sample) for sample in part.samples] for part in (train, val))),
    ):
        where = defaultdict(list)
        for key, sample in zip(train_keys, train.samples, strict=True):
            where[key].append(sample)
        shared = [(key, sample) for key, sample in zip(val_keys, val.samples, strict=True) if key and key in where]
        if shared:
            key, sample = shared[0]
            are = "is" if len(shared) == 1 else "are"
            notes.append(
                f"{counted(len(shared), 'picture')} of val {are} {title} of train, such as {sample.path} and "
                f"{where[key][0].path}: metrics on val will be too good; separate the splits with maskaug curate."
            )
    return notes


def _source(sample: Sample) -> str:
    return str(sample.row.get("source_sha256") or "")


def _checksum(*parts: SplitPictures) -> str:
    whole = hashlib.sha256()
    for part in parts:
        lines = sorted(f"{sample.label} {sha256}\n" for sample, sha256 in zip(part.samples, part.sha256, strict=True))
        whole.update("".join([f"{len(lines)}\n", *lines]).encode())
    return whole.hexdigest()
