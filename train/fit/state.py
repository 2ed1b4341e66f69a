"""All that a run needs to go on as if it had not been stopped, in one file, written whole or not at all."""

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as safetensors_bytes
from torch import Tensor, nn

from maskaug.core.errors import first_problem
from maskaug.core.files import sync_folder, write_atomic
from maskaug.train.data.classes import Classes
from maskaug.train.fit.loop import UnderWay
from maskaug.train.model.checkpoint import CheckpointError
from maskaug.train.model.head import head_for
from maskaug.train.model.network import keep_outputs
from maskaug.train.model.recipes import Recipe
from maskaug.train.model.weights import WeightsError, safe_load
from maskaug.train.run_dir import RunDir


@dataclass(frozen=True)
class State:
    """A run between two epochs, or between two steps of one.

    Attributes:
        network, optimizer: Their state dictionaries.
        average: That of the averaged weights; None without them.
        random: State of torch's generators, by device: ``cpu``, ``cuda:0`` ...
        history: Rows of ``metrics.csv``, one an epoch.
        recipe: As JSON.
        data: Checksum of the pictures.
        wandb: W&B's name for the run; empty without W&B.
        teacher: Checksum of the network that is learnt from; empty without one.
        steps: Of the epoch after those of the history that are done.
        sums: See `UnderWay`; None without steps.
    """

    network: dict[str, Tensor]
    optimizer: dict[str, Any]
    average: dict[str, Tensor] | None
    random: dict[str, Tensor]
    history: list[dict[str, float]]
    recipe: str
    data: str
    wandb: str
    teacher: str = ""
    steps: int = 0
    sums: Tensor | None = None

    @property
    def under_way(self) -> UnderWay | None:
        """What is done of an epoch; None between two.

        Raises:
            ValueError: it is nothing that can be.
        """
        if not self.steps:
            return None
        if self.steps < 0 or self.sums is None or self.sums.shape != (3,):
            raise ValueError("its epoch is damaged")
        return UnderWay(self.steps, self.sums)


def save_state(run: Path, state: State) -> None:
    """Write ``RUN/last.pt``.

    Raises:
        OSError: it cannot be written; the one before is still there.
    """
    write_atomic(RunDir(run).last, _bytes(asdict(state)), run)
    sync_folder(run)


def load_state(run: Path) -> State | None:
    """What :func:`save_state` has written; None if the run was stopped before any was kept.

    Raises:
        CheckpointError: the file is damaged, or holds what no run has written.
    """
    path = RunDir(run).last
    try:
        state = State(**safe_load(path)) if path.exists() else None
        if state is not None:
            Recipe.model_validate_json(state.recipe)
            state.under_way  # noqa: B018  raises
            for row in state.history:
                row["val_loss"]  # by which the best epoch is known
        return state
    except (WeightsError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{path} cannot be used: {first_problem(error).splitlines()[0]}; delete {path.name} to begin anew"
        ) from error


def save_best(run: Path, network: nn.Module, recipe: Recipe, classes: Classes) -> None:
    """Write ``RUN/best.pt``, all that it takes to predict, and the network's weights as ``RUN/best.safetensors``.

    Raises:
        OSError: they cannot be written.
    """
    whole = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    kept = head_for(len(classes)).outputs
    state = keep_outputs(whole, recipe.outputs(kept), slice(kept))
    seen = {"arch", "size", "framing", "flips", "mean", "std"}
    saved = {"network": state, **recipe.model_dump(include=seen), "classes": list(classes)}
    write_atomic(RunDir(run).best_tensors, safetensors_bytes(state), run)
    write_atomic(RunDir(run).best, _bytes(saved), run)


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Of torch's generators on the CPU and on a GPU."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore(
    state: State,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: nn.Module | None,
    device: torch.device,
) -> None:
    """Set weights, optimiser, averaged weights and torch's generators to what they were.

    Raises:
        CheckpointError: they are not those of this network.
    """
    try:
        network.load_state_dict(state.network)
        optimizer.load_state_dict(state.optimizer)
        if average is not None and state.average is not None:
            average.load_state_dict(state.average)
        _restore_random(state.random, device)
    # What torch's loaders raise over a value of another kind they do not say.
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        told = " ".join(str(error).split())
        raise CheckpointError(f"the state of the run does not fit its network: {told}; begin a new run") from error


def _restore_random(state: dict[str, Tensor], device: torch.device) -> None:
    """Set torch's generators; a run that went from a GPU to a CPU or back keeps what there is."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


def _bytes(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()
