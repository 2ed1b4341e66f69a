from dataclasses import replace
from pathlib import Path

import astronaut
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskaug.masktheface_wrapper import MaskEngine, MaskParams, Pack, PackError, load_pack

GOLDEN = Path(__file__).parent / "golden"
TEMPLATES = ("surgical_blue", "n95_valve", "kn95_white", "cloth_floral")


def worn(template):
    return MaskParams(template=template, kind=template.split("_")[0])


def test_wear_masks_the_face(engine, photo):
    overlays = list(engine.wear(photo, kind="surgical", rng=np.random.default_rng(7)))
    assert len(overlays) == 1
    overlay = overlays[0]
    assert overlay.params.kind == "surgical"
    assert overlay.image.shape == photo.shape
    assert overlay.alpha.shape == photo.shape[:2]
    assert overlay.image.dtype == overlay.alpha.dtype == np.uint8
    assert overlay.quality > 0.6
    assert overlay.reasons == ()


def test_several_faces_are_all_masked(engine, photo):
    pair = np.ascontiguousarray(np.concatenate([photo, photo[:, ::-1]], axis=1))
    overlays = list(engine.wear(pair, rng=np.random.default_rng(1)))
    assert len(overlays) == 2
    both = overlays[1].image != pair
    assert both[:, :320].any()
    assert both[:, 320:].any()


@pytest.mark.parametrize("template", TEMPLATES)
def test_replaying_gives_equal_pixels_and_leaves_the_input(engine, photo, face, template):
    before = photo.copy()
    first = engine.apply(photo, face, worn(template))
    again = engine.apply(photo, face, MaskParams.model_validate_json(first.params.model_dump_json()))
    assert (photo == before).all()
    assert (first.image == again.image).all()
    assert (first.alpha == again.alpha).all()
    assert first.quality == again.quality


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_a_seed_draws_one_wearing(engine, seed):
    assert engine.sample(np.random.default_rng(seed)) == engine.sample(np.random.default_rng(seed))


def test_weights_are_kept(engine):
    rng = np.random.default_rng(0)
    drawn = [engine.sample(rng, {"surgical": 3.0, "n95": 1.0, "cloth": 0.0}).kind for _ in range(2000)]
    assert set(drawn) == {"surgical", "n95"}
    assert 0.71 < drawn.count("surgical") / 2000 < 0.79
    for bad in ({"surgical": -1.0}, {"surgical": 0.0}):
        with pytest.raises(ValueError, match="weights"):
            engine.sample(rng, bad)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("squeeze", [0.72, 1.0])
