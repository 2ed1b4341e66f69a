"""Draws the standard pack: ``python -m maskaug.assets.draw [OUTDIR]``; a new mask is an entry of `DRAWINGS`.

Each template is a height field (pleats, seams, weave, embossing, creases) over the mask's chart, lit softly,
in a fabric's colour. The mask's large form is not drawn: the engine bends the template over a shell and
lights that.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.assets import standard_pack
from maskaug.assets.fabric import Field, bumps, facets, fan, fibres, fold, noise, weave
from maskaug.assets.prints import Print, dots, floral, gingham
from maskaug.assets.sheet import (
    ANCHORS,
    SIZE,
    Color,
    Ink,
    Sheet,
    blank,
    cut,
    dashes,
    lay,
    light,
    line,
    lit,
    ramp,
    spots,
    stamp,
    tint,
)

Picture = NDArray[np.uint8]  # (H, W, 4) RGBA

_CORNERS = ("left_top", "right_top", "left_bottom", "right_bottom")


def _pulled(rng: np.random.Generator, reach: float, count: int = 5) -> Field:
    """Folds that run from the four held corners towards the middle of the face."""
    total = np.zeros(SIZE, dtype=np.float32)
    for name in _CORNERS:
        x, y = ANCHORS[name]
        toward = np.arctan2(400 - y, 576 - x)
        total += fan(rng, SIZE, (x, y), toward, spread=0.55, count=count, reach=reach)
    return total


def surgical(color: Color, seed: int, *, binding: Color) -> Picture:
    """Three-ply surgical mask: three pleats folded downwards, bound top edge with its wire, welded sides."""
    sheet, rng = blank(), np.random.default_rng(seed)
    height = 5.4 * facets(rng, SIZE, 150) + 2.2 * facets(rng, SIZE, 70)
    height += 4.5 * _pulled(rng, 300, count=4) + _buckles(rng)
    shade, plies = np.zeros_like(sheet.u), np.zeros_like(sheet.u)
    for at in (0.285, 0.475, 0.665):
        step, bright, behind = _pleat(sheet, rng, at + rng.normal(0, 0.006))
        height += step
        shade += bright
        plies = np.maximum(plies, behind)

    # The inner layer comes over the top edge as a band, that holds the wire.
    bound = 1 - ramp(sheet.top - 56 + 8 * sheet.u**2, 2.5)
    height += 2.2 * cv2.GaussianBlur(bound, (0, 0), 1.4)
    wire = np.exp(-(((sheet.top - 30) / 9) ** 4)) * ramp(0.45 - np.abs(sheet.u), 0.02)
    height += 3.4 * cv2.GaussianBlur(wire, (0, 0), 2) * (1 + 0.15 * noise(rng, SIZE, 40))
    welds = _welds(sheet)
    brightness = light(height - 0.7 * welds) * (1 + np.clip(shade, -0.36, 0.08))

    # Single cloth shows the white layer behind it; folded cloth is deeper in colour.
    ink = tint(color, binding, 0.30 * (1 - plies))
    sides = 1 - ramp(sheet.side - 46, 3)
    ink = lay(ink, np.array(binding, np.float32), bound * 0.86 + 0.2 * sides * (1 - bound))
    albedo = 1 + 0.010 * fibres(rng, SIZE) - 0.018 * bumps(SIZE, 7.0) - 0.035 * welds
    return cut(lit(ink * albedo[..., None], brightness), sheet)


def _pleat(sheet: Sheet, rng: np.random.Generator, at: float) -> tuple[Field, Field, Field]:
    """One pleat at ``v = at``: the step of its edge, how it shades, and where cloth lies three deep."""
    # Pleats are closed where the sides hold them, and opened by the face in the middle.
    opened = np.clip(1 - np.abs(sheet.u), 0, 1) ** 0.6
    sway = 4.5 * noise(rng, SIZE, 240) + 1.6 * noise(rng, SIZE, 60)
    below = ((sheet.v - at) * sheet.span + sway * (0.2 + opened)).astype(np.float32)
    # The edge lies flat here and stands off there: an even line would look drawn.
    lift = np.clip(0.66 + 0.36 * noise(rng, SIZE, 120), 0.16, 1.4) * (0.8 + 0.4 * opened)
    under = ramp(below + 1.2, 2.4)
    far = np.maximum(below, 0)
    step = cv2.GaussianBlur(lift * (1 - under) * np.exp(np.minimum(below, 0) / 14), (0, 0), 1.1)
    # The lip of the fold turns up to the light; below it lies a contact shadow in a wide faint one.
    lip = 0.05 * (1 - under) * np.exp(np.minimum(below, 0) / (14 + 30 * opened))
    shadow = under * (0.17 * np.exp(-far / 3.5) + 0.15 * np.exp(-far / (10 + 24 * opened)))
    deep = 28 + 30 * opened + 5 * noise(rng, SIZE, 120)
    return 1.5 * step, lift * (lip - shadow), (1 - under) * ramp(below + deep, 5)


def _buckles(rng: np.random.Generator) -> Field:
    """Short soft folds across the panels, where cloth that is too long between the pleats gives way."""
    total = np.zeros(SIZE, dtype=np.float32)
    for _ in range(14):
        x = float(rng.choice((-1, 1)) * rng.uniform(60, 430) + 576)
        y = float(rng.uniform(200, 600))
        # They run from the cheeks downwards to the middle, as cloth falls.
        angle = np.pi / 2 - np.sign(576 - x) * rng.uniform(0.15, 1.25)
        length, width = rng.uniform(90, 220), rng.uniform(9, 20)
        total += rng.uniform(-0.6, 1.0) * fold(SIZE, (x, y), angle, length=length, width=width, bend=rng.normal(0, 24))
    return 5.0 * total


def _welds(sheet: Sheet) -> Field:
    """Ultrasonic welds: dotted lines below the binding, along the bottom and at the sides, and the loops' spots."""
    along = sheet.around
    total = spots(along, sheet.top - 49 + 8 * sheet.u**2, 8, 1.6) + spots(along + 4, sheet.top - 10, 8, 1.5)
    total += spots(along, sheet.bottom - 13, 8, 1.6) + spots(along + 4, sheet.bottom - 21, 8, 1.6)
    for column in (12, 20, 28):
        total += spots(sheet.y + column / 2, sheet.side - column, 7, 1.7)
    for name in _CORNERS:
        down = 18 if name.endswith("top") else -18
        near_y, near_x = np.abs(sheet.y - ANCHORS[name][1] - down), np.abs(sheet.side - 26)
        spot = ramp(10 - near_y, 5) * ramp(20 - near_x, 5)
        total += spot * (0.25 + 0.6 * spots(sheet.x, (sheet.y % 6) - 3, 6, 1.6))
    return np.clip(total, 0, 1)


