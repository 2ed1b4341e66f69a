"""`forecast_run`: what a run would take, by beginning it in a temporary folder and looking at its first steps."""

import os
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from maskaug.core.files import to_path
from maskaug.train.data.cache import default_cache
from maskaug.train.data.dataset import TrainingData, load_training_data
from maskaug.train.fit.begin import RunError, check_free, configure, run_folder
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.run_config import RunConfig
from maskaug.train.fit.train import TrainCallbacks, train
from maskaug.train.model.network import build_network

_LOOK = 15.0  # seconds of steps
_FORWARD = 1 / 3  # of a step is the forward pass: the backward one takes about twice as long
_MOMENTS = 2  # that Adam keeps of each weight
_BYTES = 4  # of a number


@dataclass(frozen=True)
class RunForecast:
    """What a run would take.

    Attributes:
        run: Its folder.
        pictures: How many, by split and class.
        arch: The network.
        parameters: Numbers that it learns.
        epochs: How many there would be.
        pictures_per_second: Learnt from.
        seconds: Of all epochs; calibration and report come on top.
        size: Of the run's networks on disk, bytes.
        cache: Of the decoded pictures, which lie in the cache now, bytes.
    """

    run: Path
    pictures: dict[tuple[str, str], int]
    arch: str
    parameters: int
    epochs: int
    pictures_per_second: float
    seconds: float
    size: int
    cache: int


class _SeenEnough(Exception):
    """Ends a run that was begun for a look."""


@dataclass
class _Pace:
    """How quickly a run goes; it ends it when that is known.

    Attributes:
        first: Time and pictures at the first look within an epoch, after which the speed is measured.
        speed: Pictures a second.
        epoch_seconds: Of a whole epoch with validation; None if it was not waited for.
    """

    first: tuple[float, int] | None = None
    speed: float = 0.0
    epoch_seconds: float | None = None

    def step(self, done: int, _total: int, _loss: float, speed: float) -> None:
        now = time.perf_counter()
        if self.first is None:
            self.first, self.speed = (now, done), speed
            return
        since, before = self.first
        if done > before and now > since:
            self.speed = (done - before) / (now - since)
        if now - since > _LOOK:
            raise _SeenEnough

    def epoch(self, row: dict[str, float], _epochs: int) -> None:
        self.epoch_seconds = row["seconds"]
        raise _SeenEnough


def forecast_run(options: TrainOptions, callbacks: TrainCallbacks | None = None) -> RunForecast:
    """Begin a run as it would be, learn for some seconds or one epoch, and remove it again.

    Pictures are decoded into the cache, where the run will find them; nothing else is left.

    Args:
        options: Of the run; it does not go on with an earlier one.
        callbacks: What is called as it goes; None: nothing.

    Raises:
        TrainError: as `train` would; and under torchrun.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RunError("--dry-run looks with one process; leave out torchrun")
    config, run, pace = configure(options), run_folder(options), _Pace()
    check_free(run)
    told = replace(callbacks or TrainCallbacks(), step=pace.step, epoch=pace.epoch)
    with tempfile.TemporaryDirectory(prefix="maskaug-") as folder:
        here = {"out": Path(folder, "run"), "wandb": "disabled", "dry_run": False}
        with suppress(_SeenEnough):
            train(options.model_copy(update=here), told)
    data = load_training_data(
        to_path(config.data), config.recipe.preparation, options.cache or default_cache(), classes=config.classes
    )
    return _forecast(run, config, data, pace)


def _forecast(run: Path, config: RunConfig, data: TrainingData, pace: _Pace) -> RunForecast:
    recipe = config.recipe
    network = build_network(recipe.arch, recipe.outputs(config.head.outputs))
    parameters = sum(one.numel() for one in network.parameters())
    # best.pt, best.safetensors and last.pt, which has the optimiser's numbers and the average, too.
    kept = 3 + _MOMENTS + bool(recipe.ema)
    epoch = pace.epoch_seconds
    if epoch is None:
        epoch = (len(data.train) + _FORWARD * len(data.val)) / pace.speed
    parts = (("train", data.train), ("val", data.val))
    return RunForecast(
        run=run,
        pictures=dict(Counter((split, data.classes[sample.label]) for split, part in parts for sample in part.samples)),
        arch=recipe.arch,
        parameters=parameters,
        epochs=recipe.epochs,
        pictures_per_second=pace.speed,
        seconds=recipe.epochs * epoch,
        size=kept * parameters * _BYTES,
        cache=sum(part.pixels.nbytes for _, part in parts),
    )
