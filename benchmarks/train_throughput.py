"""Pictures a second in training: maskaug's loop, plain torchvision, and the most the machine could do.

python benchmarks/train_throughput.py DATA [--arch resnet50] [--batches 8] [--rounds 3] [--device auto] [--json FILE]

DATA has ``{train,val}/{class}`` folders. Three ways take turns, with the same network, batch size and picture count:
maskaug's loop on its decoded cache; ImageFolder, PIL and transforms a sample in DataLoader workers, one for each core;
and the ceiling, the same steps over one batch that lies on the device. Figures are medians over rounds. ``waiting`` is
the share of the time in which nothing was computed for want of pictures.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from maskaug.train.data.dataset import SplitPictures, load_training_data
from maskaug.train.fit.compute import ComputeConfig
from maskaug.train.fit.distributed import DistributedContext
from maskaug.train.fit.loop import train_epoch
from maskaug.train.model.device import bf16_pays, pick_device
from maskaug.train.model.network import build_network
from maskaug.train.model.recipes import REPORT, Recipe

_WAYS = ("maskaug", "ImageFolder, PIL, transforms a sample", "ceiling")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--arch", default=REPORT.arch)
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    recipe = REPORT.model_copy(update={"arch": arguments.arch})
    device = pick_device(arguments.device)
    bf16 = bf16_pays(device, build_network(recipe.arch))
    compute = ComputeConfig(DistributedContext(0, 1, device), bf16=bf16, channels_last=True)
    count = arguments.batches * recipe.batch_size
    with tempfile.TemporaryDirectory() as cache:
        part = load_training_data(arguments.data, recipe.preparation, Path(cache)).train
        part = SplitPictures(
            part.samples[:count], part.pixels[:count], part.views[:count], part.sizes[:count], part.sha256[:count]
        )
        if len(part) < count:
            parser.error(f"DATA has {len(part)} training pictures, and {count} are wanted; give fewer --batches")
        ways: dict[str, Callable[[nn.Module, torch.optim.Optimizer], tuple[float, float]]] = {
            _WAYS[0]: lambda network, optimizer: _ours(network, optimizer, part, recipe, compute),
            _WAYS[1]: lambda network, optimizer: _plain(
                network, optimizer, arguments.data, count, recipe=recipe, compute=compute
            ),
            _WAYS[2]: lambda network, optimizer: _ceiling(network, optimizer, arguments.batches, recipe, compute),
        }
        found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for number in range(arguments.rounds + 1):
            for way, run in ways.items():
                network = compute.place(build_network(recipe.arch))
                metrics = run(network, torch.optim.Adam(network.parameters(), lr=recipe.lr))
                if number:  # the first round warms up
                    found[way].append(metrics)
    medians = {way: [statistics.median(values) for values in zip(*runs, strict=True)] for way, runs in found.items()}
    table = Table("way", "pictures a second", "of the ceiling", "waiting")
    for way, (speed, waiting) in medians.items():
        table.add_row(way, f"{speed:.1f}", f"{speed / medians[_WAYS[2]][0]:.1%}", f"{waiting:.1%}")
    Console().print(
        f"{recipe.arch}, {recipe.size} px, batch {recipe.batch_size}, {'bf16' if bf16 else 'fp32'}, {device}"
    )
    Console().print(table)
    if arguments.json:
        record = {"arch": recipe.arch, "device": str(device), "bf16": bf16, "torch": torch.__version__, "ways": medians}
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")


def _ours(
    network: nn.Module, optimizer: torch.optim.Optimizer, part: SplitPictures, recipe: Recipe, compute: ComputeConfig
) -> tuple[float, float]:
    epoch = train_epoch(network, optimizer, part, recipe, compute, seed=0, epoch=0)
    return epoch.samples_per_s, epoch.waiting


def _plain(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Path,
    count: int,
    *,
    recipe: Recipe,
    compute: ComputeConfig,
) -> tuple[float, float]:
    steps = [
        transforms.Resize(recipe.size),
        transforms.CenterCrop(recipe.size),
        transforms.RandomRotation(recipe.rotation),
        transforms.ToTensor(),
        transforms.Normalize(recipe.mean, recipe.std),
    ]
    folder = ImageFolder(str(data / "train"), transforms.Compose(steps))
    order = torch.randperm(len(folder), generator=torch.Generator().manual_seed(0))[:count].tolist()
    loader = DataLoader(Subset(folder, order), recipe.batch_size, num_workers=os.cpu_count() or 1)
    return _learn(network, optimizer, iter(loader), count, recipe=recipe, compute=compute)


def _ceiling(
    network: nn.Module, optimizer: torch.optim.Optimizer, batches: int, recipe: Recipe, compute: ComputeConfig
) -> tuple[float, float]:
    pictures = torch.rand(recipe.batch_size, 3, recipe.size, recipe.size, device=compute.distributed.device)
    labels = torch.arange(recipe.batch_size, device=compute.distributed.device) % 2
    same = ((pictures, labels) for _ in range(batches))
    return _learn(network, optimizer, same, batches * recipe.batch_size, recipe=recipe, compute=compute)


def _learn(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[tuple[Tensor, Tensor]],
    count: int,
    *,
    recipe: Recipe,
    compute: ComputeConfig,
) -> tuple[float, float]:
    """Pictures a second, and the share of time spent waiting for them."""
    network.train()
    device, waited, started = compute.distributed.device, 0.0, time.perf_counter()
    while True:
        forward_logits = time.perf_counter()
        batch = next(batches, None)
        waited += time.perf_counter() - forward_logits
        if batch is None:
            break
        pictures = batch[0].to(device, memory_format=torch.channels_last)
        with compute.autocast():
            logits = network(pictures)[:, 0].float()
        loss = binary_cross_entropy_with_logits(logits, batch[1].to(device).float())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clip_grad_norm_(network.parameters(), recipe.clip_norm)
        optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    return count / seconds, waited / seconds


if __name__ == "__main__":
    main()