def n95(color: Color, seed: int, *, valve: bool) -> Picture:
    """Moulded cup respirator: felted shell, flat pressed rim, metal nose clip, stapled bands, maybe a valve."""
    sheet, rng = blank(), np.random.default_rng(seed)
    rim = 1 - ramp(sheet.edge - 30, 5)
    # The cup rises out of the rim in a soft bend.
    height = 7.0 * np.clip(1 - np.exp(-np.maximum(sheet.edge - 30, 0) / 20), 0, 1)
    height += 3.2 * noise(rng, SIZE, 260) + 0.5 * noise(rng, SIZE, 24)
    dimples = bumps(SIZE, 8.0)
    height -= 0.22 * dimples * (1 - rim)
    inside = ramp(sheet.edge - 55, 50)
    for ridge, high in ((0.30, 2.6), (0.35, 2.0), (0.78, 2.2)):
        bend = (sheet.v - ridge - 0.03 * sheet.u**2) * sheet.span
        height += high * line(bend, 9 + 1.5 * noise(rng, SIZE, 160)) * inside
    pressed = dashes(sheet.around, 7, 0.5) * rim * ramp(sheet.edge - 4, 3) * ramp(24 - sheet.edge, 3)
    height -= 0.7 * cv2.GaussianBlur(pressed.astype(np.float32), (0, 0), 1)
    albedo = 1 + 0.011 * fibres(rng, SIZE) - 0.012 * dimples * (1 - rim) - 0.015 * rim
    brightness = light(cv2.GaussianBlur(height, (0, 0), 0.9), 0.9)
    ink = lit(np.array(color, np.float32) * albedo[..., None], brightness)

    ink = _add_clip(ink, sheet, rng)
    ink = _add_staples(ink, sheet)
    if valve:
        return cut(_add_valve(_print(ink, (("N95", 462, 1.0, 3),), 430), sheet, (640, 470), 84), sheet)
    return cut(_print(ink, _LABEL, 576), sheet)


