"""Options of the commands that put masks on."""

import re
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from maskaug.masktheface_wrapper import Variety, Wear


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


class MaskCode(BaseModel):
    """One mask of ``--code``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    color: str | None = None
    texture: Path | None = None


def _check_weights(weights: dict[str, float]) -> dict[str, float]:
    if any(not 0 <= weight < float("inf") for weight in weights.values()) or sum(weights.values()) <= 0:
        raise ValueError("weights must be 0 or more, and not all 0")
    return weights


def _check_wear(weights: dict[str, float]) -> dict[str, float]:
    unknown = sorted(weights.keys() - set(get_args(Wear)))
    if unknown:
        raise ValueError(f"{unknown[0]} is not a way of wearing a mask; choose among {', '.join(get_args(Wear))}")
    return weights


Kinds = Annotated[dict[str, float], BeforeValidator(_parse_kinds), AfterValidator(_check_weights)]


Wears = Annotated[
    dict[str, float], BeforeValidator(_parse_kinds), AfterValidator(_check_weights), AfterValidator(_check_wear)
]


Color = Annotated[str, AfterValidator(_parse_color)]


Codes = Annotated[tuple[MaskCode, ...], BeforeValidator(_parse_code)]


class EngineOptions(BaseModel):
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
    auto_rotate: bool = Field(
        False, description="Write photographs that lie on their side or upside down upright, not as they came."
    )
    landmarks: Path | None = Field(
        None,
        description="What finds landmarks: mesh, MediaPipe's, which may be used commercially, or the file of another "
        "68-point dlib shape predictor. [default: dlib's, which may not]",
    )
    seed: int = Field(0, ge=0, description="Seed of everything random.")


class ApplyOptions(EngineOptions):
    """Options of ``maskaug apply``."""

    pictures: list[str] = Field(min_length=1, description="Pictures, or patterns such as 'photos/*.jpg'.")
    output: Path | None = Field(None, description="Output picture, or a folder for several. [default: NAME_masked]")
    jpeg_quality: int = Field(95, ge=1, le=100, description="Quality of written JPEGs.")
