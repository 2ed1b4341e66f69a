"""Options of ``maskaug distill``."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from maskaug.train.data.classes import GivenClasses


class DistillOptions(BaseModel):
    """Options of ``maskaug distill``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path = Field(description="Folder of a finished training run: the teacher, whose data and recipe are used.")
    out: Path | None = Field(None, description="Folder for the student's run; new or empty. [default: RUN/distilled]")
    classes: GivenClasses | None = Field(
        None,
        description="Folders of RUN's classes in its data, if they were renamed since. [default: as RUN has them]",
    )
    arch: str = Field("mobilenet_v3_small", min_length=1, description="The student: a classifier of torchvision.")
    set_: list[str] = Field(
        default_factory=list,
        description="Change a field of the student's recipe, which is the teacher's except for arch, weights=none, "
        "label_smoothing=0 and a size of at least 96; can be given again.",
    )
    seed: int = Field(0, ge=0, description="Seed of all random numbers.")
    deterministic: bool = Field(False, description="The same bytes every time on the same machine; slower on a GPU.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ...; torchrun gives each process its own.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="Of both networks' products; auto: bf16 where that is faster."
    )
    cache: Path | None = Field(None, description="Folder for decoded pictures. [default: ~/.cache/maskaug]")
    wandb: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="Weights & Biases; auto: online where there is a key, else offline."
    )
