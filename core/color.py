"""Constants of colour."""

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # weights of red, green and blue: ITU-R BT.601
