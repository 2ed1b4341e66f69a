"""Training pictures rendered anew for an epoch: each by its own random numbers, in processes beside the training."""

import multiprocessing
import os
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from maskaug.augment.online.known_face import renumbered
from maskaug.core.arrays import Image
from maskaug.core.classes import MASKED, UNMASKED
from maskaug.core.manifest import faces_of, picture_key
from maskaug.masktheface_wrapper import Wear
from maskaug.train.corruptions import corrupt
from maskaug.train.data.dataset import SplitPictures
from maskaug.train.data.samples import Sample, wear_of
from maskaug.train.model.recipes import Recipe
from maskaug.train.synthesis.overlay_sampler import OverlaySampler, make_overlay_sampler
from maskaug.train.synthesis.spatial import random_frame

_WORKERS = 16  # at most
_PRINTED_FROM = 200  # pictures
_SELECTION = 2**31  # in place of an epoch: other random numbers than any has
_AT_ONCE = 64
_HELD_SHARE = 0.3  # of the share of unmasked faces with something before them: masked ones with something beside
_NATURAL_OCCLUDERS, _TIMES = 0.05, 3  # share of unmasked faces with something before them; renderings of all pictures
_FORKS = "fork" in multiprocessing.get_all_start_methods()  # workers then share what is loaded


class OnlineDataset(Dataset[tuple[Tensor, float, Tensor]]):
    """The pictures of a split as one epoch shows them.

    A picture depends on seed, epoch and its number alone: neither its batch, nor the process, nor a resumption
    changes it.
    """

    def __init__(self, part: SplitPictures, recipe: Recipe, seed: int, epoch: int) -> None:
        """Pictures of a split; nothing is rendered yet.

        Args:
            part: The split.
            recipe: What is done to its pictures.
            seed, epoch: Of the random numbers.
        """
        self._part = part
        self._recipe = recipe
        self._preparation = recipe.preparation
        self._key = seed, epoch
        self._bases = source_indices(part.samples)
        self._incorrect = _has_incorrect(part)
        overlays = recipe.online_masks or recipe.occluder_share or recipe.headwear
        self._sampler = _sampler_for(part, seed) if overlays else None

    def __len__(self) -> int:
        return len(self._part)

    def __getitem__(self, number: int) -> tuple[Tensor, float, Tensor]:
        """``(S, S, 3) uint8`` RGB, the label, and ``(136,) float32`` landmarks: see `prefetch.Batch`."""
        if get_worker_info() is not None:
            cv2.setNumThreads(0)  # the workers are the threads; see ARCHITECTURE.md
        key, names = (*self._key, number), self._recipe.corruptions
        label = self._part.samples[number].label
        pixels, shown = self._with_overlays(number, label, np.random.default_rng(key))
        picture, to_frame = random_frame(pixels, _inside(self._part, shown), self._preparation, names, key)
        picture = corrupt(picture, names, key) if names else picture
        points = landmarks_of(self._part, shown)
        targets = np.full((68, 2), np.nan, dtype=np.float32)
        if points is not None:
            targets = renumbered((points @ to_frame[:, :2].T + to_frame[:, 2]).astype(np.float32))
        return torch.from_numpy(picture), float(label), torch.from_numpy(targets.ravel())

    def _with_overlays(self, number: int, label: int, rng: np.random.Generator) -> tuple[Image, int]:
        """Prepared pixels, and the number of the picture whose geometry they have."""
        drawn_anew = self._recipe.online_masks and (label == MASKED or (self._incorrect and label != UNMASKED))
        base = self._bases[number] if drawn_anew else None
        shown = number if base is None else base
        points = landmarks_of(self._part, shown)
        if self._sampler is None or points is None:
            return np.array(self._part.pixels[number]), number
        left, top, right, bottom = _inside(self._part, shown)
        pixels = np.array(self._part.pixels[shown])
        # Nothing is rendered beyond the picture's edge.
        face = np.ascontiguousarray(pixels[top:bottom, left:right])
        points = (points - (left, top)).astype(np.float32)
        # With a class of their own, masks are worn as the overlay's was: its label stays true.
        wear = wear_of(self._part.samples[number].row) if self._incorrect else None
        rendered = self._render(self._sampler, face, points, rng, masked=base is not None, label=label, wear=wear)
        if rendered is None:  # no mask shows: the overlay as it was written
            return np.array(self._part.pixels[number]), number
        pixels[top:bottom, left:right] = rendered
        return pixels, shown

    def _render(
        self,
        sampler: OverlaySampler,
        face: Image,
        points: NDArray[np.float32],
        rng: np.random.Generator,
        *,
        masked: bool,
        label: int,
        wear: Wear | None,
    ) -> Image | None:
        recipe = self._recipe
        rendered: Image | None = face
        if masked:
            rendered = sampler.masked(face, points, rng, wear)
            if rendered is not None and rng.random() < _HELD_SHARE * recipe.occluder_share:
                rendered = sampler.with_held(rendered, points, rng)
        elif label == UNMASKED and rng.random() < recipe.occluder_share:
            rendered = sampler.unmasked(face, points, rng)
        if rendered is not None and rng.random() < recipe.headwear:
            rendered = sampler.with_headwear(rendered, points, rng)
        return rendered


