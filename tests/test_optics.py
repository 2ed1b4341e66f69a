"""What makes an overlay part of its photograph: light, blur, grain, shadow, and what stands before it."""

import astronaut
import cv2
import numpy as np
import pytest

from maskaug.masktheface_wrapper import MaskParams
from maskaug.masktheface_wrapper.blend.grain import measure_relief, sample_grain, surface_of
from maskaug.masktheface_wrapper.geometry.face_size import face_size
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.blur import measure_blur
from maskaug.masktheface_wrapper.measure.grain import measure_grain
from maskaug.masktheface_wrapper.measure.skin import measure_skin

WHITE = MaskParams(template="surgical_white", kind="surgical")


def fine(pixels, where):
    """Standard deviation of what a small blur takes away, grey levels."""
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float((luma - cv2.GaussianBlur(luma, (0, 0), 1.0))[where].std())


def inside(overlay):
    return cv2.erode(overlay.alpha, np.ones((9, 9))) > 250


@pytest.mark.parametrize("sigma", [1.0, 1.6, 2.4])
def test_blur_is_measured(photo, face, sigma):
    blurred = cv2.GaussianBlur(photo, (0, 0), sigma)
    own = measure_blur(photo, face.landmarks)
    assert own < 1.3
    assert measure_blur(blurred, face.landmarks) == pytest.approx(np.hypot(own, sigma), rel=0.2)


def test_a_soft_face_wears_a_soft_mask(engine, photo, face):
    soft = cv2.GaussianBlur(photo, (0, 0), 2.5)
    sharp_mask, soft_mask = engine.apply(photo, face, WHITE), engine.apply(soft, face, WHITE)
    assert fine(soft_mask.image, inside(soft_mask)) < 0.6 * fine(sharp_mask.image, inside(sharp_mask))
    width = [((one.alpha > 25) & (one.alpha < 230)).sum() for one in (sharp_mask, soft_mask)]
    assert width[1] > 1.5 * width[0], "its outline must be soft, too"


@pytest.mark.parametrize("noise", [4.0, 6.0])
def test_a_noisy_face_wears_a_noisy_mask(engine, photo, face, noise):
    added = np.random.default_rng(0).normal(0, noise, photo.shape[:2])[..., None].repeat(3, axis=2)
    noisy = np.clip(cv2.GaussianBlur(photo, (0, 0), 1.5) + added, 0, 255).astype(np.uint8)
    mask = engine.apply(noisy, face, WHITE)
    skin = measure_grain(noisy, face.landmarks, measure_skin(noisy, face.landmarks), face_size(face.landmarks))
    assert skin.noise**0.5 == pytest.approx(noise, rel=0.3)
    alone = np.clip(128 + added, 0, 255).astype(np.uint8)
    assert fine(mask.image, inside(mask)) == pytest.approx(fine(alone, inside(mask)), rel=0.3)


