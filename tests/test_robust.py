"""The robust recipe: training pictures rendered anew, what is learnt from them, and what is kept."""

import astronaut
import numpy as np
import pytest
import tiny_network  # noqa: F401  registers the network `tiny`
import torch

from maskaug.augment.generate.generate import generate
from maskaug.augment.generate.options import GenerateOptions
from maskaug.core.manifest import MANIFEST_FOLDER
from maskaug.train.data.dataset import load_training_data
from maskaug.train.evaluate.evaluate import evaluate
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.train import TrainCallbacks, train
from maskaug.train.model.recipes import REPORT, ROBUST, RecipeError, override
from maskaug.train.predict.options import PredictOptions
from maskaug.train.predict.predict import predict
from maskaug.train.synthesis.online_dataset import OnlineDataset, landmarks_of, online_loader, selection_pictures
from maskaug.train.synthesis.overlay_sampler import crop_print, make_overlay_sampler, recolor, warp_elastic

SMALL = override(ROBUST, ["arch=tiny", "size=32", "batch_size=8", "epochs=2", "warmup=0.5", "ema=0.9"])


pytestmark = pytest.mark.usefixtures("quick_reports")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """8 + 4 faces and as many overlays, with their manifest."""
    folder = tmp_path_factory.mktemp("robust")
    astronaut.write_faces(folder / "faces", {"train": 8, "val": 4})
    generate(GenerateOptions(src=folder / "faces", dst=folder / "data", workers=1))
    return folder / "data"


