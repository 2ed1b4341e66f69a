"""COCO: a JSON file with ``images``, ``annotations`` and ``categories``; or a folder with several, as of splits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maskaug.augment.generate.annotations.registry import (
    AnnotationError,
    AnnotationFormat,
    AnnotationSet,
    Corners,
    MarkedFace,
    MarkedPicture,
    register,
)
from maskaug.core.text import parse_json

_PARTS = ("images", "annotations", "categories")


def _recognises(source: Path, files: Sequence[Path]) -> bool:
    # A file that is named is meant; what it lacks is told by reading it.
    return source.suffix.lower() == ".json" if not source.is_dir() else any(map(_is_coco, _json(files)))


def _json(files: Sequence[Path]) -> list[Path]:
    return [path for path in files if path.suffix.lower() == ".json"]


def _is_coco(path: Path) -> bool:
    try:
        _load(path)
    except (AnnotationError, OSError):
        return False
    return True


def _load(path: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        content = parse_json(path.read_bytes())
    except (ValueError, RecursionError) as error:  # also of bytes that are no text
        raise AnnotationError(f"annotations {path} are no JSON: {error}") from error
    for part in _PARTS:
        entries = content.get(part) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise AnnotationError(f"annotations {path} are no COCO file: they have no list of objects {part!r}")
    loaded: dict[str, list[dict[str, Any]]] = content
    return loaded


def _read(source: Path, files: Sequence[Path]) -> AnnotationSet:
    paths = [path for path in _json(files) if _is_coco(path)] if source.is_dir() else [source]
    pictures, classes = dict[str, MarkedPicture](), set[str]()
    for path in paths:
        below = path.relative_to(source).parent if source.is_dir() else Path()
        content = _load(path)
        names = _names(path, content["categories"])
        classes |= set(names.values())
        for file_name, picture in _pictures(path, content, names).items():
            name = (below / file_name).as_posix()
            if name in pictures:
                raise AnnotationError(
                    f"annotations {source} tell of {name} in {pictures[name].told_in} and {path}; name one of the files"
                )
            pictures[name] = picture
    return AnnotationSet(pictures, "name", classes=frozenset(classes), files=frozenset(paths))


def _names(path: Path, categories: Sequence[Mapping[str, Any]]) -> dict[Any, str]:
    names = {}
    for category in categories:
        if "id" not in category or not isinstance(category.get("name"), str):
            raise AnnotationError(f"annotations {path} have a category without id or name: {category}")
        names[category["id"]] = category["name"].strip()
    return names


def _pictures(
    path: Path, content: Mapping[str, Sequence[Mapping[str, Any]]], names: Mapping[Any, str]
) -> dict[str, MarkedPicture]:
    """What is marked, by ``file_name``."""
    faces: dict[Any, list[MarkedFace]] = {}
    problems: dict[Any, str] = {}
    for image in content["images"]:
        if not isinstance(image.get("file_name"), str) or not image["file_name"] or "id" not in image:
            raise AnnotationError(f"annotations {path} have an image without id or file_name: {image}")
        if image["id"] in faces:
            raise AnnotationError(f"annotations {path} give two images the id {image['id']}")
        faces[image["id"]] = []
    for number, marked in enumerate(content["annotations"], 1):
        key, category = marked.get("image_id"), marked.get("category_id")
        if key not in faces:
            raise AnnotationError(
                f"annotations {path} have annotation {number} for image {key}, which is not in images"
            )
        if category not in names:
            raise AnnotationError(f"annotations {path} have category {category}, which has no name in categories")
        try:
            box = _corners(marked.get("bbox"))
        except (TypeError, ValueError):
            problems.setdefault(key, f"have a bbox that is not four numbers: {marked.get('bbox')}")
            continue
        faces[key].append(MarkedFace(box, names[category], single=not marked.get("iscrowd")))
    found = {}
    for image in content["images"]:
        name = image["file_name"].replace("\\", "/").removeprefix("./")
        if name in found:
            raise AnnotationError(f"annotations {path} tell of {name} twice")
        key = image["id"]
        found[name] = MarkedPicture(str(path), tuple(faces[key]), _size(image), problem=problems.get(key))
    return found


def _corners(bbox: Any) -> Corners:  # noqa: ANN401
    left, top, width, height = (float(value) for value in bbox)
    if not np.isfinite([left, top, width, height]).all():
        raise ValueError("not finite")
    return left, top, left + width, top + height


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    """Width and height; None where they are not given."""
    sides = [image.get(side) for side in ("width", "height")]
    width, height = (int(side) if isinstance(side, int | float) else 0 for side in sides)
    return (width, height) if width > 0 and height > 0 else None


register(AnnotationFormat("COCO", _recognises, _read))
