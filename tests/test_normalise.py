"""From pixels to what a network takes."""

import numpy as np
import pytest
import torch
from classifiers import SIZE, load, write_network
from torch.nn.functional import interpolate
from torchvision.transforms.v2.functional import normalize

from maskaug.train.export import export
from maskaug.train.normalise import Normalisation
from maskaug.train.onnx_classifier import load_onnx
from maskaug.train.options import ExportOptions

MEAN, STD = (0.4, 0.5, 0.6), (0.25, 0.2, 0.3)
FIXED, OWN = Normalisation(MEAN, STD, standardize=False), Normalisation(MEAN, STD, standardize=True)


@pytest.fixture
def pictures():
    return torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_fixed_numbers_do_what_torchvision_does(pictures):
    torch.testing.assert_close(FIXED(pictures), normalize(pictures, MEAN, STD))


def test_light_and_its_colour_make_next_to_no_difference(pictures):
    hazy = pictures * torch.tensor([0.5, 0.8, 0.6]).view(1, 3, 1, 1) + 0.2
    assert (OWN(hazy) - OWN(pictures)).abs().max() < 0.2 < (FIXED(hazy) - FIXED(pictures)).abs().max()


def test_each_picture_is_brought_to_its_own_mean_and_deviation(pictures):
    seen = OWN(pictures)
    assert seen.mean((2, 3)).abs().max() < 1e-5
    assert 0.9 < seen.std((2, 3)).min() < seen.std((2, 3)).max() < 1
    torch.testing.assert_close(seen[3:4], OWN(pictures[3:4]))


def test_a_picture_of_one_grey_stays_one(pictures):
    grey = torch.full((1, 3, 32, 32), 0.5) + 0.001 * pictures[:1]
    assert OWN(grey).abs().max() < 0.1


def test_what_was_resized_in_between_can_be_normalised_again(pictures):
    before = OWN(interpolate(pictures, size=(8, 8), mode="area"))
    after = OWN.again(interpolate(OWN(pictures), size=(8, 8), mode="area"))
    assert (after - before).abs().max() < 0.25 * before.abs().max()
    assert FIXED.again(pictures) is pictures


def test_networks_that_standardize_do_so_after_export_too(tmp_path):
    run = write_network(tmp_path / "run")
    saved = torch.load(run / "best.pt", weights_only=True)
    torch.save({**saved, "standardize": True}, run / "best.pt")
    crops = np.random.default_rng(0).integers(60, 120, (4, SIZE, SIZE, 3), dtype=np.uint8)
    expected = load(run).probabilities(crops)
    assert load(run).normalisation.standardize
    np.testing.assert_allclose(load_onnx(export(ExportOptions(run=run)).path).probabilities(crops), expected, atol=1e-4)
    assert np.abs(load(write_network(tmp_path / "other")).probabilities(crops) - expected).max() > 1e-3
