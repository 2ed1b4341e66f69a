"""Draws the standard pack: ``python -m maskaug.assets.draw [FOLDER]``.

Each template is a height field (pleats, seams, weave, embossing, creases) over the mask's chart, lit softly,
in a fabric's colour. The mask's large form is not drawn: the engine bends the template over a shell and
lights that.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.assets import standard_pack
from maskaug.assets.fabric import bumps, creases, noise, weave

Field = NDArray[np.floating[Any]]  # (H, W)
Color = tuple[int, int, int]  # RGB

WIDTH, HEIGHT = 1152, 810
ANCHORS = {
    "left_top": (45, 270),
    "nose": (576, 54),
    "right_top": (1107, 270),
    "left_bottom": (99, 530),
    "chin": (576, 756),
    "right_bottom": (1053, 530),
}
_CORNER = 34.0  # radius of the outline's corners, pixels


@dataclass(frozen=True)
class Chart:
    """The mask's own coordinates at every pixel of the canvas, ``(H, W) float32`` each.

    Attributes:
        u: -1 at the left side edge to 1 at the right.
        v: 0 at the top edge to 1 at the bottom.
        side, top, bottom: Distance from the nearest side edge, the top and the bottom edge, in pixels.
    """

    u: Field
    v: Field
    side: Field
    top: Field
    bottom: Field

    @cached_property
    def edge(self) -> Field:
        """Distance from the outline with its rounded corners, positive inside."""
        level = np.minimum(self.top, self.bottom)
        in_corner = (self.side < _CORNER) & (level < _CORNER)
        round_off = _CORNER - np.hypot(_CORNER - self.side, _CORNER - level)
        return np.where(in_corner, round_off, np.minimum(self.side, level)).astype(np.float32)


def chart() -> Chart:
    """Invert the chart that the engine uses: straight sides, quadratics along top and bottom."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    center = ANCHORS["nose"][0]
    half_top, half_bottom = ANCHORS["right_top"][0] - center, ANCHORS["right_bottom"][0] - center
    v = np.full_like(x, 0.5)
    for _ in range(12):  # u and v depend on each other only weakly: this settles fast
        u = (x - center) / (half_top + v * (half_bottom - half_top))
        bow = 1 - u**2
        top = ANCHORS["left_top"][1] + (ANCHORS["nose"][1] - ANCHORS["left_top"][1]) * bow
        bottom = ANCHORS["left_bottom"][1] + (ANCHORS["chin"][1] - ANCHORS["left_bottom"][1]) * bow
        v = np.clip((y - top) / np.maximum(bottom - top, 60), -0.3, 1.3)
    half = half_top + v * (half_bottom - half_top)
    return Chart(u, v, (1 - np.abs(u)) * half, y - top, bottom - y)


def light(height: Field, strength: float = 1.0) -> Field:
    """Brightness of a relief, in pixels of height, under broad light from above; 1 where it is flat."""
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) / 8
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) / 8
    length = np.sqrt(1 + slope_x**2 + slope_y**2)
    # From the upper left, as most light falls; more ambient than direct light, as indoors.
    diffuse = (0.80 + 0.40 * slope_y + 0.15 * slope_x) / length / 0.80
    # Where the relief lies below its surroundings, less light arrives.
    hollow = np.clip(cv2.GaussianBlur(height, (0, 0), 9) - height, 0, 12) * 0.016
    return np.clip(1 + strength * (diffuse - 1) - hollow, 0.35, 1.22).astype(np.float32)


def line(distance: Field, width: float) -> Field:
    """A soft line of a width in pixels: 1 on it, 0 away from it."""
    return np.exp(-((distance / width) ** 2)).astype(np.float32)


def dashes(along: Field, period: float, share: float = 0.55) -> Field:
    """1 on dashes, 0 on the gaps between them, ``along`` in pixels."""
    phase = np.abs((along / period) % 1.0 - 0.5) * 2
    return np.clip((share - phase) * period / 2 + 0.5, 0, 1).astype(np.float32)


def paint(base: Field, color: Color, brightness: Field, mask: Chart) -> NDArray[np.uint8]:
    """``(H, W, 4) uint8`` RGBA: a fabric's colour times its albedo ``base`` and its brightness."""
    rgb = np.array(color, dtype=np.float32) * (base * brightness)[..., None]
    alpha = np.clip(mask.edge + 0.5, 0, 1)[..., None] * 255
    # The colour goes on under the transparent pixels, so that filtering brings in no rim of another.
    return np.concatenate([np.clip(rgb, 6, 244), alpha], axis=-1).round().astype(np.uint8)