def online_loader(pictures: OnlineDataset, shares: Sequence[NDArray[np.int64]]) -> DataLoader[Any]:
    """Batches with these numbers of pictures, in their order: what the pictures are, stacked."""
    cores = (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # torchrun's processes share them
    workers = min(_WORKERS, max(1, cores - 1)) if _FORKS else 0
    return DataLoader(
        pictures,
        batch_sampler=[share.tolist() for share in shares],
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        prefetch_factor=4 if workers else None,
        generator=torch.Generator(),  # else it would draw from torch's own, and a resumed epoch once more
    )


def source_indices(samples: Sequence[Sample]) -> list[int | None]:
    """For each overlay the number of the picture it was made from; None for all other pictures."""
    unmasked = {
        key: number
        for number, sample in enumerate(samples)
        if sample.label == UNMASKED and (key := picture_key(sample.row)) is not None
    }
    return [
        unmasked.get(key) if sample.row.get("status") == "masked" and (key := picture_key(sample.row)) else None
        for sample in samples
    ]


def landmarks_of(part: SplitPictures, number: int) -> NDArray[np.float64] | None:
    """``(68, 2)`` of the face that is framed, in prepared pixels; None where the manifest knows none."""
    view = part.views[number].astype(np.float64)
    middle = part.pixels.shape[1] / 2
    for face in faces_of(part.samples[number].row):
        points = (face.landmarks + 0.5) * view[:2] + view[2:4] - 0.5
        # A frame of the picture's middle shows faces anywhere; one of a face has that in its middle.
        if np.abs(points.mean(axis=0) - middle).max() < middle:
            return np.asarray(points, dtype=np.float64)
    return None


def _inside(part: SplitPictures, number: int) -> NDArray[np.int64]:
    return part.views[number, 4:].astype(np.int64)


def _sampler_for(part: SplitPictures, seed: int) -> OverlaySampler:
    rng = np.random.default_rng((seed, len(part)))
    unmasked = [number for number, sample in enumerate(part.samples) if sample.label == UNMASKED]
    pictures = []
    for number in rng.choice(unmasked, min(len(unmasked), _PRINTED_FROM), replace=False):
        left, top, right, bottom = _inside(part, number)
        pictures.append(np.array(part.pixels[number, top:bottom, left:right]))
    return make_overlay_sampler(pictures, rng, incorrect=_has_incorrect(part))


def _has_incorrect(part: SplitPictures) -> bool:
    """Whether masks that are worn incorrectly have a class of their own."""
    return len(part.classes) > 2


def selection_pictures(part: SplitPictures, recipe: Recipe, seed: int) -> Image:
    """``(N, S, S, 3) uint8`` validation pictures to select an epoch by.

    Clean pictures from the same hand as the training's say little of others: they are rendered as those are.
    """
    return _render_all(part, recipe, seed, _SELECTION)


def calibration_pictures(part: SplitPictures, recipe: Recipe, seed: int) -> tuple[Image, NDArray[np.int64]]:
    """``(N, S, S, 3) uint8`` validation pictures to calibrate by, and their ``(N,)`` labels.

    Rendered like those that select, but with hard negatives as rare as in photographs: calibrated on training's share
    of them, a network would suspect every mask of being one. Several times over, because there are few.
    """
    labels = part.labels.astype(np.int64)
    if not recipe.is_online:
        return _render_all(part, recipe, seed, _SELECTION), labels
    share = min(recipe.occluder_share, _NATURAL_OCCLUDERS)
    natural = recipe.model_copy(update={"occluder_share": share})
    seen = [_render_all(part, natural, seed, _SELECTION + 1 + time) for time in range(_TIMES)]
    return np.concatenate(seen), np.tile(labels, _TIMES)


def _render_all(part: SplitPictures, recipe: Recipe, seed: int, epoch: int) -> Image:
    if not recipe.is_online:
        return recipe.preparation.framed(part.pixels)
    everything = [np.arange(start, min(start + _AT_ONCE, len(part))) for start in range(0, len(part), _AT_ONCE)]
    seen = [pixels for pixels, _, _ in online_loader(OnlineDataset(part, recipe, seed, epoch), everything)]
    return np.asarray(torch.cat(seen).numpy())
