"""Harmonization: a drawn layer made part of the photograph, in the same way for masks and occluders."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.blend.blur import match_blur
from maskaug.masktheface_wrapper.blend.composite import composite
from maskaug.masktheface_wrapper.blend.contact_shadow import add_contact_shadow
from maskaug.masktheface_wrapper.blend.grain import match_relief, measure_relief, sample_grain, surface_of
from maskaug.masktheface_wrapper.blend.light import Light, compress_highlights, shade
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.context import FaceContext

_HIGHLIGHTS = 240.0  # folds that were deepened shall not clip either


@dataclass(frozen=True)
class HarmonizeSteps:
    """Which steps a layer needs; a mask needs them all.

    Attributes:
        light: What it takes its light from; None: its colours are the photograph's as they are.
        folds: Whether its folds are made as deep as the skin's relief; hair and mesh have relief of their own.
        contact: Whether it casts a shadow on what is around it.
    """

    light: Light | None = "face"
    folds: bool = True
    contact: bool = True


def harmonize(
    image: Image,
    layer: Layer,
    context: FaceContext,
    seed: int,
    steps: HarmonizeSteps | None = None,
    *,
    in_place: bool = False,
) -> tuple[Image, NDArray[np.uint8]]:
    """Light, soften and roughen a layer, give it a shadow, and lay it over the photograph.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        layer: As it was drawn, over ``context.image``.
        context: Of this picture.
        seed: Of the grain.
        steps: Those it needs; None: all.
        in_place: Whether the picture itself is changed.

    Returns:
        A new ``(H, W, 3) uint8`` picture, or the picture itself, and the layer's alpha as ``(H, W) uint8``.
    """
    steps = steps or HarmonizeSteps()
    if steps.light is not None:
        layer = shade(layer, context.image, context.skin, steps.light)
    layer = match_blur(layer, context.blur)
    relief, noise = measure_relief(context.image, context.landmarks, layer, context.unit), None
    if relief is not None:
        surface = surface_of(layer)
        if context.grain is not None:
            rng, unit = np.random.default_rng(seed), context.unit * context.scale
            noise = sample_grain(context.grain, surface, unit=unit, relief=relief, scale=context.scale, rng=rng)
        if steps.folds:
            lacking = noise.energy / context.scale**2 if noise else 0.0
            layer = match_relief(layer, surface, relief=relief, noise=lacking, unit=context.unit)
    layer = compress_highlights(layer, _HIGHLIGHTS)
    if steps.contact:
        layer = add_contact_shadow(layer, context.unit, context.image.shape[:2])
    tile, corner = noise.tile if noise else None, (context.left, context.top)
    return composite(image, layer, context.scale, tile, corner, in_place=in_place)
