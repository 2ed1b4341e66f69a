"""Which device computes."""

import torch

from maskaug.train.errors import TrainError


class DeviceError(TrainError):
    """The device asked for is not there; the message says so."""


def pick_device(name: str) -> torch.device:
    """``auto`` is the first GPU, where there is one.

    Raises:
        DeviceError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"--device {name} is none; there are auto, cpu, cuda, cuda:1 ...") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(f"--device {name}: PyTorch finds no GPU here; leave it out to use the CPU")
    return device
