"""Recipes: all that decides what a training run ends with, except its data and seed."""

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from maskaug.core.options import problem_of
from maskaug.train.corruptions import corruption_names, select_corruptions
from maskaug.train.data.normalise import Normalisation
from maskaug.train.data.preprocess import Framing, Preparation
from maskaug.train.errors import TrainOptionError

RecipeName = Literal["report", "robust", "finetune"]

# What fields were called in version 0.1.0. Recipes of that version, in runs and on command lines, are read.
FORMER_NAMES: Mapping[str, str] = {
    "zero_init": "zero_init_residual",
    "fresh_masks": "online_masks",
    "props": "occluder_share",
    "distort": "corruptions",
}


class RecipeError(TrainOptionError):
    """A recipe cannot be changed as asked; the message says why and what to do."""


def _parse_list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _renamed(name: str, value: object) -> tuple[str, object]:
    """A field's name and value as they are today."""
    if name == "distort":  # was all or nothing
        value = "all" if TypeAdapter(bool).validate_python(value) else "none"
    return FORMER_NAMES.get(name, name), value


_Channels = Annotated[tuple[float, float, float], BeforeValidator(_parse_list)]
_Epochs = Annotated[tuple[int, ...], BeforeValidator(_parse_list)]
_Corruptions = Annotated[tuple[str, ...], BeforeValidator(_parse_list), AfterValidator(select_corruptions)]


class Recipe(BaseModel):
    """What is trained, what the network sees, and how it learns.

    With every recipe the loss is cross-entropy on logits, and the epoch of the lowest validation loss is kept.
    What the report's recipe lacks is off by default. The names of `FORMER_NAMES` are understood, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    arch: str = Field(
        min_length=1, description="classifier of torchvision, or timm:NAME of timm; its last layer gets the logits"
    )
    weights: str = Field(min_length=1, description="none, imagenet, a name of torchvision's, or a file")
    zero_init_residual: bool = Field(
        default=False, description="without weights, a ResNet's residual blocks begin as identities"
    )
    size: int = Field(ge=32, description="side of the pictures, pixels")
    framing: Framing = Field(
        default="picture",
        description="what is shown of a picture: its middle, or its largest face, stretched to a square",
    )
    mean: _Channels = Field(description="of red, green and blue, subtracted from pixels in [0, 1] ...")
    std: _Channels = Field(description="... and what remains is divided by this")
    rotation: float = Field(ge=0, le=180, description="training pictures are turned by up to so many degrees each way")
    online_masks: bool = Field(
        default=False, description="overlays are rendered anew each time, on the pictures they were made from"
    )
    occluder_share: float = Field(
        default=0.0, ge=0, le=1, description="share of unmasked faces with a hard negative before them"
    )
    headwear: float = Field(default=0.0, ge=0, le=1, description="share of all faces that get sunglasses or a hat")
    corruptions: _Corruptions = Field(
        default=(),
        description="of training pictures and of those that select: all, none, these alone (blur,noise), or all but "
        "these (-blur,-noise)",
    )
    optimizer: Literal["adam", "adamw"] = Field(description="of torch.optim, with its defaults but for these:")
    lr: float = Field(gt=0, description="highest learning rate")
    weight_decay: float = Field(default=0.0, ge=0, description="of weights; not of biases and of batch normalisation")
    schedule: Literal["steps", "cosine"] = Field(
        default="steps", description="of the learning rate; cosine: falls to 0"
    )
    warmup: float = Field(default=0.0, ge=0, description="epochs in which the learning rate rises from 0")
    milestones: _Epochs = Field(default=(), description="steps: epochs after which the learning rate is multiplied ...")
    gamma: float = Field(default=1.0, gt=0, le=1, description="... by this")
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="so much of a target is shared by all classes")
    landmark_weight: float = Field(
        default=0.0,
        ge=0,
        description="of a second task while training: where the 68 landmarks are, under whatever hides them",
    )
    ema: float = Field(
        default=0.0, ge=0, lt=1, description="decay a step of the averaged weights that are kept; 0: no average"
    )
    flips: bool = Field(default=False, description="logits are means over a picture and its mirror image")
    false_alarms: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="of two classes, the threshold is lowered until so large a share of the unmasked validation "
        "pictures is called masked, and the probabilities are raised by half as much; 0: both stay as they tell "
        "overlays and these apart best",
    )
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2, description="pictures a step, over all processes")
    clip_norm: float = Field(gt=0, description="the gradient's norm is limited to it")

    @model_validator(mode="before")
    @classmethod
    def _former_names(cls, values: Any) -> Any:  # noqa: ANN401
        return dict(_renamed(*pair) for pair in values.items()) if isinstance(values, Mapping) else values

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        if min(self.std) <= 0:
            raise ValueError("std must be above 0")
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError("milestones must ascend")
        if self.warmup > self.epochs:
            fits = f"--set warmup={self.epochs}"
            raise ValueError(f"warmup, {self.warmup:g} epochs, must not be longer than all {self.epochs}; {fits}")
        return self

    @property
    def preparation(self) -> Preparation:
        """From any picture to what the network sees."""
        return Preparation(self.framing, self.size)

    @property
    def normalisation(self) -> Normalisation:
        """From pixels in [0, 1] to what the network takes."""
        return Normalisation(self.mean, self.std)

    @property
    def is_online(self) -> bool:
        """Whether training pictures are rendered anew each time, rather than read."""
        shares = (self.occluder_share, self.headwear, self.landmark_weight)
        return self.online_masks or bool(self.corruptions) or max(shares) > 0

    def outputs(self, logits: int = 1) -> int:
        """How many the network has while it learns: the logits, and the landmarks' coordinates if it learns these."""
        return logits + (136 if self.landmark_weight else 0)

    def lr_at(self, time: float) -> float:
        """The learning rate at a time in epochs, from 0."""
        if self.schedule == "steps":
            rate = self.lr * self.gamma ** sum(milestone <= time for milestone in self.milestones)
        else:
            share = (time - self.warmup) / max(self.epochs - self.warmup, 1e-9)
            rate = self.lr * 0.5 * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0)))
        return rate * min(1.0, time / self.warmup) if self.warmup else rate


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

