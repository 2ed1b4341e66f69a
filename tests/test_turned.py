"""Photographs that lie on their side or upside down, and nothing says so."""

import astronaut
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskaug.augment import ApplyOptions, GenerateOptions, apply, generate, read_manifest
from maskaug.core.manifest import faces_of
from maskaug.core.pictures import encode_picture, read_picture
from maskaug.core.turns import turn_image, turn_points
from maskaug.masktheface_wrapper.detect import finder as finder_module
from maskaug.masktheface_wrapper.detect.orientation import orientation_probabilities
from maskaug.masktheface_wrapper.detect.small_network import crop_about
from maskaug.masktheface_wrapper.geometry.face_size import face_size

TURNS = (1, 2, 3)


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    turns=st.integers(-4, 4),
    place=st.tuples(st.integers(0, 80)) | st.none(),
)
def test_points_go_where_their_pixels_go(height, width, turns, place):
    number = (place[0] if place else 0) % (height * width)
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[divmod(number, width)] = 255
    point = np.array([[number % width, number // width]], dtype=np.float32)
    ((x, y),) = turn_points(point, turns, (height, width)).astype(int)
    turned = turn_image(image, turns)
    assert turned[y, x].all()
    assert (turn_image(turned, -turns) == image).all()


@pytest.mark.parametrize("turns", TURNS)
def test_a_turned_face_wears_the_very_mask_of_an_upright_one(engine, photo, face, turns):
    params = engine.sample(np.random.default_rng(3), "surgical")
    upright = engine.apply(photo, face, params)
    lying = face.turned(turns, photo.shape[:2])
    assert lying.turns == -turns % 4
    overlay = engine.apply(turn_image(photo, turns), lying, params)
    assert (turn_image(overlay.image, -turns) == upright.image).mean() > 0.999
    assert (turn_image(overlay.alpha, -turns) == upright.alpha).mean() > 0.999
    assert abs((overlay.pose.roll - upright.pose.roll + 90 * turns) % 360) < 0.1
    assert overlay.quality == pytest.approx(upright.quality, abs=1e-3)


@pytest.mark.parametrize("turns", TURNS)
def test_it_is_found_as_it_lies(engine, photo, face, turns):
    found = engine.find(turn_image(photo, turns))
    assert len(found) == 1
    assert found[0].upright > 0.8
    back = found[0].turned(-turns, turn_image(photo, turns).shape[:2])
    assert np.abs(back.landmarks - face.landmarks).max() < 0.1 * face_size(face.landmarks)


def test_what_the_network_sees_is_the_square_about_the_box():
    image = np.zeros((60, 80, 3), dtype=np.uint8)
    image[20:40, 30:50] = 255
    seen = crop_about(image, np.array([30.0, 20.0, 50.0, 40.0]), 48, 1.0)
    assert seen.shape == (48, 48, 3)
    assert seen.min() == 255
    beyond = crop_about(image + 7, np.array([-20.0, -20.0, 10.0, 10.0]), 48, 1.0)
    assert (beyond == 7).all(), "border pixels repeat"
    assert not crop_about(image, np.array([200.0, 200.0, 230.0, 230.0]), 48, 1.0).any(), "wholly outside"
    probabilities = orientation_probabilities(image, np.array([30.0, 20.0, 50.0, 40.0]))
    assert probabilities.sum() == pytest.approx(1)


@pytest.fixture
def lying(tmp_path):
    """An upright picture, and one on its side."""
    folder = tmp_path / "src" / "not_wearing_mask"
    folder.mkdir(parents=True)
    for name, turns in (("upright", 0), ("lying", 1)):
        (folder / f"{name}.png").write_bytes(encode_picture(turn_image(astronaut.face(200, squeeze=1.1), turns), "png"))
    return tmp_path / "src"


def rows_by_source(dst, status):
    return {row["source"].split("/")[-1].split(".")[0]: row for row in read_manifest(dst) if row["status"] == status}


@pytest.mark.slow
def test_it_is_written_as_it_came_or_upright(lying, tmp_path):
    for name, auto_rotate in (("as_it_came", False), ("upright", True)):
        generate(GenerateOptions(src=lying, dst=tmp_path / name, workers=1, format="png", auto_rotate=auto_rotate))
    came, upright = (rows_by_source(tmp_path / name, "masked") for name in ("as_it_came", "upright"))
    assert [came["lying"][name] for name in ("width", "height", "turned")] == [220, 200, 0]
    assert [upright["lying"][name] for name in ("width", "height", "turned")] == [200, 220, 3]
    assert upright["upright"]["turned"] == 0
    assert abs(came["lying"]["roll"] + 90) < 15
    assert abs(upright["lying"]["roll"]) < 15
    pixels = read_picture(tmp_path / "as_it_came" / came["lying"]["output"]).pixels
    assert (turn_image(pixels, 3) == read_picture(tmp_path / "upright" / upright["lying"]["output"]).pixels).all()


@pytest.mark.slow
def test_faces_of_a_set_that_was_turned_are_used_again(lying, tmp_path, monkeypatch):
    generate(GenerateOptions(src=lying, dst=tmp_path / "first", workers=1, auto_rotate=True))
    monkeypatch.setattr(finder_module.FaceFinder, "find", lambda *_: pytest.fail("a known face was searched for"))
    generate(GenerateOptions(src=lying, dst=tmp_path / "second", workers=1, annotations=tmp_path / "first"))
    first, second = (rows_by_source(tmp_path / name, "masked")["lying"] for name in ("first", "second"))
    (face,), (again,) = faces_of(first), faces_of(second)
    size = (first["height"], first["width"])
    assert np.allclose(face.turned(-first["turned"], size).landmarks, again.landmarks, atol=1e-3)


@pytest.mark.slow
def test_what_cannot_be_told_is_refused(lying, tmp_path, monkeypatch):
    monkeypatch.setattr(finder_module, "orientation_probabilities", lambda *_: np.full(4, 0.25, dtype=np.float32))
    monkeypatch.setattr(finder_module, "STABLE", 0.0)
    monkeypatch.setattr(finder_module, "_FAIRLY_STABLE", 0.0)
    generate(GenerateOptions(src=lying, dst=tmp_path / "out", workers=1))
    refused = rows_by_source(tmp_path / "out", "refused")
    assert {row["reasons"][0] for row in refused.values()} == {"face_not_upright"}
    assert "turn the picture upright" in refused["lying"]["message"]
    assert not rows_by_source(tmp_path / "out", "original")
    generate(GenerateOptions(src=lying, dst=tmp_path / "kept", workers=1, faceless="keep"))
    original = rows_by_source(tmp_path / "kept", "original")
    assert original["lying"]["landmarks"] is None, "nobody masks it by landmarks that may be wrong"
    picture = str(lying / "not_wearing_mask" / "lying.png")
    (applied,) = apply(ApplyOptions(pictures=[picture]))
    assert "cannot be told; turn it upright" in applied.problem


@pytest.mark.slow
def test_real_faces_at_every_turn(engine, shared):
    """Of 40 faces, at least 38 are found with the landmarks that they have upright; none has them on its forehead."""
    right, wrong = dict.fromkeys(range(4), 0), dict.fromkeys(range(4), 0)
    for path in sorted((shared / "data/faces/val").rglob("*.jpg"))[::6]:
        pixels = read_picture(path).pixels
        (expected, *_) = engine.find(pixels)
        for turns in range(4):
            image = turn_image(pixels, turns)
            for found in engine.find(image)[:1]:
                back = found.turned(-turns, image.shape[:2])
                apart = np.linalg.norm(back.landmarks - expected.landmarks, axis=1).mean()
                close = apart < 0.15 * face_size(expected.landmarks)
                if found.upright >= 0.5:
                    (right if close else wrong)[turns] += 1
    assert min(right.values()) >= 38, right
    assert not any(wrong.values()), wrong
