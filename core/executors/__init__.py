"""Work spread over processes of this machine or over a Ray cluster, behind one interface."""

from maskaug.core.executors.executor import Crash, Executor, ExecutorError
from maskaug.core.executors.opening import check_reach, open_executor
from maskaug.core.executors.options import ExecutionOptions

__all__ = ["Crash", "ExecutionOptions", "Executor", "ExecutorError", "check_reach", "open_executor"]
