"""`RandomMask`, as a training loop uses it."""

import pickle
import subprocess
import sys

import astronaut
import numpy as np
import PIL.Image
import pytest
import torch
from masked_faces import MaskedFaces
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.transforms import v2

from maskaug.augment import RandomMask, cache_landmarks, load_landmarks, pixels_key, save_landmarks
from maskaug.augment.generate.annotations import AnnotationError
from maskaug.augment.online.known_face import renumbered
from maskaug.core.landmarks import MIRRORED
from maskaug.masktheface_wrapper import MaskDistribution, MaskEngine, PackError
from maskaug.masktheface_wrapper.geometry.face_model import FACE_MODEL


@pytest.fixture(scope="module")
def crop():
    """A face at training size, (112, 112, 3) uint8 RGB."""
    return np.ascontiguousarray(astronaut.face(112, tight=1.8, roll=8))


@pytest.fixture(scope="module")
def landmarks(engine, crop):
    return cache_landmarks([crop], engine.finder)


@pytest.fixture(scope="module")
def points(landmarks, crop):
    return landmarks[pixels_key(crop)]


@pytest.fixture
def image(crop):
    return tv_tensors.Image(torch.from_numpy(crop).permute(2, 0, 1))


def key_points(points):
    return tv_tensors.KeyPoints(torch.from_numpy(points), canvas_size=(112, 112))


def changed(before, after):
    """(H, W) bool: pixels that differ clearly."""
    return (before.int() - after.int()).abs().amax(dim=0) > 8


def assert_masked(before, after, points):
    """The lower face is covered, the eyes and the corners of the picture are not."""
    differs = changed(before, after).numpy()
    mouth, eyes = points[48:68].mean(axis=0), points[36:48].mean(axis=0)
    reach = np.hypot(*(mouth - eyes))
    rows, columns = np.mgrid[: differs.shape[0], : differs.shape[1]]
    near_mouth = np.hypot(columns - mouth[0], rows - mouth[1]) < 0.5 * reach
    assert differs[near_mouth].mean() > 0.9
    left, top = points.min(axis=0) - 0.6 * reach
    right, bottom = points.max(axis=0) + 0.6 * reach
    beside = (columns < left) | (columns > right) | (rows < top) | (rows > bottom)
    assert beside.any()
    assert not differs[beside].any()
    for corner in (37, 38, 43, 44):  # upper lids
        x, y = points[corner].round().astype(int)
        assert not differs[y, x]


def test_a_mask_covers_the_face_and_nothing_else(landmarks, points, image):
    torch.manual_seed(0)
    transform = RandomMask(landmarks, {"surgical": 1, "kn95": 1})
    for _ in range(10):
        before = image.clone()
        masked = transform(image)
        assert (image == before).all(), "the sample must not change"
        assert isinstance(masked, tv_tensors.Image)
        assert masked.dtype == torch.uint8
        assert_masked(image, masked, points)


def test_every_call_draws_anew_and_a_seed_draws_the_same(landmarks, image):
    transform = RandomMask(landmarks)
    torch.manual_seed(3)
    first = [transform(image) for _ in range(4)]
    torch.manual_seed(3)
    again = [transform(image) for _ in range(4)]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert len({one.numpy().tobytes() for one in first}) == 4
    torch.manual_seed(4)
    assert not torch.equal(transform(image), first[0])


def test_all_picture_types_get_the_same_mask(landmarks, crop, image):
    transform = RandomMask(landmarks)
    results = []
    for picture in (image, torch.from_numpy(crop).permute(2, 0, 1), PIL.Image.fromarray(crop)):
        torch.manual_seed(5)
        results.append(transform(picture))
    assert [type(result) for result in results] == [tv_tensors.Image, torch.Tensor, PIL.Image.Image]
    arrays = [results[0].numpy(), results[1].numpy(), np.asarray(results[2]).transpose(2, 0, 1)]
    assert (arrays[0] == arrays[1]).all()
    assert (arrays[0] == arrays[2]).all()
    assert not (arrays[0] == image.numpy()).all()


def test_p_is_the_share_of_masked_pictures_and_labels_follow(landmarks, image):
    torch.manual_seed(6)
    transform = RandomMask(landmarks, "n95", p=0.4, label=1)
    masked = 0
    for _ in range(100):
        picture, label = transform(image, 0)
        assert label == (picture is not image)
        masked += label
    assert 25 <= masked <= 55
    picture, label = RandomMask(landmarks, p=0.0, label=1)(image, 0)
    assert picture is image
    assert label == 0


def test_labels_keep_their_type_and_place(landmarks, image):
    transform = RandomMask(landmarks, label=1)
    label = transform((image, torch.tensor(0)))[1]
    assert isinstance(label, torch.Tensor)
    assert label.item() == 1
    assert label.dtype == torch.int64
    sample = transform({"index": 5, "picture": image, "label": 0})
    assert (sample["index"], sample["label"]) == (5, 1)
    target = transform(image, {"index": 5, "label": np.int64(0)})[1]
    assert target == {"index": 5, "label": 1}
    assert isinstance(target["label"], np.int64)
    assert transform((image, 0, "astronaut.jpg"))[1:] == (1, "astronaut.jpg")