# Text, row, size and stroke of each line.
_LABEL = (
    ("N95", 452, 1.35, 4),
    ("PARTICULATE RESPIRATOR", 492, 0.56, 1),
    ("NIOSH  TC-00A-0000  LOT 0417", 518, 0.5, 1),
)


def _print(ink: Ink, label: tuple[tuple[str, int, float, int], ...], column: int) -> Ink:
    """The maker's pale print, that the felt has partly drunk."""
    for text, row, size, stroke in label:
        ink = lay(ink, np.array((104, 118, 140), np.float32), 0.6 * stamp(text, (column, row), size, stroke))
    return ink


def _add_clip(ink: Ink, sheet: Sheet, rng: np.random.Generator) -> Ink:
    """The strip of aluminium over the nose: brushed along its length, with a light and a dark long edge."""
    off = sheet.top - 46
    clip = ramp(13.5 - np.abs(off), 1.5) * ramp(0.36 - np.abs(sheet.u), 0.006)
    brushed = cv2.resize(noise(rng, (SIZE[0], SIZE[1] // 24), 2.0), (SIZE[1], SIZE[0]), interpolation=cv2.INTER_LINEAR)
    bright = 172 + 26 * np.cos(sheet.u * 7.5) + 5 * brushed + 16 * line(off + 10, 3) - 26 * line(off - 11, 3)
    shade = cv2.GaussianBlur(np.roll(clip, 5, 0), (0, 0), 4)
    ink = ink * (1 - 0.26 * shade * (1 - clip))[..., None]
    return lay(ink, np.stack([bright, bright * 1.004, bright * 1.014], axis=-1), clip)


def _add_staples(ink: Ink, sheet: Sheet) -> Ink:
    """The staples that hold the bands at the rim."""
    for name in _CORNERS:
        down = 22 if name.endswith("top") else -22
        near_y, near_x = np.abs(sheet.y - ANCHORS[name][1] - down), np.abs(sheet.side - 18)
        staple = ramp(4 - near_y, 1.5) * ramp(13 - near_x, 1.5)
        shade = cv2.GaussianBlur(np.roll(staple, 4, 0), (0, 0), 3)
        ink = ink * (1 - 0.3 * shade * (1 - staple))[..., None]
        ink = lay(ink, np.array((168, 170, 174), np.float32), staple)
    return ink


def _add_valve(ink: Ink, sheet: Sheet, center: tuple[int, int], radius: float) -> Ink:
    """A moulded exhalation valve: a flange, a domed cap with slots, and the shadow they cast."""
    off_x, off_y = sheet.x - center[0], sheet.y - center[1]
    # A superellipse: the square with round corners that most caps are.
    distance = (np.abs(off_x) ** 3.0 + np.abs(off_y / 0.94) ** 3.0) ** (1 / 3.0)
    cap = np.clip(radius - distance + 0.5, 0, 1).astype(np.float32)
    near = cv2.GaussianBlur(np.roll(cap, (6, 1), (0, 1)), (0, 0), 5)
    far = cv2.GaussianBlur(np.roll(cap, (16, 3), (0, 1)), (0, 0), 16)
    ink = ink * ((1 - 0.22 * near * (1 - cap)) * (1 - 0.20 * far * (1 - cap)))[..., None]
    relief = 5 * ramp(radius - distance, 7) + 9 * ramp(radius * 0.80 - distance, 12)
    relief -= 3.5 * ramp(radius * 0.56 - distance, 5)
    slots = np.zeros_like(relief)
    for offset in (-33, -11, 11, 33):
        slots += ramp(6.5 - np.abs(off_y - offset), 3) * ramp(radius * 0.48 - np.abs(off_x), 4)
    relief = cv2.GaussianBlur((relief - 4 * slots).astype(np.float32), (0, 0), 1.3)
    bright = light(relief) * (1 - 0.42 * cv2.GaussianBlur(slots, (0, 0), 1.0) * ramp(off_y % 22, 16))
    plastic = np.array([221, 223, 224], dtype=np.float32) * bright[..., None]
    # Plastic shines where its upper edges bend.
    shine = line(distance - radius * 0.76, 3) * np.clip(-off_y / radius, 0, 1)
    return lay(ink, plastic + 10 * shine[..., None], cap)


def kn95(color: Color, seed: int) -> Picture:
    """Folded respirator: centre fold, slanting welds, pressed border, nose wire, embossed mark."""
    sheet, rng = blank(), np.random.default_rng(seed)
    height = 5.0 * facets(rng, SIZE, 200) + 1.6 * facets(rng, SIZE, 80) + 4.0 * _pulled(rng, 260, count=3)
    # The fold stands up as a crest, one side of it to the light; nose and chin are welded beside it, cut round.
    off = sheet.x - ANCHORS["nose"][0] + 1.2 * noise(rng, SIZE, 140)
    height += 5.0 * np.exp(-np.abs(off) / 8)
    slant = off / 16
    sides = 1 - 0.07 * slant / (1 + slant**2)
    ends = ramp(np.abs(sheet.v - 0.47) - 0.24, 0.06)
    welds = spots(sheet.y, np.abs(off) - 15, 9, 2.0) * ends + spots(sheet.y + 4, np.abs(off) - 23, 9, 2.0) * ends
    upper = (sheet.v - 0.20 - 0.16 * np.abs(sheet.u) ** 0.8) * sheet.span
    lower = (sheet.v - 0.82 + 0.20 * np.abs(sheet.u) ** 0.9) * sheet.span
    welds += spots(sheet.half, upper, 9, 2.1) + spots(sheet.half, lower, 9, 2.1)
    # The panels on either side of a weld puff up: filter layers are thick.
    height += 3.4 * (1 - line(upper, 22)) + 3.4 * (1 - line(lower, 22))
    for row, shift in ((10, 0.0), (18, 4.0), (26, 0.0)):
        welds += spots(sheet.around + shift, sheet.edge - row, 8, 2.0)
    height += 3.5 * ramp(sheet.edge - 32, 7)
    wire = np.exp(-(((sheet.top - 64) / 11) ** 4)) * ramp(0.40 - np.abs(sheet.u), 0.03)
    mark = stamp("KN95", (806, 440), 1.45, 4) + stamp("GB2626-2019", (808, 478), 0.55, 2)
    height += 3.2 * cv2.GaussianBlur(wire, (0, 0), 2.2)
    welds = np.clip(welds, 0, 1)
    brightness = light(cv2.GaussianBlur(height, (0, 0), 1.0) - 1.2 * welds - 1.3 * mark) * sides
    albedo = 1 + 0.010 * fibres(rng, SIZE) - 0.014 * bumps(SIZE, 6.0) - 0.045 * welds - 0.04 * mark
    return cut(lit(np.array(color, np.float32) * albedo[..., None], brightness), sheet)


def cloth(color: Color, seed: int, pattern: Callable[[Sheet, np.random.Generator], Print] | None = None) -> Picture:
    """Sewn mask: woven cloth, stitched hem, centre seam, soft wrinkles, printed or not."""
    sheet, rng = blank(), np.random.default_rng(seed)
    x = sheet.x - ANCHORS["nose"][0]
    height = 7.0 * facets(rng, SIZE, 200) + 2.5 * noise(rng, SIZE, 70)
    # Cotton keeps the small creases of its last wash. Their generator is their own, so that no change of them
    # moves what is printed.
    wash = np.random.default_rng((seed, 1))
    height += 0.5 * noise(wash, SIZE, 26) + 0.9 * facets(wash, SIZE, 64)
    height += 7.0 * _pulled(rng, 360) + 0.9 * _buckles(rng)
    # The hem is turned in: thicker, with a step where it ends.
    hem = 1 - ramp(sheet.edge - 36, 4)
    seam = x + 1.0 * noise(rng, SIZE, 120)
    height += 2.6 * cv2.GaussianBlur(hem, (0, 0), 1.2) + 4.5 * line(seam, 13) - 6.0 * line(seam, 2.6)
    stitches = line(sheet.edge - 28, 2.2) * dashes(sheet.around, 16, 0.74)
    stitches += line(np.abs(seam) - 17, 2.2) * dashes(sheet.y, 16, 0.74)
    # Thread draws cloth together: it puckers along every row of stitches.
    wave = np.sin((sheet.around + 5 * noise(rng, SIZE, 40)) / 6.5) * line(sheet.edge - 28, 17)
    wave += np.sin((sheet.y + 5 * noise(rng, SIZE, 40)) / 6.5) * line(np.abs(seam) - 17, 15)
    height += 0.9 * wave - 1.6 * line(sheet.edge - 28, 3.2) - 1.6 * line(np.abs(seam) - 17, 3.2) + 2.0 * stitches
    threads = weave(rng, SIZE, 4.6)
    brightness = light(cv2.GaussianBlur(height, (0, 0), 1.2))
    ink: Ink = np.broadcast_to(np.array(color, np.float32), (*SIZE, 3))
    if pattern is not None:
        printed, share = pattern(sheet, rng)
        ink = lay(ink, printed, share * (1 - 0.25 * np.clip(stitches, 0, 1)))
    # A print's own detail hides the weave, and the finest texture is most of a file.
    albedo = 1 + (0.030 if pattern is None else 0.011) * threads
    return cut(lit(ink * albedo[..., None], brightness), sheet)


@dataclass(frozen=True)
class MaskKind:
    """What all masks of a kind share: the shell they are bent over, and how they are held."""

    name: str
    shell: str
    straps: str = "ear_loops"
    strap_mm: float = 3.5


@dataclass(frozen=True)
class Drawing:
    """One template of the pack: its kind, how often it is worn, the colour of its straps, and how it is drawn."""

    name: str
    kind: MaskKind
    weight: float
    strap: Color
    draw: Callable[[], Picture]


_SURGICAL = MaskKind("surgical", "wrap")
_N95 = MaskKind("n95", "cup", straps="head_bands", strap_mm=6.0)
_KN95 = MaskKind("kn95", "fold")
_CLOTH = MaskKind("cloth", "fold")

_LOOP, _BLACK_LOOP, _BAND = (226, 227, 226), (36, 36, 38), (214, 196, 132)
_BINDING, _BLACK_BINDING = (218, 225, 229), (48, 48, 51)

# Weights follow what is seen in the street: light blue, white and black first.
DRAWINGS = (
    Drawing(
        "surgical_blue",
        _SURGICAL,
        5.0,
        _LOOP,
        lambda: surgical((150, 190, 214), 1, binding=_BINDING),
    ),
    Drawing(
        "surgical_white",
        _SURGICAL,
        2.0,
        _LOOP,
        lambda: surgical((216, 218, 220), 2, binding=(222, 223, 224)),
    ),
    Drawing(
        "surgical_black",
        _SURGICAL,
        1.0,
        _BLACK_LOOP,
        lambda: surgical((46, 46, 49), 3, binding=_BLACK_BINDING),
    ),
    Drawing(
        "surgical_green",
        _SURGICAL,
        1.0,
        _LOOP,
        lambda: surgical((150, 203, 186), 4, binding=_BINDING),
    ),
    Drawing("n95_white", _N95, 3.0, _BAND, lambda: n95((224, 223, 218), 5, valve=False)),
    Drawing("n95_valve", _N95, 1.0, _BAND, lambda: n95((222, 222, 219), 6, valve=True)),
    Drawing("kn95_white", _KN95, 3.0, _LOOP, lambda: kn95((219, 220, 220), 7)),
    Drawing("kn95_black", _KN95, 1.5, _BLACK_LOOP, lambda: kn95((46, 46, 49), 8)),
    Drawing("kn95_grey", _KN95, 0.5, (120, 122, 126), lambda: kn95((134, 138, 143), 9)),
    Drawing("cloth_black", _CLOTH, 4.0, _BLACK_LOOP, lambda: cloth((39, 39, 41), 10)),
    Drawing("cloth_grey", _CLOTH, 1.5, (128, 129, 132), lambda: cloth((132, 133, 137), 11)),
    Drawing("cloth_navy", _CLOTH, 1.5, (36, 42, 66), lambda: cloth((46, 55, 84), 12)),
    Drawing("cloth_white", _CLOTH, 1.5, _LOOP, lambda: cloth((214, 213, 209), 13)),
    Drawing("cloth_gingham", _CLOTH, 0.7, (150, 60, 62), lambda: cloth((150, 58, 62), 14, gingham)),
    Drawing("cloth_floral", _CLOTH, 0.7, (54, 62, 84), lambda: cloth((54, 63, 86), 15, floral)),
    Drawing("cloth_dots", _CLOTH, 0.7, (34, 38, 56), lambda: cloth((42, 47, 68), 16, dots)),
)


def _entry(drawing: Drawing) -> dict[str, Any]:
    return {
        "name": drawing.name,
        "kind": drawing.kind.name,
        "file": f"{drawing.name}.png",
        "half": f"{drawing.name}.half.png",
        "weight": drawing.weight,
        "shell": drawing.kind.shell,
        "anchors": ANCHORS,
        "straps": {"style": drawing.kind.straps, "color": drawing.strap, "width_mm": drawing.kind.strap_mm},
    }


def draw_pack(folder: Path) -> None:
    """Draw all templates and write the pack's file."""
    folder.mkdir(parents=True, exist_ok=True)
    for drawing in DRAWINGS:
        picture = drawing.draw()
        _write(folder / f"{drawing.name}.png", picture)
        multiplied = cv2.cvtColor(picture, cv2.COLOR_RGBA2mRGBA)
        half = cv2.resize(multiplied, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        _write(folder / f"{drawing.name}.half.png", half)
    (folder / "pack.json").write_text(pack_file(), encoding="utf-8")


def _write(file: Path, rgba: Picture) -> None:
    _, data = cv2.imencode(".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    file.write_bytes(data.tobytes())


def pack_file() -> str:
    """The text of ``pack.json``: what each template is, and how it is worn."""
    pack = {
        "format": "maskaug-pack",
        "version": 1,
        "name": "standard",
        "licence": "MIT",
        "templates": [_entry(drawing) for drawing in DRAWINGS],
    }
    return json.dumps(pack, indent=2) + "\n"


def main() -> None:
    """Draw the pack into the folder given on the command line, or into the package's own."""
    parser = argparse.ArgumentParser(description="Draw the standard template pack.")
    parser.add_argument("outdir", nargs="?", type=Path, default=standard_pack())
    draw_pack(parser.parse_args().outdir)


if __name__ == "__main__":
    main()
