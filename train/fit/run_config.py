"""What a run's ``config.json`` holds: all that it takes to repeat the run."""

import json
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, BaseModel, ConfigDict, field_validator

from maskaug.core.classes import CLASSES
from maskaug.core.files import write_atomic
from maskaug.train.data.classes import Classes, check_classes
from maskaug.train.data.samples import resolve_classes
from maskaug.train.fit.options import TrainOptions
from maskaug.train.model.head import Head, head_for
from maskaug.train.model.recipes import Recipe
from maskaug.train.run_dir import RunDir


class RunConfig(BaseModel):
    """The configuration of a run.

    Attributes:
        data: The pictures, as the user named them.
        classes: Names of the classes, by label.
        recipe: What is trained, with all changes.
        options: Of ``maskaug train``, with absolute paths of data and teacher.
        versions: Of PyTorch and CUDA.
    """

    model_config = ConfigDict(frozen=True)

    data: str
    classes: Annotated[Classes, AfterValidator(check_classes)] = CLASSES  # version 0.1.0 knew no others
    recipe: Recipe
    options: TrainOptions
    versions: dict[str, str | None] = {}

    @property
    def head(self) -> Head:
        """What the network's outputs mean."""
        return head_for(len(self.classes))

    @field_validator("options", mode="before")
    @classmethod
    def _in_todays_words(cls, options: Any) -> Any:  # noqa: ANN401
        """Earlier configurations have an option for each class; `classes` has their names."""
        if not isinstance(options, dict):
            return options
        return {name: value for name, value in options.items() if name not in ("masked_class", "unmasked_class")}


def new_config(options: TrainOptions) -> RunConfig:
    """The configuration of a new run.

    Raises:
        RecipeError: the recipe cannot be changed as asked.
        ClassesError: the classes of the data set cannot be learnt.
        ValueError: the options name no data.
    """
    if options.data is None:
        raise ValueError("a new run needs data")
    recorded = {
        "json_": False,  # how it is told is not of the run
        "data": options.data.resolve(),
        "teacher": options.teacher.resolve() if options.teacher else None,
    }
    return RunConfig(
        data=str(options.data),
        classes=resolve_classes(options.data, options.classes),
        recipe=options.resolved_recipe,
        options=options.model_copy(update=recorded),
        versions={"torch": torch.__version__, "cuda": torch.version.cuda},
    )


def read_config(run: Path) -> RunConfig:
    """The configuration of a run, of this version or an earlier one.

    Raises:
        OSError, ValueError: it is missing or damaged.
        ClassesError: its classes cannot be learnt.
    """
    return RunConfig.model_validate(RunDir(run).read_config())


def write_config(run: Path, config: RunConfig) -> None:
    """Write ``RUN/config.json``, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(config.model_dump(mode="json"), indent=2)
    write_atomic(RunDir(run).config, text.encode() + b"\n", run)