def test_a_label_that_cannot_be_set_is_an_error(landmarks, image):
    for sample in (image, {"picture": image, "index": 5}, (image, torch.tensor([0.0, 1.0]))):
        with pytest.raises(ValueError, match="the sample holds none"):
            RandomMask(landmarks, label=1)(sample)


def test_the_label_may_depend_on_how_the_mask_is_worn(landmarks, image):
    torch.manual_seed(7)
    distribution = MaskDistribution(wear={"correct": 1.0, "under_chin": 1.0})
    transform = RandomMask(landmarks, distribution, label={"correct": 1, "under_chin": 2})
    assert {transform(image, 0)[1] for _ in range(20)} == {1, 2}
    with pytest.raises(ValueError, match="no label is given for masks worn 'under_chin'"):
        RandomMask(landmarks, MaskDistribution(wear={"under_chin": 1.0}), label={"correct": 1})(image, 0)


def test_an_unknown_face_passes_unchanged_with_its_label(landmarks, image):
    other = tv_tensors.Image(image.flip(-1))
    picture, label = RandomMask(landmarks, label=1)(other, 0)
    assert picture is other
    assert label == 0


def test_a_mask_below_the_quality_or_outside_the_picture_is_not_put_on(landmarks, points, image):
    half_outside = key_points(points + np.array([0, 50], np.float32))
    picture, _, label = RandomMask(label=1)(image, half_outside, 0)
    assert changed(image, picture).any()
    assert label == 1
    for transform, where in (
        (RandomMask(label=1, min_quality=0.95), half_outside),
        (RandomMask(label=1), key_points(points + 500)),
    ):
        picture, _, label = transform(image, where, 0)
        assert picture is image
        assert label == 0


def test_key_points_in_the_sample_say_where_the_face_is(landmarks, points, image):
    torch.manual_seed(8)
    known = RandomMask(landmarks, "kn95")(image)
    torch.manual_seed(8)
    picture, kept = RandomMask(kinds="kn95")(image, key_points(points))
    assert torch.equal(picture, known)
    assert torch.equal(kept, key_points(points)), "the landmarks stay"


def test_key_points_follow_a_flip_and_a_crop(points, image):
    transforms = v2.Compose([v2.RandomHorizontalFlip(p=1.0), v2.CenterCrop(100), v2.Resize((120, 120))])
    before, moved = transforms(image, key_points(points))
    torch.manual_seed(9)
    masked, _ = RandomMask(kinds="surgical")(before, moved)
    assert_masked(before, masked, renumbered(moved.numpy()))


def test_a_mirrored_face_gets_the_mask_of_its_own_numbering(points, image):
    flipped, moved = v2.RandomHorizontalFlip(p=1.0)(image, key_points(points))
    own = renumbered(moved.numpy())
    assert own[36, 0] < own[45, 0]
    torch.manual_seed(10)
    by_mirrored, _ = RandomMask(kinds="n95")(flipped, moved)
    torch.manual_seed(10)
    by_own, _ = RandomMask(kinds="n95")(flipped, key_points(own))
    assert torch.equal(by_mirrored, by_own)
    assert_masked(flipped, by_own, own)


@pytest.mark.parametrize("roll", [0, 60, 120, 180, 240, 300])
def test_only_mirrored_landmarks_are_renumbered(points, roll):
    cos, sin = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    turned = (points @ np.array([[cos, sin], [-sin, cos]])).astype(np.float32)
    assert (renumbered(turned) == turned).all()
    mirrored = turned * np.array([-1, 1], np.float32)
    assert (renumbered(mirrored)[MIRRORED] == mirrored).all()
    assert not (renumbered(mirrored) == mirrored).all()


def test_the_mirror_table_exchanges_the_sides_of_the_mean_face():
    np.testing.assert_allclose(FACE_MODEL[MIRRORED] * (-1, 1, 1), FACE_MODEL, atol=1e-6)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda image, points: torch.stack([image, image]), "torch.stack"),
        (lambda image, points: tv_tensors.Image(torch.stack([image, image])), "one picture a call"),
        (lambda image, points: image.float() / 255, "before ToDtype"),
        (lambda image, points: image[:1], r"\(3, H, W\) uint8"),
        (lambda image, points: PIL.Image.new("L", (112, 112)), "convert it first"),
        (lambda image, points: (image, image), "holds 2"),
        (lambda image, points: (0, 1.5), "holds none"),
        (lambda image, points: (image, key_points(points[:5])), r"shape \(68, 2\)"),
        (lambda image, points: (image[:, :100], key_points(points)), "transform both together"),
    ],
)
def test_what_cannot_be_masked_is_refused(landmarks, points, image, spoil, message):
    with pytest.raises(ValueError, match=message):
        RandomMask(landmarks)(spoil(image, points))


