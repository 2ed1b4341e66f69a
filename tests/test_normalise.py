"""From pixels to what a network takes."""

import torch
from torchvision.transforms.v2.functional import normalize

from maskaug.train.data.normalise import Normalisation

MEAN, STD = (0.4, 0.5, 0.6), (0.25, 0.2, 0.3)


def test_it_does_what_torchvision_does():
    pictures = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(Normalisation(MEAN, STD)(pictures), normalize(pictures, MEAN, STD))
