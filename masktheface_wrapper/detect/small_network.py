"""Small networks that look at a face, and what they are shown."""

import math
import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.detect.models import ModelError

SIDE = 48  # pixels of what a network looks at
SEEN = 1.5  # its width, in widths of the box


class SmallNetwork:
    """A network of ``tools/train_orientation.py`` or another script there, loaded when first needed."""

    def __init__(self, path: Path) -> None:
        """A network in an ``.onnx`` file, from ``(N, C, S, S)`` pixels to logits."""
        self._path = path
        self._of_thread = threading.local()  # one network cannot answer two threads

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """What the network says of one face, ``(C, S, S)`` standardized pixels.

        Raises:
            ModelError: the network's file is missing or damaged.
        """
        network = self._network()
        network.setInput(pixels[None])
        return np.asarray(network.forward(), dtype=np.float64).reshape(-1)

    def _network(self) -> cv2.dnn.Net:
        if not hasattr(self._of_thread, "network"):
            # OpenCV 5's classic engine, the only one of OpenCV 4, takes half the time of its new one here.
            engine = [cv2.dnn.ENGINE_CLASSIC] if hasattr(cv2.dnn, "ENGINE_CLASSIC") else []
            try:
                self._of_thread.network = cv2.dnn.readNetFromONNX(str(self._path), *engine)
            except cv2.error as error:
                raise ModelError(f"{self._path} is missing or damaged; install maskaug anew") from error
        return self._of_thread.network


def crop_about(image: Image, box: NDArray[np.floating], side: int, seen: float) -> Image:
    """``(side, side, 3)``: a square about a box, ``seen`` times as wide; border pixels repeat beyond the picture."""
    center, width = (box[:2] + box[2:]) / 2, float(seen * max(box[2] - box[0], box[3] - box[1], 1.0))
    low, high = np.floor(center - width / 2).astype(int), np.ceil(center + width / 2).astype(int)
    height, length = image.shape[:2]
    inner_low, inner_high = np.maximum(low, 0), np.minimum(high, (length, height))
    if (inner_low >= inner_high).any():
        return np.zeros((side, side, 3), dtype=np.uint8)
    inner = image[inner_low[1] : inner_high[1], inner_low[0] : inner_high[0]]
    left, top = (inner_low - low) * side / (high - low)
    right, bottom = (high - inner_high) * side / (high - low)
    above, beside = min(round(float(top)), side - 1), min(round(float(left)), side - 1)
    across = max(side - beside - round(float(right)), 1)
    down = max(side - above - round(float(bottom)), 1)
    shrinks = inner.shape[1] > across or inner.shape[0] > down
    small = cv2.resize(inner, (across, down), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    below, beyond = side - above - down, side - beside - across
    bordered = cv2.copyMakeBorder(small, above, below, beside, beyond, cv2.BORDER_REPLICATE)
    return np.asarray(bordered, dtype=np.uint8)


def standardized(crop: Image) -> NDArray[np.float32]:
    """``(3, S, S) float32`` of mean 0 and about deviation 1, whatever the light."""
    means, deviations = (values[:, 0] / 255 for values in cv2.meanStdDev(crop))
    mean = float(means.mean())
    # Over all channels: what each scatters about its own mean, and the means about theirs.
    deviation = math.sqrt(float((deviations**2).mean() + means.var()))
    scale = 1 / (255 * (deviation + 0.05))
    pixels = crop.astype(np.float32) * np.float32(scale) - np.float32(255 * mean * scale)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