@pytest.mark.parametrize("side", [112, 320])
def test_the_mask_covers_the_lower_face_and_nothing_else(engine, template, squeeze, side):
    image = astronaut.face(side, squeeze=squeeze)
    (found,) = engine.find(image)
    overlay = engine.apply(image, found, worn(template))
    points = found.landmarks
    covered = overlay.alpha > 127
    for number in (30, 33, 51, 57, 62, 66):  # nose tip to lips
        x, y = np.round(points[number]).astype(int)
        assert covered[y, x], f"landmark {number} must be covered"
    for number in (*range(17, 27), *range(36, 48)):  # brows and eyes
        x, y = np.round(points[number]).astype(int)
        assert not covered[y, x], f"landmark {number} must be free"
    bare = overlay.alpha == 0
    assert (overlay.image <= image)[bare].all(), "outside, a mask may only cast its shadow"
    far = cv2.dilate(overlay.alpha, np.ones((3, 3)), iterations=side // 6) == 0
    assert (overlay.image[far] == image[far]).all()
    assert "low_coverage" not in overlay.reasons


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_rim_is_brighter_than_mask_and_face(engine, photo, face, template):
    # Without its loops, which are thin and white all over.
    bare = replace(engine.pack.templates[template], straps=None)
    overlay = MaskEngine(engine.finder, Pack("bare", {template: bare})).apply(photo, face, worn(template))
    luma = cv2.cvtColor(overlay.image, cv2.COLOR_RGB2GRAY).astype(int)
    before = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(int)
    inside = cv2.dilate(np.where(overlay.alpha == 255, luma, 0).astype(np.uint8), np.ones((7, 7)))
    outside = cv2.dilate(before.astype(np.uint8), np.ones((5, 5)))
    rim = (overlay.alpha > 20) & (overlay.alpha < 235)
    assert rim.sum() > 50
    assert (luma > np.maximum(inside, outside).astype(int) + 6)[rim].mean() < 0.01


@pytest.mark.parametrize("template", ["surgical_white", "n95_white", "kn95_white", "cloth_white"])
def test_white_masks_do_not_clip(engine, photo, face, template):
    overlay = engine.apply(photo, face, worn(template))
    mask = overlay.image[overlay.alpha == 255]
    assert (mask.max(axis=1) >= 255).mean() <= 0.02


def test_a_dark_face_wears_a_dark_mask(engine, photo, face):
    bright = engine.apply(photo, face, worn("surgical_white"))
    dark_photo = (photo * 0.35).astype(np.uint8)
    dark = engine.apply(dark_photo, face, worn("surgical_white"))
    inside = bright.alpha == 255
    assert dark.image[inside].mean() < 0.75 * bright.image[inside].mean()


def test_large_faces_wear_the_mask_at_the_same_place(engine, photo, face):
    """Beyond the templates' own size masks are drawn smaller and enlarged: nothing may shift or change."""
    scale = 8
    large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    bigger = replace(face, landmarks=(face.landmarks + np.float32(0.5)) * scale - np.float32(0.5))
    small_alpha = engine.apply(photo, face, worn("cloth_gingham")).alpha.astype(float)
    overlay = engine.apply(large, bigger, worn("cloth_gingham"))
    back = cv2.resize(overlay.alpha, photo.shape[1::-1], interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(back - small_alpha).mean() < 1.0
    assert np.abs(back - small_alpha)[small_alpha == 255].max() < 60
    assert (overlay.image <= large)[overlay.alpha == 0].all()


def test_out_of_the_picture_and_tiny_faces_are_scored_low(engine, photo, face):
    away = replace(face, landmarks=face.landmarks + np.array([0, 205], np.float32))
    overlay = engine.apply(photo, away, worn("surgical_blue"))
    assert "out_of_frame" in overlay.reasons
    assert overlay.quality < 0.5
    tiny = replace(face, landmarks=face.landmarks * np.float32(0.06))
    assert "too_small" in engine.apply(photo, tiny, worn("surgical_blue")).reasons
    shaky = engine.apply(photo, replace(face, stability=0.4), worn("surgical_blue"))
    assert shaky.reasons == ("landmarks_unstable",)
    assert shaky.quality < 0.5 * engine.apply(photo, face, worn("surgical_blue")).quality


def test_wrong_arguments_are_told(engine, photo, face):
    with pytest.raises(ValueError, match=r"must be an array \(H, W, 3\) uint8 RGB, but is"):
        engine.apply(photo[..., 0], face, worn("surgical_blue"))
    with pytest.raises(PackError, match="no template 'nothing'"):
        engine.apply(photo, face, worn("nothing"))
    with pytest.raises(PackError, match="no mask of kind 'gas'"):
        engine.sample(np.random.default_rng(0), "gas")


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("yaw", ["straight", "mirrored"])
def test_golden_pictures(engine, template, yaw, request):
    """A fault one would see moves many pixels; another build of OpenCV moves a few by a little."""
    image = astronaut.face(160, roll=8, mirror=yaw == "mirrored")
    (found,) = engine.find(image)
    overlay = engine.apply(image, found, worn(template))
    path = GOLDEN / f"{template}_{yaw}.png"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), cv2.cvtColor(overlay.image, cv2.COLOR_RGB2BGR))
    assert path.is_file(), "no golden picture: make it with pytest --update-golden, and look at it"
    golden = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).astype(int)
    difference = np.abs(overlay.image.astype(int) - golden).max(axis=-1)
    assert (difference > 24).mean() < 0.01
    assert difference.mean() < 1.5


@pytest.mark.parametrize("fault", ["shifted", "smaller", "darker", "missing"])
def test_the_golden_tolerance_fails_on_faults_one_can_see(engine, fault):
    image = astronaut.face(160, roll=8)
    (found,) = engine.find(image)
    good = worn("surgical_blue")
    right = engine.apply(image, found, good).image.astype(int)
    if fault == "shifted":
        wrong = engine.apply(image, found, good.model_copy(update={"shift_y": 8.0})).image
    elif fault == "smaller":
        wrong = engine.apply(image, found, good.model_copy(update={"scale": 0.9})).image
    elif fault == "darker":
        wrong = np.where(right != image, right * 0.85, right)
    else:
        wrong = image
    difference = np.abs(wrong.astype(int) - right).max(axis=-1)
    assert (difference > 24).mean() >= 0.01 or difference.mean() >= 1.5


def test_masktheface_pack_loads_unmodified(shared, engine, photo, face):
    pack = load_pack(shared / "masktheface_pack")
    assert {"surgical", "n95", "kn95", "cloth"} <= set(pack.kinds)
    assert not {"empty", "inpaint"} & set(pack.kinds)
    dressed = MaskEngine(engine.finder, pack)
    for name, template in pack.templates.items():
        overlay = dressed.apply(photo, face, MaskParams(template=name, kind=template.kind))
        x, y = np.round(face.landmarks[51]).astype(int)
        assert overlay.alpha[y, x] > 200, f"{name} must cover the mouth"
        x, y = np.round(face.landmarks[36:48]).astype(int).T
        assert overlay.alpha[y, x].max() < 8, f"{name} must leave the eyes free"
