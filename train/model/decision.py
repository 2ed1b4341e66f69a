"""From probabilities to decisions: of two classes by a threshold, of more the likeliest. Free of SciPy and PyTorch."""

import numpy as np
from numpy.typing import NDArray

from maskaug.core.classes import MASKED


def of_both(masked: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(N, 2)`` probabilities of both classes, from ``(N,)`` of the masked one."""
    both: NDArray[np.float64] = np.stack([1 - masked, masked], axis=1)
    return both


def decide(probabilities: NDArray[np.floating], threshold: float) -> NDArray[np.intp]:
    """The class each picture is called, by its place among the classes.

    Args:
        probabilities: ``(N, K)``.
        threshold: Of two classes, the masked one is what has at least so much; of more, the likeliest is, and the
            threshold says nothing.

    Returns:
        ``(N,)``.
    """
    if probabilities.shape[1] == 2:
        return (probabilities[:, MASKED] >= threshold).astype(np.intp)
    return probabilities.argmax(axis=1)


def certainty(probabilities: NDArray[np.floating], threshold: float) -> NDArray[np.floating]:
    """How far each decision of :func:`decide` is from another one, ``(N,)``: from the threshold or the second class."""
    if probabilities.shape[1] == 2:
        return np.abs(probabilities[:, MASKED] - threshold)
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    return np.asarray(first - second)
