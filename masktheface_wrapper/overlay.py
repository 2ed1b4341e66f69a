"""The engine's records: the sampled parameters of one mask, and the finished overlay."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from maskaug.core.arrays import Image
from maskaug.core.faces import Face, Pose

# How a mask is worn: over nose and chin, or slid down to below the nose or the chin.
Wear = Literal["correct", "under_nose", "under_chin"]
HexColor = Annotated[str, Field(pattern="^#[0-9a-f]{6}$")]


class MaskParams(BaseModel):
    """What was sampled for one mask on one face: all that :meth:`MaskEngine.apply` needs to repeat it.

    Lengths are in millimetres on a mean adult head, so that a value means the same on every picture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    template: str = Field(description="name of the template in its pack")
    kind: str = Field(description="n95, kn95, surgical, cloth, or another kind the pack defines")
    wear: Wear = Field("correct", description="how it is worn")
    slide: float = Field(0.0, ge=0, le=1, description="how far it has slid down, in heights of the mask")
    shift_x: float = Field(0.0, description="sideways, to the picture's right on an upright face, mm")
    shift_y: float = Field(0.0, description="along the face, downwards, mm")
    tilt: float = Field(0.0, description="rotation in the plane of the face, clockwise, degrees")
    scale: float = Field(1.0, gt=0.5, lt=1.5, description="size of the mask, 1 fits")
    slack: float = Field(0.0, ge=-5, le=12, description="how far it stands off, looser than usual, mm")
    color: HexColor | None = Field(None, description="of the cloth; None: as the template has it")
    pattern: str | None = Field(None, description="name of a pattern, or of a texture of the user's")
    ink: HexColor | None = Field(None, description="the pattern's second colour")
    pattern_mm: float = Field(20.0, gt=0, description="after which length the pattern repeats")
    pattern_angle: float = Field(0.0, description="by which the pattern is turned, degrees")
    strap_color: HexColor | None = Field(None, description="of the straps; None: as the template has it")
    logo: HexColor | None = Field(None, description="colour of a mark printed on one side")
    wrinkles: float = Field(0.0, ge=0, le=1, description="depth of soft folds")
    translucency: float = Field(0.0, ge=0, lt=0.5, description="share of the face that shines through")
    seed: int = Field(0, ge=0, description="of folds, of the pattern's layout and of the grain")


@dataclass(frozen=True)
class Overlay:
    """One face wearing one mask.

    Attributes:
        image: ``(H, W, 3) uint8`` RGB: the whole picture with this mask, and those put on before it.
        alpha: ``(H, W) uint8``: how much of each pixel this mask and its straps cover, 255 = all.
        face: The face that wears it, with its 68 points.
        pose: Its head pose in degrees.
        params: The sampled parameters; ``engine.apply(image, face, params)`` gives equal pixels.
        quality: In [0, 1]: how likely a person accepts it.
        reasons: Names of what lowers the quality, gravest first: ``misplaced``, ``landmarks_unstable``,
            ``something_before_face``, ``too_small``, ``out_of_frame``, ``extreme_pose``,
            ``low_coverage``. Empty where nothing does.
        features: What ``quality`` is made of, each in [0, 1], by reason; 1 is faultless.
    """

    image: Image
    alpha: NDArray[np.uint8]
    face: Face
    pose: Pose
    params: MaskParams
    quality: float
    reasons: tuple[str, ...]
    features: dict[str, float]
