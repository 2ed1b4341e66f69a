"""What a network sees of a picture: its middle, or its face."""

import cv2
import numpy as np
import pytest

from maskaug.masktheface_wrapper import FaceFinder
from maskaug.train.data import cache, largest_face
from maskaug.train.data.cache import load_pictures
from maskaug.train.data.largest_face import largest_box
from maskaug.train.data.margins import Margins
from maskaug.train.data.preprocess import Preparation
from maskaug.train.model.network import keep_outputs
from maskaug.train.synthesis.spatial import move_frame, sample_affine, sample_crop

FACE = Preparation("face", 64)


def dotted(size, point):
    """A black picture with a white dot, (H, W, 3) uint8."""
    image = np.zeros((*size, 3), dtype=np.uint8)
    cv2.circle(image, point, max(5, min(size) // 20), (255, 255, 255), cv2.FILLED)
    return image


def centre(pixels):
    """(x, y) of what is bright, in pixels."""
    rows, columns = np.nonzero(pixels[..., 0] > 127)
    return np.array([columns.mean(), rows.mean()])


def test_the_frame_lies_about_the_box_and_is_stretched_to_a_square():
    box = np.array([100, 50, 180, 210], dtype=np.float32)
    image = np.zeros((300, 400, 3), dtype=np.uint8)
    left, top, right, bottom = Margins().frame(box).round().astype(int)
    image[top : bottom + 10, left:right] = 255  # faces are framed a little lower
    framed = FACE.framed(FACE.prepare(image, box).pixels[None])[0]
    assert framed.shape == (64, 64, 3)
    assert framed[2:-2, 2:-2].min() == 255, "all of the frame"
    around = FACE.prepare(image, box).pixels
    assert around.shape == (FACE.side,) * 2 + (3,)
    assert around.max(axis=2)[:20].max() == around.max(axis=2)[:, :20].max() == 0, "and what is about it"


@pytest.mark.parametrize("preparation", [FACE, Preparation("face", 112), Preparation("picture", 64)])
@pytest.mark.parametrize(("size", "point"), [((300, 400), (170, 120)), ((90, 60), (30, 40)), ((1000, 800), (390, 480))])
def test_points_are_found_again_where_scale_and_offset_say(preparation, size, point):
    middle = np.array(size[::-1]) / 2
    box = np.concatenate([middle * 0.5, middle * 1.5]).astype(np.float32)
    prepared = preparation.prepare(dotted(size, point), box)
    expected = (np.array(point) + 0.5) * prepared.scale + prepared.offset - 0.5
    assert np.abs(centre(prepared.pixels) - expected).max() < 1.0


def test_what_lies_outside_the_picture_is_said():
    image = np.full((100, 100, 3), 200, dtype=np.uint8)
    prepared = FACE.prepare(image, np.array([-20, 10, 60, 90], dtype=np.float32))
    left, top, right, bottom = prepared.inside
    outside = prepared.pixels.copy()
    outside[top:bottom, left:right] = 0
    assert prepared.pixels[top:bottom, left:right].min() == 200
    assert outside.max() == 0
    assert left > 0


def test_without_a_face_the_middle_is_framed():
    image = dotted((120, 200), (100, 60))
    framed = FACE.framed(FACE.prepare(image, None).pixels[None])[0]
    assert np.abs(centre(framed) - (31.5, 31.5 - 0.05 * 64)).max() < 1.2, "a little lower"


def test_the_largest_face_is_found_in_a_photograph(photo):
    box = largest_box(photo)
    assert (box == FaceFinder().boxes(photo)[0]).all()
    assert largest_box(np.zeros((80, 80, 3), dtype=np.uint8)) is None


def test_another_finder_frames_anew(faces_folder, tmp_path, monkeypatch):
    paths = sorted(faces_folder.rglob("*.jpg"))[:2]
    load_pictures(paths, FACE, tmp_path / "cache")
    monkeypatch.setattr(largest_face, "__version__", "another")
    monkeypatch.setattr(cache, "largest_box", lambda _image: np.array([10, 10, 60, 60], dtype=np.float32))
    moved, whole = (load_pictures(paths, how, tmp_path / "cache") for how in (FACE, Preparation("picture", 64)))
    assert (moved.views[0, :2] == moved.views[1, :2]).all()
    files = set((tmp_path / "cache").iterdir())
    monkeypatch.setattr(largest_face, "__version__", "a third")
    assert (load_pictures(paths, Preparation("picture", 64), tmp_path / "cache").views == whole.views).all()
    assert set((tmp_path / "cache").iterdir()) == files, "whole pictures are the same for all finders"


def test_decoded_faces_come_back_from_the_cache_with_their_geometry(faces_folder, tmp_path):
    paths = sorted(faces_folder.rglob("*.jpg"))
    first = load_pictures(paths, FACE, tmp_path / "cache")
    again = load_pictures(paths, FACE, tmp_path / "cache")
    assert first.pixels.shape == (8, FACE.side, FACE.side, 3)
    assert (first.views == again.views).all()
    assert (first.views[:, 2:4] != 0).any()
    assert (load_pictures(paths, Preparation("picture", 64), tmp_path / "cache").views[:, 4:] == (0, 0, 64, 64)).all()


@pytest.mark.parametrize("seed", range(8))
def test_points_move_with_the_frame(seed):
    preparation = FACE
    image = dotted((preparation.side,) * 2, (70, 66))
    whole = np.array([0, 0, preparation.side, preparation.side])
    rng = np.random.default_rng(seed)
    seen, to_frame = move_frame(image, sample_crop(whole, rng), sample_affine(rng), preparation.detail, 64)
    expected = to_frame[:, :2] @ (70, 66) + to_frame[:, 2]
    found = (centre(np.where(seen == 127, 0, seen)) + 0.5) / 32 - 1
    assert np.abs(found - expected).max() < 2 / 64 * 1.5


def test_the_frame_unmoved_is_the_one_that_is_evaluated():
    rng = np.random.default_rng(0)
    points = rng.uniform(60, 80, (5, 2))
    corner = np.array([0, round(0.05 * FACE.detail)]) + (FACE.side - FACE.detail) / 2
    inner = (points + 0.5 - corner) / FACE.detail * 2 - 1
    assert np.allclose(points @ FACE.to_frame[:, :2].T + FACE.to_frame[:, 2], inner)


def test_networks_that_learnt_landmarks_are_kept_without_them():
    torch = pytest.importorskip("torch")
    state = {"fc.weight": torch.rand(137, 8), "fc.bias": torch.rand(137), "conv": torch.rand(4, 3)}
    alone = keep_outputs(state, 137, slice(1))
    assert alone["fc.weight"].shape == (1, 8)
    assert torch.equal(alone["fc.bias"], state["fc.bias"][:1])
    assert torch.equal(alone["conv"], state["conv"])
    assert torch.equal(keep_outputs(state, 137, slice(3))["fc.bias"], state["fc.bias"][:3]), "a logit for each of three"
