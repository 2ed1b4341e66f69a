"""Corruptions of training pictures: each by chance and numbers of its own, chosen by name."""

import astronaut
import numpy as np
import pytest

from maskaug.train.corruptions import (
    CORRUPTIONS,
    Corruption,
    corrupt,
    corruption_names,
    generator_for,
    register,
    select_corruptions,
)
from maskaug.train.corruptions.blur import random_blur
from maskaug.train.data.preprocess import Preparation, resize_area
from maskaug.train.synthesis.spatial import random_frame, sample_affine, sample_crop

FACE = Preparation("face", 64)
PROBABILITIES = {
    "resolution": 0.35,
    "blur": 0.25,
    "hue": 0.2,
    "backlit": 0.08,
    "coloured_light": 0.10,
    "glare": 0.08,
    "haze": 0.08,
    "underexposed": 0.12,
    "overexposed": 0.08,
    "light": 0.79,
    "colour_cast": 0.5,
    "black_and_white": 0.15,
    "saturation": 0.5,
    "noise": 0.3,
    "jpeg": 0.4,
}
NOT_SPARED = 0.8


@pytest.fixture
def own_corruptions():
    before = dict(CORRUPTIONS)
    yield
    CORRUPTIONS.clear()
    CORRUPTIONS.update(before)


def picture(side=32):
    return resize_area(astronaut.face(96), side)


def test_they_are_applied_in_the_order_in_which_they_happen():
    assert corruption_names() == ("crop", "affine", *PROBABILITIES)


@pytest.mark.parametrize("name", PROBABILITIES)
def test_a_picture_gets_each_as_often_as_it_says(name):
    before = picture()
    changed = [(corrupt(before, [name], (0, 0, number)) != before).any() for number in range(2000)]
    assert np.mean(changed) == pytest.approx(NOT_SPARED * PROBABILITIES[name], abs=0.035)


def test_some_pictures_are_spared_them_all():
    before = picture()
    unchanged = [(corrupt(before, corruption_names(), (0, 0, number)) == before).all() for number in range(1000)]
    # Of those not spared, each has the product of what is left by all corruptions: a hundredth.
    assert np.mean(unchanged) == pytest.approx(
        0.2 + 0.8 * np.prod([1 - one for one in PROBABILITIES.values()]), abs=0.04
    )


def test_frames_are_cropped_mirrored_and_shifted_as_often_and_as_far_as_before():
    inside = np.array([10, 20, 110, 120])
    crops = [sample_crop(inside, generator_for((number,), "crop")) for number in range(2000)]
    cut = [crop for crop in crops if (crop != inside).any()]
    # Cropped with a probability of 0.35, of which losses below one pixel of 100 do not show: up to 30.
    assert len(cut) / 2000 == pytest.approx(0.35 * 29 / 30, abs=0.035)
    assert max(np.abs(crop - inside).max() for crop in cut) in (28, 29)
    assert {int(np.flatnonzero(crop != inside)[0]) for crop in cut} == {0, 1, 2, 3}
    affines = [sample_affine(generator_for((number,), "affine")) for number in range(2000)]
    assert np.mean([np.linalg.det(one.linear) < 0 for one in affines]) == pytest.approx(0.5, abs=0.035)
    assert np.mean([one.replicate for one in affines]) == pytest.approx(0.6, abs=0.035)
    scales = [np.sqrt(abs(np.linalg.det(one.linear))) for one in affines]
    assert (min(scales), max(scales)) == pytest.approx((0.72, 1.3), abs=0.01)
    assert np.abs([one.shift for one in affines]).max(axis=0) == pytest.approx((0.12, 0.20), abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROBABILITIES)
def test_without_one_the_others_draw_the_same_numbers(name, monkeypatch):
    drawn = []

    def recorded(one):
        def apply(pixels, rng):
            drawn.append((one.name, rng.bit_generator.state["state"]["state"]))
            return one.apply(pixels, rng)

        return Corruption(one.name, one.order, one.probability, apply)

    for one in list(CORRUPTIONS.values()):
        monkeypatch.setitem(CORRUPTIONS, one.name, recorded(one))
    others = select_corruptions([f"-{name}"])
    alike = 0
    for number in range(40):
        drawn.clear()
        whole, with_it = corrupt(picture(), corruption_names(), (1, 2, number)), list(drawn)
        drawn.clear()
        without = corrupt(picture(), others, (1, 2, number))
        assert drawn == [(kind, state) for kind, state in with_it if kind != name]
        if name not in dict(with_it):  # chance had not given it to this picture
            assert (without == whole).all()
            alike += 1
    assert alike > 5


