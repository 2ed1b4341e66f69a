"""`train`: a classifier from pictures, and the order in which a run goes."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from maskaug.core.classes import UNMASKED
from maskaug.train.data.cache import default_cache
from maskaug.train.data.dataset import SplitPictures, TrainingData, load_training_data
from maskaug.train.evaluate.metrics import compute_metrics
from maskaug.train.fit.begin import RunError, check_free, configure, opened_run, run_folder
from maskaug.train.fit.compute import ComputeConfig
from maskaug.train.fit.distributed import DistributedContext, join, leave
from maskaug.train.fit.finalize import finalize
from maskaug.train.fit.loop import Epoch, Keep, LossError, StepCallback, UnderWay, logits_of, train_epoch
from maskaug.train.fit.optimize import make_ema, make_optimizer
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.run_config import RunConfig
from maskaug.train.fit.state import State, load_state, random_state, restore, save_best, save_state
from maskaug.train.fit.teacher import Teacher, load_teacher
from maskaug.train.fit.tracking import Tracker, write_history
from maskaug.train.model.calibration import Calibration, calibrate, lower_threshold
from maskaug.train.model.checkpoint import CheckpointError, load_network
from maskaug.train.model.device import bf16_pays
from maskaug.train.model.network import build_network
from maskaug.train.model.recipes import Recipe
from maskaug.train.model.scores import Scores
from maskaug.train.model.weights import initial_network
from maskaug.train.run_dir import RunDir
from maskaug.train.synthesis.online_dataset import calibration_pictures, selection_pictures


@dataclass(frozen=True)
class TrainCallbacks:
    """What a run calls as it goes; by default nothing.

    Attributes:
        note: Called with each sentence on what is unusual.
        decoded: Called with pictures decoded, and of how many.
        step: Called now and then within an epoch, see `maskaug.train.fit.loop.StepCallback`.
        epoch: Called with each row of ``metrics.csv``, and how many there will be.
    """

    note: Callable[[str], None] = lambda text: None
    decoded: Callable[[int, int], None] = lambda done, total: None
    step: StepCallback = lambda done, total, loss, speed: None
    epoch: Callable[[dict[str, float], int], None] = lambda row, epochs: None


@dataclass(frozen=True)
class Trained:
    """A finished run.

    Attributes:
        run: Its folder.
        best: The row of ``metrics.csv`` of the epoch that was kept.
        calibration: Found on validation.
        calibrated_accuracy: Of the calibrated classifier on the validation pictures, as they are.
    """

    run: Path
    best: dict[str, float]
    calibration: Calibration
    calibrated_accuracy: float


def train(options: TrainOptions, callbacks: TrainCallbacks | None = None) -> Trained:
    """Train a classifier, and leave all that it takes to use, judge and repeat it in its folder.

    ``config.json``, ``metrics.csv``, ``best.pt``, ``best.safetensors``, ``last.pt``, ``calibration.json``,
    ``predictions.parquet`` of the validation pictures, ``report.html``. Started by torchrun, the processes share the
    work, and the first of them writes.

    Args:
        options: What is trained, on what, and how.
        callbacks: What is called as it goes; None: nothing.

    Raises:
        TrainError: see its subclasses; the last good checkpoint is kept.
        OSError: the run's folder cannot be written.
    """
    if options.dry_run:
        raise RunError("a dry run trains nothing; forecast_run says what a run would take")
    distributed = join(options.device)
    told = (callbacks if distributed.is_main else None) or TrainCallbacks()
    try:
        config, run, resumed = configure(options), run_folder(options), options.resume is not None
        if not resumed and distributed.is_main:
            check_free(run)
        # What cannot teach or be learnt is refused before there is a folder.
        teacher = _teacher(config, distributed)
        dataset = _load(config, distributed, told)
        with _begun(run, config, dataset, teacher, distributed, resumed=resumed) as (learning, notes):
            for note in [*dataset.notes, *notes]:
                told.note(note)
            return _train(learning, dataset, told)
    finally:
        leave(distributed)


def _train(learning: "_Learning", dataset: TrainingData, callbacks: TrainCallbacks) -> Trained:
    """Learn for some epochs, and finish with the network of the best one."""
    options, recipe = learning.config.options, learning.config.recipe
    selection = selection_pictures(dataset.val, recipe, options.seed)
    under_way = learning.under_way
    while len(learning.history) < recipe.epochs:
        _learn(learning, dataset, selection, callbacks, under_way)
        under_way = None
        callbacks.epoch(learning.history[-1], recipe.epochs)
    calibration, accuracy = _finish(learning, dataset)
    for said in [*learning.tracker.problems, *learning.tracker.advice]:
        callbacks.note(said)
    return Trained(learning.run, learning.best, calibration, accuracy)


@dataclass(frozen=True)
class _Learning:
    """A run under way.

    Attributes:
        run, config: Its folder and configuration.
        compute: How and where.
        network: What learns; it shares its weights with the next.
        learner: What is called to learn: the network, compiled or on several processes.
        average: Of the network's weights; None without.
        optimizer: Of the network's weights.
        teacher: What is learnt from instead of the labels; None without.
        tracker: Where metrics go.
        history: Rows of ``metrics.csv`` so far.
        under_way: What was done of the next epoch before the run was resumed; None if nothing was.
    """

    run: Path
    config: RunConfig
    compute: ComputeConfig
    network: nn.Module
    learner: nn.Module
    average: AveragedModel | None
    optimizer: torch.optim.Optimizer
    teacher: Teacher | None
    tracker: Tracker
    history: list[dict[str, float]]
    under_way: UnderWay | None

    @property
    def kept(self) -> nn.Module:
        """The network that is judged and saved."""
        return self.network if self.average is None else self.average.module

    @property
    def best(self) -> dict[str, float]:
        """The row of the epoch of the lowest validation loss."""
        return min(self.history, key=lambda row: row["val_loss"])


@contextmanager
def _begun(
    run: Path,
    config: RunConfig,
    dataset: TrainingData,
    teacher: Teacher | None,
    distributed: DistributedContext,
    *,
    resumed: bool,
) -> Iterator[tuple[_Learning, list[str]]]:
    """Networks, optimiser, folder and tracker as they begin or go on; and sentences on unusual weights."""
    options, recipe = config.options, config.recipe
    _seed(options, distributed)
    network, notes = initial_network(
        recipe.arch,
        recipe.weights,
        recipe.outputs(config.head.outputs),
        zero_init_residual=recipe.zero_init_residual,
    )
    compute = _compute(options, distributed, network)
    network = compute.place(network)
    optimizer = make_optimizer(network, recipe)
    average = make_ema(network, recipe.ema) if recipe.ema else None
    state = _saved_state(run, config, dataset, teacher)
    if state is not None:
        restore(state, network, optimizer, average, distributed.device)
    learner: nn.Module = torch.compile(network) if options.compile else network  # type: ignore[assignment]
    learner = DistributedDataParallel(learner) if distributed.world > 1 else learner
    with opened_run(run, config, distributed, resumed=resumed):
        tracker = Tracker(
            run,
            options.wandb if distributed.is_main else "disabled",
            project=options.project,
            group=options.group,
            config={**recipe.model_dump(), "seed": options.seed, "data": dataset.checksum},
            known=state.wandb if state else "",
        )
        learning = _Learning(
            run=run,
            config=config,
            compute=compute,
            network=network,
            learner=learner,
            average=average,
            optimizer=optimizer,
            teacher=teacher,
            tracker=tracker,
            history=list(state.history) if state else [],
            under_way=state.under_way if state else None,
        )
        try:
            yield learning, notes
        except BaseException:
            tracker.fail()
            raise


def _learn(
    learning: _Learning,
    dataset: TrainingData,
    selection: NDArray[np.uint8],
    callbacks: TrainCallbacks,
    begun: UnderWay | None,
) -> None:
    """The next epoch: learn from all training pictures, judge those of validation, save."""
    recipe, compute, history = learning.config.recipe, learning.compute, learning.history
    epoch, started = len(history), time.perf_counter()

    def save(done: UnderWay) -> None:
        if compute.distributed.is_main:
            _save_state(learning, dataset, done)

    learnt = train_epoch(
        learning.learner,
        learning.optimizer,
        dataset.train,
        recipe,
        compute,
        seed=learning.config.options.seed,
        epoch=epoch,
        average=learning.average,
        teacher=learning.teacher,
        progress=callbacks.step,
        begun=begun,
        keep=Keep(learning.config.options.save_every, save),
    )
    scores = _scores(dataset.val, logits_of(learning.kept, selection, recipe, compute, learning.config.head), epoch)
    best_loss = min((row["val_loss"] for row in history), default=inf)
    history.append(_row(epoch, learnt, scores, recipe.lr_at(epoch), time.perf_counter() - started))
    if compute.distributed.is_main:
        if history[-1]["val_loss"] < best_loss:
            save_best(learning.run, learning.kept, recipe, dataset.classes)
        write_history(learning.run, history)
        learning.tracker.epoch(history[-1])
        _save_state(learning, dataset)  # last: a run that is stopped before this does the epoch again


def _save_state(learning: _Learning, dataset: TrainingData, done: UnderWay | None = None) -> None:
    average, teacher = learning.average, learning.teacher
    state = State(
        network=learning.network.state_dict(),
        optimizer=learning.optimizer.state_dict(),
        average=None if average is None else average.state_dict(),
        random=random_state(learning.compute.distributed.device),
        history=learning.history,
        recipe=learning.config.recipe.model_dump_json(),
        data=dataset.checksum,
        wandb=learning.tracker.id,
        teacher=teacher.checksum if teacher else "",
        steps=done.steps if done else 0,
        sums=done.sums if done else None,
    )
    save_state(learning.run, state)


def _finish(learning: _Learning, dataset: TrainingData) -> tuple[Calibration, float]:
    """Calibrate the network that was kept, judge the validation pictures by it, and write both; and its accuracy."""
    recipe, compute, files = learning.config.recipe, learning.compute, RunDir(learning.run)
    head = learning.config.head
    compute.distributed.barrier()
    network = compute.place(build_network(recipe.arch, head.outputs))
    network.load_state_dict(load_network(files.best))
    pictures, labels = calibration_pictures(dataset.val, recipe, learning.config.options.seed)
    calibration = calibrate(labels, logits_of(network, pictures, recipe, compute, head))
    logits = logits_of(network, recipe.preparation.framed(dataset.val.pixels), recipe, compute, head)
    if head.classes == 2:
        calibration = lower_threshold(calibration, logits[dataset.val.labels == UNMASKED], recipe.false_alarms)
    if compute.distributed.is_main:
        predictions = finalize(learning.run, dataset, calibration, logits)
        learning.tracker.best(learning.best)
        artifacts = {"model": [files.best, files.config], "result": [files.history, files.predictions, files.report]}
        learning.tracker.finish(predictions, calibration.score(predictions.label, logits), artifacts)
    confusion = calibration.score(dataset.val.labels.astype(np.intp), logits).confusion
    return calibration, float(confusion.trace() / confusion.sum())


def _compute(options: TrainOptions, distributed: DistributedContext, network: nn.Module) -> ComputeConfig:
    bf16 = options.precision == "bf16" or (options.precision == "auto" and bf16_pays(distributed.device, network))
    return ComputeConfig(distributed, bf16, options.memory_format == "channels_last")


def _teacher(config: RunConfig, distributed: DistributedContext) -> Teacher | None:
    options = config.options
    if options.teacher is None:
        return None
    compute_for = partial(_compute, options, distributed)
    return load_teacher(options.teacher, config.recipe, config.classes, distributed.device, compute_for)


def _load(config: RunConfig, distributed: DistributedContext, callbacks: TrainCallbacks) -> TrainingData:
    """The first process decodes, the others map what it has left."""
    options = config.options
    if options.data is None:
        raise RunError("the run's configuration names no data; begin a new run")
    if not distributed.is_main:
        distributed.barrier()
    dataset = load_training_data(
        options.data,
        config.recipe.preparation,
        options.cache or default_cache(),
        callbacks.decoded,
        classes=config.classes,
    )
    if distributed.is_main:
        distributed.barrier()
    return dataset


def _seed(options: TrainOptions, distributed: DistributedContext) -> None:
    """Every process begins with the same weights."""
    torch.manual_seed(options.seed)
    if options.deterministic:
        # CUDA's libraries repeat their results only with a workspace of fixed size (cuBLAS documentation).
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = not options.deterministic and distributed.device.type == "cuda"


def _saved_state(run: Path, config: RunConfig, dataset: TrainingData, teacher: Teacher | None) -> State | None:
    """Where the run was stopped, if it goes on; None for a run that begins."""
    state = load_state(run)
    if state is None:
        return None
    if Recipe.model_validate_json(state.recipe) != config.recipe:
        raise CheckpointError(
            f"{RunDir(run).last} is of another recipe than {RunDir(run).config}; one of them was changed"
        )
    if state.data != dataset.checksum:
        raise CheckpointError(
            f"the pictures are not those that {run} was trained on so far: their checksum differs; begin a new run"
        )
    if state.teacher != (teacher.checksum if teacher else ""):
        raise CheckpointError(f"{run} has learnt from another teacher so far: its checksum differs; begin a new run")
    return state


def _scores(part: SplitPictures, logits: NDArray[np.float32], epoch: int) -> Scores:
    if not np.isfinite(logits).all():
        raise LossError(
            f"the network's answers on validation are not finite after epoch {epoch + 1}; the last good checkpoint is "
            "kept: try a lower learning rate, such as --set lr=0.001"
        )
    return Scores.of(part.labels.astype(np.int64), logits)


def _row(epoch: int, learnt: Epoch, scores: Scores, lr: float, seconds: float) -> dict[str, float]:
    """Of ``metrics.csv``."""
    found = compute_metrics(scores, resamples=0)
    told = (name for name in ("loss", "accuracy", "macro_f1", "auc") if name in found)
    return {
        "epoch": epoch + 1,
        "train_loss": learnt.loss,
        "train_accuracy": learnt.accuracy,
        **{f"val_{name}": found[name].value for name in told},
        "lr": lr,
        "grad_norm": learnt.grad_norm,
        "samples_per_s": learnt.samples_per_s,
        "waiting": learnt.waiting,
        "seconds": seconds,
    }
