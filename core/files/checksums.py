"""SHA-256 of files."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from maskaug.core.files.addresses import is_address, read_bytes

CHECKSUMS_FILE = "checksums.txt"
_READ_AT_ONCE = 1 << 20


def file_sha256(path: Path) -> str | None:
    """Hexadecimal digest of a file, or None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        if is_address(path):
            return hashlib.sha256(read_bytes(path)).hexdigest()
        with path.open("rb", buffering=0) as file:
            while part := file.read(_READ_AT_ONCE):
                digest.update(part)
    except OSError:
        return None
    return digest.hexdigest()


def checksum_lines(folder: Path, files: Iterable[Path]) -> str:
    """SHA-256 and path of files below a folder, by path, as ``sha256sum --check`` reads them."""
    names = sorted(path.relative_to(folder).as_posix() for path in files)
    return "".join(f"{file_sha256(folder / name)}  {name}\n" for name in names)