@pytest.mark.parametrize("options", [{"p": 1.5}, {"p": -0.1}, {"min_quality": 2}])
def test_shares_outside_0_and_1_are_refused(options):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        RandomMask(**options)


def test_an_unknown_kind_is_an_error(landmarks, image):
    with pytest.raises(PackError, match="balaclava"):
        RandomMask(landmarks, "balaclava")(image)


def test_pickling_leaves_the_templates_behind(landmarks, image):
    transform = RandomMask(landmarks, {"cloth": 1.0}, label=1)
    torch.manual_seed(11)
    before = transform(image, 0)
    data = pickle.dumps(transform)
    assert len(data) < 10_000
    torch.manual_seed(11)
    after = pickle.loads(data)(image, 0)
    assert torch.equal(before[0], after[0])
    assert before[1] == after[1] == 1


def load(dataset, context, seed):
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, batch_size=2, num_workers=2, multiprocessing_context=context, generator=generator)
    pictures, labels = zip(*loader, strict=True)
    return torch.cat(pictures), torch.cat(labels)


@pytest.mark.slow
@pytest.mark.parametrize(
    "context",
    [
        "spawn",
        pytest.param("fork", marks=pytest.mark.skipif(sys.platform != "linux", reason="forking is safe on Linux only")),
    ],
)
def test_workers_draw_their_own_masks_by_the_loaders_seed(landmarks, crop, context):
    dataset = MaskedFaces(crop, RandomMask(landmarks, label=1))
    pictures, labels = load(dataset, context, seed=12)
    assert (labels == 1).all()
    assert len({picture.numpy().tobytes() for picture in pictures}) == 8
    if context == "fork":
        assert torch.equal(load(dataset, context, seed=12)[0], pictures)
        assert not torch.equal(load(dataset, context, seed=13)[0], pictures)


def test_kept_landmarks_come_back_as_they_were(landmarks, tmp_path):
    path = tmp_path / "kept" / "train.npz"
    save_landmarks(path, landmarks)
    loaded = load_landmarks(path)
    assert loaded.keys() == landmarks.keys()
    for key, points in landmarks.items():
        assert loaded[key].dtype == np.float32
        assert (loaded[key] == points).all()
    assert [file.name for file in path.parent.iterdir()] == ["train.npz"], "no temporary file is left"
    save_landmarks(path, {})
    assert load_landmarks(path) == {}


def test_a_file_without_landmarks_is_an_error(tmp_path):
    with pytest.raises(AnnotationError, match=r"none\.npz"):
        load_landmarks(tmp_path / "none.npz")
    text = tmp_path / "text.npz"
    text.write_text("no zip")
    with pytest.raises(AnnotationError, match=r"text\.npz"):
        load_landmarks(text)
    np.savez(tmp_path / "five.npz", keys=np.array(["a"]), points=np.zeros((1, 5, 2)))
    with pytest.raises(AnnotationError, match="68 points"):
        load_landmarks(tmp_path / "five.npz")


@pytest.mark.slow
def test_a_picture_without_a_face_is_not_kept(engine, crop):
    grey = np.full((112, 112, 3), 128, dtype=np.uint8)
    assert list(cache_landmarks([grey, crop], engine.finder)) == [pixels_key(crop)]


def test_the_key_tells_pictures_apart(crop):
    assert pixels_key(crop) == pixels_key(crop.copy(order="F"))
    other = crop.copy()
    other[0, 0, 0] ^= 1
    assert pixels_key(crop) != pixels_key(other)
    assert pixels_key(np.zeros((2, 8, 3), np.uint8)) != pixels_key(np.zeros((4, 4, 3), np.uint8))


def test_an_engine_without_a_finder_says_so(engine, crop):
    with pytest.raises(ValueError, match="without a finder"):
        MaskEngine(None, engine.pack).find(crop)


def in_new_process(program, folder):
    # From elsewhere: in the checkout, Python would take the folder maskaug/ for the whole package.
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_pytorch_is_imported_only_for_the_transform(tmp_path):
    program = (
        "import sys, maskaug.augment, maskaug.cli.app\n"
        "print('torch' in sys.modules)\n"
        "from maskaug.augment import RandomMask\n"
        "print('torch' in sys.modules)"
    )
    assert in_new_process(program, tmp_path).split() == ["False", "True"]


def test_without_pytorch_the_import_says_what_to_install(tmp_path):
    program = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "import maskaug.augment\n"
        "try:\n"
        "    from maskaug.augment import RandomMask\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    assert (
        in_new_process(program, tmp_path).strip()
        == "RandomMask needs PyTorch and torchvision: pip install 'maskaug[train]'"
    )
