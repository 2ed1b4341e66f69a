"""The folder of a run: made, or found again."""

import json
from pathlib import Path

import torch

from maskaug.core.files import write_atomic
from maskaug.train.errors import TrainError
from maskaug.train.fit.distributed import DistributedContext
from maskaug.train.fit.options import TrainOptions
from maskaug.train.run_dir import RunDir


class RunError(TrainError):
    """A run cannot begin or go on; the message says why and what to do."""


def open_run(options: TrainOptions, distributed: DistributedContext) -> tuple[Path, TrainOptions]:
    """The run's folder and options: new ones, which are written there, or those of the run that is resumed.

    Raises:
        RecipeError: the recipe cannot be changed as asked.
        RunError: the folder holds something else, or the run to be resumed is none.
        OSError: the folder cannot be written.
    """
    if options.resume is not None:
        run = options.resume
        try:
            saved = json.loads(RunDir(run).config.read_text(encoding="utf-8"))
            kept = TrainOptions.model_validate(saved["options"])
        except (OSError, ValueError, KeyError) as error:
            raise RunError(
                f"{run} is no training run that can go on: its {RunDir(run).config.name} is missing or damaged"
            ) from error
        return run, kept.model_copy(update={"resume": run})
    recipe = options.resolved_recipe
    run = options.out or Path("runs", f"{options.recipe}-{recipe.arch}-{options.seed}")
    if distributed.is_main:
        if run.exists() and (not run.is_dir() or any(run.iterdir())):
            hint = f"go on with: maskaug train --resume {run}" if RunDir(run).config.exists() else "choose another"
            raise RunError(f"{run} is not empty; {hint}, or give another folder to --out")
        config = {
            "data": str(options.data),
            "recipe": recipe.model_dump(mode="json"),
            "options": {
                **options.model_dump(mode="json"),
                "data": str(options.data.resolve()) if options.data else None,
                "teacher": str(options.teacher.resolve()) if options.teacher else None,
            },
            "versions": {"torch": torch.__version__, "cuda": torch.version.cuda},
        }
        run.mkdir(parents=True, exist_ok=True)
        write_atomic(RunDir(run).config, json.dumps(config, indent=2).encode() + b"\n", run)
    distributed.barrier()
    return run, options
