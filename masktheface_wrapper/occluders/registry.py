"""The registry of occluders: what may stand before a face, and the sampled parameters of one such thing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.context import FaceContext
from maskaug.masktheface_wrapper.overlay import HexColor

_DARK = "#303032"

# The order decides what a seed samples: these kinds keep theirs, and later ones follow by name.
_FIRST = (
    "beard",
    "moustache",
    "hand",
    "scarf",
    "microphone",
    "cup",
    "hair",
    "patch",
    "damage",
    "null_overlay",
    "sunglasses",
    "hat",
)

# The layer that was drawn, and the steps that harmonize it; None if all of it lies outside the picture.
Rendered = tuple[Layer, HarmonizeSteps] | None


class OccluderParams(BaseModel):
    """What was sampled for one thing before one face: all that :meth:`MaskEngine.occlude` needs to repeat it.

    Lengths are in millimetres on a mean adult head, so that a value means the same on every picture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(description="name of a registered occluder")
    style: str = Field("", description="one of the kind's styles; empty: the first")
    color: HexColor | None = Field(
        None, description="of hair, cloth or ware; None: hair as the person's, other things dark; hands have the face's"
    )
    ink: HexColor | None = Field(
        None, description="second colour: of a pattern, a sleeve, a lid, a handle; None: there is none"
    )
    pattern: str | None = Field(None, description="name of a pattern of the cloth")
    pattern_mm: float = Field(20.0, gt=0, description="after which length the pattern repeats")
    pattern_angle: float = Field(0.0, description="by which the pattern is turned, degrees")
    size: float = Field(1.0, gt=0.1, lt=4, description="1 is the usual size of such a thing")
    shift_x: float = Field(0.0, description="to the picture's right on an upright face, from its usual place, mm")
    shift_y: float = Field(0.0, description="along the face, downwards, mm")
    tilt: float = Field(
        0.0, description="rotation in the plane of the face, clockwise, degrees; what is held comes from below at 0"
    )
    seed: int = Field(0, ge=0, description="of shapes, strokes, folds and the grain")

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        if kind not in OCCLUDERS:
            raise ValueError(f"there is no occluder {kind!r}; there are {', '.join(OCCLUDERS)}")
        return kind

    @model_validator(mode="after")
    def _known_style(self) -> "OccluderParams":
        styles = OCCLUDERS[self.kind].styles
        if self.style and self.style not in styles:
            raise ValueError(f"{self.kind} has no style {self.style!r}; it has {', '.join(styles)}")
        return self

    @property
    def paint(self) -> str:
        """Its colour as ``#rrggbb``, dark where it has none."""
        return self.color or _DARK

    @property
    def form(self) -> str:
        """Its style, or the first of its kind's."""
        return self.style or OCCLUDERS[self.kind].styles[0]


@dataclass(frozen=True)
class OccluderSpec:
    """One kind of occluder.

    Attributes:
        name: Its kind; unique.
        styles: Its variants, sampled alike often; the first is taken where none is named.
        often: How often it is sampled where nothing is said, relative to the others. 0: only where it is asked for, as
            what goes with a mask as well as without must be.
        sample: Draws the fields of :class:`OccluderParams` in which it differs from one time to the next, but for
            ``kind``, ``style`` and ``seed``, from a generator and for a style.
        render: Draws it for a face, without drawing a random number but from the parameters' own seed. None: it is
            made of a mask, which takes the engine's templates; see :meth:`MaskEngine.occlude`.
    """

    name: str
    styles: tuple[str, ...]
    often: float
    sample: Callable[[np.random.Generator, str], Mapping[str, Any]]
    render: Callable[[OccluderParams, FaceContext], Rendered] | None


# Kinds by name, in the order in which they are sampled.
OCCLUDERS: dict[str, OccluderSpec] = {}


def register(spec: OccluderSpec) -> None:
    """Add a kind of occluder: it is sampled, rendered and replayed from then on.

    Raises:
        ValueError: there is one of that name, or it has no style.
    """
    if spec.name in OCCLUDERS:
        raise ValueError(f"there is an occluder {spec.name!r} already; give this one another name")
    if not spec.styles:
        raise ValueError(f"the occluder {spec.name!r} needs a style")
    kinds = sorted([*OCCLUDERS.values(), spec], key=_place)
    OCCLUDERS.clear()
    OCCLUDERS.update({kind.name: kind for kind in kinds})


def _place(spec: OccluderSpec) -> tuple[int, str]:
    return (_FIRST.index(spec.name), "") if spec.name in _FIRST else (len(_FIRST), spec.name)