def stamp(text: str, center: tuple[int, int], scale: float, thickness: int) -> Field:
    """Soft-edged lettering on the canvas, 1 on the letters."""
    canvas = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, height), _ = cv2.getTextSize(text, font, scale, thickness)
    origin = (center[0] - width // 2, center[1] + height // 2)
    cv2.putText(canvas, text, origin, font, scale, 255, thickness, cv2.LINE_AA)
    return cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), 0.8)


def surgical(color: Color, seed: int) -> NDArray[np.uint8]:
    """Three-ply surgical mask: three pleats folded downwards, nose wire, welded sides."""
    mask, rng = chart(), np.random.default_rng(seed)
    wander = noise(rng, (HEIGHT, WIDTH), 90)
    height = np.zeros_like(mask.u)
    shadow = np.zeros_like(mask.u)
    for at, deep in ((0.27, 6.5), (0.47, 7.0), (0.67, 6.5)):
        fold = at + 0.004 * wander + 0.018 * (mask.u**2 - 0.3)
        below = (mask.v - fold) * 620  # pixels below the fold's edge
        # Cloth rises towards the fold's edge, drops to the layer behind it, and lies flat again.
        height += deep * np.exp(np.minimum(below, 0) / 70) * (below < 0)
        height -= 3.0 * np.exp(-np.maximum(below, 0) / 30) * (below >= 0)
        shadow += np.exp(-np.maximum(below, 0) / 7) * (below >= 0) * 0.06
        shadow += np.exp(-np.maximum(below, 0) / 34) * (below >= 0) * 0.06
    height = cv2.GaussianBlur(height, (0, 0), 2.6)
    height += 5.0 * creases(rng, (HEIGHT, WIDTH), 110, stretch=2.5)
    height += 3.0 * noise(rng, (HEIGHT, WIDTH), 70)
    # The cloth is gathered where the pleats are held at the sides.
    gather = np.exp(-np.maximum(mask.side, 0) / 60)
    height += gather * 2.0 * np.sin(mask.v * 36 + 3 * wander)
    # Nose wire: a bar under the binding, and the binding's own edge.
    wire = np.exp(-(((mask.top - 26) / 7) ** 4)) * np.clip((0.46 - np.abs(mask.u)) * 40, 0, 1)
    height += 5.0 * wire - 3.0 * line(mask.top - 47, 2.5)
    welds = dashes(mask.u * 560, 9) * (line(mask.top - 44, 2.5) + line(mask.bottom - 15, 2.5))
    welds += dashes(mask.v * 380, 10) * (line(mask.side - 14, 3) + line(mask.side - 24, 3))
    height -= 2.2 * welds
    brightness = light(height) * (1 - np.clip(shadow, 0, 0.4))
    # Spunbond: thermal bonding points in a diamond grid, and a faint cloud of fibres.
    albedo = 1 - 0.016 * bumps((HEIGHT, WIDTH), 7.0) + 0.008 * noise(rng, (HEIGHT, WIDTH), 5.0)
    return paint(albedo - 0.03 * welds, color, brightness, mask)


def n95(color: Color, seed: int, *, valve: bool) -> NDArray[np.uint8]:
    """Moulded cup respirator: dimpled shell, flat sealed rim, metal nose clip, optionally a valve."""
    mask, rng = chart(), np.random.default_rng(seed)
    rim = np.clip((30 - mask.edge) / 6, 0, 1)
    height = 10 * np.clip((mask.edge - 26) / 16, 0, 1) + 2.0 * noise(rng, (HEIGHT, WIDTH), 110)
    dimples = bumps((HEIGHT, WIDTH), 9.0)
    height += 0.35 * dimples * (1 - rim) + 0.45 * noise(rng, (HEIGHT, WIDTH), 12) * (1 - rim)
    for ridge in (0.30, 0.36, 0.74, 0.80):
        bend = mask.v - ridge - 0.03 * mask.u**2
        height += 3.5 * line(bend * 640, 10) * np.clip((mask.edge - 60) / 60, 0, 1)
    height += rim * 1.2 * dashes(mask.u * 560 + mask.v * 380, 8)
    albedo = 1 + 0.008 * noise(rng, (HEIGHT, WIDTH), 5.0) - 0.012 * dimples * (1 - rim)
    brightness = light(cv2.GaussianBlur(height, (0, 0), 1.0), 0.9)
    rgba = paint(albedo, color, brightness, mask)

    clip = np.exp(-(((mask.top - 44) / 10) ** 6)) * np.clip((0.34 - np.abs(mask.u)) * 60, 0, 1)
    metal = 176 + 34 * np.cos(mask.u * 9) + 8 * noise(rng, (HEIGHT, WIDTH), 4)
    _blend(rgba, clip, np.stack([metal, metal * 1.005, metal * 1.02], axis=-1) * light(9 * clip)[..., None])
    lettering = stamp("N95", (576, 505), 1.5, 4) + stamp("PARTICULATE RESPIRATOR", (576, 548), 0.62, 2)
    if not valve:
        _blend(rgba, np.clip(lettering, 0, 1) * 0.55, np.full((HEIGHT, WIDTH, 3), (96, 112, 134), np.float32))
        return rgba
    _add_valve(rgba, (640, 470), 88)
    return rgba


