"""Faces cut out of pictures as training sees them, and what is drawn about them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maskaug.core.files import write_atomic
from maskaug.core.manifest import Row
from maskaug.train.errors import TrainError
from maskaug.train.run_dir import RunDir

PixelBox = tuple[int, int, int, int]  # left, top, right, bottom; the last two are the first pixels outside


_FEWEST_FACES = 10  # to measure margins on
_FEWEST_PIXELS = 8
_LEAST_MARGIN = -0.4


class MarginsError(TrainError):
    """A run's margins cannot be read; the message says what to do."""


class Margins(BaseModel):
    """Where the edges of training pictures lie about the finder's boxes, in widths and heights of the box.

    The defaults are the medians over the 1259 crops of chandrikadeb7/Face-Mask-Detection; benchmarks/finder.py measures
    them. Loose portraits, a quarter of the set, lie farther out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sides: float = Field(default=0.02, gt=-0.5, description="left and right, in widths")
    above: float = Field(default=0.21, gt=-0.5, description="in heights")
    below: float = Field(default=-0.01, gt=-0.5, description="in heights; negative: the chin is cut off")

    def frame(self, box: NDArray[np.floating]) -> NDArray[np.float64]:
        """The ``(4,)`` box with these margins: left, top, right, bottom; it may reach outside the picture."""
        across, down = float(box[2] - box[0]), float(box[3] - box[1])
        reach = np.array([-self.sides * across, -self.above * down, self.sides * across, self.below * down])
        return np.asarray(box, dtype=np.float64) + reach

    def crop(self, box: NDArray[np.floating], width: int, height: int) -> PixelBox | None:
        """The part of a picture that a training picture of this face would show; None where next to nothing is left.

        Args:
            box: ``(4,)``: left, top, right, bottom as `FaceFinder.boxes` gives them.
            width, height: Of the picture, whose edges cut the crop off.
        """
        left, top, right, bottom = self.frame(box)
        cut = (max(0, round(left)), max(0, round(top)), min(width, round(right)), min(height, round(bottom)))
        return cut if min(cut[2] - cut[0], cut[3] - cut[1]) >= _FEWEST_PIXELS else None


def measure_margins(rows: Iterable[Row]) -> Margins:
    """The median margins of pictures with their largest faces' boxes; the defaults where too few are known."""
    found = []
    for row in rows:
        if row.get("box") and row.get("width") and row.get("height"):
            left, top, right, bottom = row["box"]
            across, down = right - left, bottom - top
            if min(across, down) > 0:
                sides = (left + row["width"] - right) / 2 / across
                found.append((sides, top / down, (row["height"] - bottom) / down))
    if len(found) < _FEWEST_FACES:
        return Margins()
    sides, above, below = np.maximum(np.median(found, axis=0), _LEAST_MARGIN).tolist()
    return Margins(sides=sides, above=above, below=below)


def save_margins(run: Path, margins: Margins) -> None:
    """Write ``RUN/margins.json``, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_atomic(RunDir(run).margins, margins.model_dump_json(indent=2).encode() + b"\n", run)


def load_margins(run: Path) -> Margins:
    """How faces are cut out for a run; the defaults where it does not say.

    Raises:
        MarginsError: the file is damaged.
    """
    path = RunDir(run).margins
    try:
        return Margins.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Margins()
    except (OSError, ValidationError) as error:
        raise MarginsError(f"{path} cannot be read; delete it to cut faces out as usual") from error