@pytest.mark.usefixtures("own_corruptions")
def test_a_new_one_changes_no_picture_that_does_not_get_it():
    before = [corrupt(picture(), corruption_names(), (number,)) for number in range(40)]
    register(Corruption("fog", order=45, probability=0.5, apply=lambda pixels, rng: 0.3 * pixels + 170))
    assert corruption_names().index("light") + 1 == corruption_names().index("fog")
    after = [corrupt(picture(), corruption_names(), (number,)) for number in range(40)]
    same = [(old == new).all() for old, new in zip(before, after, strict=True)]
    spared = [generator_for((number,), "spared").random() < 1 - NOT_SPARED for number in range(40)]
    got = [not spared[number] and generator_for((number,), "fog").random() < 0.5 for number in range(40)]
    assert same == [not one for one in got]
    with pytest.raises(ValueError, match="there is a corruption 'fog' already"):
        register(Corruption("fog", order=45, probability=0.5, apply=lambda pixels, rng: pixels))
    with pytest.raises(ValueError, match=r"probability must be in \[0, 1\], but got 2"):
        register(Corruption("rain", order=45, probability=2, apply=lambda pixels, rng: pixels))


def test_a_picture_depends_on_its_key_alone():
    before = picture(64)
    kept = before.copy()
    made = [corrupt(before, corruption_names(), (seed, 0, 0)) for seed in (1, 1, *range(2, 40))]
    assert (made[0] == made[1]).all()
    assert (before == kept).all()
    assert all(one.shape == (64, 64, 3) and one.dtype == np.uint8 for one in made)
    assert len({one.tobytes() for one in made}) > 24


def test_names_are_selected():
    everything = corruption_names()
    assert select_corruptions(["all"]) == everything
    assert select_corruptions(["none"]) == select_corruptions([]) == ()
    assert select_corruptions(["noise", "blur"]) == ("blur", "noise")
    assert select_corruptions(["-noise", "-crop"]) == tuple(
        name for name in everything if name not in ("noise", "crop")
    )
    for wanted, told in (
        (["bluur"], "did you mean blur"),
        (["-fog"], "there are crop, "),
        (["blur", "-hue"], "not both"),
    ):
        with pytest.raises(ValueError, match=told):
            select_corruptions(wanted)


def test_a_frame_is_the_evaluated_one_unless_it_is_moved():
    pixels = np.random.default_rng(0).integers(1, 255, (FACE.side, FACE.side, 3), dtype=np.uint8)
    inside = np.array([0, 0, FACE.side, FACE.side])
    framed = FACE.framed(pixels[None])[0]
    still, to_frame = random_frame(pixels, inside, FACE, ("blur",), (0,))
    assert (still == framed).all()
    assert (to_frame == FACE.to_frame).all()
    for key in range(20):
        cropped, where = random_frame(pixels, inside, FACE, ("crop",), (key,))
        np.testing.assert_allclose(where, FACE.to_frame, atol=1e-12)
        grey = (cropped == 127).all(axis=2)
        if (sample_crop(inside, generator_for((key,), "crop")) == inside).all():
            assert np.abs(cropped.astype(int) - framed).max() <= 1
        assert np.abs(cropped.astype(int) - framed)[~grey].max() <= 127
    moved, where = random_frame(pixels, inside, FACE, ("affine",), (0,))
    assert (moved != framed).mean() > 0.5
    assert not np.allclose(where, FACE.to_frame)


@pytest.mark.parametrize("seed", range(8))
def test_blur_takes_as_much_of_a_picture_at_any_size(seed):
    large = astronaut.face(192)
    small = resize_area(large, 64)
    of_large, of_small = (random_blur(picture, np.random.default_rng(seed)) for picture in (large, small))
    taken, differs = (np.abs(of_small.astype(float) - other).mean() for other in (small, resize_area(of_large, 64)))
    assert differs < 0.35 * taken


@pytest.mark.parametrize(
    ("name", "darker"),
    [("underexposed", True), ("overexposed", False), ("haze", None), ("glare", False), ("coloured_light", None)],
)
def test_light_does_what_it_is_called(name, darker):
    before = picture(64).astype(np.float32)
    apply = CORRUPTIONS[name].apply
    after = [np.asarray(apply(before, np.random.default_rng(number)), dtype=np.float32) for number in range(60)]
    if darker is not None:
        assert np.mean([(one.mean() < before.mean()) == darker for one in after]) > 0.9
    if name == "haze":
        assert all(one.std() < before.std() for one in after)
    if name == "coloured_light":
        tints = [np.ptp(one.mean(axis=(0, 1)) / before.mean(axis=(0, 1))) for one in after]
        assert np.median(tints) > 0.2


def test_backlight_darkens_the_middle_and_brightens_the_rim():
    before = np.full((64, 64, 3), 120, dtype=np.float32)
    for number in range(20):
        after = np.asarray(CORRUPTIONS["backlit"].apply(before, np.random.default_rng(number)))
        assert after[28:36, 28:36].mean() < 110
        assert after[[0, 0, -1, -1], [0, -1, 0, -1]].mean() > 125
