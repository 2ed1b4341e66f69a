"""Settling: a drawn layer brought into the photograph, the same way for masks and for all else that is laid on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.blend.blur import soften
from maskaug.masktheface_wrapper.blend.composite import composite
from maskaug.masktheface_wrapper.blend.contact_shadow import touch
from maskaug.masktheface_wrapper.blend.grain import grain_tile, lift, read_relief
from maskaug.masktheface_wrapper.blend.light import Light, compress, shade
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.context import Scene

_HIGHLIGHTS = 240.0  # folds that were deepened shall not clip either


@dataclass(frozen=True)
class Finish:
    """Which steps a layer needs; a mask needs them all.

    Attributes:
        light: What it takes its light from; None: its colours are the photograph's as they are.
        folds: Whether its folds are made as deep as the skin's relief; hair and mesh have relief of their own.
        contact: Whether it casts a shadow on what is around it.
    """

    light: Light | None = "face"
    folds: bool = True
    contact: bool = True


def settle(
    image: Image, layer: Layer, scene: Scene, seed: int, finish: Finish | None = None
) -> tuple[Image, NDArray[np.uint8]]:
    """Light, soften and roughen a layer, give it a shadow, and lay it over the photograph.

    Args:
        image: ``(H, W, 3) uint8`` RGB; it is not changed.
        layer: As it was drawn, over ``scene.image``.
        scene: Of this picture.
        seed: Of the grain.
        finish: The steps it needs; None: all.

    Returns:
        A new ``(H, W, 3) uint8`` picture, and the layer's alpha as ``(H, W) uint8``.
    """
    finish = finish or Finish()
    if finish.light is not None:
        layer = shade(layer, scene.image, scene.skin, finish.light)
    layer = soften(layer, scene.blur)
    relief, noise = read_relief(scene.image, scene.landmarks, layer, scene.unit), None
    if relief is not None:
        if scene.grain is not None:
            rng, unit = np.random.default_rng(seed), scene.unit * scene.scale
            noise = grain_tile(scene.grain, layer, unit=unit, relief=relief, scale=scene.scale, rng=rng)
        if finish.folds:
            layer = lift(layer, relief, scene.unit, noise, scene.scale)
    layer = compress(layer, _HIGHLIGHTS)
    if finish.contact:
        layer = touch(layer, scene.unit, scene.image.shape[:2])
    return composite(image, layer, scene.scale, noise)
