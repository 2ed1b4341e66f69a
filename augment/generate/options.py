"""Options of ``maskaug generate``: parsed by the command line, checked here, saved beside the output as resolved."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from maskaug.augment.generate.annotations.classes import ROLES, Role
from maskaug.augment.masking.options import EngineOptions
from maskaug.core.classes import INCORRECT_CLASS, MASKED_CLASS, UNMASKED_CLASS
from maskaug.core.options import Folder
from maskaug.core.pictures import PictureFormat

# Options that say how a run is done, not what comes out: they are not saved, and may differ on resuming.
RUN_ONLY = frozenset({"dst", "workers", "overwrite", "resume"})


def _cores() -> int:
    """Cores this process may use; containers and clusters often grant fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parse_classes(value: object) -> object:
    """``without_mask,person=no_face`` as roles by class."""
    if not isinstance(value, str):
        return value
    roles: dict[str, str] = {}
    for part in value.split(","):
        name, _, role = (text.strip() for text in part.partition("="))
        if not name:
            raise ValueError("a class is missing; write for example without_mask,person=no_face")
        if name in roles:
            raise ValueError(f"{name} is named twice")
        if role and role not in ROLES:
            raise ValueError(f"{name} cannot be {role}; choose among {', '.join(ROLES)}")
        roles[name] = role or "bare"
    return roles


BoxClasses = Annotated[dict[str, Role], BeforeValidator(_parse_classes)]


class GenerateOptions(EngineOptions):
    """Options of ``maskaug generate``."""

    src: Folder = Field(description="ImageFolder of faces, with or without splits.")
    dst: Folder = Field(description="Where the data set goes.")
    source_class: str = Field(UNMASKED_CLASS, min_length=1, description="Class whose pictures get masks.")
    masked_class: str = Field(MASKED_CLASS, min_length=1, description="Class of the masked copies.")
    incorrect_class: str = Field(
        INCORRECT_CLASS, min_length=1, description="Class of copies whose mask leaves nose or mouth free."
    )
    copies: int | None = Field(None, ge=0, description="Masked copies of each picture, instead of balancing.")
    balance: bool = Field(False, description="As many copies as make the classes equal in each split; the default.")
    faceless: Literal["refuse", "keep"] = Field(
        "refuse",
        description="Pictures of --source-class in which no face is found: leave them out, or write them unmasked.",
    )
    annotations: Path | None = Field(
        None,
        description="Faces of your own instead of detected ones: a table of boxes or landmarks (CSV, parquet), boxes "
        "as Pascal VOC, YOLO or COCO, or an earlier output.",
    )
    box_classes: BoxClasses | None = Field(
        None,
        description="Classes of boxes that are bare faces, such as without_mask; NAME=no_face leaves a class out of "
        "account, all others wear a mask already. [default: by their names]",
    )
    min_quality: float = Field(0.2, ge=0, le=1, description="Copies scored lower are refused.")
    format: PictureFormat = Field("jpeg", description="Format of all written pictures.")
    jpeg_quality: int = Field(95, ge=1, le=100, description="Quality of written JPEGs.")
    max_size: int | None = Field(None, ge=64, description="Longest side of written pictures; larger ones are shrunk.")
    alpha: bool = Field(False, description="Also write what the masks cover, under alpha/.")
    workers: int = Field(
        default_factory=_cores, ge=1, description="Processes; the output does not depend on it. [default: one a core]"
    )
    overwrite: bool = Field(False, description="Replace an earlier output in DST.")
    resume: bool = Field(False, description="Go on with a run that was stopped.")

    @model_validator(mode="after")
    def _consistent(self) -> "GenerateOptions":
        if self.balance and self.copies is not None:
            raise ValueError("--balance and --copies exclude each other; give one")
        if self.overwrite and self.resume:
            raise ValueError("--overwrite and --resume exclude each other; give one")
        if self.box_classes is not None and self.annotations is None:
            raise ValueError("--box-classes says what --annotations are; give both or none")
        if len({self.source_class, self.masked_class, self.incorrect_class}) < 3:
            raise ValueError("--source-class, --masked-class and --incorrect-class must differ")
        return self

    @property
    def balanced_class(self) -> str:
        """The class that is made as large as the source class."""
        return self.masked_class if self.correct_share > 0 else self.incorrect_class

    @property
    def correct_share(self) -> float:
        """Share of copies whose mask is worn as it should be."""
        return self.wear.get("correct", 0.0) / sum(self.wear.values())

    def resolved(self) -> dict[str, Any]:
        """What determines the output, as saved in ``config.json``."""
        return self.model_dump(mode="json", exclude=set(RUN_ONLY))
