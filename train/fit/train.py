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
from maskaug.train.data.dataset import Dataset, Part, load_dataset
from maskaug.train.evaluate.metrics import figures
from maskaug.train.fit.begin import RunError, begin
from maskaug.train.fit.compute import Machine
from maskaug.train.fit.distributed import Ranks, join, leave
from maskaug.train.fit.finalize import conclude
from maskaug.train.fit.loop import Epoch, LossError, ReportStep, logits_of, train_epoch
from maskaug.train.fit.optimize import averaged, make_optimizer
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.state import State, load_state, random_state, restore, save_best, save_state
from maskaug.train.fit.teacher import Teacher, load_teacher
from maskaug.train.fit.tracking import Tracker, write_history
from maskaug.train.model.calibration import Calibration, calibrate
from maskaug.train.model.checkpoint import CheckpointError, load_network
from maskaug.train.model.device import bf16_pays
from maskaug.train.model.network import build_network
from maskaug.train.model.recipes import Recipe
from maskaug.train.model.scores import Judged
from maskaug.train.model.weights import initial_network
from maskaug.train.run_dir import RunDir
from maskaug.train.synthesis.online_dataset import calibrating, selecting


@dataclass(frozen=True)
class Report:
    """Where a run tells how it goes; by default nowhere.

    Attributes:
        note: Called with sentences on what is unusual.
        decoded: With pictures decoded, and of how many.
        step: See :mod:`maskaug.train.fit.loop`.
        epoch: With each row of ``metrics.csv``, and how many there will be.
    """

    note: Callable[[str], None] = lambda text: None
    decoded: Callable[[int, int], None] = lambda done, total: None
    step: ReportStep = lambda done, total, loss, speed: None
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


def train(options: TrainOptions, report: Report | None = None) -> Trained:
    """Train a classifier, and leave all that it takes to use, judge and repeat it in its folder.

    ``config.json``, ``metrics.csv``, ``best.pt``, ``best.safetensors``, ``last.pt``, ``calibration.json``,
    ``predictions.parquet`` of the validation pictures, ``report.html``. Started by torchrun, the processes share the
    work, and the first of them writes.

    Raises:
        TrainError: see its subclasses; the last good checkpoint is kept.
        OSError: the run's folder cannot be written.
    """
    ranks = join(options.device)
    try:
        if options.resume is None:
            _teacher(options, ranks)  # what cannot teach is refused before there is a folder
        return _train(options, ranks, (report if ranks.leads else None) or Report())
    finally:
        leave(ranks)


