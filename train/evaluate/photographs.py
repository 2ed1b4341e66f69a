"""Photographs divided by what they are like, to see under which circumstances a classifier fails."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from maskaug.core.classes import UNMASKED
from maskaug.core.containers import locate
from maskaug.core.pictures import PictureError, read_picture
from maskaug.train.data.largest_face import face_in, largest_box
from maskaug.train.evaluate.slices import Division
from maskaug.train.evaluate.traits import Traits, measure_traits

LIGHT, CONTRAST, BACKLIGHT, BLUR = "light of the face", "contrast of the face", "backlight", "blur"
SIZE, TURN, LEAN, FACE, COLOR = "size of the face", "turn of the face", "lean of the face", "face", "colour of the mask"
DARK, DIM, BRIGHT = "dark, below 45 of 255", "dim, 45 to 80", "bright, 190 and more"
FLAT, BLURRED = "flat, deviation below 14 % of the mean", "3 % of its width and more"
BACKLIT = "surroundings lighter by 50 of 255"
TINY, SMALL = "below 24 px", "24 to 48 px"
FAR, PROFILE, NO_LANDMARKS = "30 to 45°", "45° and more", "no landmarks found"
LEANING, NO_FACE = "20° and more", "none found"


@dataclass(frozen=True)
class _Scale:
    """A trait that is a number: its parts, and the numbers that divide them.

    Attributes:
        by: Its name.
        value: Of a photograph; nan where unknown.
        edges: In rising order.
        parts: One more than edges.
        unknown: The part of photographs of which it is unknown; empty: they are in none.
    """

    by: str
    value: Callable[[Traits], float]
    edges: tuple[float, ...]
    parts: tuple[str, ...]
    unknown: str = ""

    def divide(self, traits: Sequence[Traits | None]) -> Division:
        """The part of each photograph; None is one that could not be read again."""
        return Division(self.by, [self._name(one) for one in traits], [*self.parts, self.unknown])

    def _name(self, one: Traits | None) -> str:
        if one is None or isnan(value := self.value(one)):
            return "" if one is None or not one.found else self.unknown
        return self.parts[int(np.digitize(value, self.edges))]


# Where light, contrast and blur are divided, one in twenty of 200 unmasked faces of FairFace, LFW and
# chandrikadeb7/Face-Mask-Detection or fewer lie beyond.
_SCALES = (
    _Scale(LIGHT, lambda one: one.light, (45, 80, 190), (DARK, DIM, "80 to 190", BRIGHT)),
    _Scale(CONTRAST, lambda one: one.contrast, (0.14,), (FLAT, "deviation of 14 % and more")),
    _Scale(BACKLIGHT, lambda one: one.backlight, (50,), ("surroundings less light", BACKLIT)),
    _Scale(BLUR, lambda one: one.blur, (3,), ("below 3 % of its width", BLURRED)),
    _Scale(SIZE, lambda one: one.side, (24, 48, 96), (TINY, SMALL, "48 to 96 px", "96 px and more")),
    _Scale(TURN, lambda one: one.yaw, (15, 30, 45), ("below 15°", "15 to 30°", FAR, PROFILE), NO_LANDMARKS),
    _Scale(LEAN, lambda one: one.roll, (20,), ("below 20°", LEANING)),
    _Scale(FACE, lambda one: float(one.found), (0.5,), (NO_FACE, "found")),
)


def divide_photographs(
    paths: Sequence[str], labels: NDArray[np.integer], progress: Callable[[int, int], None]
) -> list[Division]:
    """Divisions of photographs; a colour have those of masks alone.

    Args:
        paths: Of N pictures, as `Predictions` has them.
        labels: ``(N,)``: the place of each one's class among the classes.
        progress: Called with photographs looked at, and of how many.

    Raises:
        ModelError: a model of the finder cannot be used.
    """
    traits = []
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for one in threads.map(_look, paths):
            traits.append(one)
            progress(len(traits), len(paths))
    pairs = zip(traits, labels, strict=True)
    colors = ["" if one is None or label == UNMASKED else one.color for one, label in pairs]
    return [*(scale.divide(traits) for scale in _SCALES), Division(COLOR, colors)]


def _look(path: str) -> Traits | None:
    """None where the file, which was judged a moment ago, or as it was cached, cannot be read."""
    try:
        located = locate(path)
        if located is None:
            return None
        image = read_picture(located).pixels
    except (PictureError, OSError):
        return None
    box = largest_box(image)
    return measure_traits(image, box, None if box is None else face_in(image, box))
