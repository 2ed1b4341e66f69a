"""`Executor`: runs tasks somewhere else, and accounts for each of them."""

import os
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import cv2
from threadpoolctl import threadpool_limits

from maskaug.core.errors import MaskaugError

Task = TypeVar("Task")
Result = TypeVar("Result")
Start = Callable[[], Callable[[Task], Callable[[], Result]]]

AHEAD = 3  # chunks in the queue for each process
# One picture may be too much for a process; so many in a row mean that processes cannot work at all.
CRASHES_IN_A_ROW = 3


class ExecutorError(MaskaugError):
    """Work cannot be spread: processes die whatever task they are given, or the cluster cannot be used."""


class Crash:
    """In place of a result: the process died over this very task."""


class Executor(ABC, Generic[Task, Result]):
    """Runs tasks by a function that each process makes for itself, once.

    The function does a task and returns what gives its result. That is asked for when more tasks have been done: to
    wait for the disk takes no processor. Results are the same whichever executor runs them, and however many processes
    it has.
    """

    @abstractmethod
    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result | Crash]]:
        """Results as they are ready, in any order. Errors that the function raises are raised here.

        Raises:
            ExecutorError: no process can be kept alive.
        """

    def run_in_order(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result | Crash]]:
        """The same in the order of the tasks, which must be hashable; equal ones have equal results.

        Raises:
            ExecutorError: as above.
        """
        ready = defaultdict[Task, list[Result | Crash]](list)
        following = deque(tasks)
        for done, result in self.run(tasks):
            ready[done].append(result)
            while following and following[0] in ready:
                task = following.popleft()
                results = ready[task]
                yield task, results.pop()
                if not results:
                    del ready[task]

    @abstractmethod
    def close(self) -> None:
        """Stop: what has begun ends within a task's time, the rest is dropped."""


def chunks(tasks: Sequence[Task], workers: int, most: int) -> Iterator[list[Task]]:
    """Tasks in their order, ever fewer at once towards the end, so that no process is left with many of them.

    Args:
        tasks: All of them.
        workers: Processes that share them.
        most: How many are handed over at once.
    """
    start = 0
    while start < len(tasks):
        size = min(most, max(1, (len(tasks) - start) // (2 * workers)))
        yield list(tasks[start : start + size])
        start += size


def one_thread_each() -> None:
    """Limit the libraries of this process to one thread each, for as long as it lives: processes are the workers."""
    cv2.setNumThreads(1)
    threadpool_limits(1)


def usable_cores() -> int:
    """Cores this process may use; containers and clusters often grant fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
