"""`RayExecutor`: tasks of a Ray cluster; a node that goes costs time, no result."""

import logging
import os
import socket
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

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

# A node that goes takes whatever runs there with it, so a lost task is tried again before it is held to be the cause.
_TRIES = 3
# Tasks: some two seconds of work. The driver accounts for some thousand shards a second, whatever is in them.
_SHARD = 64
_PATIENCE = 1.0  # seconds of waiting before looking whether the cluster has any cores
_SILENCE = 60  # such looks in a row without a core: nobody will ever do the work


@dataclass(frozen=True)
class _Shard(Generic[Task]):
    """Tasks handed over together.

    Attributes:
        tasks: They.
        tries: How often their process has been lost.
    """

    tasks: list[Task]
    tries: int = 0


class RayExecutor(Executor[Task, Result]):
    """Tasks of a Ray cluster, one core each.

    Where a process is lost, its tasks are run again, each by itself; one that is lost three times is a :class:`Crash`.
    Nodes need the same packages and, for files, an address that all of them reach.

    Args:
        start: Makes the function; it must be picklable.
        workers: Cores of the cluster that is started here, where no address is given.
        address: Of a running cluster; its cores are all used. None: one is started here.

    Raises:
        ExecutorError: Ray is not installed, or the cluster does not answer.
    """

    def __init__(self, start: Start[Task, Result], workers: int, address: str | None = None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray  # noqa: PLC0415  an extra, and it takes a second
        except ModuleNotFoundError as error:
            raise ExecutorError("--engine ray needs Ray; install it with: pip install 'maskaug[ray]'") from error
        self._ray = ray
        self._own = not ray.is_initialized()
        if self._own:
            here: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
            try:
                _knock(address)
                ray.init(
                    address or "local", log_to_driver=False, logging_level=logging.ERROR, **({} if address else here)
                )
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                where = address or "on this machine"
                raise ExecutorError(
                    f"no Ray cluster answers {where}: {error}; start one with: ray start --head"
                ) from error
        self._crashes = 0  # in a row
        self._name = uuid.uuid4().hex
        # In a list, or Ray would send the function's maker, with all it holds, along with each shard.
        self._start = [ray.put(start), str(Path.cwd())]
        self._remote = ray.remote(num_cpus=1, max_retries=0)(_work)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result | Crash]]:
        """Results as they are ready, in any order; see :class:`Executor`."""
        lost = deque[_Shard[Task]]()
        running: dict[Any, _Shard[Task]] = {}
        cores = self._cores()
        waiting = (_Shard(chunk) for chunk in chunks(tasks, max(cores, 1), _SHARD))
        silence = 0
        try:
            while True:
                while len(running) < AHEAD * max(cores, 1):
                    shard = lost.popleft() if lost else next(waiting, None)
                    if shard is None:
                        break
                    running[self._remote.remote(self._name, self._start, shard.tasks)] = shard
                if not running:
                    return
                done = self._done(list(running))
                if not done:
                    cores = self._cores()
                    silence = 0 if cores else silence + 1
                    if silence == _SILENCE:
                        raise ExecutorError("the Ray cluster has no core left; start nodes, and go on with --resume")
                    continue
                silence = 0
                for reference in done:
                    shard, results = running.pop(reference), self._results(reference)
                    if results is not None:
                        self._crashes = 0
                        yield from zip(shard.tasks, results, strict=True)
                    elif self._is_hopeless(shard):
                        yield shard.tasks[0], Crash()
                    else:
                        lost.extend(_Shard([task], shard.tries + 1) for task in shard.tasks)
                        cores = self._cores()
        finally:
            for reference in running:
                self._ray.cancel(reference, force=False)

    def close(self) -> None:
        """Stop; a cluster that was started here ends."""
        if self._own:
            self._ray.shutdown()

    def _cores(self) -> int:
        found: dict[str, float] = self._ray.cluster_resources()  # type: ignore[no-untyped-call]
        return int(found.get("CPU", 0))

    def _done(self, running: list[Any]) -> list[Any]:
        """Those that are ready, all at once; none if there are none for a while."""
        first, rest = self._ray.wait(running, timeout=_PATIENCE)
        more = self._ray.wait(rest, num_returns=len(rest), timeout=0)[0] if first and rest else []
        return [*first, *more]

    def _is_hopeless(self, shard: _Shard[Task]) -> bool:
        """Whether a shard whose process was lost is one task that has had its tries."""
        if len(shard.tasks) > 1 or shard.tries + 1 < _TRIES:
            return False
        self._crashes += 1
        if self._crashes == CRASHES_IN_A_ROW:
            raise ExecutorError("Ray's worker processes die, whatever they are given; look at the nodes' memory")
        return True

    def _results(self, reference: Any) -> list[Result] | None:  # noqa: ANN401
        """What a shard gave; None if its process was lost. Errors that the function raised are raised here."""
        try:
            results: list[Result] = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.RayError:
            return None
        return results


def _knock(address: str | None) -> None:
    """Make sure that something listens where a host and a port are named: Ray itself would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


# Of a worker process, by the executor that it works for: the next run on the cluster has another function.
_functions: dict[str, Callable[[Any], Callable[[], Any]]] = {}


def _work(executor: str, start: list[Any], tasks: list[Any]) -> list[Any]:
    import ray  # noqa: PLC0415  an extra

    if executor not in _functions:
        _functions.clear()
        one_thread_each()
        with suppress(OSError):  # relative paths mean what they do where the command was typed, if that is here
            os.chdir(start[1])
        _functions[executor] = ray.get(start[0])()
    done = [_functions[executor](task) for task in tasks]
    return [result() for result in done]