def _add_valve(rgba: NDArray[np.uint8], center: tuple[int, int], radius: float) -> None:
    """A moulded exhalation valve: a rounded cap with slots, over its own shadow."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    off_x, off_y = x - center[0], y - center[1]
    # A superellipse: the square with round corners that most caps are.
    distance = (np.abs(off_x) ** 3.2 + np.abs(off_y) ** 3.2) ** (1 / 3.2)
    cap = np.clip(radius - distance + 0.5, 0, 1)
    shade = cv2.GaussianBlur(np.roll(cap, (9, 2), (0, 1)), (0, 0), 8)
    _blend(rgba, shade * (1 - cap) * 0.38, np.full((HEIGHT, WIDTH, 3), 60, np.float32))
    dome = 16 * np.clip((radius - distance) / 14, 0, 1) + 7 * np.clip((radius * 0.62 - distance) / 10, 0, 1)
    slots = np.zeros_like(dome)
    for offset in (-34, -11, 12, 35):
        slots += line(off_y - offset, 4.5) * (distance < radius * 0.55)
    relief = light(cv2.GaussianBlur(dome - 5 * slots, (0, 0), 1.2))
    plastic = np.array([218, 220, 222], dtype=np.float32) * (relief * (1 - 0.35 * np.clip(slots, 0, 1)))[..., None]
    _blend(rgba, cap, plastic)


def kn95(color: Color, seed: int) -> NDArray[np.uint8]:
    """Folded respirator: welded centre fold, slanting welds, pressed border, embossed mark."""
    mask, rng = chart(), np.random.default_rng(seed)
    half = np.abs(mask.u) * 530
    height = 2.5 * noise(rng, (HEIGHT, WIDTH), 90) + 3.5 * creases(rng, (HEIGHT, WIDTH), 150, stretch=1.4)
    height += 6.0 * line(half, 16) - 4.0 * line(half - 19, 2.6)  # the fold stands up, its weld lies beside it
    upper = (mask.v - 0.20 - 0.16 * np.abs(mask.u) ** 0.8) * 620
    lower = (mask.v - 0.82 + 0.20 * np.abs(mask.u) ** 0.9) * 620
    welds = (line(upper, 3.0) + line(lower, 3.0)) * dashes(half, 11, 0.6)
    border = line(mask.edge - 20, 3.2) + line(mask.edge - 31, 2.4)
    welds += border * dashes(mask.u * 560 + mask.v * 380, 10, 0.6)
    wire = np.exp(-(((mask.top - 58) / 10) ** 4)) * np.clip((0.40 - np.abs(mask.u)) * 40, 0, 1)
    mark = stamp("KN95", (800, 430), 1.5, 4) + stamp("GB2626-2019", (802, 470), 0.55, 2)
    height += 5.0 * wire - 3.2 * welds - 2.0 * mark
    pull = np.exp(-np.maximum(mask.side, 0) / 90)
    height += pull * 4.0 * np.sin(mask.v * 24 + 2 * noise(rng, (HEIGHT, WIDTH), 70))
    brightness = light(cv2.GaussianBlur(height, (0, 0), 1.0))
    albedo = 1 - 0.014 * bumps((HEIGHT, WIDTH), 6.0) + 0.008 * noise(rng, (HEIGHT, WIDTH), 5.0)
    return paint(albedo - 0.05 * welds - 0.05 * mark, color, brightness, mask)


def cloth(color: Color, seed: int, pattern: Callable[[Chart, np.random.Generator], Field | None]) -> NDArray[np.uint8]:
    """Sewn mask: woven cloth, stitched hem, centre seam, soft wrinkles, printed or not."""
    mask, rng = chart(), np.random.default_rng(seed)
    half = mask.u * 530
    height = 4.5 * noise(rng, (HEIGHT, WIDTH), 90) + 7.0 * creases(rng, (HEIGHT, WIDTH), 130, stretch=1.8)
    hem = np.clip((34 - mask.edge) / 3, 0, 1)
    height += 4.0 * hem + 5.0 * line(half, 10) - 7.0 * line(half, 2.5)
    stitches = line(mask.edge - 27, 2.4) * dashes(mask.u * 560 + mask.v * 380, 15, 0.7)
    stitches += line(np.abs(half) - 14, 2.2) * dashes(mask.v * 640, 15, 0.7)
    pucker = (line(mask.edge - 27, 22) + line(half, 26)) * np.sin((mask.u * 560 + mask.v * 420) / 7)
    height += 1.4 * pucker + 1.6 * stitches
    pull = np.exp(-np.maximum(mask.side, 0) / 110)
    height += pull * 4.0 * np.sin(mask.v * 20 + 3 * noise(rng, (HEIGHT, WIDTH), 80))
    threads = weave(rng, (HEIGHT, WIDTH), 5.0)
    brightness = light(cv2.GaussianBlur(height, (0, 0), 1.2))
    albedo = 1 + 0.045 * threads
    print_ = pattern(mask, rng)
    rgba = paint(albedo, color, brightness * (1 - 0.10 * np.clip(stitches, 0, 1)), mask)
    if print_ is not None:
        ink = print_[..., :3] * (albedo * brightness)[..., None]
        _blend(rgba, print_[..., 3] * (1 - 0.3 * np.clip(stitches, 0, 1)), ink)
    return rgba


def plain(mask: Chart, rng: np.random.Generator) -> Field | None:
    """No print."""
    return None


def gingham(mask: Chart, rng: np.random.Generator) -> Field:
    """White checks over the base colour: two sets of half-covering stripes."""
    period = 52.0
    across = dashes(mask.u * 530, period, 0.5)
    down = dashes(mask.v * 640, period, 0.5)
    return _print((238, 236, 232), (across + down) / 2 * 0.95)


def dots(mask: Chart, rng: np.random.Generator) -> Field:
    """Light dots in a diamond grid."""
    period = 58.0
    x, y = mask.u * 530 / period, mask.v * 640 / period
    near = np.minimum(_from_grid(x, y), _from_grid(x + 0.5, y + 0.5)) * period
    return _print((226, 224, 220), np.clip(9.5 - near, 0, 1))


def floral(mask: Chart, rng: np.random.Generator) -> Field:
    """Leaves and five-petalled flowers, scattered without touching."""
    canvas = np.zeros((HEIGHT, WIDTH, 4), dtype=np.uint8)
    inks = [(206, 120, 116), (222, 176, 120), (232, 226, 214), (150, 172, 140), (118, 150, 128)]
    placed: list[tuple[float, float]] = []
    for _ in range(1500):
        x, y = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
        if any((x - a) ** 2 + (y - b) ** 2 < 50**2 for a, b in placed):
            continue
        placed.append((x, y))
        kind, turn = int(rng.integers(len(inks))), float(rng.uniform(0, 360))
        for petal in range(5 if kind < 3 else 2):
            angle = np.radians(turn + petal * (72 if kind < 3 else 130))
            reach = 11 if kind < 3 else 14
            center = (round(x + reach * np.cos(angle)), round(y + reach * np.sin(angle)))
            axes = (10, 7) if kind < 3 else (15, 5)
            cv2.ellipse(canvas, center, axes, float(np.degrees(angle)), 0, 360, (*inks[kind], 255), -1, cv2.LINE_AA)
        if kind < 3:
            cv2.circle(canvas, (round(x), round(y)), 5, (188, 150, 70, 255), -1, cv2.LINE_AA)
    scattered = canvas.astype(np.float32)
    return _print(scattered[..., :3], scattered[..., 3] / 255 * 0.9)


def _from_grid(x: Field, y: Field) -> Field:
    """Distance from the nearest point with whole coordinates."""
    return np.hypot(x - np.round(x), y - np.round(y)).astype(np.float32)


def _print(color: Color | Field, share: Field) -> Field:
    ink = np.broadcast_to(np.asarray(color, dtype=np.float32), (HEIGHT, WIDTH, 3))
    return np.concatenate([ink, share[..., None]], axis=-1).astype(np.float32)


def _blend(rgba: NDArray[np.uint8], share: Field, color: Field) -> None:
    """Lay a colour over the picture's own, where ``share`` is 1."""
    part = share[..., None]
    mixed = rgba[..., :3] * (1 - part) + color * part
    rgba[..., :3] = np.clip(mixed, 6, 244).round().astype(np.uint8)


