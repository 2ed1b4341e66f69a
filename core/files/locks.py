"""Folders, and places at addresses, that one process has at a time."""

import errno
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from maskaug.core.files.addresses import is_address
from maskaug.core.files.object_lock import LockedError, object_locked

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_FILE = ".lock"  # of a folder that a command is writing to
_LOCKED_BYTE = 1 << 30  # Windows locks bytes; this one lies behind what the file says
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}  # of some network disks


_held: set[int] = set()  # descriptors of this process's locks


def _let_go() -> None:
    """In a forked child: it may outlive its parent, and would keep the parent's locks."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


@contextmanager
def locked(path: Path, what: str, advice: str = "wait until it ends, or stop it") -> Iterator[Callable[[], None]]:
    """Keep other processes out while the block runs; a process that dies, in whatever way, lets go.

    The operating system holds the lock: `flock`, which Linux takes across machines on NFS; on a network disk that knows
    no locks, and where the file cannot be made because nothing can be written, nobody is kept out. At an address, the
    lock is an object: see :func:`object_locked`.

    Args:
        path: The lock's file, in a folder that is there; it is removed in the end.
        what: What this process does, as the message says it to another: ``destination out is being written``.
        advice: What that one is told to do.

    Returns:
        A function that raises `LockedError` if the lock is somebody else's by now, as one at an address may be.

    Raises:
        LockedError: another process holds it.
        OSError: the disk is full or failing.
    """
    if is_address(path):
        with object_locked(path, what, advice) as check:
            yield check
        return
    try:
        file = _taken(path, what, advice)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        yield _is_ours  # the first file that is to be written says so
        return
    _held.add(file.fileno())
    try:
        yield _is_ours
    finally:
        if sys.platform != "win32":  # first, so that nobody takes what is no longer there; Windows removes no open file
            path.unlink(missing_ok=True)
        _held.discard(file.fileno())
        file.close()
        if sys.platform == "win32":
            with suppress(OSError):
                path.unlink()


def _is_ours() -> None:
    """The system takes no lock away."""


def _taken(path: Path, what: str, advice: str) -> BinaryIO:
    """The lock's file, open and locked, with who has it."""
    while True:
        file = path.open("a+b", buffering=0)
        try:
            if not _lock(file):
                file.seek(0)
                raise LockedError(f"{what}, by {_holder(file.read())}; {advice}")
            # Its holder may have removed it between the two lines above.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate(0)
                file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: BinaryIO) -> bool:
    """False if another process has it."""
    try:
        if sys.platform == "win32":
            file.seek(_LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return True
        if error.errno in {errno.EAGAIN, errno.EACCES, errno.EDEADLK}:
            return False
        raise
    return True


def _holder(told: bytes) -> str:
    try:
        holder = json.loads(told)
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):  # it is just being written
        return "another process"
