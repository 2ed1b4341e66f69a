"""`RandomMaskAlbumentations`, alone and in a pipeline."""

import os
import pickle

import astronaut
import numpy as np
import pytest

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # or importing it asks the internet for a newer version
A = pytest.importorskip("albumentations", reason="needs Albumentations; see the Makefile for how to install it")

from maskaug.augment import cache_landmarks, pixels_key  # noqa: E402
from maskaug.augment.online.random_mask_albumentations import RandomMaskAlbumentations  # noqa: E402


@pytest.fixture(scope="module")
def crop():
    return np.ascontiguousarray(astronaut.face(112, tight=1.8, roll=8))


@pytest.fixture(scope="module")
def landmarks(engine, crop):
    return cache_landmarks([crop], engine.finder)


@pytest.fixture(scope="module")
def points(landmarks, crop):
    return landmarks[pixels_key(crop)]


def covered(before, after, points):
    """Share of the pixels about the mouth that differ."""
    center, reach = points[48:68].mean(axis=0), np.ptp(points[48:68, 0]) / 2
    rows, columns = np.mgrid[: before.shape[0], : before.shape[1]]
    near = np.hypot(columns - center[0], rows - center[1]) < reach
    return (np.abs(before.astype(int) - after).max(axis=-1) > 8)[near].mean()


def test_a_seed_determines_the_masks_and_each_differs(landmarks, points, crop):
    transform = A.Compose([RandomMaskAlbumentations(landmarks, "surgical", label=1)], seed=7)
    samples = [transform(image=crop, label=0) for _ in range(3)]
    assert [sample["label"] for sample in samples] == [1, 1, 1]
    assert len({sample["image"].tobytes() for sample in samples}) == 3
    assert all(covered(crop, sample["image"], points) > 0.95 for sample in samples)
    again = A.Compose([RandomMaskAlbumentations(landmarks, "surgical", label=1)], seed=7)
    assert (again(image=crop, label=0)["image"] == samples[0]["image"]).all()


def test_p_is_the_share_of_masked_pictures_and_labels_follow(landmarks, crop):
    transform = RandomMaskAlbumentations(landmarks, p=0.4, label=1)
    transform.set_random_seed(1)
    masked = 0
    for _ in range(60):
        sample = transform(image=crop, label=0)
        assert sample["label"] == (sample["image"] != crop).any()
        masked += sample["label"]
    assert 12 <= masked <= 36


def test_key_points_follow_a_flip_and_a_resize(points, crop):
    transform = A.Compose(
        [A.HorizontalFlip(p=1), A.Resize(140, 140), RandomMaskAlbumentations(kinds="kn95")],
        keypoint_params=A.KeypointParams("xy", remove_invisible=False),
        seed=3,
    )
    moved = A.Compose(transform.transforms[:2], keypoint_params=A.KeypointParams("xy", remove_invisible=False))
    before, after = moved(image=crop, keypoints=points), transform(image=crop, keypoints=points)
    assert covered(before["image"], after["image"], np.asarray(after["keypoints"])) > 0.95
    np.testing.assert_allclose(before["keypoints"], after["keypoints"])


def test_an_unknown_face_passes_unchanged_with_its_label(landmarks, crop):
    other = np.ascontiguousarray(crop[:, ::-1])
    sample = RandomMaskAlbumentations(landmarks, label=1)(image=other, label=0)
    assert (sample["image"] == other).all()
    assert sample["label"] == 0


def test_a_sample_that_lacks_what_is_needed_is_refused(landmarks, points, crop):
    with pytest.raises(ValueError, match="pass label="):
        RandomMaskAlbumentations(landmarks, label=1)(image=crop)
    with pytest.raises(ValueError, match="remove_invisible=False"):
        RandomMaskAlbumentations()(image=crop, keypoints=points[:60])


def test_pickling_leaves_the_templates_behind(landmarks, crop):
    transform = RandomMaskAlbumentations(landmarks, {"cloth": 1.0})
    transform(image=crop)
    data = pickle.dumps(transform)
    assert len(data) < 200_000  # it holds what was drawn last
    assert (pickle.loads(data)(image=crop)["image"] != crop).any()
