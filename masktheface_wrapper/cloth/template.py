"""Templates: pictures of flat masks with named anchor points, and packs of them."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from maskaug.core.color import LUMA
from maskaug.core.errors import MaskaugError, OptionError
from maskaug.core.text import printable

Texel = NDArray[np.uint8]  # (h, w, 4): premultiplied RGBA

# How a mask is cut, which decides the surface it is bent over: see fit/shell.py.
ShellName = Literal["wrap", "fold", "cup"]
AnchorName = Literal["left_top", "nose", "right_top", "left_bottom", "chin", "right_bottom"]
ANCHOR_NAMES: tuple[AnchorName, ...] = (
    "left_top",
    "nose",
    "right_top",
    "left_bottom",
    "chin",
    "right_bottom",
)

FARTHEST_ANCHOR = 20_000  # pixels from the corner of a template's picture
_MOST_PIXELS = 25_000_000  # of a template's picture: its levels take a dozen bytes for each

# Folds and stitches are this much darker or brighter than the cloth at most.
_RELIEF = (0.25, 1.25)
_SMALLEST_LEVEL = 48  # pixels; below that a template has no structure left to filter


class PackError(MaskaugError):
    """A template pack cannot be used; the message says which file, what is wrong and what to do."""


class NoSuchMaskError(PackError, OptionError):
    """The pack has no mask of this kind or name; the message says which it has."""


class Straps(BaseModel):
    """How a mask is held: loops behind the ears, or bands round the head."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    style: Literal["ear_loops", "head_bands"]
    color: tuple[int, int, int]  # RGB
    width_mm: float = Field(gt=0, le=20)


@dataclass(frozen=True)
class TemplatePicture:
    """The picture of a flat mask, decoded when it is first needed: most faces are small, and half of it is enough.

    Attributes:
        file: Of the picture.
        size: Its height and width in pixels.
        half: File of the same picture at half the size with premultiplied alpha; None: there is none.
    """

    file: Path
    size: tuple[int, int]
    half: Path | None = None

    @cached_property
    def rgba(self) -> NDArray[np.uint8]:
        """``(H, W, 4) uint8``, straight alpha."""
        return read_template_picture(self.file)


@dataclass(frozen=True)
class Template:
    """One flat mask.

    Attributes:
        name: Unique in its pack.
        kind: What it is: ``n95``, ``kn95``, ``surgical``, ``cloth``, or another kind its pack defines.
        picture: Of the flat mask.
        anchors: Six named points, x and y in the template's pixels. ``left`` is the picture's left; the
            ``_top`` and ``_bottom`` points end the side edges, ``nose`` and ``chin`` are the middles of the
            top and the bottom edge.
        weight: How often it is sampled among those of its kind, relative to the others.
        shell: The surface it is bent over, or None for a template that is mapped by a homography.
        straps: How it is held, or None where the picture has its own straps or none.
        turned: Templates of the same mask seen from the side, by where the face turns: MaskTheFace's sprites.
    """

    name: str
    kind: str
    picture: TemplatePicture
    anchors: Mapping[AnchorName, tuple[float, float]]
    weight: float = 1.0
    shell: ShellName | None = None
    straps: Straps | None = None
    turned: Mapping[Literal["left", "right"], "Template"] = field(default_factory=dict)

    @property
    def rgba(self) -> NDArray[np.uint8]:
        """``(H, W, 4) uint8``, straight alpha."""
        return self.picture.rgba

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return self.picture.size

    @cached_property
    def level_count(self) -> int:
        """How many levels there are: the template at full size, a half, a quarter ..."""
        return max(int(math.log2(min(self.size) / _SMALLEST_LEVEL)), 0) + 1

    def level(self, number: int) -> Texel:
        """A level of the template, ``(h, w, 4) uint8`` with premultiplied alpha; 0 is the full size.

        Sampling the level whose texels are about a pixel large filters by area; premultiplying keeps the
        colour of transparent texels, which means nothing, out of the edge.
        """
        # The full size would take more memory than it takes time.
        return self._smaller_levels[number - 1] if number else premultiplied(self.rgba)

    @cached_property
    def _smaller_levels(self) -> list[Texel]:
        if self.level_count == 1:
            return []
        half = self.picture.half
        levels = [halved(self.level(0)) if half is None else read_template_picture(half)]
        while len(levels) < self.level_count - 1:
            levels.append(halved(levels[-1]))
        return levels

    @cached_property
    def cloth(self) -> NDArray[np.float32]:
        """``(3,) float32``: the colour of the cloth, the median of the opaque texels, RGB in [0, 255]."""
        smallest = self.level(self.level_count - 1)
        opaque = smallest[smallest[..., 3] > 250]
        return np.asarray(np.median(opaque[:, :3], axis=0) if len(opaque) else np.full(3, 200), dtype=np.float32)

    def relief(self, level: int) -> Texel:
        """``(h, w, 4) uint8``: brightness of a level's texels over the cloth's, 128 where it is the cloth's.

        Folds, stitches, wire and binding; a binding of another colour counts mostly as one of another brightness. As
        in the level itself the fourth channel is alpha, and the others are premultiplied by it.
        """
        if level not in self._reliefs:
            straight = cv2.cvtColor(self.level(level), cv2.COLOR_mRGBA2RGBA)
            over = np.arange(256, dtype=np.float32)[:, None] / np.maximum(self.cloth, 8)
            brightness = cv2.LUT(straight[..., :3], np.clip(over, *_RELIEF)[None] * np.float32(128))
            mixed = cv2.convertScaleAbs(cv2.transform(brightness, 0.3 * np.eye(3) + 0.7 * np.tile(LUMA, (3, 1))))
            relief = cv2.merge([mixed, straight[..., 3]])
            self._reliefs[level] = np.asarray(cv2.cvtColor(relief, cv2.COLOR_RGBA2mRGBA), dtype=np.uint8)
        return self._reliefs[level]

    @cached_property
    def _reliefs(self) -> dict[int, Texel]:
        return {}

    def chart_to_pixels(self, chart: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(N, 2)`` chart positions (u, v) of a shell to ``(N, 2) float32`` pixels of the template.

        Across, u runs from the left to the right side edge; down, v runs from a quadratic through the three
        top anchors to one through the three bottom anchors.
        """
        u, v = chart.T
        bow = 1 - u**2
        along = np.stack([(1 - u - bow) / 2, bow, (1 + u - bow) / 2])
        anchors = np.array([self.anchors[name] for name in ANCHOR_NAMES], dtype=np.float32)
        return np.asarray(np.concatenate([along * (1 - v), along * v]).T @ anchors, dtype=np.float32)


@dataclass(frozen=True)
class Pack:
    """Templates by name, in the order of the pack's file."""

    name: str
    templates: Mapping[str, Template]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its templates, each once."""
        return tuple(dict.fromkeys(template.kind for template in self.templates.values()))

    def of_kind(self, kind: str) -> tuple[Template, ...]:
        """Templates of a kind.

        Raises:
            NoSuchMaskError: the pack has none.
        """
        found = tuple(template for template in self.templates.values() if template.kind == kind)
        if not found:
            raise NoSuchMaskError(f"pack {self.name!r} has no mask of kind {kind!r}; it has {', '.join(self.kinds)}")
        return found

    def named(self, name: str) -> tuple[Template, ...]:
        """The template of that name, or else those of that kind.

        Raises:
            NoSuchMaskError: the pack has neither.
        """
        if name in self.templates:
            return (self.templates[name],)
        try:
            return self.of_kind(name)
        except NoSuchMaskError:
            known = ", ".join([*self.kinds, *self.templates])
            raise NoSuchMaskError(f"pack {self.name!r} has no mask called {name!r}; it has {known}") from None


def premultiplied(rgba: NDArray[np.uint8]) -> Texel:
    """A template's ``(H, W, 4) uint8`` picture with its colours multiplied by alpha."""
    return np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2mRGBA), dtype=np.uint8)