# What closes the gap between synthetic and real masks; docs/recipes.md says which line answers which cause. The lines
# came one after the other, by the errors that were left; what `maskaug ablate` says of online_masks, framing,
# occluder_share, landmark_weight and corruptions over three seeds of a smaller network stands in docs/figures.md.
ROBUST = Recipe(
    arch="resnet50",
    weights="none",
    zero_init_residual=True,
    size=64,
    framing="face",
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    rotation=0,
    online_masks=True,
    occluder_share=0.35,
    headwear=0.2,
    corruptions=corruption_names(),
    optimizer="adamw",
    lr=0.002,
    weight_decay=0.05,
    schedule="cosine",
    warmup=2,
    label_smoothing=0.02,
    landmark_weight=3,
    ema=0.99,
    flips=True,
    false_alarms=0.005,
    epochs=60,
    batch_size=64,
    clip_norm=1.0,
)

# The same for a small network that begins with ImageNet weights; docs/recipes.md has its figures.
FINETUNE = ROBUST.model_copy(
    update={
        "arch": "timm:tf_efficientnet_lite0",
        "weights": "imagenet",
        "zero_init_residual": False,
        "std": (0.5, 0.5, 0.5),
        "lr": 0.001,
        "warmup": 0.5,
        "epochs": 20,
    }
)

# Recipes by the names that --recipe takes.
RECIPES: dict[RecipeName, Recipe] = {"report": REPORT, "robust": ROBUST, "finetune": FINETUNE}


def overrides_between(recipe: Recipe, other: Recipe) -> list[str]:
    """The changes by which :func:`override` makes the other recipe of the first."""
    before, after = recipe.model_dump(), other.model_dump()
    return [
        f"{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in after.items()
        if value != before[name]
    ]


def override(recipe: Recipe, changes: Iterable[str]) -> Recipe:
    """A recipe with fields set from text, such as ``lr=0.001`` or ``milestones=30,40``; the last of a name counts.

    Raises:
        RecipeError: there is no such field, or it cannot have that value.
    """
    values = recipe.model_dump()
    for change in changes:
        name, value = _parse_change(change)
        if name not in values:
            raise RecipeError(f"--set {change}: {no_such_field(name)}")
        values[name] = value
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        where = f"{problem['loc'][0]}: " if problem["loc"] else ""
        raise RecipeError(f"--set: {where}{problem_of(problem)}") from error


def no_such_field(name: str) -> str:
    """What is said of a field that recipes lack."""
    fields = Recipe.model_fields
    close = difflib.get_close_matches(name, fields, n=1)
    meant = f"did you mean {close[0]}?" if close else f"it has {', '.join(fields)}"
    return f"the recipe has no {name!r}; {meant}"


def _parse_change(change: str) -> tuple[str, object]:
    name, equals, value = change.partition("=")
    if not equals:
        raise RecipeError(f"--set {change} sets nothing; write for example lr=0.001")
    try:
        return _renamed(name.strip(), value.strip())
    except ValidationError as error:
        raise RecipeError(f"--set {change}: must be true or false") from error