def _train(options: TrainOptions, ranks: Ranks, report: Report) -> Trained:
    run, options = begin(options, ranks)
    recipe, teacher = options.resolved_recipe, _teacher(options, ranks)
    dataset = _load(options, recipe, ranks, report)
    _seed(options, ranks)
    network, notes = initial_network(recipe.arch, recipe.weights, recipe.outputs, zero_init=recipe.zero_init)
    for note in [*dataset.notes, *notes]:
        report.note(note)
    machine = _machine(options, ranks, network)
    network = machine.place(network)
    optimizer = make_optimizer(network, recipe)
    average = averaged(network, recipe.ema) if recipe.ema else None
    state = _resumed(run, recipe, dataset, teacher) if options.resume else None
    if state is not None:
        restore(state, network, optimizer, average, ranks.device)
    history = list(state.history) if state else []
    tracker = Tracker(
        run,
        options.wandb if ranks.leads else "disabled",
        project=options.project,
        group=options.group,
        config={**recipe.model_dump(), "seed": options.seed, "data": dataset.checksum},
        known=state.wandb if state else "",
    )
    # Both share their weights with the network, which is what is evaluated and saved.
    learner: nn.Module = torch.compile(network) if options.compile else network  # type: ignore[assignment]
    learner = DistributedDataParallel(learner) if ranks.world > 1 else learner
    kept = network if average is None else average.module
    selection = selecting(dataset.val, recipe, options.seed)
    try:
        for epoch in range(len(history), recipe.epochs):
            started = time.perf_counter()
            learnt = train_epoch(
                learner,
                optimizer,
                dataset.train,
                recipe,
                machine,
                seed=options.seed,
                epoch=epoch,
                average=average,
                teacher=teacher,
                report=report.step,
            )
            judged = _judged(dataset.val, logits_of(kept, selection, recipe, machine), epoch)
            best_loss = min((row["val_loss"] for row in history), default=inf)
            history.append(_row(epoch, learnt, judged, recipe.lr_at(epoch), time.perf_counter() - started))
            if ranks.leads:
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
                        random=random_state(ranks.device),
                        history=history,
                        recipe=recipe.model_dump_json(),
                        data=dataset.checksum,
                        wandb=tracker.id,
                        teacher=teacher.checksum if teacher else "",
                    ),
                )
            report.epoch(history[-1], recipe.epochs)
        best = min(history, key=lambda row: row["val_loss"])
        ranks.wait()
        network = machine.place(build_network(recipe.arch))
        network.load_state_dict(load_network(RunDir(run).best))
        pictures, labels = calibrating(dataset.val, recipe, options.seed)
        calibration = calibrate(labels, logits_of(network, pictures, recipe, machine))
        said = logits_of(network, recipe.preparation.framed(dataset.val.pixels), recipe, machine)
        if ranks.leads:
            predictions = conclude(run, dataset, calibration, said)
            tracker.best(best)
            files = RunDir(run)
            artifacts = {
                "model": [files.best, files.config],
                "result": [files.history, files.predictions, files.report],
            }
            tracker.finish(predictions, calibration.judge(predictions.label, said), artifacts)
    except BaseException:
        tracker.fail()
        raise
    for problem in tracker.problems:
        report.note(problem)
    return Trained(run, best, calibration)


def _machine(options: TrainOptions, ranks: Ranks, network: nn.Module) -> Machine:
    bf16 = options.precision == "bf16" or (options.precision == "auto" and bf16_pays(ranks.device, network))
    return Machine(ranks, bf16, options.memory_format == "channels_last")


def _teacher(options: TrainOptions, ranks: Ranks) -> Teacher | None:
    if options.teacher is None:
        return None
    return load_teacher(options.teacher, options.resolved_recipe, ranks.device, partial(_machine, options, ranks))


def _load(options: TrainOptions, recipe: Recipe, ranks: Ranks, report: Report) -> Dataset:
    """The first process decodes, the others map what it has left."""
    if options.data is None:
        raise RunError("the run's configuration names no data; begin a new run")
    if not ranks.leads:
        ranks.wait()
    dataset = load_dataset(options.data, recipe.preparation, options.cache or default_cache(), report.decoded)
    if ranks.leads:
        ranks.wait()
    return dataset


def _seed(options: TrainOptions, ranks: Ranks) -> None:
    """Every process begins with the same weights."""
    torch.manual_seed(options.seed)
    if options.deterministic:
        # CUDA's libraries repeat their results only with a workspace of fixed size (cuBLAS documentation).
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = not options.deterministic and ranks.device.type == "cuda"


def _resumed(run: Path, recipe: Recipe, dataset: Dataset, teacher: Teacher | None) -> State | None:
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


def _judged(part: Part, logits: NDArray[np.float32], epoch: int) -> Judged:
    if not np.isfinite(logits).all():
        raise LossError(
            f"the network's answers on validation are not finite after epoch {epoch + 1}; the last good checkpoint is "
            "kept: try a lower learning rate, such as --set lr=0.001"
        )
    return Judged.of(part.labels.astype(np.int64), logits)


def _row(epoch: int, learnt: Epoch, judged: Judged, lr: float, seconds: float) -> dict[str, float]:
    """Of ``metrics.csv``."""
    found = figures(judged, resamples=0)
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
