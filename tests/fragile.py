"""A task for worker processes, which import it by name."""

import os
import signal

import numpy as np


def start():
    return work


def work(task):
    if task == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if isinstance(task, str):
        raise ValueError(f"{task} is not a number")
    return lambda: task * 2


def never():
    raise RuntimeError("this worker cannot begin")


def dies_over(shape, image, boxes):
    """In place of the search for masks: as a decoder that ends its process over one picture."""
    if image.shape[:2] == shape:
        os.kill(os.getpid(), signal.SIGSEGV)
    return np.zeros(len(boxes), dtype=bool)
