"""A mark in the files that `predict` draws, by which it knows them again: no other file is replaced."""

import os
import zlib
from pathlib import Path

MARK = "drawn by maskaug predict"
_READ = 1 << 16  # bytes at a file's beginning, where marks are; in an AVI it is the last chunk
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER = 33  # bytes of the signature and of the first chunk, which says how large the picture is


def marked(data: bytes) -> bytes:
    """A JPEG or PNG file with the mark as its comment."""
    text = MARK.encode()
    if data.startswith(_PNG_START):
        chunk = b"tEXt" + b"Comment\0" + text
        whole = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        return data[:_PNG_HEADER] + whole + data[_PNG_HEADER:]
    comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
    return data[:2] + comment + data[2:]


def mark_avi(path: Path) -> None:
    """Add the mark to an AVI, as a chunk that players skip."""
    text = MARK.encode()
    with path.open("ab") as file:
        file.write(b"JUNK" + len(text).to_bytes(4, "little") + text)


def is_marked(path: Path) -> bool:
    """Whether a file has the mark."""
    text = MARK.encode()
    with path.open("rb") as file:
        if text in file.read(_READ):
            return True
        file.seek(-min(len(text), path.stat().st_size), os.SEEK_END)
        return file.read() == text
