"""`Member`: a picture inside a larger file; `Location`: a picture's file, or that."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from maskaug.core.files import file_sha256, find_objects, is_address, open_object, read_bytes

# What one picture may take, as a shard's header or a parquet's metadata has it: 100 megapixels uncompressed are 300 MB.
MOST_BYTES = 400_000_000


@dataclass(frozen=True)
class Member(ABC):
    """A picture inside a larger file; it can be pickled, and read from any process.

    Attributes:
        container: The file that holds it.
        name: Its name there, with ``/``.
    """

    container: Path
    name: str

    @property
    @abstractmethod
    def place(self) -> tuple[int, ...]:
        """Where it begins: members of one file are read fastest in the order of their places."""

    @abstractmethod
    def read_bytes(self) -> bytes:
        """Its bytes.

        Raises:
            OSError: they cannot be read.
        """

    def resolve(self) -> "Member":
        """The same with an absolute path, as of `Path`."""
        return replace(self, container=self.container.resolve())

    def __str__(self) -> str:
        return f"{self.container}/{self.name}"


Location: TypeAlias = Path | Member


@dataclass(frozen=True)
class ListedPicture:
    """A picture that a container holds or names.

    Attributes:
        location: Where its bytes are.
        name: Its own, below what was listed, with ``/``.
        split: ``train``, ``val``, ``test`` ...; empty where nothing says.
        label: Name of its class, or its number where it has no name; None where nothing says.
        facts: What else is said of it under the names of the manifest's columns, and of these columns' types; and
            ``generated``, where ``maskaug curate`` took it from.
    """

    location: Location
    name: str
    split: str = ""
    label: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Problem:
    """Something that cannot be looked into: its place below what was listed, a short reason, a sentence."""

    relative: str
    reason: str
    message: str


def read_location(location: Location) -> bytes:
    """The bytes of a picture, here or at an address.

    Raises:
        OSError: they cannot be read.
    """
    return location.read_bytes() if isinstance(location, Member) else read_bytes(location)


def sha256_of(location: Location) -> str | None:
    """Hexadecimal digest of a picture's bytes, or None if they cannot be read."""
    if not isinstance(location, Member):
        return file_sha256(location)
    try:
        return hashlib.sha256(location.read_bytes()).hexdigest()
    except OSError:
        return None


def open_container(path: Path) -> BinaryIO:
    """A container for reading, here or at an address.

    Raises:
        OSError: it cannot be read.
    """
    return open_object(path) if is_address(path) else path.open("rb")


def stamp_of(path: Path) -> str:
    """What differs where a file's content does: its size and its time of change, or what its store has of these.

    Raises:
        OSError: it is not there.
    """
    if is_address(path):
        return " ".join(f"{one.size}\0{one.stamp}" for one in find_objects(path))
    status = path.stat()
    return f"{status.st_size}\0{status.st_mtime_ns}"
