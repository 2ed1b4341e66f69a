"""Options of ``maskaug ablate``."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maskaug.core.options import Folder
from maskaug.train.data.classes import GivenClasses
from maskaug.train.model.recipes import Recipe, RecipeName, no_such_field


class AblateOptions(BaseModel):
    """Options of ``maskaug ablate``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Folder = Field(description="Data set to train on.")
    vary: list[str] = Field(
        default_factory=list, description="What to vary, the baseline first: weights=none,imagenet. more than once."
    )
    one_at_a_time: bool = Field(False, description="Not all combinations: the baseline, and one change of it in turn.")
    seeds: int = Field(3, ge=1, description="Runs of each combination, with seeds 0, 1, 2 ...")
    out: Folder = Field(Path("ablation"), description="Folder for the runs, the table and the plot.")
    on: list[Folder] = Field(default_factory=list, description="Judge every run on these pictures, too.")
    classes: GivenClasses | None = Field(
        None,
        description="Folders of unmasked and of masked faces in DATA, as in without_mask,with_mask, and of any other "
        "classes. [default: as DATA's manifest has them, or not_wearing_mask,wearing_mask; and mask_worn_incorrectly "
        "where train and val have it]",
    )
    on_classes: GivenClasses | None = Field(
        None, description="The same of the folders of --on. [default: as their manifests have them, or DATA]"
    )
    recipe: RecipeName = Field("report", description="Recipe of all runs.")
    set_: list[str] = Field(
        default_factory=list,
        description="Change a field of the recipe for all runs, such as epochs=10; more than once.",
    )
    wandb: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="Weights & Biases, where the runs are a group; auto: online where there is a key."
    )
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ...")
    json_: bool = Field(False, description="Print what became of it as JSON, as ablation.json has it.")

    @model_validator(mode="after")
    def _consistent(self) -> "AblateOptions":
        if not self.vary:
            raise ValueError("say what to vary: --vary weights=none,imagenet")
        for text in self.vary:
            name, _, values = text.partition("=")
            parts = values.split(",")
            if not name.strip() or not all(part.strip() for part in parts):
                raise ValueError(f"--vary {text}: write for example --vary weights=none,imagenet")
            if name.strip() not in {"recipe", *Recipe.model_fields}:
                raise ValueError(f"--vary {text}: {no_such_field(name.strip())}")
            if len(set(parts)) < len(parts):
                raise ValueError(f"--vary {text}: a value is named twice")
        if len(self.factors) < len(self.vary):
            raise ValueError("--vary names one thing twice; give all its values at once")
        names = [data.resolve().name for data in self.on]
        if len(set(names)) < len(names) or "validation" in names:
            raise ValueError("the folders of --on need different names, and none may be called validation")
        return self

    @property
    def factors(self) -> dict[str, list[str]]:
        """Values by what is varied."""
        pairs = (text.partition("=") for text in self.vary)
        return {name.strip(): [part.strip() for part in values.split(",")] for name, _, values in pairs}

    def base(self) -> dict[str, Any]:
        """What all runs have in common."""
        classes = {} if self.classes is None else {"classes": list(self.classes)}
        return {"data": str(self.data.resolve()), "recipe": self.recipe, "set": sorted(self.set_), **classes}
