"""Prints of cloth masks. Each gives its ink, ``(H, W, 3)`` RGB, and the share of it that covers the cloth."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.assets.fabric import Field
from maskaug.assets.sheet import HEIGHT, WIDTH, Color, Ink, Sheet, ramp

Print = tuple[Ink, Field]

_TILT = np.radians(7)  # the two halves are cut on their curve: their grain leans from the centre seam


def _grain(sheet: Sheet) -> tuple[Field, Field]:
    """Coordinates along and down the grain of the cloth, in pixels; they do not meet at the centre seam."""
    x, y = sheet.x - WIDTH / 2, sheet.y - HEIGHT / 2
    turn = np.where(x < 0, -_TILT, _TILT)
    across = x * np.cos(turn) + y * np.sin(turn)
    down = y * np.cos(turn) - x * np.sin(turn)
    return across + np.where(x < 0, 13.0, 0.0), down + np.where(x < 0, 8.0, 0.0)


def _flat(color: Color) -> Ink:
    return np.broadcast_to(np.array(color, dtype=np.float32), (HEIGHT, WIDTH, 3))


def gingham(sheet: Sheet, rng: np.random.Generator) -> Print:
    """White checks: white threads one way and the other, so that half the checks are half-toned."""
    period = 44.0
    across, down = _grain(sheet)
    # In the half-toned checks threads of both colours alternate.
    thread = 0.5 + 0.06 * np.sin(2 * np.pi * (across + down) / 6.0)
    white_across = ramp(np.abs((across / period) % 1.0 - 0.5) * period - period / 4 + 1, 2.0)
    white_down = ramp(np.abs((down / period) % 1.0 - 0.5) * period - period / 4 + 1, 2.0)
    share = white_across * thread + white_down * (1 - thread)
    return _flat((228, 226, 221)), np.asarray(0.95 * share, dtype=np.float32)


def dots(sheet: Sheet, rng: np.random.Generator) -> Print:
    """Light dots in a diamond grid."""
    period = 50.0
    across, down = _grain(sheet)
    x, y = across / period, down / period
    near = np.minimum(_from_grid(x, y), _from_grid(x + 0.5, y + 0.5)) * period
    return _flat((216, 214, 208)), np.asarray(0.94 * np.clip(7.6 - near, 0, 1), dtype=np.float32)


def floral(sheet: Sheet, rng: np.random.Generator) -> Print:
    """Blossoms of several sizes with leafy twigs between them, scattered over each half without touching."""
    large = np.zeros((HEIGHT * 2, WIDTH * 2, 4), dtype=np.uint8)
    for half in (0, 1):  # the halves are cut from different places of the bolt
        canvas = np.zeros_like(large)
        _scatter(canvas, rng)
        columns = slice(0, WIDTH) if half == 0 else slice(WIDTH, 2 * WIDTH)
        large[:, columns] = canvas[:, columns]
    printed = cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    share = printed[..., 3] / 255
    ink = printed[..., :3] / np.maximum(share, 1e-3)[..., None]
    return np.minimum(ink, 240), np.asarray(share * 0.93, dtype=np.float32)


_BLOSSOMS: tuple[tuple[Color, Color], ...] = (
    ((196, 104, 104), (150, 66, 74)),
    ((214, 172, 128), (176, 122, 82)),
    ((222, 214, 200), (178, 164, 150)),
    ((204, 142, 150), (164, 96, 108)),
)
_LEAVES: tuple[Color, ...] = ((112, 138, 110), (136, 158, 124), (84, 116, 104))


def _scatter(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    placed: list[tuple[float, float, float]] = []
    for radius, tries in ((52.0, 170), (34.0, 420), (20.0, 1100)):
        for _ in range(tries):
            x, y = float(rng.uniform(0, width)), float(rng.uniform(0, height))
            if any(np.hypot(x - a, y - b) < radius + other for a, b, other in placed):
                continue
            placed.append((x, y, radius))
            turn = float(rng.uniform(0, 2 * np.pi))
            if radius > 40 or (radius > 25 and rng.random() < 0.45):
                _blossom(canvas, (x, y), radius * 0.72, turn, rng)
            elif radius > 25:
                _twig(canvas, (x, y), radius * 1.05, turn, rng)
            else:
                _bud(canvas, (x, y), radius * 0.5, turn, rng)


def _petal(
    canvas: NDArray[np.uint8], at: tuple[float, float], axes: tuple[float, float], turn: float, ink: Color
) -> None:
    center, size = (round(at[0]), round(at[1])), (max(1, round(axes[0])), max(1, round(axes[1])))
    cv2.ellipse(canvas, center, size, float(np.degrees(turn)), 0, 360, (*ink, 255), -1, cv2.LINE_AA)


def _shaded(ink: Color, rng: np.random.Generator, amount: float = 10.0) -> Color:
    red, green, blue = (
        int(np.clip(c + rng.normal(0, amount * 0.4) + shift, 20, 235))
        for c, shift in zip(ink, rng.normal(0, amount, 1).repeat(3), strict=True)
    )
    return red, green, blue


def _blossom(
    canvas: NDArray[np.uint8], at: tuple[float, float], radius: float, turn: float, rng: np.random.Generator
) -> None:
    ink, deep = _BLOSSOMS[int(rng.integers(len(_BLOSSOMS)))]
    petals = int(rng.integers(5, 7))
    for leaf in range(2):
        angle = turn + 0.6 + leaf * rng.uniform(1.8, 3.4)
        far = (at[0] + 1.15 * radius * np.cos(angle), at[1] + 1.15 * radius * np.sin(angle))
        _petal(canvas, far, (0.48 * radius, 0.2 * radius), angle, _shaded(_LEAVES[leaf], rng))
    for petal in range(petals):
        angle = turn + petal * 2 * np.pi / petals + rng.normal(0, 0.08)
        reach = radius * rng.uniform(0.5, 0.6)
        middle = (at[0] + reach * np.cos(angle), at[1] + reach * np.sin(angle))
        tone = _shaded(ink, rng)
        _petal(canvas, middle, (0.52 * radius, 0.36 * radius), angle, tone)
        inner = (at[0] + 0.38 * radius * np.cos(angle), at[1] + 0.38 * radius * np.sin(angle))
        _petal(canvas, inner, (0.30 * radius, 0.12 * radius), angle, deep)
    _petal(canvas, at, (0.2 * radius, 0.18 * radius), turn, (190, 152, 84))


def _twig(
    canvas: NDArray[np.uint8], at: tuple[float, float], radius: float, turn: float, rng: np.random.Generator
) -> None:
    ink = _LEAVES[int(rng.integers(len(_LEAVES)))]
    cos, sin = np.cos(turn), np.sin(turn)
    ends = [(round(at[0] + k * radius * cos), round(at[1] + k * radius * sin)) for k in (-0.9, 0.9)]
    cv2.line(canvas, ends[0], ends[1], (*ink, 255), 3, cv2.LINE_AA)
    for step in np.linspace(-0.7, 0.8, 5):
        for side in (-1, 1):
            angle = turn + side * 0.8
            foot = (at[0] + step * radius * cos, at[1] + step * radius * sin)
            size = radius * (0.34 - 0.10 * step)
            middle = (foot[0] + size * np.cos(angle), foot[1] + size * np.sin(angle))
            _petal(canvas, middle, (size, 0.36 * size), angle, _shaded(ink, rng, 7))


def _bud(
    canvas: NDArray[np.uint8], at: tuple[float, float], radius: float, turn: float, rng: np.random.Generator
) -> None:
    ink = _BLOSSOMS[int(rng.integers(len(_BLOSSOMS)))][0] if rng.random() < 0.5 else _LEAVES[1]
    for side in (-0.5, 0.5):
        angle = turn + side
        middle = (at[0] + radius * np.cos(angle) * 0.6, at[1] + radius * np.sin(angle) * 0.6)
        _petal(canvas, middle, (0.8 * radius, 0.4 * radius), angle, _shaded(ink, rng))


def _from_grid(x: Field, y: Field) -> NDArray[Any]:
    """Distance from the nearest point with whole coordinates."""
    return np.asarray(np.hypot(x - np.round(x), y - np.round(y)))
