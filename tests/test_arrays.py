"""Whatever is no picture is told as such, in one sentence, by every public function that takes one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from maskaug.augment import RandomMask, cache_landmarks, pixels_key
from maskaug.core.arrays import check_image, check_images, median, quantile
from maskaug.core.resize import resampling
from maskaug.masktheface_wrapper import FaceFinder, sample_occluder
from maskaug.train import load_onnx
from maskaug.train.predict.masked_check import masked_check_available, wears_mask

RGB = np.full((64, 48, 3), 120, dtype=np.uint8)
NEEDED = r"\(H, W, 3\) uint8 RGB"
NO_PICTURES = {
    "float": (RGB / 255, ValueError, "scale it"),
    "float32": (RGB.astype(np.float32), ValueError, "scale it"),
    "rgba": (np.dstack([RGB, RGB[..., 0]]), ValueError, "leave alpha out"),
    "grey": (RGB[..., 0], ValueError, "repeat grey"),
    "grey with an axis": (RGB[..., :1], ValueError, "repeat grey"),
    "channels first": (RGB.transpose(2, 0, 1), ValueError, "channels last"),
    "batch": (RGB[None], ValueError, "one picture at a time"),
    "empty": (RGB[:0], ValueError, "no pixels"),
    "path": (Path("a.jpg"), TypeError, "read it"),
    "text": ("a.jpg", TypeError, "is the path 'a.jpg'"),
    "PIL": (Image.fromarray(RGB), TypeError, "convert it"),
    "list": (RGB.tolist(), TypeError, "is a list"),
    "tensor": (torch.from_numpy(RGB), TypeError, "is a torch.Tensor"),
    "nothing": (None, TypeError, "is a NoneType"),
}


@pytest.fixture(scope="module")
def entries(engine, face):
    """Every public function that takes a picture, as a function of the picture alone."""
    rng = np.random.default_rng(0)
    box = np.array([8, 8, 40, 56], dtype=np.float32)
    params, occluder = engine.sample(rng), sample_occluder(rng)
    turned = face.turned(1, (320, 320))
    found = {
        "find": engine.find,
        "finder.find": engine.finder.find,
        "search": engine.finder.search,
        "boxes": engine.finder.boxes,
        "from_box": lambda image: engine.finder.from_box(image, box),
        "measure": lambda image: engine.measure(image, face),
        "apply": lambda image: engine.apply(image, face, params),
        "apply to a turned face": lambda image: engine.apply(image, turned, params),
        "occlude": lambda image: engine.occlude(image, face, occluder),
        "wear": lambda image: list(engine.wear(image, rng=rng)),
        "pixels_key": pixels_key,
        "cache_landmarks": lambda image: cache_landmarks([image], engine.finder),
    }
    if masked_check_available():
        from maskaug.assets import bundled_classifier

        classifier = load_onnx(bundled_classifier(), threads=1)
        found |= {"wears_mask": lambda image: wears_mask(image, box[None]), "prepare": classifier.prepare}
    return found


@pytest.mark.parametrize("kind", NO_PICTURES)
def test_what_is_no_picture_is_told_everywhere(entries, kind):
    given, error, advice = NO_PICTURES[kind]
    assert len(entries) > 10
    for name, function in entries.items():
        with pytest.raises(error, match=NEEDED) as told:
            function(given)
        assert advice in str(told.value), name
        assert len(str(told.value).splitlines()) == 1


def test_a_picture_passes_whatever_lies_behind_it():
    for image in (RGB, RGB[::2, ::-1], np.broadcast_to(RGB[:1, :1], (40, 40, 3))):
        check_image(image)


def test_pictures_in_one_array():
    check_images(RGB[None])
    check_images(np.zeros((0, 8, 8, 3), dtype=np.uint8))
    for given, error in ((RGB, ValueError), (RGB[None] / 255, ValueError), ([RGB], TypeError)):
        with pytest.raises(error, match=r"H, W, 3\) uint8 RGB"):
            check_images(given)


@pytest.mark.skipif(not masked_check_available(), reason="needs the bundled classifier and onnxruntime")
def test_a_classifier_wants_prepared_pictures():
    from maskaug.assets import bundled_classifier

    classifier = load_onnx(bundled_classifier(), threads=1)
    prepared = classifier.prepare(RGB, np.array([8, 8, 40, 56]))
    assert classifier.probabilities(prepared[None]).shape == (1,)
    for given in (prepared, prepared[None] / 255):
        with pytest.raises(ValueError, match=r"H, W, 3\) uint8 RGB"):
            classifier.probabilities(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [RGB, "a.jpg", Path("a.jpg")])
def test_random_mask_says_what_it_takes(given):
    with pytest.raises(TypeError, match=NEEDED):
        RandomMask()((given, 0))


def test_random_mask_takes_no_picture_without_pixels():
    with pytest.raises(ValueError, match="no pixels"):
        RandomMask()(torch.zeros((3, 0, 4), dtype=torch.uint8))


def test_albumentations_gives_the_same_sentence():
    pytest.importorskip("albumentations")
    from maskaug.augment.online.known_face import KnownFace

    with pytest.raises(ValueError, match=NEEDED):
        KnownFace({}, None, 0.0, None).mask(
            RGB / 255,  # type: ignore[arg-type]
            None,
            np.random.default_rng(0),
        )


def test_a_finder_alone_tells_too():
    with pytest.raises(ValueError, match=NEEDED):
        FaceFinder(detectors=[]).find(RGB[..., 0])


@pytest.mark.parametrize("count", [1, 2, 3, 10, 11, 1000])
def test_medians_and_quantiles_are_numpys(count):
    values = np.random.default_rng(count).normal(size=(count, 1)).astype(np.float32)
    assert median(values) == pytest.approx(np.median(values))
    for share in (0.0, 0.3, 0.75, 1.0):
        assert quantile(values, share) == pytest.approx(np.quantile(values, share))


@pytest.mark.parametrize("interpolation", [cv2.INTER_AREA, cv2.INTER_CUBIC])
def test_resampling_is_opencvs(interpolation):
    size, wanted = ((50, 37), (8, 5)) if interpolation == cv2.INTER_AREA else ((8, 5), (50, 37))
    values = np.random.default_rng(0).random(size, dtype=np.float32)
    down, across = (resampling(*sides, interpolation) for sides in zip(size, wanted, strict=True))
    expected = cv2.resize(values, wanted[::-1], interpolation=interpolation)
    assert down @ values @ across.T == pytest.approx(expected, abs=1e-5)
