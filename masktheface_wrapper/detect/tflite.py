"""MediaPipe's networks, run by OpenCV."""

import threading
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.detect.models import ModelError, mediapipe_model

_of_thread = threading.local()


def run_network(name: str, image: Image, low: float, outputs: Sequence[str]) -> list[NDArray[np.float32]]:
    """What a network says of a picture.

    Args:
        name: Of the network's file.
        image: ``(S, S, 3) uint8`` RGB, of the network's size.
        low: What black is to the network; white is 1.
        outputs: Names of the layers that are asked for.

    Returns:
        An array for each, as the network has it.

    Raises:
        ModelError: the network's file is missing or damaged, or this OpenCV cannot read it.
    """
    network = _network(name)
    pixels = image.astype(np.float32).transpose(2, 0, 1)[None] * ((1 - low) / 255) + low
    network.setInput(np.ascontiguousarray(pixels))
    return [np.array(found) for found in network.forward(list(outputs))]


def _network(name: str) -> cv2.dnn.Net:
    """This thread's: one network cannot answer two threads."""
    networks: dict[str, cv2.dnn.Net] = _of_thread.__dict__.setdefault("networks", {})
    if name not in networks:
        path = mediapipe_model(name)
        # OpenCV 5's new engine names no output but the last.
        engine = [cv2.dnn.ENGINE_CLASSIC] if hasattr(cv2.dnn, "ENGINE_CLASSIC") else []
        try:
            networks[name] = cv2.dnn.readNetFromTFLite(str(path), *engine)
        except cv2.error as error:
            raise ModelError(f"OpenCV {cv2.__version__} cannot read {path}: {error}") from error
    return networks[name]
