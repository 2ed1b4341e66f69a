"""Names for the arrays that pass between modules."""

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3), RGB
Points = NDArray[np.float32]  # (N, 2), x to the right, y down, in pixels; pixel centres at whole numbers
