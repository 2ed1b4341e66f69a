"""TorchScript, which programs with PyTorch's C++ library load."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maskaug.train.export.formats.registry import ExportFormat, register

if TYPE_CHECKING:
    from torch import nn


def _write(
    network: "nn.Module", metadata: Mapping[str, str], pictures: NDArray[np.uint8], path: Path, *, half: bool
) -> NDArray[np.float32]:
    import torch  # noqa: PLC0415  takes seconds

    del half  # TorchScript keeps the weights as they are
    with warnings.catch_warnings(), torch.inference_mode():
        # PyTorch deprecates the form; programs that load it are why one asks for it.
        warnings.filterwarnings("ignore", message=".*deprecated.*")
        traced = torch.jit.trace(network, torch.from_numpy(pictures[:2]))
        torch.jit.save(traced, str(path), _extra_files=dict(metadata))
        loaded = torch.jit.load(str(path))
        return np.asarray(loaded(torch.from_numpy(pictures)).numpy())


register(ExportFormat("torchscript", ".torchscript.pt", _write))
