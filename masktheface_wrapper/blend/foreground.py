"""A mask behind what stands before it in the photograph, glasses above all."""

from dataclasses import replace

import cv2
import numpy as np

from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.foreground import Foreground


def hide_behind(layer: Layer, foreground: Foreground | None) -> Layer:
    """The layer without what something before the face hides."""
    if foreground is None:
        return layer
    height, width = layer.alpha.shape
    # The foreground's place in the layer; about it, all of the layer is seen.
    place = np.array([[1, 0, foreground.left - layer.left], [0, 1, foreground.top - layer.top]], dtype=np.float64)
    cover = cv2.warpAffine(foreground.cover, place, (width, height), flags=cv2.INTER_NEAREST)
    keep = 1 - cover
    return replace(layer, color=cv2.multiply(layer.color, cv2.merge([keep] * 3)), alpha=layer.alpha * keep)
