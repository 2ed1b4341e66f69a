"""Pascal VOC: an XML file for each picture."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import numpy as np

from maskaug.augment.generate.annotations.registry import (
    AnnotationFormat,
    AnnotationSet,
    Corners,
    MarkedFace,
    MarkedPicture,
    register,
)

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_LOOKED_AT = 20  # files; a folder whose first ones are something else is no VOC


class _NoVocError(Exception):
    """A file is no VOC annotation; the message is the end of a sentence."""


def _recognises(source: Path, files: Sequence[Path]) -> bool:
    return any(_is_voc(path) for path in islice(_xml(source, files), _LOOKED_AT))


def _xml(source: Path, files: Sequence[Path]) -> list[Path]:
    return [path for path in (files if source.is_dir() else [source]) if path.suffix.lower() == ".xml"]


def _is_voc(path: Path) -> bool:
    try:
        _root(path)
    except (_NoVocError, OSError):
        return False
    return True


def _read(source: Path, files: Sequence[Path]) -> AnnotationSet:
    """Boxes by the XML files' own names, and by the ``filename`` in them where no file has the picture's name.

    Names of files are right more often: programs that rename pictures leave the ``filename`` as it was.
    """
    folder = source if source.is_dir() else source.parent
    pictures, second_names = dict[str, MarkedPicture](), dict[str, str]()
    paths = _xml(source, files)
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        try:
            root = _root(path)
            pictures[name] = MarkedPicture(str(path), _faces(root), _size(root))
        except _NoVocError as error:
            pictures[name] = MarkedPicture(str(path), problem=str(error))
            continue
        told = PurePosixPath((root.findtext("filename") or "").strip().replace("\\", "/")).name
        if told:
            second_names[name] = PurePosixPath(name).with_name(told).as_posix()
    return AnnotationSet(pictures, "stem", second_names, files=frozenset(paths))


def _root(path: Path) -> ElementTree.Element:
    data = path.read_bytes()
    # Entities can expand to gigabytes; expat limits that from 2.4.1 on, and no annotation needs any.
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise _NoVocError("declare a document type, which VOC files do not; remove the declaration")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # of an encoding that there is not, too
        raise _NoVocError(f"are no XML: {error}") from error
    if root.tag != "annotation":
        raise _NoVocError(f"begin with <{root.tag}>, not with <annotation>")
    return root


def _faces(root: ElementTree.Element) -> tuple[MarkedFace, ...]:
    faces = []
    for number, marked in enumerate(root.iter("object"), 1):
        label = (marked.findtext("name") or "").strip()
        if not label:
            raise _NoVocError(f"give object {number} no name")
        texts = [marked.findtext(f"bndbox/{side}") for side in _SIDES]
        if None in texts:
            raise _NoVocError(f"give object {number} no {_SIDES[texts.index(None)]} in a bndbox")
        try:
            left, top, right, bottom = (float(text or "") for text in texts)
            if not np.isfinite([left, top, right, bottom]).all():
                raise ValueError(", ".join(map(str, texts)))
        except ValueError as error:
            raise _NoVocError(f"have a side of object {number} that is no number: {error}") from error
        box: Corners = (left, top, right, bottom)
        faces.append(MarkedFace(box, label))
    return tuple(faces)


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    """Width and height; None where a program wrote none, or 0."""
    try:
        width, height = (int(float(root.findtext(f"size/{side}") or 0)) for side in ("width", "height"))
    except (ValueError, OverflowError) as error:
        raise _NoVocError(f"have a width or height that is no number: {error}") from error
    return (width, height) if width > 0 and height > 0 else None


register(AnnotationFormat("Pascal VOC", _recognises, _read))