def test_a_smooth_face_wears_a_smooth_mask(engine, photo, face):
    unit, layer = face_size(face.landmarks), Layer(0, 0, *(np.zeros((1, 1, 3)), np.zeros((1, 1)), np.ones((1, 1))))
    rough = MaskParams(template="surgical_white", kind="surgical", wrinkles=1.0)
    spread = []
    for picture in (photo, cv2.bilateralFilter(photo, 9, 40, 7)):
        overlay = engine.apply(picture, face, rough)
        luma = cv2.cvtColor(overlay.image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        energy = sum(np.square(np.gradient(luma, axis=axis)) for axis in (0, 1))
        spread.append((measure_relief(picture, face.landmarks, layer, unit), float(np.median(energy[inside(overlay)]))))
    (skin, mask), (smooth_skin, smooth_mask) = spread
    assert smooth_skin < 0.6 * skin
    assert smooth_mask < 0.75 * mask


def test_grain_repeats_from_its_seed_and_fills_what_is_missing(photo, face):
    grain = measure_grain(photo, face.landmarks, measure_skin(photo, face.landmarks), face_size(face.landmarks))
    flat = np.ones((200, 300), dtype=np.float32)
    layer = Layer(0, 0, np.full((200, 300, 3), 150, dtype=np.float32), flat, flat)
    tile, again, other = (
        sample_grain(grain, surface_of(layer), unit=60.0, relief=100.0, scale=1.0, rng=np.random.default_rng(seed)).tile
        for seed in (1, 1, 2)
    )
    assert (tile == again).all()
    assert (tile != other).any()
    assert abs(float(tile.mean())) < 0.3
    endless = np.tile(tile, (2, 2, 1))
    step = np.abs(np.diff(endless @ [0.299, 0.587, 0.114], axis=1))
    assert step[:, tile.shape[1] - 1].mean() < 2 * step.mean(), "no seam may show where it repeats"


def test_a_black_and_white_photograph_shows_a_grey_mask(engine, photo, face):
    grey = cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    red = MaskParams(template="cloth_white", kind="cloth", color="#c02020")
    overlay = engine.apply(grey, face, red)
    assert np.ptp(overlay.image[inside(overlay)].astype(int), axis=-1).max() <= 2
    assert np.ptp(engine.apply(photo, face, red).image[inside(overlay)].astype(int), axis=-1).mean() > 50


def test_the_cast_of_the_light_falls_on_the_mask(engine, photo, face):
    means = []
    for cast in ((1.0, 0.85, 0.7), (0.75, 0.9, 1.0)):
        lit = astronaut.relit(photo, gain=0.9, gamma=1.0, cast=cast)
        overlay = engine.apply(lit, face, WHITE)
        means.append(overlay.image[inside(overlay)].mean(axis=0))
    warm, cold = (mean / mean.sum() for mean in means)
    assert warm[0] - warm[2] > cold[0] - cold[2] + 0.02


def test_the_mask_casts_its_shadow_below(engine, photo, face):
    overlay = engine.apply(photo, face, WHITE)
    unit = face_size(face.landmarks)
    x = round(float(face.landmarks[8, 0]))
    end = int(np.flatnonzero(overlay.alpha[:, x] > 20).max())
    below = slice(end + 1, end + 1 + round(0.08 * unit))
    ratio = overlay.image[below, x].mean() / photo[below, x].mean()
    assert 0.4 < ratio < 0.9


def test_glasses_stay_before_the_mask(engine, photo, face):
    rims = photo.copy()
    for side in (slice(36, 42), slice(42, 48)):
        middle = face.landmarks[side].mean(axis=0)
        unit = face_size(face.landmarks)
        left, right = (round(float(middle[0] + sign * 0.45 * unit)) for sign in (-1, 1))
        top, bottom = round(float(middle[1] - 0.3 * unit)), round(float(middle[1] + 0.36 * unit))
        cv2.rectangle(rims, (left, top), (right, bottom), (15, 15, 18), 3)
    rim = (rims != photo).any(axis=-1)
    plain, worn = engine.apply(photo, face, WHITE), engine.apply(rims, face, WHITE)
    hidden = rim & (plain.alpha > 200)
    assert hidden.sum() > 40, "the rims must reach over the mask"
    assert worn.alpha[hidden].mean() < 0.45 * plain.alpha[hidden].mean()


def test_an_object_before_the_mouth_stays_before_the_mask(engine, photo, face):
    cup = photo.copy()
    x, y = face.landmarks[8].round().astype(int)
    cv2.rectangle(cup, (int(x) - 14, int(y) - 30), (int(x) + 14, int(y) + 60), (30, 120, 60), -1)
    overlay = engine.apply(cup, face, WHITE)
    assert overlay.alpha[y - 20 : y - 5, x - 9 : x + 10].max() < 60
    assert overlay.features["low_coverage"] < 0.8


@pytest.mark.parametrize("side", [-1, 1])
def test_half_a_face_in_light_of_another_colour_is_no_object(engine, photo, face, side):
    edge = face.landmarks[30, 0] + side * 0.1 * face_size(face.landmarks)
    whole = np.clip(side * (np.arange(photo.shape[1]) - edge) / 2 + 0.5, 0, 1)[None, :, None]
    lamp = np.array([0.6, 0.3, 0.15])
    lit = (photo * (whole + (1 - whole) * lamp)).astype(np.uint8)
    overlay = engine.apply(lit, face, WHITE)
    assert overlay.features["low_coverage"] == 1
    assert overlay.quality > 0.5


def test_what_is_put_on_without_a_score_is_the_same(engine, photo, face):
    overlay = engine.apply(photo, face, WHITE)
    image, alpha = engine.put_on(photo, face, WHITE)
    assert np.array_equal(image, overlay.image)
    assert np.array_equal(alpha, overlay.alpha)


def test_a_mask_put_on_in_place_is_scored_by_the_bare_face(engine, photo, face):
    apart = engine.apply(photo, face, WHITE)
    in_place = engine.apply(photo.copy(), face, WHITE, in_place=True)
    assert in_place.features == apart.features
