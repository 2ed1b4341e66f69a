"""Fabric: a template's cloth in another colour, print, wear and thickness."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.core.resize import resampling, shrink
from maskaug.masktheface_wrapper.cloth.patterns import PATTERNS, pattern_share
from maskaug.masktheface_wrapper.cloth.template import PackError, Template, Texel
from maskaug.masktheface_wrapper.overlay import MaskParams

_Color = tuple[int, int, int]

_WIDTH_MM = 190.0  # of a flat mask, from side edge to side edge
_CREASE = 0.16  # brightness of the deepest wrinkles
_FOLDS = (48, 64)  # height and width of the grid they are worked out on
_LOGO_MM = (14.0, 34.0)


def render_cloth(template: Template, level: int, params: MaskParams, textures: Mapping[str, Image]) -> Texel:
    """A level of the template as this mask has it, ``(h, w, 4) uint8`` premultiplied RGBA.

    Args:
        template: The template; it is not changed.
        level: Number of the level; see `Template.level`.
        params: Its color, ink, pattern, wrinkles, translucency and logo.
        textures: The user's own prints, ``(h, w, 3) uint8`` RGB by name.
    """
    plain = params.color is None and params.pattern is None
    texels = template.level(level) if plain else template.relief(level)
    if plain and not (params.wrinkles or params.translucency or params.logo):
        return texels
    rng = np.random.default_rng([params.seed, 1])
    size = (texels.shape[0], texels.shape[1])
    # A relief is 128 where it is the cloth itself.
    color = np.ones(3, dtype=np.float32) if plain else _dyed(template, params, textures, size, rng) / np.float32(128)
    drawn = cv2.multiply(texels, _factors(color, size, params, rng), dtype=cv2.CV_8U)
    if params.logo:
        _stamp(drawn, params.logo, rng)
    return np.asarray(drawn, dtype=np.uint8)


def _factors(
    color: NDArray[np.float32], size: tuple[int, int], params: MaskParams, rng: np.random.Generator
) -> NDArray[np.float32]:
    """``(h, w, 4) float32``: what the texels are multiplied by, for cloth of ``(h, w, 3)`` or ``(3,)`` colours."""
    opaque = np.float32(int(255 * (1 - params.translucency)) / 255)  # a whole number of alpha's steps
    light = _wrinkles(params.wrinkles, rng) * opaque if params.wrinkles else np.full(_FOLDS, opaque)
    if color.ndim == 1:
        coarse = cv2.merge([*(light * channel for channel in color), np.full_like(light, opaque)])
        return np.asarray(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    fine = cv2.resize(light, size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.merge([cv2.multiply(color, cv2.merge([fine] * 3)), np.full_like(fine, opaque)]))


def hex_to_rgb(color: str) -> _Color:
    """``#rrggbb`` as three numbers.

    Raises:
        ValueError: it is none.
    """
    if len(color) != 7 or color[0] != "#":
        raise ValueError(f"a color must be written as #rrggbb, but is {color!r}")
    red, green, blue = bytes.fromhex(color[1:])
    return red, green, blue


def _dyed(
    template: Template,
    params: MaskParams,
    textures: Mapping[str, Image],
    size: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """``(h, w, 3) float32`` or ``(3,)``: the cloth's own colours."""
    mm = _WIDTH_MM / size[1]
    cloth = np.array(hex_to_rgb(params.color), dtype=np.float32) if params.color else template.cloth
    if params.pattern is None:
        return cloth
    if params.pattern in textures:
        return _tiled(textures[params.pattern], size, params.pattern_mm / mm, params.pattern_angle, rng)
    if params.pattern not in PATTERNS:
        known = ", ".join([*PATTERNS, *textures])
        raise PackError(f"there is no texture {params.pattern!r}; there are {known}")
    share = pattern_share(
        params.pattern, size, rng, mm_per_texel=mm, period_mm=params.pattern_mm, angle=params.pattern_angle
    )
    ink = np.array(hex_to_rgb(params.ink or "#ffffff"), dtype=np.float32)
    return np.asarray(cloth + share[..., None] * (ink - cloth), dtype=np.float32)


