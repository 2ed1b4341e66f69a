"""Train the network that tells which way up a face is, and write it as ONNX.

python tools/train_orientation.py FACES [FACES ...] --out FILE.onnx [--check FACES ...] [--epochs 30]

FACES are folders of upright, unmasked faces. Each is found once, as `FaceFinder.boxes` finds it; in training it is
shown shifted, scaled, leaning by up to 38 degrees, mirrored, blurred, relit, partly covered, and turned by 0 to 3
quarters, which the network is to tell. Two cores take some 15 minutes for 5,000 faces. The faces of --check are only
counted: how many are told right at each of the four turns.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from maskaug.core.pictures import PictureError, read_picture
from maskaug.masktheface_wrapper import FaceFinder
from maskaug.masktheface_wrapper.detect.small_network import SEEN, SIDE, crop_about

_SUFFIXES = {".jpg", ".jpeg", ".png"}
# Faces are kept larger than the network sees them, so that they can be shifted.
_KEPT, _MARGIN = 112, 1.35
_WIDTHS = (16, 32, 48, 64)
_BATCH = 128
_MOST_LEANING = 38.0  # degrees


def main() -> None:
    """Train, check, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--check", type=Path, nargs="*", default=[])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    finder = FaceFinder()
    faces = read_faces(finder, arguments.faces)
    print(f"{len(faces)} faces to train on", flush=True)
    network = make_network(3, 4)  # the face stands upright after so many quarter turns
    train(network, faces, arguments.epochs)
    for folder in arguments.check:
        checked = read_faces(finder, [folder])
        shares = " ".join(f"{share:.3f}" for share in right_by_turn(network, checked))
        print(f"{folder}: of {len(checked)} faces, told right after 0, 1, 2, 3 quarter turns: {shares}", flush=True)
    write_onnx(network, arguments.out, channels=3)


