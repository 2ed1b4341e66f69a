"""How a run begins, or goes on: its configuration, and its folder."""

from pathlib import Path

from maskaug.core.errors import first_problem
from maskaug.train.errors import TrainError
from maskaug.train.fit.distributed import DistributedContext
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.run_config import RunConfig, new_config, read_config, write_config
from maskaug.train.run_dir import RunDir


class RunError(TrainError):
    """A run cannot begin or go on; the message says why and what to do."""


def configure(options: TrainOptions) -> RunConfig:
    """The configuration of a new run, or of the one that is resumed; nothing is written yet.

    Raises:
        RecipeError: the recipe cannot be changed as asked.
        ClassesError: the data set's classes cannot be learnt.
        RunError: the run to be resumed is none.
    """
    return new_config(options) if options.resume is None else _config_of(options.resume)


def open_run(options: TrainOptions, config: RunConfig, distributed: DistributedContext) -> Path:
    """The folder of the run: a new one, with its configuration, or that of the run that is resumed.

    Args:
        options: As the user gave them.
        config: Of the run.
        distributed: The processes; the first of them makes the folder.

    Raises:
        RunError: the folder holds something else.
        OSError: the folder cannot be written.
    """
    if options.resume is not None:
        return options.resume
    run = options.out or Path("runs", f"{options.recipe}-{config.recipe.arch}-{options.seed}")
    if distributed.is_main:
        if run.exists() and (not run.is_dir() or any(run.iterdir())):
            hint = f"go on with: maskaug train --resume {run}" if RunDir(run).config.exists() else "choose another"
            raise RunError(f"{run} is not empty; {hint}, or give another folder to --out")
        run.mkdir(parents=True, exist_ok=True)
        write_config(run, config)
    distributed.barrier()
    return run


def _config_of(run: Path) -> RunConfig:
    try:
        return read_config(run)
    except OSError as error:
        raise RunError(f"{run} is no training run that can go on: it has no {RunDir(run).config.name}") from error
    except ValueError as error:
        raise RunError(f"{RunDir(run).config} cannot be used: {first_problem(error)}") from error
