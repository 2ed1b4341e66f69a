"""Faces prepared once, and pictures rendered of them by many processes: what the bundled classifier learns from."""

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.augment.online.known_face import renumbered
from maskaug.core.arrays import Image, Points
from maskaug.core.classes import INCORRECT, MASKED, UNMASKED
from maskaug.core.files import PICTURE_SUFFIXES
from maskaug.core.pictures import PictureError, read_picture
from maskaug.masktheface_wrapper import FaceFinder, Wear
from maskaug.train.corruptions import corrupt
from maskaug.train.model.recipes import Recipe
from maskaug.train.synthesis.overlay_sampler import OverlaySampler, make_overlay_sampler
from maskaug.train.synthesis.spatial import random_frame

_KEPT = 25  # every so many faces calibrate
_ORDER = (UNMASKED, MASKED, UNMASKED, MASKED, INCORRECT)  # two fifths, two fifths, one fifth
NO_ANSWER = -1  # where whether a mask is worn is not asked: it is worn, but incorrectly
# Few of the masks that count as worn lie under the nose, few hard negatives are masks under the chin; of those that are
# there to be told apart, more.
_UNDER_NOSE, _UNDER_CHIN, _INCORRECT_UNDER_NOSE = 0.08, 0.12, 0.6
_HELD = 0.1  # share of masked faces with something beside the mask
_PRINTED_FROM = 800  # pictures
_AT_ONCE, _TRIES = 256, 30
LANDMARKS = 136


@dataclass(frozen=True)
class PreparedFace:
    """``(h, w, 3) uint8`` RGB, an unmasked face; its left and top in the prepared square; ``(68, 2)`` landmarks."""

    pixels: Image
    place: NDArray[np.int64]
    landmarks: Points | None


@dataclass(frozen=True)
class Rendered:
    """Pictures that are learnt from, or some of them.

    Attributes:
        pixels: ``(N, S, S, 3) uint8`` RGB.
        masked: ``(N,) int64``: whether a mask is worn, or `NO_ANSWER`.
        classes: ``(N,) int64``: unmasked, masked, mask worn incorrectly.
        landmarks: ``(N, 136) float32``, in the frame, whose edges are at -1 and 1; nan where unknown.
    """

    pixels: Image
    masked: NDArray[np.int64]
    classes: NDArray[np.int64]
    landmarks: NDArray[np.float32]


def prepare(folders: Sequence[Path], recipe: Recipe, seed: int) -> tuple[list[PreparedFace], list[PreparedFace]]:
    """Faces to learn from, and faces to calibrate by, framed as a network sees them but with their surroundings."""
    finder, preparation = FaceFinder(), recipe.preparation
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


def as_they_are(faces: Sequence[PreparedFace], recipe: Recipe) -> Image:
    """``(N, S, S, 3) uint8``: what a network sees of faces to which nothing is done."""
    return recipe.preparation.framed(np.stack([_square(face, face.pixels, recipe) for face in faces]))


def render(faces: Sequence[PreparedFace], recipe: Recipe, count: int, seed: int, workers: int) -> Rendered:
    """So many pictures of faces drawn at random; each depends on the seed and its number alone."""
    size = recipe.size
    rendered = Rendered(
        np.empty((count, size, size, 3), dtype=np.uint8),
        np.empty(count, dtype=np.int64),
        np.empty(count, dtype=np.int64),
        np.empty((count, LANDMARKS), dtype=np.float32),
    )
    chunks = [range(start, min(start + _AT_ONCE, count)) for start in range(0, count, _AT_ONCE)]
    renderer = _Renderer(faces, recipe, seed)
    with multiprocessing.get_context("fork").Pool(workers, _begin, (renderer,)) as pool:
        for chunk, part in zip(chunks, pool.imap(_render_chunk, chunks), strict=True):
            span = slice(chunk.start, chunk.stop)
            rendered.pixels[span], rendered.masked[span] = part.pixels, part.masked
            rendered.classes[span], rendered.landmarks[span] = part.classes, part.landmarks
    return rendered


