"""The nearest of each picture among very many, by coarse shape: which pairs are worth a closer look.

A picture's coarse shape is the low frequencies of its cosine transform, brightness left out and contrast evened. An
approximate index (HNSW, Malkov and Yashunin 2018, as usearch has it) finds the shapes that point the same way; how many
pairs it misses, ``benchmarks/near_duplicates.py --against-all`` tells. A larger group hangs together all the same: what
is no neighbour of a picture is one of a neighbour.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.executors.executor import usable_cores

Small = Callable[[int, int], NDArray[np.uint8]]

_FREQUENCIES = 6  # along each side
_SIDE = 24
_BLUR = 2.0  # pixels: a shift by a few, as by cropping, is not to matter
NEIGHBOURS = 16
_TILE = 8192
# Of the index: links of each, and how many candidates are kept while one is added or looked for.
_CONNECTIVITY, _EXPANSION = 16, 64


def neighbours(small: Small, count: int) -> NDArray[np.intp]:
    """Pairs of pictures of similar shape, or of which one has the shape of the other's mirror image.

    Args:
        small: Gives the pictures from one position to another, ``(stop - start, S, S) uint8`` grey.
        count: How many there are.

    Returns:
        ``(P, 2)``: positions, the smaller first, each pair once, in order.
    """
    from usearch.index import Index  # noqa: PLC0415  only very large sets need it

    index = Index(
        ndim=_FREQUENCIES**2 - 1,
        metric="cos",
        dtype="f16",
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION,
        expansion_search=_EXPANSION,
    )
    for start, shapes in _tiles(small, count):
        # By one thread: the order of adding makes the index, and it is to be the same each time.
        index.add(np.arange(start, start + len(shapes)), shapes, threads=1)
    codes = []
    for start, shapes in _tiles(small, count):
        own = np.arange(start, start + len(shapes))[:, None]
        for asked in (shapes, shapes * _MIRROR):
            found = np.asarray(index.search(asked, min(NEIGHBOURS, count), threads=usable_cores()).keys, dtype=np.int64)
            found = found.reshape(len(shapes), -1)
            first, second = np.minimum(found, own), np.maximum(found, own)
            codes.append(np.unique((first * count + second)[first != second]))
    pairs = np.unique(np.concatenate(codes))
    return np.stack([pairs // count, pairs % count], axis=1)


def _tiles(small: Small, count: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for start in range(0, count, _TILE):
        yield start, np.stack([_shape(one) for one in small(start, min(start + _TILE, count))])


def _shape(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(35,) float32`` of length 1."""
    blurred = cv2.GaussianBlur(small.astype(np.float32), (0, 0), _BLUR)
    coarse = cv2.resize(blurred, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    low = np.asarray(cv2.dct(coarse))[:_FREQUENCIES, :_FREQUENCIES].ravel()[1:]
    return np.asarray(low / (np.linalg.norm(low) + 1e-6), dtype=np.float32)


# A mirror image has the same even frequencies from left to right, and the opposite odd ones.
_MIRROR = np.tile((-1.0) ** np.arange(_FREQUENCIES), _FREQUENCIES)[1:].astype(np.float32)
