"""`LocalExecutor`: processes of this machine; nothing is lost when one dies, and all stop at once when asked to."""

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
from typing import Any

import cv2
from threadpoolctl import ThreadpoolController

from maskaug.core.executors.executor import (
    AHEAD,
    CRASHES_IN_A_ROW,
    Crash,
    Executor,
    ExecutorError,
    Result,
    Start,
    Task,
    chunks,
    one_thread_each,
)

_CHUNK = 8  # tasks: each takes some 30 milliseconds, and the handing over one


class LocalExecutor(Executor[Task, Result]):
    """Processes of this machine.

    Args:
        start: Makes the function; it must be picklable.
        workers: Processes; with 1, everything runs in this one.
    """

    def __init__(self, start: Start[Task, Result], workers: int) -> None:
        self._start = start
        self._workers = workers
        self._own: Callable[[Task], Callable[[], Result]] | None = None
        self._context = multiprocessing.get_context("spawn")  # forked copies of dlib and OpenCV threads hang
        self._stop = self._context.Event()
        self._executor: ProcessPoolExecutor | None = None

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result | Crash]]:
        """Results as they are ready, in any order; see :class:`Executor`."""
        if self._workers == 1:
            self._own = self._own or self._start()
            libraries = ThreadpoolController()  # here, because looking for them takes milliseconds
            unfinished = deque[tuple[Task, Callable[[], Result]]]()
            for task in tasks:
                with _one_thread(libraries):
                    unfinished.append((task, self._own(task)))
                if len(unfinished) > 1:
                    before, result_of = unfinished.popleft()
                    yield before, result_of()
            for before, result_of in unfinished:
                yield before, result_of()
            return
        waiting = chunks(tasks, self._workers, _CHUNK)
        running: dict[Future[list[Result]], list[Task]] = {}
        suspects: deque[list[Task]] = deque()
        while True:
            try:
                for chunk in islice(waiting, AHEAD * self._workers - len(running)):
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
                if crashes == CRASHES_IN_A_ROW:
                    raise ExecutorError(
                        "worker processes die as they start; try fewer workers, or --workers 1"
                    ) from error
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


# Of a worker process: set once by `_begin`.
_function: Callable[[Any], Callable[[], Any]]
_stop_asked: Any


def _begin(start: Callable[[], Callable[[Any], Callable[[], Any]]], stop: Any, parent: int) -> None:  # noqa: ANN401
    global _function, _stop_asked
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of the terminal; the parent decides
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    _function, _stop_asked = start(), stop
    one_thread_each()


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
