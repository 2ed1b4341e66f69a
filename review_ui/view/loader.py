"""`Loader`: makes ready in threads what will soon be shown, and keeps for a while what was shown."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as finish
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_THREADS = 2  # decoding lets other threads run; more would take the processor from the window


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
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="review")
        self._held: OrderedDict[Key, Future[Value]] = OrderedDict()

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
                future = self._held[key] = self._threads.submit(self._make, key)
        if wait:
            finish([future], timeout=wait)
        return future.result() if future.done() and not future.cancelled() else None

    def close(self) -> None:
        """Give up what is not begun, and wait for the rest."""
        self._threads.shutdown(wait=True, cancel_futures=True)

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
                self._held[key] = self._threads.submit(self._make, key)
        for key in reversed(wanted):
            self._held.move_to_end(key)
        while len(self._held) > max(self._keep, len(wanted)):
            self._held.popitem(last=False)
