"""`Annotations`: the faces that the user has marked, whatever the format."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.annotations.classes import Role, roles_of, sorted_out
from maskaug.augment.generate.annotations.located import locate
from maskaug.augment.generate.annotations.matching import NameIndex
from maskaug.augment.generate.annotations.placed import PictureAnnotationError, Placement
from maskaug.augment.generate.annotations.registry import (
    FORMATS,
    AnnotationError,
    AnnotationSet,
    FoundPicture,
    MarkedFace,
    MarkedPicture,
)
from maskaug.core.pictures import DecodedPicture
from maskaug.core.turns import turn_boxes
from maskaug.masktheface_wrapper import Face, FaceFinder, face_from_landmarks
from maskaug.masktheface_wrapper.detect.detector import Boxes, no_boxes

__all__ = ["Annotations", "KnownFaces", "PictureAnnotationError", "open_annotations"]

# A picture is called masked for the faces that are at least as wide as this share of its largest.
COUNTS = 0.5


@dataclass(frozen=True)
class KnownFaces:
    """All faces that are marked in a picture; there are no others.

    Attributes:
        faces: Bare ones, largest first.
        others: ``(N, 4) float32``: boxes of bare ones whose landmarks cannot be found.
        masked: ``(N, 4) float32``: boxes of faces that wear a mask already.
    """

    faces: list[Face]
    others: Boxes = field(default_factory=no_boxes)
    masked: Boxes = field(default_factory=no_boxes)

    @property
    def shows_masks(self) -> bool:
        """Whether a face that wears a mask already is at least half as wide as the largest."""
        boxes = np.concatenate([*(face.box[None] for face in self.faces), self.others, self.masked])
        widths, masked = boxes[:, 2] - boxes[:, 0], self.masked[:, 2] - self.masked[:, 0]
        return bool((masked >= COUNTS * widths.max(initial=0.0)).any())


class Annotations:
    """Faces that the user has marked, or an earlier run has found, by picture.

    Attributes:
        source: File or folder that they were read from.
        files: All files that were read.
        roles: Of the classes.
    """

    def __init__(self, source: Path, read: AnnotationSet, chosen: Mapping[str, Role] | None = None) -> None:
        """Sort out classes and names.

        Args:
            source: Where it was read from, for messages.
            read: What a format's reader has read.
            chosen: Roles of classes, as ``--box-classes``; None: by their names.

        Raises:
            AnnotationError: classes are unknown, or none is one of bare faces.
        """
        self.source = source
        self.files = frozenset(path.resolve() for path in read.files)
        self._pictures, self._by_content = read.pictures, read.by_content
        labels = {face.label for picture in read.pictures.values() for face in picture.faces}
        self.roles = roles_of(source, {label for label in labels if label is not None}, read.classes, chosen)
        self._first = NameIndex({name: name for name in read.pictures}, read.match)
        self._second = NameIndex({second: name for name, second in read.second_names.items()}, read.match)

    def name_of(self, relative: str) -> str | None:
        """The name that a picture has in the annotations; None if it is not named there.

        Args:
            relative: Its path below SRC.

        Raises:
            AnnotationError: several annotations fit it.
        """
        name = self._first.find(relative)
        return self._second.find(relative) if name is None else name

    @property
    def names(self) -> Mapping[str, MarkedPicture]:
        """What is marked, by the pictures' names in the annotations; those known by content are not among them."""
        return self._pictures

    def known(self, relative: str, picture: DecodedPicture, finder: FaceFinder) -> KnownFaces | None:
        """Faces of a picture, or None if nothing is known of it: then a detector must look.

        Args:
            relative: The picture's path below SRC.
            picture: The picture; known coordinates are scaled to its size.
            finder: Turns a box into landmarks.

        Raises:
            PictureAnnotationError: what is known cannot be used.
        """
        if picture.sha256 in self._by_content:
            return _as_it_lies(self._by_content[picture.sha256], picture)
        name = self.name_of(relative)
        if name is None:
            return None
        marked = self._pictures[name]
        placement = Placement(marked, picture, relative)
        if marked.problem is not None:
            raise placement.error(marked.problem)
        return self._known(marked, placement, picture.pixels, finder)

    def _known(
        self, marked: MarkedPicture, placement: Placement, pixels: NDArray[np.uint8], finder: FaceFinder
    ) -> KnownFaces:
        numbers = {id(face): number for number, face in enumerate(marked.faces, 1)}

        def box(face: MarkedFace) -> NDArray[np.float32]:
            if face.landmarks is not None:
                return face_from_landmarks(placement.points(face.landmarks)).box
            assert face.box is not None
            return placement.box(face.box, numbers[id(face)])

        bare, masked = sorted_out(marked.faces, self.roles)
        worn = [box(face) for face in masked]
        crowds = [box(face) for face in bare if not face.single]
        drawn = [box(face) for face in bare if face.single and face.landmarks is None]
        points = [placement.points(face.landmarks) for face in bare if face.landmarks is not None]
        faces, left = locate(pixels, drawn, worn, finder)
        faces = [*map(face_from_landmarks, points), *faces]
        faces.sort(key=lambda face: -float(np.ptp(face.landmarks[:, 0])))
        return KnownFaces(faces, _stacked([*left, *crowds]), _stacked(worn))


def open_annotations(source: Path, chosen: Mapping[str, Role] | None = None) -> Annotations:
    """Read annotations; their format is told by what they are.

    Args:
        source: A file, or a folder of files.
        chosen: Roles of classes, as ``--box-classes``; None: by their names.

    Raises:
        AnnotationError: there are none, of no known format or of several, or they cannot be used.
    """
    files = _files(source)
    try:
        fitting = [one for one in FORMATS.values() if one.recognises(source, files)]
        if len(fitting) == 1:
            return Annotations(source, fitting[0].read(source, files), chosen)
    except OSError as error:
        raise AnnotationError(f"annotations {error.filename or source} cannot be read: {error.strerror}") from error
    if fitting:
        names = " and ".join(one.name for one in fitting)
        raise AnnotationError(f"annotations {source} are {names} at once; name the file or folder of one of them")
    if not source.exists():
        raise AnnotationError(f"annotations {source} do not exist")
    known = ", ".join(sorted(FORMATS))
    raise AnnotationError(f"annotations {source} are of no known format: {known}")


def _as_it_lies(found: FoundPicture, picture: DecodedPicture) -> KnownFaces:
    """What an earlier run has found in a picture, in the pixels of the picture as it is now."""
    sideways = found.turned % 2 == 1
    width, height = found.size or (picture.full_size[::-1] if sideways else picture.full_size)
    lying = np.array((height, width) if sideways else (width, height))
    scale = (np.array(picture.pixels.shape[1::-1]) / lying).astype(np.float32)

    def back(boxes: Boxes) -> Boxes:
        return turn_boxes(boxes, -found.turned, (height, width)) * np.tile(scale, 2)

    faces = [face.turned(-found.turned, (height, width)) for face in found.faces]
    moved = [face.moved(scale, np.zeros(2, dtype=np.float32)) for face in faces]
    return KnownFaces(moved, back(found.others), back(found.masked))


def _files(source: Path) -> list[Path]:
    """All files in a folder, in order, without hidden ones; none where it is no folder."""
    found = list[Path]()
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
    return found


def _stacked(boxes: list[NDArray[np.float32]]) -> Boxes:
    return np.array(boxes, dtype=np.float32).reshape(-1, 4)  # also of none
