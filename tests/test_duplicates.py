import astronaut
import cv2
import generated
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskaug.augment.curate import cells, duplicates
from maskaug.augment.curate.duplicates import Fingerprints, connected, fingerprint, near_duplicates
from maskaug.core.pictures import encode_picture, read_picture


def saved(pixels, quality=60):
    data = np.frombuffer(encode_picture(pixels, "jpeg", quality), dtype=np.uint8)
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def resized(pixels, factor=0.9):
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def cropped(pixels, share=0.03):
    """As little as possible cut from the left and the top."""
    height, width = pixels.shape[:2]
    return np.ascontiguousarray(pixels[round(share * height) :, round(share * width) :])


def mirrored(pixels):
    return np.ascontiguousarray(pixels[:, ::-1])


def prints_of(pictures):
    return collected([fingerprint(picture) for picture in pictures])


def collected(prints):
    found = Fingerprints()
    for one in prints:
        found.append(one)
    return found


def alike(first, second):
    return len(near_duplicates(prints_of([first, second]))) == 1


CHANGES = [saved, resized, cropped, mirrored, lambda pixels: saved(resized(mirrored(pixels)))]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found(change, photo):
    assert alike(photo, change(photo))
    assert alike(astronaut.face(140), change(astronaut.face(140)))


def test_other_pictures_are_not_found(photo):
    assert not alike(photo, generated.texture(0))
    assert not alike(astronaut.face(140, tight=1.5), astronaut.face(140, tight=3.0))
    prints = prints_of(generated.texture(seed) for seed in range(150))
    assert near_duplicates(prints).shape == (0, 2)
    assert near_duplicates(Fingerprints()).shape == (0, 2)


def test_pairs_are_the_same_however_the_work_is_cut(monkeypatch):
    pictures = [generated.texture(seed) for seed in range(20)]
    pictures += [mirrored(pictures[3]), saved(pictures[17]), resized(pictures[3])]
    prints = prints_of(pictures)
    expected = [[3, 20], [3, 22], [17, 21], [20, 22]]
    assert near_duplicates(prints).tolist() == expected
    monkeypatch.setattr(duplicates, "_TILE", 7)
    assert near_duplicates(prints).tolist() == expected
    monkeypatch.setattr(duplicates, "ALL_PAIRS", 10)
    monkeypatch.setattr(cells, "_TILE", 7)
    assert near_duplicates(prints).tolist() == expected
    monkeypatch.setattr(cells, "_AT_ONCE", 7)
    assert near_duplicates(prints).tolist() == expected


@pytest.mark.slow
def test_on_real_faces_most_are_found_and_few_are_wrong(shared):
    faces = [read_picture(path).pixels for path in sorted((shared / "data/faces/val").rglob("*.jpg"))]
    prints = [fingerprint(face) for face in faces]
    assert len(near_duplicates(collected(prints))) <= 3  # of 28 680 pairs
    for change in CHANGES:
        found = sum(
            len(near_duplicates(collected([print_, fingerprint(change(face))])))
            for face, print_ in zip(faces, prints, strict=True)
        )
        assert found >= 0.97 * len(faces), change


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_connected_is_the_closure_of_the_pairs(case):
    count, pairs = case
    groups = {number: {number} for number in range(count)}
    for first, second in pairs:
        union = groups[first] | groups[second]
        groups.update(dict.fromkeys(union, union))
    numbers = connected(count, np.array(pairs, dtype=np.intp).reshape(-1, 2))
    for first in range(count):
        for second in range(count):
            assert (numbers[first] == numbers[second]) == (second in groups[first])
