"""A task for worker processes, which import it by name."""

import os
import signal


def start():
    return work


def work(task):
    if task == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if isinstance(task, str):
        raise ValueError(f"{task} is not a number")
    return task * 2


def never():
    raise RuntimeError("this worker cannot begin")
