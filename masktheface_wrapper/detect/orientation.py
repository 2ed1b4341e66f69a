"""Which way up a face is, by a small network."""

import numpy as np
from numpy.typing import NDArray

from maskaug.assets import orientation_model
from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.detect.small_network import SEEN, SIDE, SmallNetwork, crop_about, standardized

_network = SmallNetwork(orientation_model())


def orientation_probabilities(image: Image, box: NDArray[np.floating]) -> NDArray[np.float32]:
    """How likely the picture shows a face upright after no, one, two or three quarter turns counterclockwise.

    The network is made by ``tools/train_orientation.py``; what it was trained on stands in its card.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        box: ``(4,)``: left, top, right, bottom of a face in pixels, as dlib's HOG detector draws it.

    Returns:
        ``(4,) float32``, of sum 1.

    Raises:
        ModelError: the network's file is missing or damaged.
    """
    logits = _network.logits(standardized(crop_about(image, box, SIDE, SEEN)))
    odds = np.exp(logits - logits.max())
    return (odds / odds.sum()).astype(np.float32)
