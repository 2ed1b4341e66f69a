"""A task for worker processes, which import it by name."""

import os
import signal


def start():
    return work


def work(task):
    if task == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return lambda: task * 2


def never():
    raise RuntimeError("this worker cannot begin")
