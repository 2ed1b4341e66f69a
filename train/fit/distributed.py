"""Several processes that train one network, as torchrun starts them; or one."""

import os
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist

from maskaug.train.model.device import pick_device

T = TypeVar("T")


@dataclass(frozen=True)
class DistributedContext:
    """The processes of a run.

    Attributes:
        rank: This one's number; 0 writes files and prints.
        world: How many there are.
        device: Where this one computes.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def barrier(self) -> None:
        """Until all have come here."""
        if self.world > 1:
            dist.barrier()

    def all_gather(self, value: T) -> list[T]:
        """Every process's value, by rank."""
        if self.world == 1:
            return [value]
        values: list[T | None] = [None] * self.world
        dist.all_gather_object(values, value)
        return values  # type: ignore[return-value]  # all have been filled


def join(device: str) -> DistributedContext:
    """Join the processes that torchrun has started; without it, be the only one.

    With GPUs each process gets one, and NCCL connects them; on CPUs Gloo does.

    Raises:
        DeviceError: there is no such device.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return DistributedContext(0, 1, pick_device(device))
    place = pick_device(device)
    if place.type == "cuda":
        place = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(place)
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    return DistributedContext(dist.get_rank(), world, place)


def leave(distributed: DistributedContext) -> None:
    """Part again."""
    if distributed.world > 1:
        dist.destroy_process_group()
