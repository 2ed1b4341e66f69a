"""`distill`: a small network that says what a trained one says, as one file small enough to give away."""

import os
from dataclasses import dataclass

from maskaug.core.errors import first_problem
from maskaug.train.distill.options import DistillOptions
from maskaug.train.export.export import Exported, export
from maskaug.train.export.options import ExportOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.run_config import read_config
from maskaug.train.fit.teacher import TeacherError
from maskaug.train.fit.train import TrainCallbacks, Trained, train
from maskaug.train.model.recipes import RECIPES, override, overrides_between
from maskaug.train.run_dir import RunDir

_LEAST_SIZE = 96  # pixels: small networks halve a picture five times, and 64 would leave only 2 x 2 places


@dataclass(frozen=True)
class Distilled:
    """A student.

    Attributes:
        trained: Its finished run.
        exported: Its network as a file; None in every process of torchrun's except the first.
    """

    trained: Trained
    exported: Exported | None


def distill(options: DistillOptions, callbacks: TrainCallbacks | None = None) -> Distilled:
    """Train a student on what a run says of its own data, and export it with weights of 16 bits.

    The student's folder is an ordinary run, and holds ``model.onnx``, too.

    Args:
        options: Which run teaches, and what is trained.
        callbacks: What is called as the training goes; None: nothing.

    Raises:
        TrainError: see its subclasses; what was trained so far can go on with ``maskaug train --resume STUDENT``.
        OSError: the student's folder cannot be written.
    """
    trained = train(train_options(options), callbacks)
    is_main = int(os.environ.get("RANK", "0")) == 0
    return Distilled(
        trained, export(ExportOptions.model_validate({"run": trained.run, "half": True})) if is_main else None
    )


def train_options(options: DistillOptions) -> TrainOptions:
    """What the student is trained with: the teacher's recipe, except for what a small network needs.

    Raises:
        TeacherError: the teacher's folder is no training run, or its configuration is damaged.
        RecipeError: the recipe cannot be changed as asked.
    """
    run = options.run
    try:
        config = read_config(run)
    except OSError as error:
        raise TeacherError(f"{run} is no training run that can teach: it has no {RunDir(run).config.name}") from error
    except ValueError as error:
        raise TeacherError(f"{RunDir(run).config} cannot be used: {first_problem(error)}") from error
    recipe, taught = config.recipe, config.options
    student = {
        "arch": options.arch,
        "weights": "none",
        "size": max(recipe.size, _LEAST_SIZE),
        "label_smoothing": 0.0,
    }
    wanted = override(recipe.model_copy(update=student), options.set_)
    given = {
        "data": taught.data,
        "classes": options.classes or config.classes,
        "out": options.out or RunDir(run).student,
        "teacher": run,
        "recipe": taught.recipe,
        "set_": overrides_between(RECIPES[taught.recipe], wanted),
        **options.model_dump(include={"seed", "deterministic", "device", "precision", "cache", "wandb"}),
    }
    return TrainOptions.model_validate(given)