@dataclass(frozen=True)
class Drawing:
    """One template of the pack: how it is drawn, bent and held, and how often it is worn."""

    name: str
    kind: str
    weight: float
    shell: str
    strap: Color
    draw: Callable[[], NDArray[np.uint8]]


_LOOP, _BLACK_LOOP, _BAND = (226, 227, 226), (36, 36, 38), (214, 196, 132)

# Weights follow what is seen in the street: light blue, white and black first.
DRAWINGS = (
    Drawing("surgical_blue", "surgical", 5.0, "wrap", _LOOP, lambda: surgical((150, 192, 216), 1)),
    Drawing("surgical_white", "surgical", 2.0, "wrap", _LOOP, lambda: surgical((224, 226, 227), 2)),
    Drawing("surgical_black", "surgical", 1.0, "wrap", _BLACK_LOOP, lambda: surgical((44, 44, 47), 3)),
    Drawing("surgical_green", "surgical", 1.0, "wrap", _LOOP, lambda: surgical((158, 204, 190), 4)),
    Drawing("n95_white", "n95", 3.0, "cup", _BAND, lambda: n95((224, 223, 218), 5, valve=False)),
    Drawing("n95_valve", "n95", 1.0, "cup", _BAND, lambda: n95((222, 222, 219), 6, valve=True)),
    Drawing("kn95_white", "kn95", 3.0, "fold", _LOOP, lambda: kn95((224, 225, 225), 7)),
    Drawing("kn95_black", "kn95", 1.5, "fold", _BLACK_LOOP, lambda: kn95((46, 46, 49), 8)),
    Drawing("kn95_grey", "kn95", 0.5, "fold", (120, 122, 126), lambda: kn95((134, 138, 143), 9)),
    Drawing("cloth_black", "cloth", 4.0, "fold", _BLACK_LOOP, lambda: cloth((40, 40, 42), 10, plain)),
    Drawing("cloth_grey", "cloth", 1.5, "fold", (128, 129, 132), lambda: cloth((132, 133, 137), 11, plain)),
    Drawing("cloth_navy", "cloth", 1.5, "fold", (36, 42, 66), lambda: cloth((44, 54, 86), 12, plain)),
    Drawing("cloth_white", "cloth", 1.5, "fold", _LOOP, lambda: cloth((214, 213, 209), 13, plain)),
    Drawing("cloth_gingham", "cloth", 0.7, "fold", (150, 60, 62), lambda: cloth((162, 62, 66), 14, gingham)),
    Drawing("cloth_floral", "cloth", 0.7, "fold", (54, 62, 84), lambda: cloth((56, 66, 90), 15, floral)),
    Drawing("cloth_dots", "cloth", 0.7, "fold", (34, 38, 56), lambda: cloth((40, 46, 70), 16, dots)),
)


def _entry(drawing: Drawing) -> dict[str, Any]:
    bands = drawing.kind == "n95"
    return {
        "name": drawing.name,
        "kind": drawing.kind,
        "file": f"{drawing.name}.png",
        "weight": drawing.weight,
        "shell": drawing.shell,
        "anchors": ANCHORS,
        "straps": {
            "style": "head_bands" if bands else "ear_loops",
            "color": drawing.strap,
            "width_mm": 6.0 if bands else 3.5,
        },
    }


def draw_pack(folder: Path) -> None:
    """Draw all templates and write the pack's file."""
    folder.mkdir(parents=True, exist_ok=True)
    for drawing in DRAWINGS:
        picture = cv2.cvtColor(drawing.draw(), cv2.COLOR_RGBA2BGRA)
        _, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        (folder / f"{drawing.name}.png").write_bytes(data.tobytes())
    pack = {
        "format": "maskaug-pack",
        "version": 1,
        "name": "standard",
        "licence": "MIT",
        "templates": [_entry(drawing) for drawing in DRAWINGS],
    }
    (folder / "pack.json").write_text(json.dumps(pack, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    draw_pack(Path(sys.argv[1]) if len(sys.argv) > 1 else standard_pack())
