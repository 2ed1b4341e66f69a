"""Classifiers of a thousand weights, registered with torchvision: for tests that do not judge networks.

``python tiny_network.py …`` is the command ``maskaug …`` with them.
"""

from torch import nn
from torchvision.models._api import register_model


@register_model()
def tiny(*, weights=None, num_classes=1000):
    """``(N, 3, S, S)`` to ``(N, num_classes)``."""
    assert weights is None
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, num_classes),
    )


@register_model()
def tiny_dropout(*, weights=None, num_classes=1000):
    """``(N, 3, S, S)`` to ``(N, num_classes)``; torch's own random numbers count."""
    assert weights is None
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(8, num_classes),
    )


@register_model()
def tiny_group_norm(*, weights=None, num_classes=1000):
    """``(N, 3, S, S)`` to ``(N, num_classes)``; each picture is normalised by itself, whoever is in its batch."""
    assert weights is None
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.GroupNorm(2, 8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, num_classes),
    )


if __name__ == "__main__":
    from maskaug.cli.app import main

    main()
