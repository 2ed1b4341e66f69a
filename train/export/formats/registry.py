"""The registry of export formats. Free of PyTorch, for the command line to know their names without it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from maskaug.train.errors import TrainError

if TYPE_CHECKING:
    from torch import nn


class ExportError(TrainError):
    """The network cannot be exported; the message says why."""


class WriteNetwork(Protocol):
    """What writes a network as a file, and runs that file."""

    def __call__(
        self, network: "nn.Module", metadata: Mapping[str, str], pictures: NDArray[np.uint8], path: Path, *, half: bool
    ) -> NDArray[np.float32]:
        """Write the file, and say what it answers: what :func:`maskaug.train.export.export` checks it by.

        Args:
            network: In evaluation mode on the CPU; ``(N, 3, S, S) uint8`` RGB pictures to ``(N,)`` or ``(N, K)
                float32`` probabilities, of which normalisation, calibration and mirror images are part.
            metadata: What a program must know to use the file, as text; goes into it.
            pictures: ``(N, 3, S, S) uint8`` RGB, to trace the network with, and to run the file on.
            path: The file.
            half: Whether to store weights as float16.

        Returns:
            ``float32`` probabilities of the pictures, by the file as it was read back.

        Raises:
            ExportError: the network has no such form.
        """


@dataclass(frozen=True)
class ExportFormat:
    """A format of files for other programs.

    Attributes:
        name: On the command line; unique.
        suffix: Of its files.
        write: Writes a file, and runs it.
        halves: Whether weights can be stored as float16.
    """

    name: str
    suffix: str
    write: WriteNetwork
    halves: bool = False


# Formats by name.
FORMATS: dict[str, ExportFormat] = {}


def register(export_format: ExportFormat) -> None:
    """Add a format: ``maskaug export --to`` knows it from then on.

    Raises:
        ValueError: there is one of that name.
    """
    if export_format.name in FORMATS:
        raise ValueError(f"there is a format {export_format.name!r} already; give this one another name")
    FORMATS[export_format.name] = export_format
