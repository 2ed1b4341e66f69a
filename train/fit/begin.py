"""How a run begins, or goes on: its configuration, and its folder."""

import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maskaug.core.errors import first_problem
from maskaug.core.files import LOCK_FILE, locked, new_folder, remove_partial
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


def run_folder(options: TrainOptions) -> Path:
    """The folder of a run: OUT, or its default, or that of the run that is resumed.

    Raises:
        RecipeError: the recipe cannot be changed as asked.
    """
    named = options.resume or options.out
    return named or Path("runs", f"{options.recipe}-{options.resolved_recipe.arch}-{options.seed}")


def check_free(run: Path) -> None:
    """Make sure that a new run's folder is new or empty.

    Raises:
        RunError: it holds something.
    """
    if run.exists() and (not run.is_dir() or any(path.name != LOCK_FILE for path in run.iterdir())):
        resume = f"go on with: maskaug train --resume {shlex.quote(str(run))}"
        hint = resume if RunDir(run).config.exists() else "choose another"
        raise RunError(f"{run} is not empty; {hint}, or give another folder to --out")


@contextmanager
def opened_run(run: Path, config: RunConfig, distributed: DistributedContext, *, resumed: bool) -> Iterator[None]:
    """The folder of a run, while it is trained: a new one gets its configuration.

    If it is left by an error before an epoch was kept, there is nothing to go on with: it is removed again.

    Args:
        run: The folder; new or empty, unless the run is resumed.
        config: Of the run.
        distributed: The processes; the first of them makes the folder.
        resumed: Whether the run goes on.

    Raises:
        OSError: the folder cannot be written.
        LockedError: another process is training it.
        RunError: another process has begun it meanwhile.
    """
    if not distributed.is_main:
        distributed.barrier()
        yield
        return
    with new_folder(run), locked(RunDir(run).lock, f"{run} is being trained"):
        remove_partial(run)
        if resumed:
            distributed.barrier()
            yield
            return
        check_free(run)  # another process may have begun it meanwhile
        try:
            write_config(run, config)
            distributed.barrier()
            yield
        except BaseException:
            if not RunDir(run).last.exists():
                for path in set(run.iterdir()) - {RunDir(run).lock}:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            raise


def _config_of(run: Path) -> RunConfig:
    try:
        return read_config(run)
    except OSError as error:
        raise RunError(f"{run} is no training run that can go on: it has no {RunDir(run).config.name}") from error
    except ValueError as error:
        raise RunError(f"{RunDir(run).config} cannot be used: {first_problem(error)}") from error
