"""`OccluderParams`: the drawn parameters of one thing before a face that is no mask."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maskaug.masktheface_wrapper.overlay import HexColor

OccluderKind = Literal[
    "beard",
    "moustache",
    "hand",
    "scarf",
    "microphone",
    "cup",
    "hair",
    "patch",
    "damage",
    "ghost",
    "sunglasses",
    "hat",
]

# The styles of each kind; the first is taken where none is named.
STYLES: dict[OccluderKind, tuple[str, ...]] = {
    "beard": ("full", "short", "stubble", "goatee"),
    "moustache": ("thick", "thin", "horseshoe"),
    "hand": ("palm", "fist", "fingers"),
    "scarf": ("wound", "loose"),
    "microphone": ("ball", "foam"),
    "cup": ("mug", "paper", "glass"),
    "hair": ("strands", "lock", "long"),
    "patch": ("ellipse", "polygon", "bar", "blurred", "pixelated"),
    "damage": ("jpeg", "pixelated", "smear"),
    "ghost": ("mask",),
    "sunglasses": ("square", "round", "aviator"),
    "hat": ("cap", "beanie", "hood"),
}

_DARK = "#303032"


class OccluderParams(BaseModel):
    """What was drawn for one thing before one face: all that :meth:`MaskEngine.occlude` needs to repeat it.

    Lengths are in millimetres on a mean adult head, so that a value means the same on every picture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: OccluderKind = Field(description="what it is")
    style: str = Field("", description="one of the kind's STYLES; empty: the first")
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

    @model_validator(mode="after")
    def _known_style(self) -> "OccluderParams":
        if self.style and self.style not in STYLES[self.kind]:
            raise ValueError(f"{self.kind} has no style {self.style!r}; it has {', '.join(STYLES[self.kind])}")
        return self

    @property
    def paint(self) -> str:
        """Its colour as ``#rrggbb``, dark where it has none."""
        return self.color or _DARK

    @property
    def form(self) -> str:
        """Its style, or the first of its kind's."""
        return self.style or STYLES[self.kind][0]
