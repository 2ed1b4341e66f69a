"""Fabric: a template's cloth in another colour, print, wear and thickness."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper.overlay import Image, Wearing
from maskaug.masktheface_wrapper.patterns import PATTERNS, pattern_share
from maskaug.masktheface_wrapper.skin import LUMA
from maskaug.masktheface_wrapper.template import PackError, Template

Texel = NDArray[np.uint8]  # (h, w, 4): premultiplied RGBA
_Color = tuple[int, int, int]

_WIDTH_MM = 190.0  # of a flat mask, from side edge to side edge
# A dyed template keeps its relief: folds and stitches are this much brighter or darker than the cloth at most.
_RELIEF = (0.25, 1.25)
_CREASE = 0.16  # brightness of the deepest wrinkles
_LOGO_MM = (14.0, 34.0)


def finish(template: Template, level: int, wearing: Wearing, textures: Mapping[str, Image]) -> Texel:
    """A level of the template as this mask has it, ``(h, w, 4) uint8`` premultiplied RGBA.

    Args:
        template: The template; it is not changed.
        level: Number of the level in ``template.levels``.
        wearing: Its color, ink, pattern, wrinkles, translucency and logo.
        textures: The user's own prints, ``(h, w, 3) uint8`` RGB by name.
    """
    texels = template.levels[level]
    plain = wearing.color is None and wearing.pattern is None
    if plain and not (wearing.wrinkles or wearing.translucency or wearing.logo):
        return texels
    rng = np.random.default_rng([wearing.seed, 1])
    size = texels.shape[:2]
    mm = _WIDTH_MM / size[1]
    alpha = (texels[..., 3:] / np.float32(255)).astype(np.float32)
    color = texels[..., :3].astype(np.float32)
    if not plain:
        color = np.asarray(_relief(color, template) * _dye(template, wearing, textures, size, rng) * alpha)
    if wearing.wrinkles:
        color *= _wrinkles(size, wearing.wrinkles, rng)[..., None]
    if wearing.logo:
        _stamp(color, alpha, wearing.logo, mm, rng)
    keep = 1 - wearing.translucency
    return np.dstack([np.clip(color * keep, 0, 255), alpha * (255 * keep)]).astype(np.uint8)


def rgb(color: str) -> _Color:
    """``#rrggbb`` as three numbers.

    Raises:
        ValueError: it is none.
    """
    if len(color) != 7 or color[0] != "#":
        raise ValueError(f"a color must be written as #rrggbb, but is {color!r}")
    red, green, blue = bytes.fromhex(color[1:])
    return red, green, blue


def cloth_luma(template: Template) -> float:
    """Median luma of the template's opaque texels: how light its cloth is, in [0, 255]."""
    return float(cloth_color(template) @ LUMA)


def cloth_color(template: Template) -> NDArray[np.float32]:
    """``(3,) float32``: the median of the template's opaque texels, RGB in [0, 255]."""
    smallest = template.levels[-1]
    opaque = smallest[smallest[..., 3] > 250]
    return np.asarray(np.median(opaque[:, :3], axis=0) if len(opaque) else np.full(3, 200), dtype=np.float32)


def _relief(premultiplied: NDArray[np.float32], template: Template) -> NDArray[np.float32]:
    """``(h, w, 3)``: brightness and tint of a texel over its cloth's: folds, stitches, wire, binding."""
    base = np.maximum(cloth_color(template), 8.0)
    own = np.clip(premultiplied / base, *_RELIEF)
    # A binding of another colour becomes one of another brightness.
    luma = (own @ LUMA)[..., None]
    return np.asarray(0.3 * own + 0.7 * luma, dtype=np.float32)