def _tiled(
    texture: Image, size: tuple[int, int], texels: float, angle: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A texture whose width is ``texels``, turned, from a random place on, mirrored where it ends."""
    scale = texels / texture.shape[1]
    if scale < 1:
        texture = np.asarray(cv2.resize(texture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        scale = 1.0
    to_mask = cv2.getRotationMatrix2D((0, 0), angle, scale)
    to_mask[:, 2] = rng.random(2) * texture.shape[1::-1] * scale
    drawn = cv2.warpAffine(texture, to_mask, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(drawn, dtype=np.float32)


def _wrinkles(depth: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """``_FOLDS float32``: brightness of cloth that hangs in soft folds, lit from above."""
    height = np.zeros(_FOLDS, dtype=np.float32)
    for cells, weight in (((9, 6), 1.0), ((17, 9), 0.3)):
        rough = rng.standard_normal(cells, dtype=np.float32) * np.float32(weight)
        up, along = (resampling(*sides, cv2.INTER_CUBIC) for sides in zip(cells, _FOLDS, strict=True))
        height += up @ rough @ along.T
    slope = np.minimum(np.maximum(cv2.Sobel(height, -1, 0, 1, ksize=3, scale=_FOLDS[0] / 72), -2), 2)
    return np.asarray(1 - np.float32(_CREASE * depth) * slope, dtype=np.float32)


def _stamp(texels: Texel, logo: str, rng: np.random.Generator) -> None:
    """Print a mark on one half of the cloth: a disc, a bar or letters, in place."""
    height, width = texels.shape[:2]
    wide = rng.uniform(*_LOGO_MM) * width / _WIDTH_MM
    x = width * (0.5 + rng.choice((-1, 1)) * rng.uniform(0.12, 0.27))
    y = height * rng.uniform(0.35, 0.68)
    # No mark reaches beyond this part of the cloth.
    left, top = max(int(x - wide / 2) - 3, 0), max(int(y - wide / 2) - 3, 0)
    part = slice(top, int(y + wide) + 3), slice(left, int(x + wide / 2) + 3)
    print_on = texels[part]
    mark = np.zeros(print_on.shape[:2], dtype=np.uint8)
    shape = rng.integers(3)
    if shape == 0:
        cv2.circle(mark, (round(x) - left, round(y) - top), max(1, round(wide / 3)), 255, -1, cv2.LINE_AA)
    elif shape == 1:
        start = round(x - wide / 2) - left, round(y - wide / 5) - top
        end = round(x + wide / 2) - left, round(y + wide / 5) - top
        cv2.rectangle(mark, start, end, 255, -1, cv2.LINE_AA)
    else:
        text = "".join(rng.choice(list("ABCDEFHKLMNOPRSTUVXZ"), rng.integers(2, 6)))
        (text_width, text_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 1.0, 2)
        large = np.zeros((text_height + 12, text_width + 12), dtype=np.uint8)
        cv2.putText(large, text, (6, text_height + 4), cv2.FONT_HERSHEY_DUPLEX, 1.0, 255, 2, cv2.LINE_AA)
        # Warping samples without averaging: letters that are to be smaller are shrunk first.
        letters = shrink(large, min(wide / large.shape[1], 1.0))
        scale = wide / letters.shape[1]
        place = np.array([[scale, 0, x - wide / 2 - left], [0, scale, y - wide / 6 - top]])
        mark = np.asarray(cv2.warpAffine(letters, place, mark.shape[::-1], flags=cv2.INTER_LINEAR), dtype=np.uint8)
    share = mark[..., None].astype(np.float32) / 255 * 0.9
    ink = np.array(hex_to_rgb(logo), dtype=np.float32) * (print_on[..., 3:] / np.float32(255))
    print_on[..., :3] = np.round(print_on[..., :3] * (1 - share) + share * ink)
