"""What an engine or a library raises over one picture costs that picture: its row says so, and the others go on."""

import json
import re
import shutil

import astronaut
import cv2
import numpy as np
import pytest
from PIL import Image

from maskaug.augment import ApplyOptions, GenerateError, GenerateOptions, apply, generate, read_manifest
from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.online.known_face import KnownFace
from maskaug.augment.online.landmark_cache import pixels_key
from maskaug.core.errors import failure
from maskaug.core.files import file_sha256
from maskaug.core.pictures import encode_picture, read_picture
from maskaug.core.resize import shrink
from maskaug.masktheface_wrapper import FaceFinder, MaskEngine, face_from_landmarks
from maskaug.masktheface_wrapper.detect.blazeface import BlazeFace
from maskaug.masktheface_wrapper.detect.models import has_mediapipe_models
from maskaug.train.data.cache import load_pictures
from maskaug.train.data.preprocess import Preparation
from maskaug.train.model.base_classifier import BaseClassifier
from maskaug.train.model.decision import of_both
from maskaug.train.predict.frames import read_frames
from maskaug.train.predict.inputs import Input
from maskaug.train.predict.predict import classify

VICTIM = "train/not_wearing_mask/astronaut_001.jpg"
STRIPS = [(40, 30_000), (30_000, 40), (2, 1000), (1, 7), (1, 1), (5, 100_000), (32, 1_000_000)]


def tree(folder):
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in folder.rglob("*") if path.is_file()}


