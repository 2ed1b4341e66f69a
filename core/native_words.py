"""What C libraries write to standard error by themselves: caught, to be told beside the picture that it is about."""

import os
import re
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from typing import TypeVar

Result = TypeVar("Result")

# How warnings of libjpeg and libtiff begin. Everything else is another thread's, and handed on.
_KNOWN = re.compile(
    rb"Corrupt JPEG|Premature end of JPEG|Invalid SOS|Inconsistent progression|Unknown Adobe|Warning: unknown JFIF"
    rb"|_?TIFF\w*: |\w+(Decode|Lib)\w*: |Fax\w+: "
)
_STDERR = 2
_redirecting = threading.Lock()


def catch_words(action: Callable[[], Result]) -> tuple[Result, list[str]] | None:
    """Do something that may make libjpeg or libtiff speak, and catch what they say.

    Standard error is the whole process's: where another thread is catching words, nothing is done.

    Args:
        action: What is done; it takes milliseconds, for what others write meanwhile comes late.

    Returns:
        Its result, and the lines that they have written; None where nothing was done.
    """
    if not _redirecting.acquire(blocking=False):
        return None
    try:
        scratch = _scratch(os.getpid())
        terminal = os.dup(_STDERR)
        os.dup2(scratch, _STDERR)
        try:
            result = action()
        finally:
            os.dup2(terminal, _STDERR)
            os.close(terminal)
            words = _words(scratch)
        return result, words
    finally:
        _redirecting.release()


@cache
def _scratch(_process: int) -> int:
    """A file that takes the words; one for each process, because a forked one would share its place in the file."""
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _words(scratch: int) -> list[str]:
    size = os.lseek(scratch, 0, os.SEEK_END)
    if not size:
        return []
    os.lseek(scratch, 0, os.SEEK_SET)
    lines = os.read(scratch, size).splitlines(keepends=True)
    os.lseek(scratch, 0, os.SEEK_SET)
    os.ftruncate(scratch, 0)
    others = [line for line in lines if not _KNOWN.match(line)]
    if others:
        os.write(_STDERR, b"".join(others))
    return [line.decode("utf-8", "replace").strip() for line in lines if _KNOWN.match(line)]
