"""The photograph's blur given to a layer."""

from dataclasses import replace

import cv2
import numpy as np

from maskaug.masktheface_wrapper.layer import Layer

_DRAWN_BLUR = 0.35  # standard deviation, in pixels, of the filters a layer was drawn through


def match_blur(layer: Layer, blur: float) -> Layer:
    """The layer as a photograph with a blur of that standard deviation, in pixels, shows it."""
    missing = float(np.sqrt(max(blur**2 - _DRAWN_BLUR**2, 0.0)))
    # Where the picture ends the mask does not.
    color, alpha = (
        cv2.GaussianBlur(values, (0, 0), missing, borderType=cv2.BORDER_REPLICATE)
        for values in (layer.color, layer.alpha)
    )
    return replace(layer, color=color, alpha=alpha)
