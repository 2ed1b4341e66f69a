"""Where a network looks: Grad-CAM by captum."""

import cv2
import numpy as np
import torch
from captum.attr import LayerGradCam
from numpy.typing import NDArray
from torch import Tensor, nn

from maskaug.train.errors import TrainError
from maskaug.train.model.head import Head


class ExplainError(TrainError):
    """The network cannot be explained; the message says why."""


def attention(network: nn.Module, batch: Tensor, head: Head) -> NDArray[np.float32]:
    """How much each place of the pictures speaks for what the network says of them.

    Grad-CAM (Selvaraju et al., ICCV 2017) on the last layer that still has a map: of two classes, for a mask where the
    logit is positive, against one where it is not; of more, for the likeliest.

    Args:
        network: In evaluation mode; ``(N, 3, S, S)`` pictures to ``(N, ...)`` outputs.
        batch: ``(N, 3, S, S)``: normalised as the network wants it.
        head: What the outputs mean.

    Returns:
        ``(N, S, S) float32`` in [0, 1]; each picture's largest is 1, unless nothing speaks for it.

    Raises:
        ExplainError: the network has no convolutional map.
    """
    layer = _last_map(network, batch[:1])
    with torch.enable_grad():
        evidence = LayerGradCam(lambda pictures: head.evidence(network(pictures)), layer)
        maps = evidence.attribute(batch, relu_attributions=True)
    heat = maps.detach().float().cpu().numpy()[:, 0]
    side = (batch.shape[3], batch.shape[2])
    large = np.stack([cv2.resize(one, side, interpolation=cv2.INTER_LINEAR) for one in heat])
    top = large.max(axis=(1, 2), keepdims=True)
    return np.asarray(large / np.where(top > 0, top, 1.0), dtype=np.float32)


def _last_map(network: nn.Module, picture: Tensor) -> nn.Module:
    """The last module whose output is a map of more than one place."""
    found: list[nn.Module] = []

    def note(module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:
            found.append(module)

    hooks = [module.register_forward_hook(note) for module in network.modules() if module is not network]
    try:
        with torch.no_grad():
            network(picture)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise ExplainError("Grad-CAM needs a network with convolutional maps, and this one has none of several places")
    return found[-1]
