"""A curated data set's own files beside pictures and manifest, and the checksum of the whole."""

import hashlib
from pathlib import Path

from maskaug.core.files import file_sha256

CHECKSUMS_FILE, CARD_FILE, CARD_FOLDER = "checksums.txt", "README.md", "card"


def write_checksums(folder: Path) -> str:
    """Write ``checksums.txt`` as ``sha256sum --check`` reads it, by path; of all that lies there so far.

    Returns:
        SHA-256 of that file, hexadecimal: the checksum of the whole.
    """
    lines = []
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if path.is_file():
            lines.append(f"{file_sha256(path)}  {path.relative_to(folder).as_posix()}\n")
    text = "".join(lines)
    (folder / CHECKSUMS_FILE).write_text(text, encoding="utf-8", newline="\n")
    return hashlib.sha256(text.encode()).hexdigest()