def strip(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", STRIPS)
def test_strips_of_any_proportions_are_searched_in_little_time(engine, size):
    image = strip(*size)
    assert engine.find(image) == []
    assert engine.finder.boxes(image).shape[1] == 4
    engine.finder.from_box(image, np.array([0, 0, 1, 1]))
    engine.finder.from_box(image, np.array([-50, -50, 500, 500]))


# The last are such that dlib's CNN wrote beyond its memory, which ended some processes.
@pytest.mark.parametrize("size", [*STRIPS[:4], (14, 300), (320, 24), (60, 320)])
def test_each_detector_takes_strips(size):
    detectors = [*FaceFinder().detectors, *([BlazeFace(hidden=True)] if has_mediapipe_models() else [])]
    assert len(detectors) > 2
    for detector in detectors:
        assert detector.detect(strip(*size)).shape[1] == 4


@pytest.mark.parametrize("turns", [0, 1])
def test_a_face_in_a_long_strip_is_found(engine, turns):
    image = np.full((160, 6000, 3), 127, dtype=np.uint8)
    image[:, 5000:5160] = astronaut.face(160)
    image = np.ascontiguousarray(np.rot90(image, turns))
    (face,) = engine.find(image)
    place = face.turned(-turns, image.shape[:2]) if turns else face
    assert abs(place.landmarks[30, 0] - 5080) < 20


@pytest.mark.parametrize("size", STRIPS)
@pytest.mark.parametrize("factor", [1.0, 0.7, 0.5, 0.3, 0.01, 1e-6])
def test_shrinking_leaves_a_pixel(size, factor):
    small = shrink(strip(*size), factor)
    expected = [max(side * factor, 1) for side in size]
    assert all(abs(got - want) <= max(2, 0.02 * want) for got, want in zip(small.shape[:2], expected, strict=True))


@pytest.mark.parametrize("size", STRIPS)
def test_classifiers_look_at_strips(size):
    image = strip(*size)
    pixels = Preparation("picture", 64).prepare(image)
    assert pixels.pixels.shape == (64, 64, 3)
    middle = pixels.scale * np.array(size[::-1]) / 2 + pixels.offset
    np.testing.assert_allclose(middle, 32, atol=1.01 + 64 / min(size))
    assert Preparation("face", 64).prepare(image, np.array([0, 0, 30, 30])).pixels.shape == (144, 144, 3)


@pytest.mark.parametrize("size", [(40, 600), (2, 1000), (1, 1), (300, 3)])
def test_masks_on_strips_are_cut_off_or_left_out(engine, face, size):
    """As random crops of a training loop may show a face."""
    rng = np.random.default_rng(1)
    image = strip(*size)
    for shift in (0, -150, 40):
        there = face_from_landmarks(face.landmarks + np.float32(shift))
        overlay = engine.apply(image, there, engine.sample(rng))
        assert overlay.image.shape == image.shape
        assert overlay.alpha.shape == size


def test_a_failure_is_told_in_one_line():
    with pytest.raises(cv2.error) as raised:
        cv2.resize(np.zeros((0, 0, 3), np.uint8), (1, 1))
    told = failure(raised.value)
    assert re.fullmatch(r"cv2\.error: OpenCV.* \(.*test_failures, line \d+\)", told)
    assert told.isprintable()


def fails_on(monkeypatch, path, error):
    """The engine fails over one picture."""
    pixels, put_on = read_picture(path).pixels, MaskEngine.apply

    def broken(self, image, *arguments, **named):
        if image.shape == pixels.shape and (image == pixels).all():
            raise error
        return put_on(self, image, *arguments, **named)

    monkeypatch.setattr(MaskEngine, "apply", broken)


def run(src, dst, **options):
    return generate(GenerateOptions(src=src, dst=dst, workers=1, **options))


ERRORS = [cv2.error("OpenCV(5)\nresize.cpp: assertion"), MemoryError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_failure_costs_one_row_and_can_be_tried_again(faces_folder, tmp_path, monkeypatch, error):
    whole, dst = tmp_path / "whole", tmp_path / "out"
    run(faces_folder, whole)
    with monkeypatch.context() as patch:
        fails_on(patch, faces_folder / VICTIM, error)
        summary = run(faces_folder, dst)
        again = run(faces_folder, dst, retry_failed=True)
    assert list(summary.failed) == list(again.failed) == [VICTIM]
    (row,) = [row for row in read_manifest(dst) if row["source"] == VICTIM]
    assert (row["status"], row["reasons"]) == ("refused", ["failed"])
    name = f"{type(error).__module__}.{type(error).__name__}".removeprefix("builtins.")
    assert row["message"].startswith(f"{VICTIM}: {name}: ")
    assert re.search(r"\(.*test_failures, line \d+\)$", row["message"])
    assert json.loads((dst / "stats.json").read_text())["failed"] == {VICTIM: row["message"]}
    outputs = {row["output"] for row in read_manifest(dst) if row["output"]}
    assert {path for path in tree(dst) if path.endswith(".jpg")} == outputs, "no file without a row"
    assert run(faces_folder, dst, resume=True).failed == summary.failed, "only --retry-failed tries again"
    assert run(faces_folder, dst, retry_failed=True).failed == {}
    assert tree(dst) == tree(whole)
    assert run(faces_folder, dst, retry_failed=True).failed == {}, "nothing is left to try"
    assert tree(dst) == tree(whole)


@pytest.mark.slow
def test_what_balance_wants_after_trying_again_is_what_it_would_have_wanted(faces_folder, tmp_path, monkeypatch):
    """Real masked pictures make later rounds: these are planned anew, and nothing of the former plan is left."""
    folder = faces_folder / "train" / "wearing_mask"
    folder.mkdir()
    (folder / "real.jpg").write_bytes(encode_picture(astronaut.face(140), "jpeg"))
    whole, dst = tmp_path / "whole", tmp_path / "out"
    options = {"alpha": True, "min_quality": 0.6}
    run(faces_folder, whole, **options)
    with monkeypatch.context() as patch:
        fails_on(patch, faces_folder / VICTIM, ValueError("odd"))
        assert run(faces_folder, dst, **options).failed
    assert run(faces_folder, dst, retry_failed=True).failed == {}
    assert tree(dst) == tree(whole)


def test_a_failing_source_is_left_alone_in_later_rounds(faces_folder, tmp_path, monkeypatch):
    folder = faces_folder / "train" / "wearing_mask"
    folder.mkdir()
    (folder / "real.jpg").write_bytes(encode_picture(astronaut.face(140), "jpeg"))
    tried = []
    fails_on(monkeypatch, faces_folder / VICTIM, ValueError("odd"))
    broken = MaskEngine.apply

    def counted(self, image, *arguments):
        tried.append(image.shape)
        return broken(self, image, *arguments)

    monkeypatch.setattr(MaskEngine, "apply", counted)
    run(faces_folder, tmp_path / "out")
    assert len(tried) < 12, "25 rounds would try the same again and again"


def test_there_is_nothing_to_try_again(faces_folder, tmp_path):
    with pytest.raises(GenerateError, match="leave out --retry-failed"):
        run(faces_folder, tmp_path / "out", retry_failed=True)
    with pytest.raises(ValueError, match="--overwrite and --retry-failed exclude each other"):
        GenerateOptions(src=faces_folder, dst=tmp_path / "out", overwrite=True, retry_failed=True)


def test_a_full_disk_is_no_failure_of_a_picture(faces_folder, tmp_path, monkeypatch):
    fails_on(monkeypatch, faces_folder / VICTIM, OSError(28, "No space left on device"))
    with pytest.raises(GenerateError, match="No space left"):
        run(faces_folder, tmp_path / "out")
    monkeypatch.undo()
    assert run(faces_folder, tmp_path / "out", resume=True).failed == {}


def test_the_command_line_says_how_to_see_them_and_to_try_again(faces_folder, maskaug, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        fails_on(patch, faces_folder / VICTIM, ValueError("odd"))
        done = maskaug("generate", faces_folder, "an out", "--workers", 1)
    assert done.returncode == 1
    assert f"maskaug: {VICTIM}: ValueError: odd (" in done.stderr
    assert "1 picture failed, all of them named in an out/stats.json under failed" in done.stderr
    command = done.stderr.strip().splitlines()[-1].partition("try them again with: maskaug ")[2]
    assert command == f"generate {faces_folder} 'an out' --retry-failed"
    assert GeneratedSet(tmp_path / "an out").journal.is_file()
    again = maskaug("generate", faces_folder, "an out", "--retry-failed")
    assert again.returncode == 0, again.stderr
    assert "failed" not in again.stdout


def test_apply_names_the_picture_and_goes_on(faces_folder, maskaug, monkeypatch, tmp_path):
    (tmp_path / "two").mkdir()
    for number in (0, 1, 2):
        shutil.copy(faces_folder / f"train/not_wearing_mask/astronaut_00{number}.jpg", tmp_path / "two")
    fails_on(monkeypatch, faces_folder / VICTIM, RuntimeError("odd"))
    done = maskaug("apply", "two/*.jpg", "-o", "out")
    assert done.returncode == 1
    assert done.stderr.startswith("maskaug: two/astronaut_001.jpg failed: RuntimeError: odd (")
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "astronaut_000_masked.jpg",
        "astronaut_002_masked.jpg",
    ]
    results = list(apply(ApplyOptions(pictures=[str(tmp_path / "two" / "astronaut_001.jpg")])))
    assert [result.output for result in results] == [None]


def test_random_masks_leave_a_failing_picture_as_it_is(photo, face, monkeypatch):
    """A training of hours does not end over one picture."""
    known = KnownFace({pixels_key(photo): face.landmarks}, None, 0.0, None)
    assert known.mask(photo, None, np.random.default_rng(0)) is not None
    known = KnownFace({pixels_key(photo): face.landmarks}, None, 0.0, None)

    def broken(*_):
        raise cv2.error("odd")

    monkeypatch.setattr(MaskEngine, "put_on", broken)
    for points in (None, face.landmarks):
        with pytest.warns(RuntimeWarning, match=r"a picture \(320, 320, 3\) gets no mask: cv2\.error: odd \("):
            assert known.mask(photo, points, np.random.default_rng(0)) is None
    with pytest.raises(ValueError, match="weights"):
        KnownFace({}, {"n95": -1.0}, 0.0, None).mask(photo, face.landmarks, np.random.default_rng(0))


def test_training_names_pictures_that_fail_and_goes_on(tmp_path, monkeypatch):
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for number, path in enumerate(paths):
        Image.new("RGB", (40, 40 + number), (90,) * 3).save(path)
    prepare = Preparation.prepare

    def broken(self, image, box=None):
        if image.shape[0] == 41:
            raise IndexError("odd")
        return prepare(self, image, box)

    monkeypatch.setattr(Preparation, "prepare", broken)
    found = load_pictures(paths, Preparation("picture", 16), tmp_path / "cache")
    assert found.numbers == [0, 2]
    assert re.fullmatch(rf"{paths[1]} failed: IndexError: odd \(.*, line \d+\)", found.problems[0])


class Bright(BaseClassifier):
    """Calls light pictures masked, and fails over dark ones."""

    preparation = Preparation("picture", 16)
    classes = ("bare", "masked")
    threshold = 0.5

    def prepare(self, image, box=None):
        if image.mean() < 20:
            raise IndexError("too dark")
        return super().prepare(image, box)

    def class_probabilities(self, pictures):
        return of_both(pictures.mean(axis=(1, 2, 3)) / 255)


def test_predict_names_the_picture_and_goes_on(tmp_path):
    for name, level in {"a": 200, "b": 0, "c": 90}.items():
        Image.new("RGB", (40, 40), (level,) * 3).save(tmp_path / f"{name}.png")
    files = [Input(tmp_path / f"{name}.png", tmp_path / f"{name}.png") for name in "abc"]
    seen = list(classify(read_frames(files), Bright(), None, margins=None, at_once=2))
    assert [len(one.probabilities) for one in seen] == [1, 0, 1]
    assert [one.masked for one in seen] == [(True,), (), (False,)]
    assert seen[1].frame.image is None
    assert re.fullmatch(rf"{tmp_path}/b\.png failed: IndexError: too dark \(.*, line \d+\)", seen[1].frame.problem)
    assert [bool(one.frame.problem) for one in seen] == [False, True, False]
