"""`distill`: a small network that says what a trained one says, as one file small enough to give away."""

import os
from dataclasses import dataclass

from maskaug.train.distill.options import DistillOptions
from maskaug.train.export.export import Exported, export
from maskaug.train.export.options import ExportOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.teacher import TeacherError
from maskaug.train.fit.train import TrainCallbacks, Trained, train
from maskaug.train.model.recipes import RECIPES, Recipe, override, overrides_between
from maskaug.train.run_dir import RunDir

_LEAST_SIZE = 96  # pixels: small networks halve a picture five times, and 64 would leave but 2 x 2 places


@dataclass(frozen=True)
class Distilled:
    """The student's finished run, and its network as a file: None in all processes of torchrun's but the first."""

    trained: Trained
    exported: Exported | None


def distill(options: DistillOptions, report: TrainCallbacks | None = None) -> Distilled:
    """Train a student on what a run says of its own data, and export it with halved weights.

    The student's folder is an ordinary run; its ``model.onnx`` stands beside.

    Raises:
        TrainError: see its subclasses; what was trained so far can go on with ``maskaug train --resume STUDENT``.
        OSError: the student's folder cannot be written.
    """
    trained = train(train_options(options), report)
    is_main = int(os.environ.get("RANK", "0")) == 0
    return Distilled(
        trained, export(ExportOptions.model_validate({"run": trained.run, "half": True})) if is_main else None
    )


def train_options(options: DistillOptions) -> TrainOptions:
    """What the student is trained with: the teacher's recipe as it was, but for what a small network needs.

    Raises:
        TeacherError: the teacher's folder is no training run, or its configuration is damaged.
        RecipeError: the recipe cannot be changed as asked.
    """
    run = options.run
    try:
        config = RunDir(run).read_config()
        taught = TrainOptions.model_validate(config["options"])
        recipe = Recipe.model_validate(config["recipe"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TeacherError(
            f"{run} is no training run that can teach: its {RunDir(run).config.name} is missing or damaged"
        ) from error
    student = {
        "arch": options.arch,
        "weights": "none",
        "size": max(recipe.size, _LEAST_SIZE),
        "label_smoothing": 0.0,
    }
    wanted = override(recipe.model_copy(update=student), options.set_)
    given = {
        "data": taught.data,
        "out": options.out or run / "distilled",
        "teacher": run,
        "recipe": taught.recipe,
        "set_": overrides_between(RECIPES[taught.recipe], wanted),
        **options.model_dump(include={"seed", "deterministic", "device", "precision", "cache", "wandb"}),
    }
    return TrainOptions.model_validate(given)
