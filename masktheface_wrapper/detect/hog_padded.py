"""dlib's HOG detector, patient: with room about a tight crop, and with less confidence."""

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.detect.detector import Boxes, is_strip, no_boxes, resized
from maskaug.masktheface_wrapper.detect.hog import Hog

_SIDE = 480  # it needs faces of 80 pixels
_PAD = 0.5  # of the longest side: it needs room about them
_THRESHOLD = -0.5


class HogPadded(Hog):
    """Finds faces that fill the picture, and doubtful ones."""

    name = "hog_padded"
    # At the lower threshold it also fires on texture, where landmarks lie 0.14 apart; on faces 0.02 to 0.055.
    most_apart = 0.1

    def detect(self, image: Image) -> Boxes:
        """Boxes in the picture at 480 pixels, with half as much about it on each side."""
        if is_strip(image, _SIDE):
            return no_boxes()
        small, factor = resized(image, _SIDE)
        return self.search(small, factor, margin=int(_PAD * max(small.shape[:2])), threshold=_THRESHOLD)
