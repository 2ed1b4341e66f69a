"""`Loader`: makes ready in threads what will soon be shown, and keeps for a while what was shown."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from concurrent.futures import wait as finish
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_THREADS = 2  # decoding lets other threads run; more would take the processor from the window
_PATIENCE = 0.5  # seconds that closing waits for what is being made


class Loader(Generic[Key, Value]):
    """Makes values ahead of time, and keeps the latest; several threads may ask.

    Memory is bounded: at most ``keep`` values are held, or as many as are wanted at once if these are more.
    """

    def __init__(self, make: Callable[[Key], Value], keep: int) -> None:
        """Start threads.

        Args:
            make: Makes a value, in any thread.
            keep: How many values are held.
        """
        self._make = make
        self._keep = keep
        self._lock = Lock()
        self._held: OrderedDict[Key, Future[Value]] = OrderedDict()
        self._queue: SimpleQueue[tuple[Key, Future[Value]] | None] = SimpleQueue()
        # Daemons, which an executor's threads are not: a disk that does not answer must not keep the process.
        for number in range(_THREADS):
            Thread(target=self._run, name=f"review_{number}", daemon=True).start()

    def want(self, keys: Iterable[Key]) -> None:
        """Make these ready, the first one first; what was wanted earlier and is not begun is given up."""
        wanted = list(dict.fromkeys(keys))
        with self._lock:
            self._order(wanted)

    def get(self, key: Key, wait: float = 0.0) -> Value | None:
        """A value, or None if it is not ready in time. If nobody wanted it earlier, it is begun now.

        Args:
            key: Which value.
            wait: Seconds to wait for it.

        Raises:
            Exception: whatever making it raised.
        """
        with self._lock:
            future = self._held.get(key)
            if future is None:
                future = self._begin(key)
        if wait:
            finish([future], timeout=wait)
        return future.result() if future.done() and not future.cancelled() else None

    def close(self) -> None:
        """Give up what is not begun, and, after half a second, what is."""
        with self._lock:
            begun = [future for future in self._held.values() if not future.cancel()]
        for _ in range(_THREADS):
            self._queue.put(None)
        finish(begun, timeout=_PATIENCE)

    def _begin(self, key: Key) -> "Future[Value]":
        future: Future[Value] = Future()
        self._held[key] = future
        self._queue.put((key, future))
        return future

    def _run(self) -> None:
        while (wanted := self._queue.get()) is not None:
            key, future = wanted
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._make(key))
            except Exception as error:  # whoever asks for the value gets it
                future.set_exception(error)

    def _order(self, wanted: list[Key]) -> None:
        keep = set(wanted)
        for key, future in list(self._held.items()):
            if key not in keep and future.cancel():
                del self._held[key]
        waiting = [key for key in wanted if key in self._held and self._held[key].cancel()]
        for key in waiting:
            del self._held[key]
        for key in wanted:
            if key not in self._held:
                self._begin(key)
        for key in reversed(wanted):
            self._held.move_to_end(key)
        while len(self._held) > max(self._keep, len(wanted)):
            self._held.popitem(last=False)