def _dye(
    template: Template,
    wearing: Wearing,
    textures: Mapping[str, Image],
    size: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """``(h, w, 3) float32`` or ``(3,)``: the cloth's own colours."""
    mm = _WIDTH_MM / size[1]
    cloth = np.array(rgb(wearing.color), dtype=np.float32) if wearing.color else cloth_color(template)
    if wearing.pattern is None:
        return cloth
    if wearing.pattern in textures:
        return _tiled(textures[wearing.pattern], size, wearing.pattern_mm / mm, wearing.pattern_angle, rng)
    if wearing.pattern not in PATTERNS:
        known = ", ".join([*PATTERNS, *textures])
        raise PackError(f"there is no texture {wearing.pattern!r}; there are {known}")
    share = pattern_share(
        wearing.pattern, size, rng, mm_per_texel=mm, period_mm=wearing.pattern_mm, angle=wearing.pattern_angle
    )
    ink = np.array(rgb(wearing.ink or "#ffffff"), dtype=np.float32)
    return np.asarray(cloth + share[..., None] * (ink - cloth), dtype=np.float32)


def _tiled(
    texture: Image, size: tuple[int, int], texels: float, angle: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A texture whose width is ``texels``, turned, from a random place on, mirrored where it ends."""
    shrink = texels / texture.shape[1]
    if shrink < 1:
        texture = np.asarray(cv2.resize(texture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA))
        shrink = 1.0
    to_mask = cv2.getRotationMatrix2D((0, 0), angle, shrink)
    to_mask[:, 2] = rng.random(2) * texture.shape[1::-1] * shrink
    drawn = cv2.warpAffine(texture, to_mask, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(drawn, dtype=np.float32)


def _wrinkles(size: tuple[int, int], depth: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """``(h, w) float32``: brightness of cloth that hangs in soft folds, lit from above."""
    total = np.zeros(size, dtype=np.float32)
    for cells, weight in (((9, 6), 1.0), ((17, 9), 0.6)):
        height = np.asarray(
            cv2.resize(rng.standard_normal(cells).astype(np.float32), size[::-1], interpolation=cv2.INTER_CUBIC)
        )
        slope = cv2.Sobel(height, -1, 0, 1, ksize=3, scale=size[0] / 8 / cells[0])
        total += np.float32(weight) * np.asarray(slope)
    return np.asarray(1 - _CREASE * depth * np.clip(total, -2, 2), dtype=np.float32)


def _stamp(
    color: NDArray[np.float32], alpha: NDArray[np.float32], logo: str, mm: float, rng: np.random.Generator
) -> None:
    """Print a mark on one half of the cloth: a disc, a bar or letters, in place."""
    height, width = alpha.shape[:2]
    wide = rng.uniform(*_LOGO_MM) / mm
    x = width * (0.5 + rng.choice((-1, 1)) * rng.uniform(0.12, 0.27))
    y = height * rng.uniform(0.35, 0.68)
    mark = np.zeros((height, width), dtype=np.uint8)
    shape = rng.integers(3)
    if shape == 0:
        cv2.circle(mark, (round(x), round(y)), max(1, round(wide / 3)), 255, -1, cv2.LINE_AA)
    elif shape == 1:
        corners = (round(x - wide / 2), round(y - wide / 5)), (round(x + wide / 2), round(y + wide / 5))
        cv2.rectangle(mark, *corners, 255, -1, cv2.LINE_AA)
    else:
        letters = "".join(rng.choice(list("ABCDEFHKLMNOPRSTUVXZ"), rng.integers(2, 6)))
        (text_width, text_height), _ = cv2.getTextSize(letters, cv2.FONT_HERSHEY_DUPLEX, 1.0, 2)
        large = np.zeros((text_height + 12, text_width + 12), dtype=np.uint8)
        cv2.putText(large, letters, (6, text_height + 4), cv2.FONT_HERSHEY_DUPLEX, 1.0, 255, 2, cv2.LINE_AA)
        scale = wide / large.shape[1]
        place = np.array([[scale, 0, x - wide / 2], [0, scale, y - wide / 6]])
        mark = np.asarray(cv2.warpAffine(large, place, (width, height), flags=cv2.INTER_AREA), dtype=np.uint8)
    share = mark[..., None].astype(np.float32) / 255 * 0.9
    color += share * (np.array(rgb(logo), dtype=np.float32) * alpha - color)