def halved(texels: Texel) -> Texel:
    """The next level, half as high and wide."""
    height, width = texels.shape[:2]
    return np.asarray(cv2.resize(texels, (width // 2, height // 2), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def template_picture(file: Path, half: Path | None = None) -> TemplatePicture:
    """A template's picture by its header, from which it is told whether it can be used.

    Args:
        file: Of the picture, RGBA.
        half: See `TemplatePicture`.

    Raises:
        PackError: a file is missing, is no picture, or has no alpha channel, or the half is of another size.
    """
    (width, height), (wide, high) = (_size(one) for one in (file, half or file))
    if half is not None and (wide, high) != (width // 2, height // 2):
        raise PackError(f"{half} must be half as large as {file.name}, {width // 2} x {height // 2}; draw it again")
    return TemplatePicture(file, (height, width), half)


def _size(file: Path) -> tuple[int, int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of large pictures; the limit is our own
        try:
            with Image.open(file) as picture:
                size, mode = picture.size, picture.mode
        except FileNotFoundError as error:
            raise PackError(f"cannot read template {printable(str(file))}: {error.strerror}") from error
        # Damaged files make decoders fail in any way: SyntaxError, struct.error, DecompressionBombError ...
        except Exception as error:
            raise PackError(f"template {printable(str(file))} is not a picture; export it again as PNG") from error
    if size[0] * size[1] > _MOST_PIXELS:
        raise PackError(f"template {printable(str(file))} claims {size[0]} x {size[1]} pixels; scale it down")
    if mode != "RGBA":
        read_template_picture(file)  # for the reason why it cannot be used, or a format that Pillow calls otherwise
    return size


def read_template_picture(file: Path) -> NDArray[np.uint8]:
    """A template's picture, ``(H, W, 4) uint8`` RGBA.

    Raises:
        PackError: the file is missing, is no picture, or has no alpha channel.
    """
    try:
        data = np.frombuffer(file.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise PackError(f"cannot read template {printable(str(file))}: {error.strerror}") from error
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except cv2.error:
        picture = None
    if picture is None:
        raise PackError(f"template {printable(str(file))} is not a picture; export it again as PNG")
    if picture.ndim != 3 or picture.shape[2] != 4 or picture.dtype != np.uint8:
        raise PackError(f"template {printable(str(file))} must be an 8-bit picture with transparency (RGBA)")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA), dtype=np.uint8)
