"""Sprites: templates without a shell, mapped onto the face by the homography of their six anchors."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Points
from maskaug.masktheface_wrapper.cloth.template import ANCHOR_NAMES, Template
from maskaug.masktheface_wrapper.fit.mesh import FittedMesh
from maskaug.masktheface_wrapper.geometry.window import window_of
from maskaug.masktheface_wrapper.layer import Layer

# MaskTheFace changes to its side sprites at this yaw, in degrees.
_TURNED = 13.0


def sprite_for(template: Template, yaw: float) -> Template:
    """The sprite drawn for the way the face turns, where the pack has one."""
    if abs(yaw) <= _TURNED:
        return template
    return template.turned.get("right" if yaw > 0 else "left", template)


def warp_sprite(
    template: Template, mesh: FittedMesh, size: tuple[int, int], level_of: Callable[[int], NDArray[np.uint8]]
) -> Layer | None:
    """Map a sprite onto the places where the mesh shows its anchors; None if that is outside the picture.

    Args:
        template: The sprite.
        mesh: Any fitted shell: it says where a mask's six anchors lie on this face.
        size: Height and width of the picture.
        level_of: Gives a level of the sprite, ``(h, w, 4) uint8`` premultiplied RGBA, by its number.
    """
    source = np.array([template.anchors[name] for name in ANCHOR_NAMES], dtype=np.float64)
    target = _anchors(mesh).astype(np.float64)
    to_picture, _ = cv2.findHomography(source, target)
    if to_picture is None:
        return None
    height, width = template.size
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], dtype=np.float64)
    outline = cv2.perspectiveTransform(corners, to_picture)[0]
    window = window_of(outline, size)
    if window is None:
        return None
    left, top, right, bottom = window
    shrink = np.sqrt(width * height / max(cv2.contourArea(outline.astype(np.float32)), 1.0))
    level = min(max(int(np.round(np.log2(max(shrink, 1.0)))), 0), template.level_count - 1)
    texture = level_of(level)
    enlarge = np.diag([width / texture.shape[1], height / texture.shape[0], 1.0])
    shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], dtype=np.float64)
    region = (right - left, bottom - top)
    drawn = cv2.warpPerspective(texture, shift @ to_picture @ enlarge, region, flags=cv2.INTER_LINEAR)
    color = drawn.astype(np.float32)
    alpha = color[..., 3] / 255
    return Layer(left, top, color[..., :3], alpha, np.ones_like(alpha))


def _anchors(mesh: FittedMesh) -> Points:
    """``(6, 2)`` pixels of the anchors; a side that the head hides is taken where the shell turns away."""
    u, v = mesh.shell.chart.T
    across = mesh.vertices @ _across(mesh)
    found = []
    for row in (0.0, 1.0):
        in_row = np.flatnonzero(v == row)
        left, right = in_row[u[in_row] <= 0], in_row[u[in_row] >= 0]
        found += [
            left[np.argmin(across[left])],
            in_row[np.argmin(np.abs(u[in_row]))],
            right[np.argmax(across[right])],
        ]
    return mesh.vertices[found]


def _across(mesh: FittedMesh) -> Points:
    """Direction from the picture-left to the picture-right of the face, in the picture."""
    u, v = mesh.shell.chart.T
    bottom = mesh.vertices[(u == 0) & (v == 1)][0] - mesh.vertices[(u == 0) & (v == 0)][0]
    return np.array([bottom[1], -bottom[0]], dtype=np.float32)
