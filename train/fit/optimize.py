"""The optimiser and the average of the weights that a recipe asks for."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from maskaug.train.model.recipes import Recipe


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Of a network's weights; biases and the two numbers of a normalisation do not decay."""
    if recipe.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    weights = [one for one in network.parameters() if one.ndim > 1]
    others = [one for one in network.parameters() if one.ndim <= 1]
    groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.lr)


def make_ema(network: nn.Module, decay: float) -> AveragedModel:
    """A copy of the network that follows it: each step its weights are ``decay`` of what they were."""
    follow = get_ema_multi_avg_fn(decay)
    return AveragedModel(network, multi_avg_fn=follow, use_buffers=True)
