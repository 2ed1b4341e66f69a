"""Landmarks that lie elsewhere than on the face's features are noticed, and lower the quality."""

import cv2
import numpy as np
import pytest

import maskaug.masktheface_wrapper.engine as engine_module
from maskaug.core.pictures import read_picture
from maskaug.masktheface_wrapper import MaskParams, face_from_landmarks
from maskaug.masktheface_wrapper.detect.landmarks import LandmarkEstimate, LandmarkModel
from maskaug.masktheface_wrapper.detect.placement import placed_landmarks, placement_input, placement_probability
from maskaug.masktheface_wrapper.detect.small_network import SIDE
from maskaug.masktheface_wrapper.geometry.face_size import face_size

MOVES = [(0.6, 0.0), (-0.6, 0.0), (0.0, 0.6), (0.0, -0.6)]  # distances between the eyes


def test_landmarks_on_the_face_are_right(photo, face):
    assert placement_probability(photo, face.landmarks) > 0.9


@pytest.mark.parametrize("move", MOVES)
def test_landmarks_beside_it_are_wrong(photo, face, move):
    moved = face.landmarks + np.array(move, dtype=np.float32) * face_size(face.landmarks)
    assert placement_probability(photo, moved.astype(np.float32)) < 0.1


def test_the_size_of_the_photograph_matters_little(photo, face):
    large = cv2.resize(photo, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    points = ((face.landmarks + 0.5) * 4 - 0.5).astype(np.float32)
    apart = placement_input(photo, face.landmarks) - placement_input(large, points)
    assert np.abs(apart).mean() < 0.1


def test_what_the_network_sees_is_upright_and_whole(photo, face):
    seen = placement_input(photo, face.landmarks)
    assert seen.shape == (4, SIDE, SIDE)
    assert seen.dtype == np.float32
    assert abs(seen[:3].mean()) < 1e-3
    assert set(np.unique(np.sign(seen[3]))) == {-1, 1}
    middle = np.argwhere(seen[3] > 0).mean(axis=0)
    assert middle[0] > SIDE / 2, "the mask fills the lower face"
    assert abs(middle[1] - SIDE / 2) < 4


def test_landmarks_at_the_edge_are_looked_at(photo, face):
    crop = np.ascontiguousarray(photo[:, : int(face.landmarks[30, 0])])
    assert 0 <= placement_probability(crop, face.landmarks) <= 1
    assert 0 <= placement_probability(photo, face.landmarks - 1000) <= 1


class Misled(LandmarkModel):
    """Finds some landmarks at first, others after more looks, and others still in every further box."""

    def __init__(self, first, again, elsewhere):
        self.found = [first, again, elsewhere]
        self.settled = first is again
        self.looks, self.more = 0, 0

    def look(self, image, box):
        self.looks += 1
        return self._estimate(self.found[0] if self.looks == 1 else self.found[2])

    def look_again(self, image, box, first):
        self.more += 1
        return self._estimate(self.found[1])

    def _estimate(self, points):
        return LandmarkEstimate(points.astype(np.float32), disagreement=0.1, error=2.0, settled=self.settled)


@pytest.fixture
def moved(face):
    return face.landmarks + np.array([0.6, 0.2]) * face_size(face.landmarks)


def test_misplaced_landmarks_are_looked_for_again_until_some_surely_are_right(photo, face, moved):
    model = Misled(moved, moved, face.landmarks)
    found = placed_landmarks(model, photo, face.box)
    assert (found.estimate.points == face.landmarks).all()
    assert found.probability == placement_probability(photo, face.landmarks) > 0.9
    assert (model.looks, model.more) == (2, 0)


def test_misplaced_landmarks_are_looked_for_in_every_box_where_none_is_right(photo, face, moved):
    model = Misled(moved, moved, moved)
    found = placed_landmarks(model, photo, face.box)
    assert found.probability == placement_probability(photo, moved.astype(np.float32)) < 0.5
    assert model.looks == 13


def test_landmarks_on_the_face_are_not_looked_for_again(photo, face, moved):
    for again in (face.landmarks, moved):
        model = Misled(face.landmarks, again, moved)
        assert (placed_landmarks(model, photo, face.box).estimate.points == face.landmarks).all()
        assert (model.looks, model.more) == (1, 0), "settled or not"


def test_more_looks_are_taken_before_other_boxes(photo, face, moved):
    model = Misled(moved, face.landmarks, moved)
    assert (placed_landmarks(model, photo, face.box).estimate.points == face.landmarks).all()
    assert (model.looks, model.more) == (1, 1)


def test_the_gate_stands_before_the_network(photo, face, moved):
    upside_down = face.landmarks[:, :] * (1, -1) + (0, 2 * face.landmarks[:, 1].mean())
    assert placed_landmarks(Misled(upside_down, upside_down, face.landmarks), photo, face.box) is None
    assert placed_landmarks(Misled(moved, upside_down, face.landmarks), photo, face.box) is None


def test_landmarks_of_a_face_beside_the_box_are_not_its_own(photo, face):
    width = face.box[2] - face.box[0]
    beside = (face.box + np.array([width, 0, width, 0])).astype(np.float32)
    shifted = face.landmarks + np.array([width, 0])
    found = placed_landmarks(Misled(shifted, shifted, face.landmarks), photo, beside)
    assert (found.estimate.points == shifted.astype(np.float32)).all()


def test_a_found_face_is_not_looked_at_again(engine, photo, face, monkeypatch):
    assert face.placement == pytest.approx(placement_probability(photo, face.landmarks), abs=0.1)
    known = face_from_landmarks(face.landmarks)
    assert engine.measure(photo, known).placement == placement_probability(photo, face.landmarks)
    monkeypatch.setattr(engine_module, "placement_probability", lambda *_: 0.0)
    assert engine.measure(photo, face).placement == face.placement
    assert engine.measure(photo, known).placement == 0.0


def test_a_mask_beside_the_face_is_scored_low(engine, photo, face):
    params = MaskParams(template="surgical_blue", kind="surgical")
    right = engine.apply(photo, face, params)
    moved = face.landmarks + np.array([0.6, 0], dtype=np.float32) * face_size(face.landmarks)
    wrong = engine.apply(photo, face_from_landmarks(moved), params)
    assert right.features["misplaced"] == 1
    assert "misplaced" in wrong.reasons
    assert wrong.quality < 0.4 * right.quality


@pytest.mark.slow
def test_real_faces_are_told_right(shared, engine):
    paths = sorted((shared / "data/faces/val/not_wearing_mask").glob("*.jpg"))[::6]
    right, wrong = [], []
    rng = np.random.default_rng(1)
    for path in paths:
        pixels = read_picture(path).pixels
        points = engine.find(pixels)[0].landmarks
        angle = rng.uniform(0, 2 * np.pi)
        move = np.array([np.cos(angle), np.sin(angle)]) * 0.6 * face_size(points)
        right.append(placement_probability(pixels, points))
        wrong.append(placement_probability(pixels, (points + move).astype(np.float32)))
    assert np.mean(np.array(right) > 0.5) >= 0.95
    assert np.mean(np.array(wrong) < 0.5) >= 0.95
