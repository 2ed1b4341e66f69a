"""A data set of masked faces, in a module of its own for processes that are started afresh to import."""

import torch
from torch.utils.data import Dataset


class MaskedFaces(Dataset[tuple[torch.Tensor, int]]):
    """The same face eight times, unmasked until the transform."""

    def __init__(self, crop, transform):
        self.image = torch.from_numpy(crop).permute(2, 0, 1)
        self.transform = transform

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return self.transform(self.image, 0)
