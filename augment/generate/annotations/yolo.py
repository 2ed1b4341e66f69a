"""YOLO: a text file for each picture, ``class center_x center_y width height`` a line, as shares of its sides."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from maskaug.augment.generate.annotations.registry import (
    AnnotationError,
    AnnotationFormat,
    AnnotationSet,
    MarkedFace,
    MarkedPicture,
    register,
)

_NUMBERS = 5  # in a line
_LABELS = "labels"  # the folder that labels lie in, beside images/
# Files that name the classes: YAML with a list or mapping `names`, or a name a line.
_YAMLS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_LISTS = ("classes.txt", "obj.names", "classes.names", "_darknet.labels")
_NO_LABELS = re.compile(r"readme.*|classes|train|val|valid|test|requirements|labels", re.IGNORECASE)  # stems
_LOOKED_AT = 50  # files


def _recognises(source: Path, files: Sequence[Path]) -> bool:
    if not source.is_dir():
        return False
    beginnings = {_begins_as_labels(path) for path in islice(_label_files(source, files), _LOOKED_AT)}
    return True in beginnings or beginnings == {None}


def _label_files(source: Path, files: Sequence[Path]) -> list[Path]:
    """Text files below folders ``labels``, or all where there is none."""
    texts = [path for path in files if path.suffix.lower() == ".txt" and not _NO_LABELS.fullmatch(path.stem)]
    below = [path for path in texts if _LABELS in path.relative_to(source.parent).parts[:-1]]
    return below or texts


def _begins_as_labels(path: Path) -> bool | None:
    """Whether the first line is numbers as of a box; None of an empty file, which is of a picture without boxes."""
    try:
        first = next((line.split() for line in _lines(path) if line.strip()), None)
    except (OSError, UnicodeDecodeError):
        return False
    if first is None:
        return None
    return len(first) >= _NUMBERS and first[0].isdigit() and all(map(_is_number, first[1:]))


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8-sig").splitlines()


def _read(source: Path, files: Sequence[Path]) -> AnnotationSet:
    labels = _label_files(source, files)
    named = _names(source, labels)
    pictures = {}
    for path in labels:
        name = path.relative_to(source).with_suffix("").as_posix()
        try:
            faces = tuple(_faces(path, named))
        except UnicodeDecodeError:
            pictures[name] = MarkedPicture(str(path), problem="are no text")
        except _LineError as error:
            pictures[name] = MarkedPicture(str(path), problem=str(error))
        else:
            pictures[name] = MarkedPicture(str(path), faces, shares=True)
    read = [*labels, *([named[0]] if named else [])]
    classes = frozenset(named[1].values()) if named else frozenset()
    return AnnotationSet(pictures, "stem", classes=classes, files=frozenset(read))


class _LineError(Exception):
    """A line is no box; the message is the end of a sentence."""


def _faces(path: Path, named: tuple[Path, dict[int, str]] | None) -> Iterator[MarkedFace]:
    for number, line in enumerate(_lines(path), 1):
        values = line.split()
        if not values:
            continue
        if len(values) != _NUMBERS:
            raise _LineError(
                f"have {len(values)} values in line {number}; class, center x, center y, width and height are needed"
            )
        if not values[0].isdigit() or not all(map(_is_number, values[1:])):
            raise _LineError(f"have a value in line {number} that is no number: {line.strip()}")
        center_x, center_y, width, height = (float(value) for value in values[1:])
        box = (center_x - width / 2, center_y - height / 2, center_x + width / 2, center_y + height / 2)
        yield MarkedFace(box, _class(path, int(values[0]), named))


def _class(path: Path, index: int, named: tuple[Path, dict[int, str]] | None) -> str:
    """The name of a class; where nothing names the classes, its number is its name."""
    if named is None:
        return str(index)
    file, names = named
    if index not in names:
        raise AnnotationError(
            f"annotations {path} have class {index}, which has no name in {file}: it names {len(names)}"
        )
    return names[index]


def _names(source: Path, labels: Sequence[Path]) -> tuple[Path, dict[int, str]] | None:
    """The file that names the classes, and the names; None where there is none."""
    below = source.resolve()
    above = below.parents[:2] if _LABELS in below.parts[-2:] else ()
    for folder in dict.fromkeys([source, *(path.parent for path in labels[:1]), source / _LABELS, *above]):
        for name in (*_YAMLS, *_LISTS):
            path = folder / name
            if path.is_file():
                try:
                    lines = _lines(path)
                except UnicodeDecodeError as error:
                    raise AnnotationError(f"names of classes, {path}, are no text") from error
                names = _in_yaml(lines) if name in _YAMLS else [line.strip() for line in lines if line.strip()]
                if not names:
                    raise AnnotationError(f"{path} names no class; write names: [without_mask, with_mask]")
                return path, names if isinstance(names, dict) else dict(enumerate(names))
    return None


def _in_yaml(lines: Sequence[str]) -> dict[int, str] | list[str]:
    """The names in a data set's YAML: ``names: [a, b]``, a list below it, or a mapping ``0: a``.

    The little of YAML that such files use, without a YAML library.
    """
    text = "\n".join(line.rstrip() for line in lines)
    found = re.search(r"^names\s*:(.*)$((?:\n(?:[ \t]+.*|-.*|\s*|#.*)$)*)", text, re.MULTILINE)
    if found is None:
        return []
    flow = found[0].partition(":")[2].strip()
    if flow.startswith(("[", "{")):
        inside = flow[1:].partition("]" if flow[0] == "[" else "}")[0]
        entries = [entry for entry in re.findall(r"\"[^\"]*\"|'[^']*'|[^,\n][^,]*", inside) if entry.strip()]
    else:
        bare = [line.strip() for line in found[2].splitlines()]
        entries = [line for line in bare if line and not line.startswith("#")]
    pairs = [re.fullmatch(r"\s*['\"]?(\d+)['\"]?\s*:\s*(.*)", entry, re.DOTALL) for entry in entries]
    if entries and all(pairs):
        return {int(pair[1]): _unquoted(pair[2]) for pair in pairs if pair}
    return [_unquoted(entry.strip().removeprefix("- ").strip()) for entry in entries]


def _unquoted(text: str) -> str:
    quoted = re.match(r"\s*(?:\"([^\"]*)\"|'([^']*)')", text)
    if quoted:
        return next(part for part in quoted.groups() if part is not None)
    return text.partition(" #")[0].strip()


register(AnnotationFormat("YOLO", _recognises, _read))
