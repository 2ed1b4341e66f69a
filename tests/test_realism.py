"""The benchmark's measures, on pictures whose answer is known."""

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
SIDE = 240


def load(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where the other scripts of the folder look for it
    spec.loader.exec_module(module)
    return module


metrics = load("realism_metrics")


@pytest.fixture(scope="module")
def points():
    """68 points of an upright face 160 pixels wide, eyes 80 pixels apart, chin at y = 220."""
    points = np.full((68, 2), 120.0)
    angle = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([120 + 80 * np.cos(angle), 100 + 120 * np.sin(angle)], axis=1)
    points[17:27] = np.stack([np.linspace(60, 180, 10), np.full(10, 70.0)], axis=1)
    points[27:31] = np.stack([np.full(4, 120.0), np.linspace(95, 135, 4)], axis=1)
    lids = np.array([[-12, 0], [-4, -5], [4, -5], [12, 0], [4, 5], [-4, 5]])
    points[36:42], points[42:48] = np.add(lids, (80, 95)), np.add(lids, (160, 95))
    return points


def alpha_of(*polygons):
    alpha = np.zeros((SIDE, SIDE), dtype=np.uint8)
    for polygon in polygons:
        cv2.fillPoly(alpha, [np.array(polygon)], 255)
    return alpha


BODY = [(60, 120), (180, 120), (180, 190), (60, 190)]


def picture(alpha, mask, skin):
    return np.where(alpha[:, :, None] > 127, np.uint8(mask), np.uint8(skin)).astype(np.uint8).repeat(3, axis=2)


def test_rim_brighter_than_both_sides_is_a_halo(points):
    alpha = alpha_of(BODY)
    image = picture(alpha, 100, 150)
    assert metrics.rim_halo(image, alpha, points) == 0
    cv2.polylines(image, [np.array(BODY)], True, (200, 200, 200), 1)
    assert metrics.rim_halo(image, alpha, points) > 0.95
    half = image.copy()
    half[:, :120] = picture(alpha, 100, 150)[:, :120]
    assert metrics.rim_halo(half, alpha, points) == pytest.approx(0.5, abs=0.03)


def test_rim_between_the_sides_is_no_halo(points):
    alpha = alpha_of(BODY)
    image = picture(alpha, 100, 150)
    assert metrics.rim_halo(cv2.GaussianBlur(image, (0, 0), 1.5), alpha, points) == 0


def test_halo_the_picture_had_is_not_added(points):
    alpha = alpha_of(BODY)
    original = np.full((SIDE, SIDE, 3), 60, dtype=np.uint8)
    cv2.polylines(original, [np.array(BODY)], True, (200, 200, 200), 3)
    image = np.where(alpha[:, :, None] > 127, np.uint8(40), original)
    assert metrics.rim_halo(image, alpha, points) > 0.9
    assert metrics.rim_halo(image, alpha, points, original) == 0


def test_straps_and_picture_borders_have_no_outline(points):
    strap = [(180, 130), (230, 110), (230, 116), (180, 136)]
    alpha = alpha_of(BODY, strap)
    image = picture(alpha, 100, 150)
    cv2.fillPoly(image, [np.array(strap)], (255, 255, 255))
    assert metrics.rim_halo(image, alpha, points) < 0.01
    assert metrics.rim_halo(image, np.full_like(alpha, 255), points) is None


def test_clipped_white_is_a_share_of_the_opaque_mask():
    alpha = alpha_of([(50, 50), (149, 50), (149, 149), (50, 149)])
    image = picture(alpha, 200, 255)
    assert metrics.clipped_white(image, alpha) == 0
    image[:100] = 255
    assert metrics.clipped_white(image, alpha) == pytest.approx(49 / 98)
    assert metrics.clipped_white(image, alpha // 2) is None


def test_texture_ratios(points):
    rng = np.random.default_rng(0)
    alpha = alpha_of(BODY)
    regions = metrics.mask_region(alpha, points), metrics.skin_region(alpha, points)
    side = metrics.block_side(points)
    assert side == 10

    def ratios(mask_sigma, skin_sigma):
        sigma = np.where(alpha > 127, mask_sigma, skin_sigma)[:, :, None]
        image = np.clip(np.round(128 + sigma * rng.standard_normal((SIDE, SIDE, 1))), 0, 255).astype(np.uint8)
        image = image.repeat(3, axis=2)
        return metrics.gradient_ratio(image, *regions, side), metrics.noise_ratio(image, *regions, side)

    assert ratios(8, 8) == pytest.approx((1, 1), abs=0.1)
    assert ratios(16, 8) == pytest.approx((4, 2), rel=0.15)
    assert ratios(0, 0) == (1, 1)
    assert metrics.gradient_ratio(np.zeros((SIDE, SIDE, 3), np.uint8), np.zeros_like(alpha) > 0, regions[1], 10) is None


def test_gradient_energy_and_noise_have_their_units():
    rng = np.random.default_rng(0)
    everywhere = np.ones((SIDE, SIDE), dtype=bool)
    ramp = np.arange(SIDE, dtype=np.uint8)[None, :, None].repeat(SIDE, axis=0).repeat(3, axis=2)
    left = everywhere & (np.arange(SIDE) < 100)
    right = everywhere & (np.arange(SIDE) >= 120) & (np.arange(SIDE) < 230)
    doubled = ramp.copy()
    doubled[:, 120:] = np.minimum(2 * ramp[:, :120].astype(int), 255)
    assert metrics.gradient_ratio(doubled, right, left, 10) == pytest.approx(4, rel=0.01)
    noisy = np.clip(np.round(128 + 5 * rng.standard_normal((SIDE, SIDE, 1))), 0, 255).astype(np.uint8).repeat(3, axis=2)
    flat = np.where(left[:, :, None], np.uint8(128), noisy)
    assert metrics.noise_ratio(flat, right, left, 10) == pytest.approx(5 * 12**0.5, rel=0.1)


def test_cast_is_the_distance_from_the_lights_neutral():
    alpha = alpha_of([(50, 50), (190, 50), (190, 190), (50, 190)])
    grey = np.full((SIDE, SIDE, 3), 128, dtype=np.uint8)
    assert metrics.color_cast(grey, alpha, grey) == pytest.approx(0, abs=0.01)
    warm = np.full((SIDE, SIDE, 3), (180, 140, 100), dtype=np.uint8)
    assert metrics.color_cast(warm, alpha, warm) == pytest.approx(0, abs=0.5)
    # A neutral mask in a warm light is off by that light's own a*b* at its lightness, about 30.
    assert 20 < metrics.color_cast(grey, alpha, warm) < 40


def test_coverage_and_eyes(points):
    everything = np.full((SIDE, SIDE), 255, dtype=np.uint8)
    assert metrics.coverage(everything, points) == 1
    assert metrics.coverage(everything // 4, points) == 0
    lower = everything.copy()
    lower[:160] = 0
    wanted = cv2.fillPoly(np.zeros_like(lower), [np.round(points[[28, *range(2, 15)]]).astype(np.int32)], 1)
    assert metrics.coverage(lower, points) == pytest.approx(wanted[160:].sum() / wanted.sum(), abs=0.01)
    assert metrics.eyes_covered(everything, points) == 1
    lower[101:] = 255  # just below the lower lids
    assert metrics.eyes_covered(lower, points) == 0
    lower[97:] = 255
    assert metrics.eyes_covered(lower, points) > 0.005


def test_spill_is_what_lies_beside_the_head(points):
    assert metrics.spill(alpha_of(BODY), points) == 0
    # The head reaches from 40 - 16 to 200 + 16 at the height of the jaw's ends.
    bar = alpha_of([(0, 98), (239, 98), (239, 101), (0, 101)])
    assert metrics.spill(bar, points) == pytest.approx(48 / 240, abs=0.02)
    assert metrics.spill(np.zeros_like(bar), points) is None


def test_straps_float_where_they_end_on_the_cheek(points):
    body = [(90, 130), (150, 130), (150, 190), (90, 190)]
    assert metrics.strap_floats(alpha_of(body), points) is None
    on_the_cheek = [(148, 140), (172, 128), (172, 132), (148, 144)]
    at_the_ear = [(92, 140), (38, 100), (38, 104), (92, 144)]
    assert metrics.strap_floats(alpha_of(body, on_the_cheek), points) is True
    assert metrics.strap_floats(alpha_of(body, at_the_ear), points) is False
    assert metrics.strap_floats(alpha_of(body, at_the_ear, on_the_cheek), points) is True


@pytest.mark.slow
def test_classifier_tells_what_differs_and_not_what_does_not():
    pytest.importorskip("torch")
    classifier = load("realism_classifier")
    assert classifier.area_under_curve(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])) == 0.875
    rng = np.random.default_rng(0)
    noise = rng.integers(100, 156, (60, 64, 64, 3)).astype(np.uint8)
    same, scores = classifier.told_apart(list(noise[:30]), list(noise[30:]), seed=0)
    assert same < 0.85
    assert scores.shape == (30,)
    different, _ = classifier.told_apart(list(noise[:30] - 60), list(noise[30:]), seed=0)
    assert different > 0.95


def test_crop_is_upright_and_below_the_eyes(points):
    pytest.importorskip("torch")
    classifier = load("realism_classifier")
    image = np.zeros((300, 300, 3), dtype=np.uint8)
    image[:111] = 255  # 0.2 eye distances below the eyes, the crop begins
    assert classifier.crop(image, points).mean() < 2
    assert classifier.crop(np.roll(image, 20, axis=0), points).mean() > 20
    sideways = np.ascontiguousarray(np.rot90(image))
    turned = np.stack([points[:, 1], 299 - points[:, 0]], axis=1)
    assert classifier.crop(sideways, turned).mean() < 2
    assert classifier.crop(image[:220], points) is None
    assert classifier.crop(image, points / 4) is None
