"""Recipes: all that decides what a training run ends with, but its data and seed."""

import difflib
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from maskaug.train.errors import TrainError

RecipeName = Literal["report"]


class RecipeError(TrainError):
    """A recipe cannot be changed as asked; the message says why and what to do."""


def _parse_list(value: object) -> object:
    return [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value


_Channels = Annotated[tuple[float, float, float], BeforeValidator(_parse_list)]
_Epochs = Annotated[tuple[int, ...], BeforeValidator(_parse_list)]


class Recipe(BaseModel):
    """What is trained, on what the network sees, and how. Class 0 is ``not_wearing_mask``, 1 ``wearing_mask``.

    With every recipe the loss is binary cross-entropy on logits, and the epoch of the lowest validation loss is kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    arch: str = Field(min_length=1, description="classifier of torchvision; its last layer gets one logit")
    weights: str = Field(min_length=1, description="none, imagenet, a name of torchvision's, or a file")
    size: int = Field(ge=32, description="side of the pictures, pixels: short side resized to it, centre cropped")
    mean: _Channels = Field(description="of red, green and blue, subtracted from pixels in [0, 1] ...")
    std: _Channels = Field(description="... and what remains is divided by this")
    rotation: float = Field(ge=0, le=180, description="training pictures are turned by up to so many degrees each way")
    optimizer: Literal["adam"] = Field(description="of torch.optim, with its defaults but for lr")
    lr: float = Field(gt=0, description="learning rate of the first epoch")
    milestones: _Epochs = Field(description="epochs after which the learning rate is multiplied ...")
    gamma: float = Field(gt=0, le=1, description="... by this")
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2, description="pictures a step, over all processes")
    clip_norm: float = Field(gt=0, description="the gradient's norm is limited to it")

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        if min(self.std) <= 0:
            raise ValueError("std must be above 0")
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError("milestones must ascend")
        return self


# The students' recipe, line by line. What the report leaves open:
# - Resizing: by area where that shrinks, bilinear where it enlarges.
# - Rotation: after the crop and before the normalisation, as torchvision's RandomRotation(30) turns: by an angle of
#   each picture's own, nearest neighbour, corners black.
# - The last batch of an epoch is as small as it comes; a single picture joins the batch before, for batch
#   normalisation cannot normalise one.
REPORT = Recipe(
    arch="resnet50",
    weights="none",
    size=112,
    mean=(0.5, 0.5, 0.5),
    std=(1.0, 1.0, 1.0),
    rotation=30,
    optimizer="adam",
    lr=0.01,
    milestones=(10, 20),
    gamma=0.5,
    epochs=50,
    batch_size=64,
    clip_norm=1.0,
)

RECIPES: dict[RecipeName, Recipe] = {"report": REPORT}


def changed(recipe: Recipe, changes: Iterable[str]) -> Recipe:
    """A recipe with fields set from text, such as ``lr=0.001`` or ``milestones=30,40``; the last of a name counts.

    Raises:
        RecipeError: there is no such field, or it cannot have that value.
    """
    values = recipe.model_dump()
    for change in changes:
        name, equals, value = change.partition("=")
        name = name.strip()
        if not equals:
            raise RecipeError(f"--set {change} sets nothing; write for example lr=0.001")
        if name not in values:
            close = difflib.get_close_matches(name, values, n=1)
            meant = f"did you mean {close[0]}?" if close else f"it has {', '.join(values)}"
            raise RecipeError(f"--set {change}: the recipe has no {name!r}; {meant}")
        values[name] = value.strip()
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        told = str(problem["msg"]).removeprefix("Value error, ")
        where = f"{problem['loc'][0]}: " if problem["loc"] else ""
        raise RecipeError(
            f"--set: {where}{told}, but got {problem['input']!r}" if where else f"--set: {told}"
        ) from error
