"""`open_executor`: the executor that options ask for; `check_reach`: whether it can have what it works on."""

from pathlib import Path

from maskaug.core.executors.executor import Executor, ExecutorError, Result, Start, Task
from maskaug.core.executors.local import LocalExecutor
from maskaug.core.executors.options import ExecutionOptions
from maskaug.core.executors.ray_cluster import RayExecutor
from maskaug.core.files import protocol


def check_reach(options: ExecutionOptions, *places: Path) -> None:
    """Make sure that all processes reach what they are to read and write.

    Raises:
        ExecutorError: an address means another place in each process.
    """
    for place in places:
        if protocol(place) == "memory" and (options.workers > 1 or options.engine != "local"):
            raise ExecutorError(f"{place} is known to one process only; give --workers 1 and --engine local")


def open_executor(
    start: Start[Task, Result], options: ExecutionOptions, *, workers: int | None = None
) -> Executor[Task, Result]:
    """What runs tasks as the options say; to be closed by whoever opens it.

    Args:
        start: Makes the function that does a task, in each process; it must be picklable.
        options: Which executor.
        workers: Processes of this machine, where fewer than the options say are worth starting.

    Raises:
        ExecutorError: Ray is not installed, or its cluster does not answer.
    """
    if options.engine == "ray":
        return RayExecutor(start, options.workers, options.ray_address)
    return LocalExecutor(start, workers or options.workers)
