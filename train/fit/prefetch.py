"""Batches on the device before they are asked for."""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskaug.train.data.dataset import SplitPictures
from maskaug.train.fit.transforms import draw_angles
from maskaug.train.model.recipes import Recipe
from maskaug.train.synthesis.online_dataset import OnlineDataset, online_loader

_AHEAD = 2  # batches


@dataclass(frozen=True)
class Batch:
    """One process's share of a batch.

    Attributes:
        pixels: ``(N, S, S, 3) uint8`` RGB.
        labels: ``(N,) float32``.
        angles: ``(N,) float32``, degrees to turn each picture by.
        landmarks: ``(N, 136) float32``: x0, y0, x1 ... of the 68 points, from -1 at the picture's left and upper edge
            to 1 at the right and lower one; nan where they are not known.
    """

    pixels: Tensor
    labels: Tensor
    angles: Tensor
    landmarks: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        return Batch(*(_moved(value, device) for value in vars(self).values()))


def read_batches(
    part: SplitPictures, shares: Sequence[NDArray[np.int64]], recipe: Recipe, *, seed: int, epoch: int
) -> Iterator[Batch]:
    """The batches with these numbers of pictures, in memory: read, or rendered anew if the recipe says so."""
    if recipe.is_online:
        rendered = online_loader(OnlineDataset(part, recipe, seed, epoch), shares)
        for numbers, (pixels, labels, landmarks) in zip(shares, rendered, strict=True):
            yield Batch(pixels, labels.float(), _angles(recipe, seed, epoch, numbers), landmarks)
        return
    labels = part.labels
    for numbers in shares:
        # The mapped file is read in its own order, which disks like.
        order = np.argsort(numbers)
        pixels = np.empty((len(numbers), *part.pixels.shape[1:]), dtype=np.uint8)
        pixels[order] = part.pixels[numbers[order]]
        framed = torch.from_numpy(recipe.preparation.framed(pixels))
        angles = _angles(recipe, seed, epoch, numbers)
        yield Batch(framed, torch.from_numpy(labels[numbers]), angles, torch.full((len(numbers), 136), torch.nan))


def prefetch(source: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    """The same batches on a device, each got by a thread while the ones before are learnt from."""
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(_AHEAD)
    stop = threading.Event()

    def offer(item: Batch | BaseException | None) -> bool:
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
            for batch in source:
                if not offer(batch.to(device)):
                    return
            offer(None)
        except BaseException as error:  # raised where the batch is asked for
            offer(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        while (batch := ready.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        stop.set()
        thread.join()


def _angles(recipe: Recipe, seed: int, epoch: int, numbers: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(draw_angles(recipe.rotation, seed, epoch, numbers))


def _moved(value: Tensor, device: torch.device) -> Tensor:
    if device.type != "cuda":
        return value.to(device)
    return value.pin_memory().to(device, non_blocking=True)
