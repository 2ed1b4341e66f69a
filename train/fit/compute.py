"""How a network is computed."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import nn

from maskaug.train.fit.distributed import DistributedContext


@dataclass(frozen=True)
class ComputeConfig:
    """How a network is computed; none of this changes what is learnt, except by rounding.

    Attributes:
        distributed: The processes.
        bf16: Whether matrices are multiplied in bfloat16.
        channels_last: Whether pictures lie in memory pixel by pixel.
    """

    distributed: DistributedContext
    bf16: bool
    channels_last: bool

    def autocast(self) -> AbstractContextManager[None]:
        """For the forward pass."""
        return torch.autocast(self.distributed.device.type, torch.bfloat16, enabled=self.bf16)

    def place(self, network: nn.Module) -> nn.Module:
        """The network where and as it is computed."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return network.to(self.distributed.device, memory_format=layout)  # type: ignore[call-overload]
