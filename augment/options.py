"""Options of the commands: parsed by the command line, checked here, saved beside the outputs as resolved."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from maskaug.augment.pictures import PictureFormat, printable

# Options that say how a run is done, not what comes out: they are not saved, and may differ on resuming.
RUN_ONLY = frozenset({"dst", "workers", "overwrite", "resume"})


def _parse_kinds(value: object) -> object:
    """``n95,surgical=3`` as weights by kind."""
    if not isinstance(value, str):
        return value
    weights: dict[str, float] = {}
    for part in value.split(","):
        name, _, weight = part.strip().lower().partition("=")
        if not name:
            raise ValueError("a kind is missing; write for example n95,surgical=3")
        if name in weights:
            raise ValueError(f"{name} is named twice")
        try:
            weights[name] = float(weight) if weight else 1.0
        except ValueError:
            raise ValueError(f"the weight of {name} must be a number, but is {weight!r}") from None
    return weights


def _check_weights(weights: dict[str, float]) -> dict[str, float]:
    if any(not 0 <= weight < float("inf") for weight in weights.values()) or sum(weights.values()) <= 0:
        raise ValueError("weights must be 0 or more, and not all 0")
    return weights


def _cores() -> int:
    """Cores this process may use; containers and clusters often grant fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_text(path: Path) -> Path:
    # Neither JSON nor Arrow can hold a name that is no text.
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{printable(os.fspath(path))} is not valid UTF-8; rename the folder") from error
    return path


Kinds = Annotated[dict[str, float], BeforeValidator(_parse_kinds), AfterValidator(_check_weights)]
Folder = Annotated[Path, AfterValidator(_check_text)]


class Engine(BaseModel):
    """Options that every command which puts masks on has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: Kinds | None = Field(
        None, description="Kinds of mask, weights allowed: n95,kn95,surgical=3,cloth. [default: all of the pack]"
    )
    pack: Path | None = Field(None, description="Folder of another template pack, ours or MaskTheFace's.")
    faces: Literal["all", "largest"] = Field("all", description="Mask every face of a picture, or the largest.")
    landmarks: Path | None = Field(None, description="Another 68-point dlib shape predictor.")
    seed: int = Field(0, ge=0, description="Seed of all that is drawn at random.")


class GenerateOptions(Engine):
    """Options of ``maskaug generate``."""

    src: Folder = Field(description="ImageFolder of faces, with or without splits.")
    dst: Folder = Field(description="Where the data set goes.")
    source_class: str = Field("not_wearing_mask", min_length=1, description="Class that gets masks.")
    masked_class: str = Field("wearing_mask", min_length=1, description="Class of the masked copies.")
    copies: int | None = Field(None, ge=0, description="Masked copies a picture, instead of balancing.")
    balance: bool = Field(False, description="As many copies as make the classes equal in each split; the default.")
    annotations: Path | None = Field(
        None,
        description="Boxes or landmarks of your own (CSV, parquet), or an earlier output: skips detection.",
    )
    min_quality: float = Field(0.3, ge=0, le=1, description="Copies scored lower are refused.")
    format: PictureFormat = Field("jpeg", description="Of all written pictures.")
    jpeg_quality: int = Field(95, ge=1, le=100, description="Of written JPEGs.")
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
        if self.source_class == self.masked_class:
            raise ValueError("--source-class and --masked-class must differ")
        return self

    def resolved(self) -> dict[str, Any]:
        """What determines the output, as saved in ``config.json``."""
        return self.model_dump(mode="json", exclude=set(RUN_ONLY))


class ApplyOptions(Engine):
    """Options of ``maskaug apply``."""

    pictures: list[str] = Field(min_length=1, description="Pictures, or patterns such as 'photos/*.jpg'.")
    output: Path | None = Field(None, description="Output picture, or a folder for several. [default: NAME_masked]")
    jpeg_quality: int = Field(95, ge=1, le=100, description="Of written JPEGs.")
