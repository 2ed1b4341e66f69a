"""Options of the commands: parsed by the command line, checked here, saved beside the outputs as resolved."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from maskaug.augment.pictures import PictureFormat, printable
from maskaug.masktheface_wrapper import Variety, Wear

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


def _parse_color(value: str) -> str:
    color = value.strip().lower()
    if not re.fullmatch("#[0-9a-f]{6}", color):
        raise ValueError(f"a colour is written like #0473e2, but this is {value!r}")
    return color


def _parse_code(value: object) -> object:
    """MaskTheFace's codes: ``cloth-#e54294, N95, surgical_blue, cloth-textures/check.png``."""
    if not isinstance(value, str):
        return value
    codes = []
    for part in value.split(","):
        name, _, cloth = part.strip().partition("-")
        if not name:
            raise ValueError("a mask is missing; write for example cloth-#e54294,n95,surgical_blue")
        code: dict[str, object] = {"name": name.lower()}
        if cloth.startswith("#"):
            code["color"] = _parse_color(cloth)
        elif cloth:
            code["texture"] = cloth
        codes.append(code)
    return codes


class Code(BaseModel):
    """One mask of ``--code``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    color: str | None = None
    texture: Path | None = None


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


def _check_wear(weights: dict[str, float]) -> dict[str, float]:
    unknown = sorted(weights.keys() - set(get_args(Wear)))
    if unknown:
        raise ValueError(f"{unknown[0]} is no way of wearing a mask; there are {', '.join(get_args(Wear))}")
    return weights


Kinds = Annotated[dict[str, float], BeforeValidator(_parse_kinds), AfterValidator(_check_weights)]
Wears = Annotated[
    dict[str, float], BeforeValidator(_parse_kinds), AfterValidator(_check_weights), AfterValidator(_check_wear)
]
Color = Annotated[str, AfterValidator(_parse_color)]
Codes = Annotated[tuple[Code, ...], BeforeValidator(_parse_code)]
Folder = Annotated[Path, AfterValidator(_check_text)]


class Engine(BaseModel):
    """Options that every command which puts masks on has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: Kinds | None = Field(
        None, description="Kinds of mask, weights allowed: n95,kn95,surgical=3,cloth. [default: all of the pack]"
    )
    pack: Path | None = Field(None, description="Folder of another template pack, ours or MaskTheFace's.")
    variety: Variety = Field(
        "real",
        description="How much masks differ: none: as their templates; real: as one meets them; wide: anything; "
        "wild: more than that, for training.",
    )
    wear: Wears = Field(
        {"correct": 1.0},
        description="How masks are worn, weights allowed: correct,under_nose=0.2,under_chin. [default: correct]",
    )
    color: Color | None = Field(None, description="Colour of the cloth, such as '#0473e2'.")
    color_weight: float = Field(0.5, ge=0, le=1, description="Share of masks that have --color.")
    pattern: Path | None = Field(None, description="Picture of a print for the cloth.")
    textures: Path | None = Field(None, description="Folder of such pictures.")
    pattern_weight: float = Field(0.5, ge=0, le=1, description="Share of masks that have --pattern or a texture.")
    code: Codes | None = Field(
        None,
        description="Only these masks: kinds or templates, each with a colour or texture: 'cloth-#e54294, N95'.",
    )
    faces: Literal["all", "largest"] = Field("all", description="Mask every face of a picture, or the largest.")
    landmarks: Path | None = Field(None, description="Another 68-point dlib shape predictor.")
    seed: int = Field(0, ge=0, description="Seed of all that is drawn at random.")


class GenerateOptions(Engine):
    """Options of ``maskaug generate``."""

    src: Folder = Field(description="ImageFolder of faces, with or without splits.")
    dst: Folder = Field(description="Where the data set goes.")
    source_class: str = Field("not_wearing_mask", min_length=1, description="Class that gets masks.")
    masked_class: str = Field("wearing_mask", min_length=1, description="Class of the masked copies.")
    incorrect_class: str = Field(
        "mask_worn_incorrectly", min_length=1, description="Class of copies whose mask leaves nose or mouth free."
    )
    copies: int | None = Field(None, ge=0, description="Masked copies a picture, instead of balancing.")
    balance: bool = Field(False, description="As many copies as make the classes equal in each split; the default.")
    annotations: Path | None = Field(
        None,
        description="Boxes or landmarks of your own (CSV, parquet), or an earlier output: skips detection.",
    )
    min_quality: float = Field(0.2, ge=0, le=1, description="Copies scored lower are refused.")
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


class ApplyOptions(Engine):
    """Options of ``maskaug apply``."""

    pictures: list[str] = Field(min_length=1, description="Pictures, or patterns such as 'photos/*.jpg'.")
    output: Path | None = Field(None, description="Output picture, or a folder for several. [default: NAME_masked]")
    jpeg_quality: int = Field(95, ge=1, le=100, description="Of written JPEGs.")


class CurateOptions(BaseModel):
    """Options of ``maskaug curate``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dst: Folder = Field(description="Output of maskaug generate, with the decisions made on it.")
    out: Folder = Field(description="Where the curated data set goes.")
    policy: Literal["majority", "unanimous", "any"] = Field(
        "majority", description="A picture stays if more accept than reject it, nobody rejects it, or any accepts it."
    )
    undecided: Literal["keep", "drop", "by-score"] = Field(
        "keep", description="What becomes of masked copies that nobody has decided on."
    )
    min_quality: float | None = Field(None, ge=0, le=1, description="Score that the undecided need, with by-score.")
    balance: Literal["min", "none"] = Field(
        "min", description="min: each class of a split gets as many pictures as its smallest, drawn at random."
    )
    duplicates: Literal["move", "drop"] = Field(
        "move", description="What becomes of pictures whose near-duplicates lie in another split."
    )
    val_share: float | None = Field(
        None, gt=0, lt=1, description="Share of the pictures to set apart as val, if there is but one split."
    )
    to: Literal["imagefolder", "webdataset", "hf"] = Field(
        "imagefolder", description="Format: folders, tar shards, or folders that Hugging Face's datasets loads."
    )
    link: Literal["copy", "hard", "sym"] = Field("copy", description="Copy the pictures, or link to them.")
    seed: int = Field(0, ge=0, description="Seed of all that is drawn at random.")
    overwrite: bool = Field(False, description="Replace an earlier curated data set in OUT.")

    @model_validator(mode="after")
    def _consistent(self) -> "CurateOptions":
        if (self.undecided == "by-score") != (self.min_quality is not None):
            raise ValueError("--undecided by-score and --min-quality need each other; give both or neither")
        if self.to == "webdataset" and self.link != "copy":
            raise ValueError("--to webdataset packs the pictures into tar files; leave out --link")
        return self


class AgreementOptions(BaseModel):
    """Options of ``maskaug agreement``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dst: Folder = Field(description="Output of maskaug generate, with the decisions made on it.")
    resamples: int = Field(1000, ge=100, description="Bootstrap samples behind the intervals.")
    seed: int = Field(0, ge=0, description="Seed of all that is drawn at random.")
