"""The loop: one epoch over the training pictures, and the logits of the others."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel

from maskaug.train.data.dataset import SplitPictures
from maskaug.train.errors import TrainError
from maskaug.train.fit.compute import ComputeConfig
from maskaug.train.fit.distributed import DistributedContext
from maskaug.train.fit.prefetch import Batch, prefetch, read_batches
from maskaug.train.fit.transforms import rotate
from maskaug.train.model.head import Head, head_for
from maskaug.train.model.network import forward_logits
from maskaug.train.model.recipes import Recipe

_CHECK_EVERY = 20  # steps: looking at a loss waits for the GPU ...
_CHECK_SECONDS = 0.5  # ... which is nothing to steps that take this long, and a bar that stands still looks dead
_EVALUATION_BATCH = 256
_LANDMARK_BETA = 0.1  # of the picture's half side: where the loss of landmarks turns from square to linear

Targets = Callable[[Tensor], Tensor]  # (N, 3, S, S) normalised pictures to probabilities, see `Head.probabilities`
StepCallback = Callable[[int, int, float, float], None]  # pictures done, of how many, loss, pictures a second


class LossError(TrainError):
    """The loss is not finite; the message says where, and what to do."""


@dataclass(frozen=True)
class Epoch:
    """What an epoch of training was like.

    Attributes:
        loss, accuracy: Means over its pictures, as they were when each was learnt from: the loss against what was
            learnt, the accuracy against the labels.
        grad_norm: Mean norm of the gradient before clipping.
        samples_per_s: Pictures a second, over all processes.
        waiting: Share of the time in which nothing was computed for want of pictures.
    """

    loss: float
    accuracy: float
    grad_norm: float
    samples_per_s: float
    waiting: float


@dataclass(frozen=True)
class UnderWay:
    """An epoch between two of its steps.

    Attributes:
        steps: Those that are done.
        sums: ``(3,) float64``: of their pictures' losses and of those that were right, over all processes, and of their
            gradients' norms.
    """

    steps: int
    sums: Tensor


@dataclass(frozen=True)
class Keep:
    """What keeps the state of a run within an epoch.

    Attributes:
        every: Steps from one time to the next.
        save: Is called by every process, with what is done.
    """

    every: int
    save: Callable[[UnderWay], None]


def train_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    part: SplitPictures,
    recipe: Recipe,
    compute: ComputeConfig,
    *,
    seed: int,
    epoch: int,
    average: AveragedModel | None = None,
    teacher: Targets | None = None,
    progress: StepCallback = lambda done, total, loss, speed: None,
    begun: UnderWay | None = None,
    keep: Keep | None = None,
) -> Epoch:
    """Learn from every training picture once, in an order that seed and epoch decide.

    Args:
        network: What learns.
        optimizer: Of its weights; the recipe sets the learning rate.
        part: The training pictures.
        recipe: How.
        compute: How and where.
        seed, epoch: Of all random numbers.
        average: Of the weights, which follows every step; or None.
        teacher: What the logits are to say of the very pictures the network is shown, mixed with nothing else; None:
            the labels.
        progress: Called now and then, see `StepCallback`.
        begun: What is done of the epoch already, where it is gone on with; its steps are not done again.
        keep: What keeps the state of the run, and after how many steps each.

    Raises:
        LossError: the loss is not finite.
    """
    distributed = compute.distributed
    network.train()
    head, total = head_for(len(part.classes)), len(part)
    plan = list(batch_plan(len(part), recipe.batch_size, seed, epoch, fewest=2 * distributed.world))
    first, sums = _begin(begun, distributed)
    before = done = sum(map(len, plan[:first]))
    waited, started = 0.0, time.perf_counter()
    shares = [batch[distributed.rank :: distributed.world] for batch in plan[first:]]
    told = started
    source = prefetch(read_batches(part, shares, recipe, seed=seed, epoch=epoch), distributed.device)
    for step, whole in enumerate(plan[first:], first):
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr_at(epoch + step / len(plan))
        since = time.perf_counter()
        batch = next(source)
        waited += time.perf_counter() - since
        inputs = network_input(batch, recipe, compute)
        with compute.autocast():
            outputs = network(inputs).float()
        logits = head.logits(outputs)
        targets = head.targets(batch.labels, recipe.label_smoothing) if teacher is None else teacher(inputs)
        losses = head.loss(logits, targets)
        # The mean over the whole batch, of which every process has a share; theirs are averaged.
        loss = losses * (distributed.world / len(whole))
        if recipe.landmark_weight:
            loss = loss + recipe.landmark_weight * _landmark_loss(outputs[:, head.outputs :], batch.landmarks)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = clip_grad_norm_(network.parameters(), recipe.clip_norm)
        optimizer.step()
        if average is not None:
            average.update_parameters(network.module if isinstance(network, DistributedDataParallel) else network)
        with torch.no_grad():
            right = head.right(logits, batch.labels)
            sums += torch.stack([losses.double(), right.double(), norm.double()])
        done += len(whole)
        if step % _CHECK_EVERY == 0 or step == len(plan) - 1 or time.perf_counter() - told > _CHECK_SECONDS:
            told = time.perf_counter()
            _check(sums, epoch, step)
            progress(
                done,
                total,
                float(sums[0]) / max(1, done) * distributed.world,
                (done - before) / (time.perf_counter() - started),
            )
        if keep is not None and (step + 1) % keep.every == 0 and step + 1 < len(plan):
            keep.save(UnderWay(step + 1, _over_all(sums, distributed)))
    seconds = time.perf_counter() - started
    loss_sum, right_sum, norm_sum = _over_all(sums, distributed).tolist()
    return Epoch(
        loss=loss_sum / total,
        accuracy=right_sum / total,
        grad_norm=norm_sum / len(plan),
        samples_per_s=(total - before) / seconds,
        waiting=waited / seconds,
    )


def _begin(begun: UnderWay | None, distributed: DistributedContext) -> tuple[int, Tensor]:
    """The first step to do, and this process's sums before it: of loss, of right answers, of gradients' norms."""
    if begun is None:
        return 0, torch.zeros(3, dtype=torch.float64, device=distributed.device)
    shares = torch.tensor([distributed.world, distributed.world, 1], dtype=torch.float64)
    return begun.steps, (begun.sums / shares).to(distributed.device)


def _over_all(sums: Tensor, distributed: DistributedContext) -> Tensor:
    """``(3,) float64``: the sums of all processes; the norm of a gradient is the same in each."""
    gathered = np.array(distributed.all_gather(sums.cpu().numpy()))
    return torch.tensor([gathered[:, 0].sum(), gathered[:, 1].sum(), gathered[0, 2]], dtype=torch.float64)


def batch_plan(count: int, batch_size: int, seed: int, epoch: int, *, fewest: int = 2) -> Iterator[NDArray[np.int64]]:
    """The numbers of the pictures of each step, over all processes; the last batch is as small as it comes.

    A process with one picture alone would have no variance to normalise by: fewer than ``fewest`` join those before.
    """
    order = np.random.default_rng((seed, epoch)).permutation(count)
    cuts = list(range(batch_size, count, batch_size))
    if cuts and count - cuts[-1] < fewest:
        cuts.pop()
    yield from np.split(order, cuts)


def network_input(batch: Batch, recipe: Recipe, compute: ComputeConfig) -> Tensor:
    """A batch of training pictures, turned and normalised."""
    pictures = _scaled(batch.pixels, compute)
    if recipe.rotation:
        pictures = rotate(pictures, batch.angles)
    return recipe.normalisation(pictures)


def _landmark_loss(outputs: Tensor, landmarks: Tensor) -> Tensor:
    """Mean over the coordinates that are known of the smooth L1 loss (Girshick, Fast R-CNN, 2015)."""
    known = landmarks.isfinite()
    losses = smooth_l1_loss(outputs, landmarks.nan_to_num(), reduction="none", beta=_LANDMARK_BETA)
    return (losses * known).sum() / known.sum().clamp(min=1)


@torch.inference_mode()
def logits_of(
    network: nn.Module, pictures: NDArray[np.uint8], recipe: Recipe, compute: ComputeConfig, head: Head
) -> NDArray[np.float32]:
    """Logits of ``(N, S, S, 3) uint8`` framed pictures, ``(N,)`` or ``(N, K)``; every process judges some, gets all."""
    distributed = compute.distributed
    network.eval()
    own = np.arange(distributed.rank, len(pictures), distributed.world)
    found = []
    for start in range(0, len(own), _EVALUATION_BATCH):
        pixels = torch.from_numpy(pictures[own[start : start + _EVALUATION_BATCH]]).to(distributed.device)
        inputs = recipe.normalisation(_scaled(pixels, compute))
        with compute.autocast():
            found.append(forward_logits(network, inputs, head, flips=recipe.flips).cpu().numpy())
    logits = np.empty((len(pictures), *head.logit_shape), dtype=np.float32)
    none = np.empty((0, *head.logit_shape), dtype=np.float32)
    for rank, values in enumerate(distributed.all_gather(np.concatenate([none, *found]))):
        logits[rank :: distributed.world] = values
    return logits


def _scaled(pixels: Tensor, compute: ComputeConfig) -> Tensor:
    """``(N, S, S, 3) uint8`` as ``(N, 3, S, S) float32`` in [0, 1]."""
    pictures = pixels.permute(0, 3, 1, 2).float() / 255
    return pictures if compute.channels_last else pictures.contiguous()


def _check(sums: Tensor, epoch: int, step: int) -> None:
    if not torch.isfinite(sums[0]):
        raise LossError(
            f"the loss is not finite in epoch {epoch + 1}, at step {step + 1} or shortly before; the last good "
            "checkpoint is kept: try a lower learning rate, such as --set lr=0.001, or --precision fp32"
        )
