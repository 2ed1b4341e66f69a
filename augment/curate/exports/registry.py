"""The registry of export formats: how the pictures that were chosen become files."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from maskaug.augment.curate.selection import Candidate, CurateError
from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.core.containers import Location, Member, read_location

Link = Literal["copy", "hard", "sym"]


@dataclass(frozen=True)
class Chosen:
    """What is to be exported.

    Attributes:
        generated: The generated set.
        pictures: Pictures of it, and the split that each goes to.
        link: Whether files are copied, hard-linked, or linked to by their absolute path.
        seed: Of everything random, such as the order of pictures in shards.
    """

    generated: GeneratedSet
    pictures: Sequence[tuple[Candidate, str]]
    link: Link
    seed: int

    def read(self, candidate: Candidate) -> bytes:
        """The bytes of one of the pictures.

        Raises:
            CurateError: it is not as it was generated.
            OSError: it cannot be read.
        """
        location = self.generated.locate(candidate.path)
        data = read_location(location)
        check_unchanged(location, hashlib.sha256(data).hexdigest(), candidate)
        return data


def _no_data(_splits: Sequence[str], _classes: Sequence[str]) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class ExportFormat:
    """One format of ``maskaug curate --to``.

    Attributes:
        name: As the option has it; unique.
        description: A few words for the option's help.
        write: Writes the pictures below a new folder; the same pictures and seed must give the same bytes. It returns
            where each went, by its path in the generated set, both with ``/``; and raises `CurateError` where one is
            not as it was generated (`check_unchanged`), and OSError where one cannot be read or written.
        links: Whether the files can be links.
        card_data: Fields for the head of the dataset card, YAML, from the names of the splits and the classes.
    """

    name: str
    description: str
    write: Callable[[Path, Chosen], dict[str, str]]
    links: bool = True
    card_data: Callable[[Sequence[str], Sequence[str]], Mapping[str, Any]] = _no_data


# Formats by name.
EXPORT_FORMATS: dict[str, ExportFormat] = {}


def register(export: ExportFormat) -> None:
    """Add a format: ``maskaug curate --to`` knows it from then on.

    Raises:
        ValueError: there is one of that name.
    """
    if export.name in EXPORT_FORMATS:
        raise ValueError(f"there is an export format {export.name!r} already; give this one another name")
    EXPORT_FORMATS[export.name] = export


def check_unchanged(path: Location, sha256: str | None, candidate: Candidate) -> None:
    """Make sure that a file still is what the manifest says.

    Args:
        path: The picture.
        sha256: Of what it holds now; None if it cannot be read.
        candidate: What the manifest says of it.

    Raises:
        CurateError: it is not.
    """
    if sha256 != candidate.sha256:
        held = f"{path.container} to leave out what it holds" if isinstance(path, Member) else "it to leave it out"
        raise CurateError(f"{path} is not as it was generated; bring it back, or remove {held}")
