"""The registry of annotation formats, and what every format's reader gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points
from maskaug.core.errors import MaskaugError
from maskaug.core.faces import Face

Corners = tuple[float, float, float, float]  # left, top, right, bottom


class AnnotationError(MaskaugError):
    """Annotations cannot be used at all; the message says what they lack."""


@dataclass(frozen=True)
class MarkedFace:
    """One face as the user's annotations have it.

    Attributes:
        box: Left, top, right, bottom, where there is a box.
        label: Its class; None where the annotations have none.
        landmarks: ``(68, 2) float32``, where they are known.
        single: Whether it is one face, and not a crowd of them.
    """

    box: Corners | None
    label: str | None = None
    landmarks: Points | None = None
    single: bool = True


@dataclass(frozen=True)
class MarkedPicture:
    """All that is marked in one picture.

    Attributes:
        told_in: File, or place in it, for messages.
        faces: In the order of the file; none if the picture shows none.
        size: Width and height that the annotations say the picture has, where they do.
        shares: Whether coordinates are shares of the picture's width and height instead of pixels.
        problem: What is wrong with its annotations, as the end of a sentence; such a picture is refused.
    """

    told_in: str
    faces: tuple[MarkedFace, ...] = ()
    size: tuple[int, int] | None = None
    shares: bool = False
    problem: str | None = None


@dataclass(frozen=True)
class FoundPicture:
    """What an earlier run has found in a picture, in pixels of the picture as that run turned it.

    Attributes:
        faces: Those with landmarks that wear no mask, largest first.
        others: ``(N, 4) float32``: boxes of those without landmarks.
        masked: ``(N, 4) float32``: boxes of those that wear a mask.
        turned: Quarter turns counterclockwise by which it was turned.
        size: Width and height of the turned picture; None: those of the file.
    """

    faces: tuple[Face, ...]
    others: NDArray[np.float32]
    masked: NDArray[np.float32]
    turned: int
    size: tuple[int, int] | None


@dataclass(frozen=True)
class AnnotationSet:
    """What a format's reader has read.

    Attributes:
        pictures: What is marked, by the picture's name in the annotations, with ``/``.
        match: Which names fit a picture of SRC. ``path``: its path. ``name``: one of the two paths is the end of the
            other. ``stem``: the same without suffixes. Folders that only tell pictures from annotations do not count.
        second_names: Further names by name, for pictures that have no annotations by the first.
        classes: All classes there may be, also those that no box has.
        by_content: What is known of pictures by their SHA-256.
        files: All files that were read: where they lie in SRC, they are no pictures.
    """

    pictures: Mapping[str, MarkedPicture] = field(default_factory=dict)
    match: Literal["path", "name", "stem"] = "path"
    second_names: Mapping[str, str] = field(default_factory=dict)
    classes: frozenset[str] = frozenset()
    by_content: Mapping[str, FoundPicture] = field(default_factory=dict)
    files: frozenset[Path] = frozenset()


@dataclass(frozen=True)
class AnnotationFormat:
    """One format of ``maskaug generate --annotations``.

    Attributes:
        name: Unique; for messages.
        recognises: Whether a path, a file or a folder, is of this format; the second argument are the files in it.
        read: Reads all of it, from the same two; raises `AnnotationError` where it cannot be used at all, and OSError
            where it cannot be read. What is wrong with one picture only is its `MarkedPicture.problem`.
    """

    name: str
    recognises: Callable[[Path, Sequence[Path]], bool]
    read: Callable[[Path, Sequence[Path]], AnnotationSet]


# Formats by name.
FORMATS: dict[str, AnnotationFormat] = {}


def register(annotation_format: AnnotationFormat) -> None:
    """Add a format: ``maskaug generate --annotations`` knows it from then on.

    Raises:
        ValueError: there is one of that name.
    """
    name = annotation_format.name
    if name in FORMATS:
        raise ValueError(f"there is an annotation format {name!r} already; give this one another name")
    FORMATS[name] = annotation_format
