"""A thousand workers with failures, simulated, against the scheduler of ``--engine ray``: is every task accounted for?

python benchmarks/cluster.py [--workers 1000] [--tasks 2000000] [--seed 0] [--json PATH]

The scheduler is the real one; of Ray it gets a stand-in with a clock of its own, in which nodes of 16 workers fail
(once in 10 hours each, and are back after 5 minutes), processes die for no reason (one shard in 2,000), and one task
in 500,000 kills its process each time. Told are the tasks that are accounted for once, those given up with and without
a cause, the time it took beside that of a cluster without failures, and how many tasks a second the scheduler itself
can account for.
"""

import argparse
import heapq
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from maskaug.core.executors import Crash
from maskaug.core.executors.ray_cluster import RayExecutor

NODE = 16  # workers
HOURS_BETWEEN_FAILURES, REPAIR_SECONDS = 10.0, 300.0
DEATHS, POISON = 1 / 2_000, 1 / 500_000
TASK_SECONDS = 0.03


class SimulatedRay(ModuleType):
    """What the scheduler uses of Ray, on a simulated cluster.

    Args:
        workers: Of the cluster, 16 a node.
        rng: Decides what fails and when.
        failures: Whether anything fails.
    """

    def __init__(self, workers: int, rng: np.random.Generator, *, failures: bool = True) -> None:
        super().__init__("ray")
        self.exceptions = SimpleNamespace(RayTaskError=_TaskError, RayError=_LostError)
        self.clock = 0.0
        self._rng, self._failures = rng, failures
        self._nodes = [set[int]() for _ in range(max(workers // NODE, 1))]  # shards that run on each
        self._up = [True] * len(self._nodes)
        self._queue, self._ready = deque[int](), dict[int, bool]()  # the latter: whether its process lived
        self._tasks: dict[int, Sequence[int]] = {}
        self._events: list[tuple[float, int, str, int]] = []  # when, number, what, of which shard or node
        self._numbers = 0
        for node in range(len(self._nodes)):
            self._plan_failure(node)

    def is_initialized(self) -> bool:
        """It is."""
        return True

    def put(self, value: object) -> object:
        """The value itself."""
        return value

    def remote(self, **_: object) -> Callable[[object], Any]:
        """Makes remote functions, of which only the tasks count."""
        return lambda _: SimpleNamespace(remote=self._submit)

    def cluster_resources(self) -> dict[str, float]:
        """Workers of the nodes that are up."""
        return {"CPU": float(NODE * sum(self._up))}

    def cancel(self, reference: int, *, force: bool) -> None:
        """Nothing is left to cancel."""

    def wait(self, references: list[int], *, num_returns: int = 1, timeout: float) -> tuple[list[int], list[int]]:
        """Let the clock run until some are ready, but no longer than the timeout."""
        until = self.clock + timeout
        while not self._ready and self._events and self._events[0][0] <= until:
            self._step()
        if not self._ready:
            self.clock = until
        found = list(self._ready)[:num_returns]
        taken = set(found)
        for reference in found:
            self._lived[reference] = self._ready.pop(reference)
        return found, [reference for reference in references if reference not in taken]

    def get(self, reference: int) -> list[int]:
        """Results of a shard, or what tells that it was lost."""
        tasks = self._tasks.pop(reference)
        if not self._lived.pop(reference):
            raise _LostError
        return list(tasks)

    _lived: dict[int, bool] = {}  # noqa: RUF012  of those that were waited for

    def _submit(self, _name: str, _start: object, tasks: Sequence[int]) -> int:
        self._numbers += 1
        shard = self._numbers
        self._tasks[shard] = tasks
        self._queue.append(shard)
        self._fill()
        return shard

    def _fill(self) -> None:
        """Start what waits, on the node with most room."""
        while self._queue:
            free = [len(running) if up else NODE for running, up in zip(self._nodes, self._up, strict=True)]
            node = int(np.argmin(free))
            if free[node] >= NODE:
                return
            shard = self._queue.popleft()
            self._nodes[node].add(shard)
            seconds = len(self._tasks[shard]) * TASK_SECONDS * self._rng.uniform(0.8, 1.2)
            self._plan(seconds, "end", shard)

    def _step(self) -> None:
        self.clock, _, what, which = heapq.heappop(self._events)
        if what == "end":
            for running in self._nodes:
                if which in running:  # else its node has failed before
                    running.discard(which)
                    self._ready[which] = not (self._failures and self._dies(self._tasks[which]))
        elif what == "fail":
            self._up[which] = False
            for shard in self._nodes[which]:
                self._ready[shard] = False
            self._nodes[which].clear()
            self._plan(REPAIR_SECONDS, "back", which)
        else:
            self._up[which] = True
            self._plan_failure(which)
        self._fill()

    def _dies(self, tasks: Sequence[int]) -> bool:
        return any(is_poison(task) for task in tasks) or self._rng.random() < DEATHS

    def _plan_failure(self, node: int) -> None:
        if self._failures:
            self._plan(self._rng.exponential(HOURS_BETWEEN_FAILURES * 3600), "fail", node)

    def _plan(self, seconds: float, what: str, which: int) -> None:
        self._numbers += 1
        heapq.heappush(self._events, (self.clock + seconds, self._numbers, what, which))


class _TaskError(Exception):
    cause: Exception


class _LostError(Exception):
    pass


def is_poison(task: int) -> bool:
    """Whether a task kills its process each time."""
    return task % round(1 / POISON) == round(1 / POISON) // 2


def simulate(workers: int, tasks: int, seed: int, *, failures: bool = True) -> dict[str, float]:
    """Run the scheduler; returns what became of the tasks, by name."""
    cluster = SimulatedRay(workers, np.random.default_rng(seed), failures=failures)
    before = sys.modules.get("ray")
    sys.modules["ray"] = cluster
    try:
        executor = RayExecutor[int, int](_no_work, workers)
        counts, crashed, begun = np.zeros(tasks, dtype=np.int64), list[int](), time.perf_counter()
        for task, result in executor.run(range(tasks)):
            counts[task] += 1
            if isinstance(result, Crash):
                crashed.append(task)
        seconds = time.perf_counter() - begun
    finally:
        sys.modules.pop("ray")
        if before is not None:
            sys.modules["ray"] = before
    return {
        "tasks": tasks,
        "accounted_once": int((counts == 1).sum()),
        "crashed": len(crashed),
        "poison": sum(map(is_poison, range(tasks))) if failures else 0,
        "crashed_without_cause": sum(not is_poison(task) for task in crashed),
        "simulated_seconds": round(cluster.clock, 1),
        "ideal_seconds": round(tasks * TASK_SECONDS / workers, 1),
        "scheduler_tasks_a_second": round(tasks / seconds),
    }


def _no_work() -> Callable[[int], Callable[[], int]]:
    raise AssertionError("the simulation does no work")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {
        name: simulate(options.workers, options.tasks, options.seed, failures=failures)
        for name, failures in (("with failures", True), ("without failures", False))
    }
    print(json.dumps(found, indent=2))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
