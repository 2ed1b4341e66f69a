"""A lock at an address: an object that its holder writes anew every few seconds, for a store holds nothing itself."""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from maskaug.core.errors import MaskaugError
from maskaug.core.files.addresses import create_bytes, read_bytes, remove_objects, write_bytes
from maskaug.core.text import parse_json

RENEWED = 10.0  # seconds between two writings of the lock
DEAD = 30.0  # a lock that stays as it is for so many seconds, as whoever wants it sees it, has no holder any more
_LOOKS = 20  # at a lock, while it is watched


class LockedError(MaskaugError):
    """Another process is at work here; the message says which, where, and what to do."""


@contextmanager
def object_locked(path: Path, what: str, advice: str) -> Iterator[Callable[[], None]]:
    """Keep other processes out while the block runs, whichever machine they are on.

    A lock that is there is watched: where it is written anew, its holder lives; where it is not for `DEAD` seconds, its
    holder is dead, and the lock is taken over; at once, where its holder was a process of this machine, and is no
    more. No clocks are compared. Two that come at one moment meet in the store's conditional writes; in a store without
    these, and where a holder has been cut off for longer, the one whose lock was overwritten finds out within `RENEWED`
    seconds, by the function that the block gets.

    Args:
        path: The lock's object; it is removed in the end.
        what: What this process does, as the message says it to another: ``destination out is being written``.
        advice: What that one is told to do.

    Returns:
        A function that raises `LockedError` if the lock is somebody else's by now.

    Raises:
        LockedError: another process holds it.
        OSError: the store cannot be read or written.
    """
    lock = _ObjectLock(path, what, advice)
    lock.take()
    renewing = threading.Thread(target=lock.keep, daemon=True)
    renewing.start()
    try:
        yield lock.check
    finally:
        lock.ended.set()
        renewing.join()
        lock.let_go()


class _ObjectLock:
    def __init__(self, path: Path, what: str, advice: str) -> None:
        self._path, self._what, self._advice = path, what, advice
        self._token, self._written = uuid.uuid4().hex, 0
        self._lost: str | None = None  # who has it instead
        self.ended = threading.Event()

    def take(self) -> None:
        """Wait until it is known whether the lock can be had, and have it."""
        seen, until = None, 0.0
        while not create_bytes(self._path, self._content()):
            there = self._read()
            if there is None:  # let go just now
                continue
            if there.get("token") == self._token:  # written, though the answer was lost
                break
            if _has_ended(there):
                write_bytes(self._path, self._content())
                break
            if seen is None:
                seen, until = there, time.monotonic() + DEAD
            elif there != seen:
                raise LockedError(f"{self._what}, by {_holder(there)}; {self._advice}")
            elif time.monotonic() > until:
                write_bytes(self._path, self._content())
                break
            time.sleep(DEAD / _LOOKS)
        self._look()
        self.check()

    def keep(self) -> None:
        """Write the lock again and again, until the block ends or the lock is somebody else's."""
        while not self.ended.wait(RENEWED) and self._lost is None:
            with suppress(OSError):  # the store may answer again before anyone takes the lock for dead
                self._look()
                if self._lost is None:
                    write_bytes(self._path, self._content())

    def check(self) -> None:
        """Make sure that the lock was not somebody else's when it was last looked at."""
        if self._lost is not None:
            raise LockedError(f"{self._what}, by {self._lost}, which has taken over from this run; {self._advice}")

    def let_go(self) -> None:
        """Remove the lock, if it is ours; one that cannot be removed is dead soon."""
        with suppress(OSError):
            self._look()
            if self._lost is None:
                remove_objects([self._path])

    def _look(self) -> None:
        there = self._read()
        if there is not None and there.get("token") != self._token:
            self._lost = _holder(there)

    def _read(self) -> dict[str, Any] | None:
        try:
            there = parse_json(read_bytes(self._path))
        except FileNotFoundError:
            return None
        except ValueError:
            there = None
        return there if isinstance(there, dict) else {}

    def _content(self) -> bytes:
        self._written += 1
        told = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "processes": _processes(),
            "token": self._token,
            "written": self._written,
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),  # for whoever looks at it
        }
        return json.dumps(told).encode()


def _processes() -> str | None:
    """What processes have in common whose numbers tell them apart: one start of one machine, and one container.

    None where it cannot be told: it is Linux that has names for these.
    """
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{started} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _has_ended(there: dict[str, Any]) -> bool:
    """Whether a lock's holder is known to live no more, for this process would see it."""
    pid, here = there.get("pid"), (_processes(), socket.gethostname())
    if not isinstance(pid, int) or None in here or (there.get("processes"), there.get("host")) != here:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # somebody else's, or no number of a process
        pass
    return False


def _holder(there: dict[str, Any]) -> str:
    known = "pid" in there and "host" in there
    return f"process {there['pid']} on {there['host']}" if known else "another process"
