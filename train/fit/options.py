"""Options of ``maskaug train``."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maskaug.core.options import Place
from maskaug.train.data.classes import GivenClasses
from maskaug.train.model.recipes import RECIPES, Recipe, RecipeError, RecipeName, override


class TrainOptions(BaseModel):
    """Options of ``maskaug train``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Place | None = Field(
        None,
        description="Folder with {train,val}/{not_wearing_mask,wearing_mask}, as maskaug curate and generate write it; "
        "mask_worn_incorrectly is a third class where both have it; or shards of them: tar or parquet, here or at an "
        "address.",
        json_schema_extra={"argument": True},
    )
    out: Path | None = Field(None, description="Folder for the run; new or empty. [default: runs/RECIPE-ARCH-SEED]")
    resume: Path | None = Field(None, description="Go on with this run, with its own options.")
    classes: GivenClasses | None = Field(
        None,
        description="Folders of unmasked and of masked faces in DATA, as in without_mask,with_mask, and of any other "
        "classes. [default: as DATA's manifest has them, or not_wearing_mask,wearing_mask; and mask_worn_incorrectly "
        "where train and val have it]",
    )
    recipe: RecipeName = Field("report", description="What is trained, and how.")
    arch: str | None = Field(
        None, description="Another classifier of torchvision than the recipe's, such as resnet152."
    )
    weights: str | None = Field(
        None,
        description="Weights to begin with: none, imagenet, torchvision's names, or a file. [default: the recipe's]",
    )
    set_: list[str] = Field(
        default_factory=list,
        description="Change a field of the recipe, such as lr=0.001; can be given again. Without a value, "
        "it lists them.",
    )
    teacher: Path | None = Field(
        None, description="Learn from what this run says of the pictures, instead of their labels."
    )
    seed: int = Field(0, ge=0, description="Seed of all random numbers.")
    deterministic: bool = Field(False, description="The same bytes every time on the same machine; slower on a GPU.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ...; torchrun gives each process its own.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="Of the network's products; auto: bf16 where that is faster."
    )
    memory_format: Literal["channels_last", "contiguous"] = Field(
        "channels_last", description="Of pictures and weights; contiguous can be faster on CPUs without bf16."
    )
    compile: bool = Field(False, description="Compile the network first: a minute or more, then faster on a GPU.")
    cache: Path | None = Field(None, description="Folder for decoded pictures. [default: ~/.cache/maskaug]")
    save_every: int = Field(
        1000, ge=1, description="Steps of an epoch after which the run's state is saved: where --resume goes on."
    )
    wandb: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="Weights & Biases; auto: online where there is a key, else offline."
    )
    project: str = Field("maskaug", min_length=1, description="Project there.")
    group: str | None = Field(None, description="Group of runs there.")
    dry_run: bool = Field(
        False,
        description="Begin as usual, learn for some seconds, and say how many pictures there are, how long the run "
        "would take and how large it would be; only decoded pictures are kept, in the cache.",
    )
    json_: bool = Field(False, description="Print what became of it as JSON.")

    @model_validator(mode="after")
    def _consistent(self) -> "TrainOptions":
        if (self.data is None) == (self.resume is None):
            raise ValueError("name DATA to begin a run, or --resume RUN to go on with one")
        if self.resume is not None and self.out is not None:
            raise ValueError("--resume goes on in the run's own folder; leave out --out")
        if self.resume is not None and self.dry_run:
            raise ValueError("--resume goes on with a run, whose metrics.csv tells its speed; leave out --dry-run")
        if self.resume is not None and self.classes is not None:
            raise ValueError("--resume goes on with the run's own classes; leave out --classes")
        return self

    @property
    def resolved_recipe(self) -> Recipe:
        """The recipe with all changes.

        Raises:
            RecipeError: a change is not possible.
        """
        named = [f"{name}={value}" for name, value in (("arch", self.arch), ("weights", self.weights)) if value]
        try:
            return override(RECIPES[self.recipe], [*named, *self.set_])
        except RecipeError as error:
            raise RecipeError(f"{error}; maskaug recipe show {self.recipe} lists all fields") from error
