"""Which annotations are a picture's: by its path, or by the end of it."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Literal

from maskaug.augment.generate.annotations.registry import AnnotationError
from maskaug.core.files import PICTURE_SUFFIXES
from maskaug.core.text import printable

# Folders that tell pictures from annotations, in data sets that keep the two apart.
_KINDS_OF_FILES = {"images", "jpegimages", "imgs", "labels", "annotations"}

Parts = tuple[str, ...]


class NameIndex:
    """Names in annotations, found again by the paths of pictures."""

    def __init__(self, names: Mapping[str, str], match: Literal["path", "name", "stem"]) -> None:
        """Index names.

        Args:
            names: What is found, by name with ``/``.
            match: See `AnnotationSet`.
        """
        self._match = match
        self._by_path = {printable(name): key for name, key in names.items()}
        self._by_last: dict[str, list[tuple[Parts, str]]] = {}
        if match != "path":
            for name, key in self._by_path.items():
                parts = self._parts(name)
                self._by_last.setdefault(parts[-1], []).append((parts, key))

    def find(self, relative: str) -> str | None:
        """What the name that fits a picture stands for, or None.

        Of several that fit, the one with the most folders in common.

        Args:
            relative: The picture's path below SRC, as `Source` has it.

        Raises:
            AnnotationError: several fit equally well.
        """
        if self._match == "path":
            return self._by_path.get(relative)
        wanted = self._parts(relative)
        fitting = [(parts, key) for parts, key in self._by_last.get(wanted[-1], ()) if _fit(parts, wanted)]
        most = max((len(parts) for parts, _ in fitting if len(parts) <= len(wanted)), default=len(wanted) + 1)
        best = [key for parts, key in fitting if len(parts) == most] or [key for _, key in fitting]
        if len(best) > 1:
            raise AnnotationError(
                f"annotations of {best[0]} and {best[1]} both fit picture {relative}; "
                "name the folder of one of them as --annotations"
            )
        return best[0] if best else None

    def _parts(self, name: str) -> Parts:
        path = PurePosixPath(name)
        by_stem = self._match == "stem" and path.suffix.lower() in PICTURE_SUFFIXES
        folders = (part for part in path.parent.parts if part.casefold() not in _KINDS_OF_FILES)
        return (*folders, path.stem if by_stem else path.name)


def _fit(first: Parts, second: Parts) -> bool:
    """Whether one of two paths is the end of the other."""
    length = min(len(first), len(second))
    return first[-length:] == second[-length:]