def read_faces(finder: FaceFinder, folders: list[Path]) -> Tensor:
    """``(N, 3, 112, 112) uint8``: the largest face of each picture that shows one, with room about it."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix.lower() in _SUFFIXES]
    crops = list(_crops(finder, paths))
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()


def _crops(finder: FaceFinder, paths: list[Path]) -> Iterator[np.ndarray]:
    for path in paths:
        try:
            pixels = read_picture(path).pixels
        except PictureError:
            continue
        for box in finder.boxes(pixels)[:1]:
            yield crop_about(pixels, box, _KEPT, SEEN * _MARGIN)


def make_network(channels: int, outputs: int, widths: tuple[int, ...] = _WIDTHS, side: int = SIDE) -> nn.Sequential:
    """``(N, channels, side, side)`` standardized pixels to ``(N, outputs)`` logits."""
    layers: list[nn.Module] = []
    for width in widths:
        for into in (channels, width):
            layers += [nn.Conv2d(into, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
        channels = width
    features = channels * (side // 2 ** len(widths)) ** 2
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(features, 64), nn.ReLU(), nn.Linear(64, outputs)
    )


def train(network: nn.Sequential, faces: Tensor, epochs: int) -> None:
    """AdamW, one cycle of the learning rate."""
    batches = max(len(faces) // _BATCH, 1)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * batches)
    for epoch in range(epochs):
        network.train()
        total = 0.0
        for picks in torch.randperm(len(faces))[: batches * _BATCH].split(_BATCH):
            turns = torch.randint(0, 4, (len(picks),))
            pictures = standardized(turned(varied(faces[picks].float() / 255), turns))
            loss = functional.cross_entropy(network(pictures), -turns % 4, label_smoothing=0.02)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss)
        print(f"epoch {epoch + 1} of {epochs}: loss {total / batches:.4f}", flush=True)
    network.eval()


def varied(faces: Tensor) -> Tensor:
    """``(N, 3, 48, 48)``: the faces as other photographs would show them."""
    count = len(faces)
    coarse = int(torch.randint(1, 4, ()))
    if coarse > 1:
        small = functional.interpolate(faces, size=(_KEPT // coarse, _KEPT // coarse), mode="area")
        faces = functional.interpolate(small, size=(_KEPT, _KEPT), mode="bilinear")
    angle = torch.deg2rad((torch.randn(count) * 15).clamp(-_MOST_LEANING, _MOST_LEANING))
    scale = torch.exp(torch.randn(count) * 0.18)
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    faces = seen(faces, angle, scale, torch.randn(count, 2) * 0.1, mirror)
    return in_other_light(faces, covered=(SIDE // 6, SIDE // 2))


def in_other_light(faces: Tensor, covered: tuple[int, int]) -> Tensor:
    """``(N, 3, S, S)``: faces in other colours and light, with noise, and a third of them partly covered.

    Args:
        faces: In [0, 1].
        covered: Least and most pixels, in height and width, that are covered.
    """
    count, side = len(faces), faces.shape[-1]

    def factor(deviation: float, channels: int = 1) -> Tensor:
        return torch.exp(torch.randn(count, channels, 1, 1) * deviation)

    grey = faces.mean(dim=1, keepdim=True)
    faces = grey + (faces - grey) * torch.rand(count, 1, 1, 1) * 1.5
    faces = faces.clamp(1e-3, 1) ** factor(0.35) * factor(0.25) * factor(0.1, channels=3)
    for number in torch.nonzero(torch.rand(count) < 0.35).flatten().tolist():
        height, width = torch.randint(*covered, (2,)).tolist()
        top, left = int(torch.randint(side - height, ())), int(torch.randint(side - width, ()))
        faces[number, :, top : top + height, left : left + width] = torch.rand(3, 1, 1)
    return (faces + torch.randn_like(faces) * torch.rand(count, 1, 1, 1) * 0.06).clamp(0, 1)


def seen(faces: Tensor, angle: Tensor, scale: Tensor, shift: Tensor, mirror: Tensor) -> Tensor:
    """``(N, 3, 48, 48)``: what the network looks at, after a rotation, a scale, a shift and a reflection of each."""
    cos, sin, size = torch.cos(angle), torch.sin(angle), scale / _MARGIN
    rows = torch.stack([cos * mirror, -sin, sin * mirror, cos], dim=1).view(-1, 2, 2) * size[:, None, None]
    grid = functional.affine_grid(
        torch.cat([rows, shift[:, :, None]], dim=2), [len(faces), 3, SIDE, SIDE], align_corners=False
    )
    return functional.grid_sample(faces, grid, mode="bilinear", padding_mode="border", align_corners=False)


def turned(faces: Tensor, turns: Tensor) -> Tensor:
    """Each face after its number of quarter turns counterclockwise."""
    return torch.stack([torch.rot90(face, int(count), (1, 2)) for face, count in zip(faces, turns, strict=True)])


def standardized(faces: Tensor) -> Tensor:
    """As `detect.small_network.standardized` does it."""
    mean = faces.mean(dim=(1, 2, 3), keepdim=True)
    deviation = faces.std(dim=(1, 2, 3), keepdim=True, correction=0)
    return (faces - mean) / (deviation + 0.05)


@torch.inference_mode()
def right_by_turn(network: nn.Sequential, faces: Tensor) -> list[float]:
    """Shares of the faces whose turn is told right, by the number of quarter turns that they were given."""
    plain = torch.zeros(len(faces))
    shown = seen(faces.float() / 255, plain, plain + 1, torch.zeros(len(faces), 2), plain + 1)
    shares = []
    for turns in range(4):
        said = network(standardized(torch.rot90(shown, turns, (2, 3)))).argmax(dim=1)
        shares.append(float((said == -turns % 4).float().mean()))
    return shares


def learn_logit(
    network: nn.Sequential, batch: Callable[[], tuple[Tensor, Tensor]], steps: int, *, lr: float, weight_decay: float
) -> None:
    """AdamW, one cycle of the learning rate: ``batch`` gives inputs, and ``(N,)`` targets of 0 and 1, softened here."""
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    network.train()
    total = 0.0
    for step in range(steps):
        inputs, targets = batch()
        loss = functional.binary_cross_entropy_with_logits(network(inputs)[:, 0], targets * 0.98 + 0.01)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()
        if (step + 1) % 200 == 0:
            print(f"step {step + 1} of {steps}: loss {total / 200:.4f}", flush=True)
            total = 0.0
    network.eval()


def write_onnx(network: nn.Sequential, path: Path, channels: int, side: int = SIDE) -> None:
    """Write the network, and make sure that OpenCV says the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    example = torch.randn(1, channels, side, side)
    program = torch.onnx.export(network, (example,), input_names=["pixels"], output_names=["logits"], dynamo=True)
    assert program is not None
    program.save(str(path), external_data=False)
    read = cv2.dnn.readNetFromONNX(str(path))
    read.setInput(example.numpy())
    difference = float(np.abs(read.forward() - network(example).detach().numpy()).max())
    print(f"written to {path}, {path.stat().st_size / 1e6:.2f} MB; OpenCV differs by {difference:.1e}", flush=True)


if __name__ == "__main__":
    main()
