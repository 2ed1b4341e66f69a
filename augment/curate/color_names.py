"""Names of colours, so that a table of sampled ones has some dozen rows."""

import re

import cv2
import numpy as np
from numpy.typing import NDArray

# Shades of cloths of these names. Blue and purple need several: in CIELAB, a deep blue lies nearer to a purple than to
# a blue cloth.
_SHADES = {
    "black": ("#202022",),
    "grey": ("#808386",),
    "white": ("#f0f0ee",),
    "red": ("#b82a2e", "#7c1f28"),
    "pink": ("#e6b4c2", "#d94f8c"),
    "orange": ("#dd7a35",),
    "yellow": ("#e3c64a",),
    "green": ("#4d8a4f", "#2f4a35"),
    "light green": ("#a8d0b4",),
    "turquoise": ("#3f9c9c",),
    "blue": ("#2f5597", "#1a2fa8", "#26325a"),
    "light blue": ("#a4c6de",),
    "purple": ("#76508c", "#6a22b0", "#b6a6d2"),
    "brown": ("#6e4a30",),
    "beige": ("#d9c8ae",),
}


def color_name(color: str) -> str:
    """The nearest of 15 named colours in CIELAB; what is not written ``#rrggbb`` is a name already, and returned."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", color):
        return color
    distances = np.linalg.norm(_LAB - _lab([color]), axis=1)
    return _NAMES[int(distances.argmin())]


def _lab(colors: list[str]) -> NDArray[np.float32]:
    """Colours ``#rrggbb`` in CIELAB: ``(N, 3) float32``, D65."""
    rgb = np.array([list(bytes.fromhex(color[1:])) for color in colors], dtype=np.float32) / 255
    return np.asarray(cv2.cvtColor(rgb[None], cv2.COLOR_RGB2LAB)[0], dtype=np.float32)


_NAMES = [name for name, shades in _SHADES.items() for _ in shades]
_LAB = _lab([shade for shades in _SHADES.values() for shade in shades])
