"""Batches on the device before they are asked for."""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskaug.train.dataset import Part
from maskaug.train.transforms import draw_angles

_AHEAD = 2  # batches


@dataclass(frozen=True)
class Batch:
    """One process's share of a batch.

    Attributes:
        pixels: ``(N, S, S, 3) uint8`` RGB.
        labels: ``(N,) float32``.
        angles: ``(N,) float32``, degrees to turn each picture by.
    """

    pixels: Tensor
    labels: Tensor
    angles: Tensor


def prefetched(
    part: Part,
    shares: Sequence[NDArray[np.int64]],
    device: torch.device,
    *,
    rotation: float,
    seed: int,
    epoch: int,
) -> Iterator[Batch]:
    """The batches with these numbers of pictures, each read by a thread while the ones before are learnt from."""
    ready: queue.Queue[Batch | BaseException] = queue.Queue(_AHEAD)
    stop = threading.Event()
    labels = part.labels

    def offer(item: Batch | BaseException) -> bool:
        """False once nobody asks for more."""
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        try:
            for numbers in shares:
                # The mapped file is read in its own order, which disks like.
                order = np.argsort(numbers)
                pixels = np.empty((len(numbers), *part.pixels.shape[1:]), dtype=np.uint8)
                pixels[order] = part.pixels[numbers[order]]
                angles = draw_angles(rotation, seed, epoch, numbers)
                values = (torch.from_numpy(one) for one in (pixels, labels[numbers], angles))
                if not offer(Batch(*(_moved(value, device) for value in values))):
                    return
        except BaseException as error:  # raised where the batch is asked for
            offer(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        for _ in shares:
            batch = ready.get()
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        stop.set()
        thread.join()


def _moved(value: Tensor, device: torch.device) -> Tensor:
    if device.type != "cuda":
        return value.to(device)
    return value.pin_memory().to(device, non_blocking=True)
