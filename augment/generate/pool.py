"""Work spread over processes: nothing is lost when one of them dies, and all stop at once when asked to."""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, Generic, TypeVar

import cv2
from threadpoolctl import ThreadpoolController, threadpool_limits

from maskaug.core.errors import MaskaugError

Task = TypeVar("Task")
Result = TypeVar("Result")

_CHUNK = 8  # tasks handed over at once: each is a few milliseconds long, and so is the handing over
_AHEAD = 3  # chunks in the queue for each process
# One picture may be too much for a process; so many in a row mean that processes cannot work at all.
_CRASHES_IN_A_ROW = 3


class PoolError(MaskaugError):
    """Worker processes die, whatever task they are given."""


class Crash:
    """In place of a result: the process died over this very task."""


class Pool(Generic[Task, Result]):
    """Runs tasks by a function that each process makes for itself, once.

    The function does a task and returns what gives its result. That is asked for when the next task has been done: to
    wait for the disk takes no processor.

    Args:
        start: Makes the function; it must be picklable.
        workers: Processes; with 1, everything runs in this one.
    """

    def __init__(self, start: Callable[[], Callable[[Task], Callable[[], Result]]], workers: int) -> None:
        self._start = start
        self._workers = workers
        self._own: Callable[[Task], Callable[[], Result]] | None = None
        self._context = multiprocessing.get_context("spawn")  # forked copies of dlib and OpenCV threads hang
        self._stop = self._context.Event()
        self._executor: ProcessPoolExecutor | None = None

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result | Crash]]:
        """Results as they are ready, in any order. Errors that the function raises are raised here.

        Raises:
            PoolError: no process can be kept alive.
        """
        if self._workers == 1:
            self._own = self._own or self._start()
            libraries = ThreadpoolController()  # here, because looking for them takes milliseconds
            waiting = deque[tuple[Task, Callable[[], Result]]]()
            for task in tasks:
                with _one_thread(libraries):
                    waiting.append((task, self._own(task)))
                if len(waiting) > 1:
                    before, result_of = waiting.popleft()
                    yield before, result_of()
            for before, result_of in waiting:
                yield before, result_of()
            return
        chunks = _chunks(tasks, self._workers)
        running: dict[Future[list[Result]], list[Task]] = {}
        suspects: deque[list[Task]] = deque()
        while True:
            try:
                for chunk in islice(chunks, _AHEAD * self._workers - len(running)):
                    running[self._submit(chunk)] = chunk
                if not running:
                    break
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    yield from zip(running[done], done.result(), strict=True)
                    del running[done]
            except BrokenProcessPool:
                self._close(wait_for_tasks=False)
                suspects.extend(running.values())
                running.clear()
                yield from self._one_by_one([task for chunk in suspects for task in chunk])
                suspects.clear()

    def close(self) -> None:
        """Stop: what has begun ends within a task's time, the rest is dropped."""
        self._stop.set()
        self._close(wait_for_tasks=True)

    def _one_by_one(self, tasks: list[Task]) -> Iterator[tuple[Task, Result | Crash]]:
        """Find the task that kills its process among those that were under way when one died."""
        crashes = 0
        for task in tasks:
            try:
                result: Result | Crash = self._submit([task]).result()[0]
                crashes = 0
            except BrokenProcessPool as error:
                self._close(wait_for_tasks=False)
                crashes += 1
                if crashes == _CRASHES_IN_A_ROW:
                    raise PoolError("worker processes die as they start; try fewer workers, or --workers 1") from error
                result = Crash()
            yield task, result

    def _submit(self, chunk: list[Task]) -> "Future[list[Result]]":
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self._workers, self._context, initializer=_begin, initargs=(self._start, self._stop, os.getpid())
            )
        return self._executor.submit(_work, chunk)

    def _close(self, *, wait_for_tasks: bool) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=wait_for_tasks, cancel_futures=True)
            self._executor = None


def _chunks(tasks: Sequence[Task], workers: int) -> Iterator[list[Task]]:
    """Tasks in their order, ever fewer at once towards the end, so that no process is left with many of them."""
    start = 0
    while start < len(tasks):
        size = min(_CHUNK, max(1, (len(tasks) - start) // (2 * workers)))
        yield list(tasks[start : start + size])
        start += size


# Of a worker process: set once by `_begin`.
_function: Callable[[Any], Callable[[], Any]]
_stop_asked: Any


def _begin(start: Callable[[], Callable[[Any], Callable[[], Any]]], stop: Any, parent: int) -> None:  # noqa: ANN401
    global _function, _stop_asked
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of the terminal; the parent decides
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    _function, _stop_asked = start(), stop
    cv2.setNumThreads(1)
    threadpool_limits(1)  # for as long as the process lives


@contextmanager
def _one_thread(libraries: ThreadpoolController) -> Iterator[None]:
    """One thread for each library, because processes are the workers; the caller's settings are restored."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with libraries.limit(limits=1):
            yield
    finally:
        cv2.setNumThreads(threads)


def _follow(parent: int) -> None:
    """End this process with its parent: killed, the parent could not tell it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _work(chunk: list[Any]) -> list[Any]:
    done = [_function(task) for task in chunk if not _stop_asked.is_set()]
    return [result() for result in done]
