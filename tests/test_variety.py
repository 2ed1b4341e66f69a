from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskaug.masktheface_wrapper import MaskDistribution, MaskEngine, MaskParams, NamedMask, PackError, load_textures
from maskaug.masktheface_wrapper.cloth.patterns import PATTERNS, pattern_share


def drawn(engine, count=300, **distribution):
    rng = np.random.default_rng(0)
    return [engine.sample(rng, MaskDistribution(**distribution)) for _ in range(count)]


def cloth(engine, photo, face, **params):
    """Mean colour of the mask's middle."""
    overlay = engine.apply(photo, face, MaskParams(template="cloth_white", kind="cloth", **params))
    x, y = np.round(face.landmarks[51]).astype(int)
    return overlay.image[y - 4 : y + 5, x - 8 : x + 9].reshape(-1, 3).mean(axis=0)


def test_no_variety_keeps_the_templates_own_cloth(engine):
    for params in drawn(engine, variety="none"):
        assert params.color is params.pattern is params.logo is None
        assert params.wrinkles == params.translucency == params.slack == 0


def test_real_variety_is_mostly_white_blue_black_and_grey(engine):
    def name(params):
        color = np.array(list(bytes.fromhex(params.color[1:])))
        if np.ptp(color) < 40:
            return "white" if color.mean() > 190 else "black" if color.mean() < 70 else "grey"
        return "blue" if color.argmax() == 2 else "other"

    dyed = [params for params in drawn(engine, 1500) if params.color and not params.pattern]
    counts = Counter(map(name, dyed))
    assert sum(counts[color] for color in ("white", "blue", "black", "grey")) > 0.7 * len(dyed)
    assert 0.35 < len(dyed) / 1500 < 0.75


def test_wide_variety_has_every_pattern_and_is_wider(engine):
    wide, real = drawn(engine, 1500, variety="wide"), drawn(engine, 1500)
    assert {params.pattern for params in wide} == {None, *PATTERNS}
    for measure in ("tilt", "shift_x", "scale", "slack", "wrinkles", "translucency"):
        spread = [np.std([getattr(params, measure) for params in wearings]) for wearings in (wide, real)]
        assert spread[0] > 1.2 * spread[1], measure


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["none", "real", "wide"]))
def test_what_is_drawn_can_be_written_and_read(engine, seed, variety):
    distribution = MaskDistribution(variety=variety, wear={"correct": 1, "under_nose": 1, "under_chin": 1})
    params = engine.sample(np.random.default_rng(seed), distribution)
    assert MaskParams.model_validate_json(params.model_dump_json()) == params


@pytest.mark.parametrize("color", ["#c02020", "#2020c0", "#20a040"])
def test_a_color_shows(engine, photo, face, color):
    shown = cloth(engine, photo, face, color=color)
    assert shown.argmax() == np.argmax(list(bytes.fromhex(color[1:])))
    assert shown.max() > 1.4 * np.sort(shown)[1]


def test_the_users_color_pattern_and_codes(engine, tmp_path):
    share = np.mean([params.color == "#0473e2" for params in drawn(engine, color="#0473e2", color_weight=0.3)])
    assert 0.22 < share < 0.38
    share = np.mean([params.pattern == "mine" for params in drawn(engine, patterns=["mine"], pattern_weight=0.7)])
    assert 0.6 < share < 0.8
    fixed = (NamedMask("cloth", color="#e54294"), NamedMask("n95"), NamedMask("surgical_blue"))
    found = Counter((params.kind, params.color) for params in drawn(engine, fixed=fixed))
    assert set(found) == {("cloth", "#e54294"), ("n95", None), ("surgical", None)}
    assert min(found.values()) > 60
    with pytest.raises(PackError, match="no mask called 'gas'"):
        drawn(engine, fixed=[NamedMask("gas")])


def test_a_texture_shows_and_its_name_tells_its_content(engine, photo, face, tmp_path):
    file = tmp_path / "red.png"
    cv2.imwrite(str(file), np.full((40, 40, 3), (20, 20, 200), dtype=np.uint8))
    textures = load_textures([tmp_path])
    (name,) = textures
    assert name.startswith("red.png#")
    dressed = MaskEngine(engine.finder, engine.pack, textures)
    shown = cloth(dressed, photo, face, pattern=name, pattern_mm=100)
    assert shown[0] > 2.5 * max(shown[1:])
    file.write_bytes(b"no picture")
    with pytest.raises(PackError, match="is not a picture"):
        load_textures([file])
    file.unlink()
    with pytest.raises(PackError, match="holds no texture"):
        load_textures([tmp_path])
    with pytest.raises(PackError, match="cannot read"):
        load_textures([file])
    with pytest.raises(PackError, match="no texture 'gone'"):
        engine.apply(photo, face, MaskParams(template="cloth_white", kind="cloth", pattern="gone"))


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_have_two_colors_and_follow_their_generator(name):
    def share(seed):
        rng = np.random.default_rng(seed)
        return pattern_share(name, (90, 120), rng, mm_per_texel=1.5, period_mm=25, angle=30)

    assert share(1).shape == (90, 120)
    assert share(1).dtype == np.float32
    assert 0 <= share(1).min() < share(1).max() <= 1
    assert share(1).std() > 0.05
    assert (share(1) == share(1)).all()
    assert (share(1) != share(2)).any()


@pytest.mark.parametrize("change", [{"wrinkles": 1.0}, {"logo": "#000000"}, {"translucency": 0.3}, {"slack": 6.0}])
def test_every_parameter_shows(engine, photo, face, change):
    plain = MaskParams(template="kn95_white", kind="kn95")
    before = engine.apply(photo, face, plain).image.astype(int)
    after = engine.apply(photo, face, plain.model_copy(update=change)).image.astype(int)
    assert (np.abs(before - after).max(axis=-1) > 4).sum() > 60


@pytest.mark.parametrize("wear", ["under_nose", "under_chin"])
def test_masks_worn_incorrectly_leave_free_what_they_say(engine, photo, face, wear):
    free = {"under_nose": (30, 33, 31, 35), "under_chin": (30, 33, 51, 57)}[wear]
    for params in drawn(engine, 12, wear={wear: 1.0}):
        overlay = engine.apply(photo, face, params)
        assert overlay.quality > 0.3, overlay.reasons
        for number in free:
            x, y = np.round(face.landmarks[number]).astype(int)
            assert overlay.alpha[y, x] < 128, f"landmark {number} must be free of {params}"
        covered = overlay.alpha > 127
        if wear == "under_nose":
            x, y = np.round(face.landmarks[57]).astype(int)
            assert covered[y, x], "the lower lip must be covered"
        x, y = np.round(face.landmarks[8]).astype(int)
        assert covered[y - 6 : y + 14, x].any(), "the mask must be at the chin"