class _Renderer:
    """What a process needs to render any picture."""

    def __init__(self, faces: Sequence[PreparedFace], recipe: Recipe, seed: int) -> None:
        self.faces, self.recipe, self.seed = faces, recipe, seed
        self._able = [face for face in faces if face.landmarks is not None]
        rng = np.random.default_rng((seed, len(faces)))
        some = rng.choice(len(faces), min(len(faces), _PRINTED_FROM), replace=False)
        self._sampler: OverlaySampler = make_overlay_sampler([faces[n].pixels for n in some], rng, incorrect=True)

    def picture(self, number: int) -> tuple[Image, int, int, NDArray[np.float32]]:
        """A picture, whether it is masked, its class and its landmarks."""
        key = (self.seed, number)
        rng = np.random.default_rng(key)
        wanted = _ORDER[number % len(_ORDER)]
        among = self.faces if wanted == UNMASKED else self._able
        for _ in range(_TRIES):  # a mask may lie outside of what shows of a face
            face = among[int(rng.integers(len(among)))]
            found = self._with_overlay(face, wanted, rng)
            if found is not None:
                break
        else:
            raise SystemExit("train_classifier: masks show on none of many faces; are these faces?")
        worn, masked, label = found
        square = _square(face, worn, self.recipe)
        inside = np.array([*face.place, *(face.place + worn.shape[1::-1])])
        names = self.recipe.corruptions
        picture, to_frame = random_frame(square, inside, self.recipe.preparation, names, key)
        points = np.full((68, 2), np.nan, dtype=np.float32)
        if face.landmarks is not None:
            points = renumbered((face.landmarks @ to_frame[:, :2].T + to_frame[:, 2]).astype(np.float32))
        return corrupt(picture, names, key), masked, label, points.ravel()

    def _with_overlay(self, face: PreparedFace, wanted: int, rng: np.random.Generator) -> tuple[Image, int, int] | None:
        """The face as it is shown, whether it is masked, and its class; None where no mask shows."""
        if face.landmarks is None:
            return face.pixels, UNMASKED, UNMASKED
        points = (face.landmarks - face.place).astype(np.float32)
        worn: Image | None = face.pixels
        masked, label = wanted, wanted
        if wanted == UNMASKED:
            if rng.random() < self.recipe.occluder_share:
                if rng.random() < _UNDER_CHIN:
                    label = INCORRECT
                    worn = self._sampler.masked(face.pixels, points, rng, "under_chin")
                else:
                    worn = self._sampler.unmasked(face.pixels, points, rng)
        elif wanted == MASKED:
            label = INCORRECT if rng.random() < _UNDER_NOSE else MASKED
            worn = self._sampler.masked(face.pixels, points, rng, "correct" if label == MASKED else "under_nose")
        else:
            masked = NO_ANSWER
            wear: Wear = "under_nose" if rng.random() < _INCORRECT_UNDER_NOSE else "under_chin"
            worn = self._sampler.masked(face.pixels, points, rng, wear)
        if worn is None:
            return None
        if wanted != UNMASKED and rng.random() < _HELD:
            worn = self._sampler.with_held(worn, points, rng)
        if rng.random() < self.recipe.headwear:
            worn = self._sampler.with_headwear(worn, points, rng)
        return worn, masked, label


_renderer: _Renderer | None = None  # of this process


def _begin(renderer: _Renderer) -> None:
    global _renderer  # noqa: PLW0603  a pool hands its workers nothing else
    _renderer = renderer
    cv2.setNumThreads(0)  # not 1: a forked process would wait for threads it does not have


def _render_chunk(numbers: range) -> Rendered:
    assert _renderer is not None
    seen = [_renderer.picture(number) for number in numbers]
    pixels, masked, classes, landmarks = zip(*seen, strict=True)
    return Rendered(np.stack(pixels), np.array(masked), np.array(classes), np.stack(landmarks))


def _square(face: PreparedFace, pixels: Image, recipe: Recipe) -> Image:
    """``(P, P, 3) uint8``: a prepared square with the face, or what has become of it, at its place."""
    side = recipe.preparation.side
    square = np.zeros((side, side, 3), dtype=np.uint8)
    left, top = face.place
    square[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return square
