"""A curated data set's own files beside pictures and manifest, and the checksum of the whole."""

import hashlib
from pathlib import Path

from maskaug.core.files import CHECKSUMS_FILE, checksum_lines

CARD_FILE, CARD_FOLDER = "README.md", "card"


def write_checksums(folder: Path) -> str:
    """Write ``checksums.txt`` as ``sha256sum --check`` reads it, by path; of all that lies there so far.

    Returns:
        SHA-256 of that file, hexadecimal: the checksum of the whole.
    """
    text = checksum_lines(folder, (path for path in folder.rglob("*") if path.is_file()))
    (folder / CHECKSUMS_FILE).write_text(text, encoding="utf-8", newline="\n")
    return hashlib.sha256(text.encode()).hexdigest()