@pytest.fixture(scope="module")
def dataset(data, tmp_path_factory):
    return load_training_data(data, SMALL.preparation, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def part(dataset):
    return dataset.train


@pytest.fixture(scope="module")
def sampler(part):
    return make_overlay_sampler([np.array(part.pixels[0])], np.random.default_rng(0))


@pytest.fixture(scope="module")
def unmasked(part):
    """A face as it is prepared, and its landmarks."""
    number = next(number for number, sample in enumerate(part.samples) if sample.label == 0)
    return np.array(part.pixels[number]), landmarks_of(part, number).astype(np.float32)


def differing(first, second):
    """(H, W) bool."""
    return (np.abs(first.astype(int) - second).max(axis=2) > 12).astype(bool)


def around(points, shape, reach):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    x, y = points.mean(axis=0)
    return np.hypot(columns - x, rows - y) < reach


def test_the_learning_rate_rises_and_falls():
    recipe = override(ROBUST, ["lr=1", "epochs=10", "warmup=2"])
    rates = [recipe.lr_at(time) for time in (0, 1, 2, 6, 10)]
    assert rates == pytest.approx([0, 0.5, 1, 0.5, 0])
    assert [REPORT.lr_at(epoch) for epoch in (0, 9, 10, 19, 20, 49)] == pytest.approx(
        [0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025]
    )
    with pytest.raises(RecipeError, match="warmup"):
        override(ROBUST, ["epochs=1"])


@pytest.mark.slow
def test_an_online_mask_hides_the_mouth_and_not_the_eyes(sampler, unmasked):
    face, points = unmasked
    unit = float(np.hypot(*(points[36:42].mean(axis=0) - points[42:48].mean(axis=0))))
    mouth, eyes = around(points[48:68], face.shape, 0.3 * unit), around(points[36:48], face.shape, 0.25 * unit)
    hidden, seen = [], []
    for seed in range(24):
        masked = sampler.masked(face, points, np.random.default_rng(seed))
        assert (masked == sampler.masked(face, points, np.random.default_rng(seed))).all()
        changed_pixels = differing(face, masked)
        hidden.append(changed_pixels[mouth].mean())
        seen.append(changed_pixels[eyes].mean())
    assert np.mean(hidden) > 0.8
    assert np.mean(seen) < 0.25


def test_hard_negatives_and_headwear_are_put_on(sampler, unmasked):
    face, points = unmasked
    occluded = [sampler.unmasked(face, points, np.random.default_rng(seed)) for seed in range(20)]
    assert sum(differing(face, one).any() for one in occluded) >= 14, "null overlays change next to nothing"
    hats = [sampler.with_headwear(face, points, np.random.default_rng(seed)) for seed in range(6)]
    assert all(differing(face, one).any() for one in hats)
    chin = int(points[8, 1])
    assert not any(differing(face, one)[chin:].any() for one in hats)


def test_recolouring_leaves_the_face_alone(unmasked):
    face, _ = unmasked
    alpha = np.zeros(face.shape[:2], dtype=np.uint8)
    alpha[60:90, 40:90] = 255
    for seed in range(8):
        result = recolor(face, alpha, np.random.default_rng(seed))
        assert (result[alpha == 0] == face[alpha == 0]).all()
    assert any((recolor(face, alpha, np.random.default_rng(seed)) != face).any() for seed in range(3))


def test_a_bent_mask_is_another_shape_on_the_same_face(unmasked):
    face, _ = unmasked
    alpha = np.zeros(face.shape[:2], dtype=np.uint8)
    alpha[60:90, 40:90] = 255
    worn = face.copy()
    worn[alpha > 0] = (0, 200, 0)
    result, covered = warp_elastic(face, worn, alpha, np.random.default_rng(1))
    assert (result[covered == 0] == face[covered == 0]).all()
    assert 0.6 < (covered > 127).sum() / (alpha > 127).sum() < 1.6
    assert ((covered > 127) != (alpha > 127)).sum() > 20


def test_prints_repeat_without_a_seam():
    tile = crop_print(astronaut.face(96), np.random.default_rng(3))
    assert (tile == tile[::-1]).all()
    assert (tile == tile[:, ::-1]).all()


def test_a_picture_depends_on_seed_epoch_and_number_alone(part):
    shares = [np.array([3, 0, 11]), np.array([5, 9])]
    alone = OnlineDataset(part, SMALL, 7, 1)
    for share, (pixels, labels, landmarks) in zip(shares, online_loader(alone, shares), strict=True):
        for place, number in enumerate(share):
            again = OnlineDataset(part, SMALL, 7, 1)[int(number)]
            assert torch.equal(pixels[place], again[0])
            assert labels[place] == again[1] == part.labels[number]
            assert torch.equal(landmarks[place], again[2])
    others = [OnlineDataset(part, SMALL, *key)[3][0] for key in ((7, 2), (8, 1))]
    assert not any(torch.equal(alone[3][0], other) for other in others)


def test_overlays_are_rendered_anew_on_what_they_were_made_from(part):
    still = override(SMALL, ["corruptions=none", "headwear=0", "occluder_share=0"])
    overlay = next(number for number, sample in enumerate(part.samples) if sample.row.get("status") == "masked")
    epochs = [OnlineDataset(part, still, 0, epoch)[overlay][0].numpy() for epoch in range(3)]
    written = still.preparation.framed(part.pixels[[overlay]])[0]
    assert all(differing(one, written).mean() > 0.05 for one in epochs)
    assert differing(epochs[0], epochs[1]).mean() > 0.02
    kept = override(still, ["online_masks=False"])
    assert (OnlineDataset(part, kept, 0, 0)[overlay][0].numpy() == written).all()
    unmasked = next(number for number, sample in enumerate(part.samples) if sample.label == 0)
    seen = OnlineDataset(part, still, 0, 0)[unmasked][0].numpy()
    assert (seen == still.preparation.framed(part.pixels[[unmasked]])[0]).all()


def test_pictures_without_a_manifest_are_corrupted_as_they_are(data, tmp_path):
    bare = tmp_path / "bare"
    for path in data.rglob("*.jpg"):
        place = bare / path.relative_to(data)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    assert not (bare / MANIFEST_FOLDER).exists()
    part = load_training_data(bare, SMALL.preparation, tmp_path / "cache").train
    pixels, _, landmarks = OnlineDataset(part, SMALL, 0, 0)[0]
    assert pixels.shape == (32, 32, 3)
    assert landmarks.isnan().all()


def test_what_selects_is_as_hard_as_what_is_learnt_from(dataset):
    clean = SMALL.preparation.framed(dataset.val.pixels)
    hard = selection_pictures(dataset.val, SMALL, 0)
    assert hard.shape == clean.shape
    assert (hard != clean).any(axis=(1, 2, 3)).all()
    assert (hard == selection_pictures(dataset.val, SMALL, 0)).all()
    assert (selection_pictures(dataset.val, REPORT, 0) == dataset.val.pixels).all()


@pytest.mark.slow
def test_a_robust_run_resumed_ends_as_one_that_was_not_stopped(data, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    changes = [f"{name}={getattr(SMALL, name)}" for name in ("size", "batch_size", "epochs", "warmup", "ema")]

    def options(out):
        return TrainOptions(data=data, out=out, recipe="robust", arch="tiny", set_=changes, wandb="disabled")

    class Stop(Exception):
        pass

    def stop(row, epochs):
        raise Stop

    whole = train(options(tmp_path / "whole")).run
    with pytest.raises(Stop):
        train(options(tmp_path / "cut"), TrainCallbacks(epoch=stop))
    cut = train(TrainOptions(resume=tmp_path / "cut")).run
    first, second = (torch.load(run / "best.pt", weights_only=True) for run in (whole, cut))
    assert all(torch.equal(value, second["network"][name]) for name, value in first["network"].items())
    assert first["network"]["8.weight"].shape == (1, 16), "landmarks were learnt, and are not kept"
    assert (first["framing"], first["flips"]) == ("face", True)

    scores = evaluate(EvaluateOptions(run=whole, data=data, split="val", resamples=0))
    assert scores.masked == scores.unmasked == 4
    pictures = sorted((data / "val" / "wearing_mask").glob("*.jpg"))
    found = list(predict(PredictOptions(run=whole, paths=pictures)))
    assert sum(len(one.boxes) for one in found) >= 2
    assert all(0 <= probability <= 1 for one in found for probability in one.probabilities)
