"""`train`: a classifier from pictures; the only place that knows the order of it all."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from maskaug.train.data.cache import default_cache
from maskaug.train.data.dataset import SplitPictures, TrainingData, load_training_data
from maskaug.train.evaluate.metrics import compute_metrics
from maskaug.train.fit.begin import RunError, open_run
from maskaug.train.fit.compute import ComputeConfig
from maskaug.train.fit.distributed import DistributedContext, join, leave
from maskaug.train.fit.finalize import finalize
from maskaug.train.fit.loop import Epoch, LossError, StepCallback, logits_of, train_epoch
from maskaug.train.fit.optimize import make_ema, make_optimizer
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.state import State, load_state, random_state, restore, save_best, save_state
from maskaug.train.fit.teacher import Teacher, load_teacher
from maskaug.train.fit.tracking import Tracker, write_history
from maskaug.train.model.calibration import Calibration, calibrate
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
    """Where a run tells how it goes; by default nowhere.

    Attributes:
        note: Called with sentences on what is unusual.
        decoded: With pictures decoded, and of how many.
        step: See :mod:`maskaug.train.fit.loop`.
        epoch: With each row of ``metrics.csv``, and how many there will be.
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
    """

    run: Path
    best: dict[str, float]
    calibration: Calibration


def train(options: TrainOptions, report: TrainCallbacks | None = None) -> Trained:
    """Train a classifier, and leave all that it takes to use, judge and repeat it in its folder.

    ``config.json``, ``metrics.csv``, ``best.pt``, ``best.safetensors``, ``last.pt``, ``calibration.json``,
    ``predictions.parquet`` of the validation pictures, ``report.html``. Started by torchrun, the processes share the
    work, and the first of them writes.

    Raises:
        TrainError: see its subclasses; the last good checkpoint is kept.
        OSError: the run's folder cannot be written.
    """
    distributed = join(options.device)
    try:
        if options.resume is None:
            _teacher(options, distributed)  # what cannot teach is refused before there is a folder
        return _train(options, distributed, (report if distributed.is_main else None) or TrainCallbacks())
    finally:
        leave(distributed)


def _train(options: TrainOptions, distributed: DistributedContext, report: TrainCallbacks) -> Trained:
    run, options = open_run(options, distributed)
    recipe, teacher = options.resolved_recipe, _teacher(options, distributed)
    dataset = _load(options, recipe, distributed, report)
    _seed(options, distributed)
    network, notes = initial_network(recipe.arch, recipe.weights, recipe.outputs, zero_init_residual=recipe.zero_init_residual)
    for note in [*dataset.notes, *notes]:
        report.note(note)
    compute = _compute(options, distributed, network)
    network = compute.place(network)
    optimizer = make_optimizer(network, recipe)
    average = make_ema(network, recipe.ema) if recipe.ema else None
    state = _resumed(run, recipe, dataset, teacher) if options.resume else None
    if state is not None:
        restore(state, network, optimizer, average, distributed.device)
    history = list(state.history) if state else []
    tracker = Tracker(
        run,
        options.wandb if distributed.is_main else "disabled",
        project=options.project,
        group=options.group,
        config={**recipe.model_dump(), "seed": options.seed, "data": dataset.checksum},
        known=state.wandb if state else "",
    )
    # Both share their weights with the network, which is what is evaluated and saved.
    learner: nn.Module = torch.compile(network) if options.compile else network  # type: ignore[assignment]
    learner = DistributedDataParallel(learner) if distributed.world > 1 else learner
    kept = network if average is None else average.module
    selection = selection_pictures(dataset.val, recipe, options.seed)
    try:
        for epoch in range(len(history), recipe.epochs):
            started = time.perf_counter()
            learnt = train_epoch(
                learner,
                optimizer,
                dataset.train,
                recipe,
                compute,
                seed=options.seed,
                epoch=epoch,
                average=average,
                teacher=teacher,
                report=report.step,
            )
            scores = _scores(dataset.val, logits_of(kept, selection, recipe, compute), epoch)
            best_loss = min((row["val_loss"] for row in history), default=inf)
            history.append(_row(epoch, learnt, scores, recipe.lr_at(epoch), time.perf_counter() - started))
            if distributed.is_main:
                if history[-1]["val_loss"] < best_loss:
                    save_best(run, kept, recipe)
                write_history(run, history)
                tracker.epoch(history[-1])
                # Last: a run that is stopped before this does the epoch again.
                save_state(
                    run,
                    State(
                        network=network.state_dict(),
                        optimizer=optimizer.state_dict(),
                        average=None if average is None else average.state_dict(),
                        random=random_state(distributed.device),
                        history=history,
                        recipe=recipe.model_dump_json(),
                        data=dataset.checksum,
                        wandb=tracker.id,
                        teacher=teacher.checksum if teacher else "",
                    ),
                )
            report.epoch(history[-1], recipe.epochs)
        best = min(history, key=lambda row: row["val_loss"])
        distributed.barrier()
        network = compute.place(build_network(recipe.arch))
        network.load_state_dict(load_network(RunDir(run).best))
        pictures, labels = calibration_pictures(dataset.val, recipe, options.seed)
        calibration = calibrate(labels, logits_of(network, pictures, recipe, compute))
        said = logits_of(network, recipe.preparation.framed(dataset.val.pixels), recipe, compute)
        if distributed.is_main:
            predictions = finalize(run, dataset, calibration, said)
            tracker.best(best)
            files = RunDir(run)
            artifacts = {
                "model": [files.best, files.config],
                "result": [files.history, files.predictions, files.report],
            }
            tracker.finish(predictions, calibration.score(predictions.label, said), artifacts)
    except BaseException:
        tracker.fail()
        raise
    for problem in tracker.problems:
        report.note(problem)
    return Trained(run, best, calibration)


def _compute(options: TrainOptions, distributed: DistributedContext, network: nn.Module) -> ComputeConfig:
    bf16 = options.precision == "bf16" or (options.precision == "auto" and bf16_pays(distributed.device, network))
    return ComputeConfig(distributed, bf16, options.memory_format == "channels_last")


def _teacher(options: TrainOptions, distributed: DistributedContext) -> Teacher | None:
    if options.teacher is None:
        return None
    return load_teacher(
        options.teacher, options.resolved_recipe, distributed.device, partial(_compute, options, distributed)
    )


def _load(
    options: TrainOptions, recipe: Recipe, distributed: DistributedContext, report: TrainCallbacks
) -> TrainingData:
    """The first process decodes, the others map what it has left."""
    if options.data is None:
        raise RunError("the run's configuration names no data; begin a new run")
    if not distributed.is_main:
        distributed.barrier()
    dataset = load_training_data(options.data, recipe.preparation, options.cache or default_cache(), report.decoded)
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


def _resumed(run: Path, recipe: Recipe, dataset: TrainingData, teacher: Teacher | None) -> State | None:
    state = load_state(run)
    if state is not None and Recipe.model_validate_json(state.recipe) != recipe:
        raise CheckpointError(
            f"{RunDir(run).last} is of another recipe than {RunDir(run).config}; one of them was changed"
        )
    if state is not None and state.data != dataset.checksum:
        raise CheckpointError(
            f"the pictures are not those that {run} was trained on so far: their checksum differs; begin a new run"
        )
    if state is not None and state.teacher != (teacher.checksum if teacher else ""):
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
    return {
        "epoch": epoch + 1,
        "train_loss": learnt.loss,
        "train_accuracy": learnt.accuracy,
        "val_loss": found["loss"].value,
        "val_accuracy": found["accuracy"].value,
        "val_auc": found["auc"].value,
        "lr": lr,
        "grad_norm": learnt.grad_norm,
        "samples_per_s": learnt.samples_per_s,
        "waiting": learnt.waiting,
        "seconds": seconds,
    }
