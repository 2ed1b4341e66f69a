"""Pictures of similar coarse shape among very many: which of them are worth comparing.

A picture's coarse shape is the low frequencies of its cosine transform, brightness left out and contrast evened. All
shapes are sorted into cells, around centres that k-means finds, and each is compared with those in the cells nearest to
it, an inverted file as Jégou, Douze and Schmid (2011) have it. How many pairs that misses,
``benchmarks/near_duplicates.py --against-all`` tells. A larger group hangs together all the same: where two pictures of
it are not compared, a third is with both.
"""

import math
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Small = Callable[[int, int], NDArray[np.uint8]]
Positions: TypeAlias = NDArray[np.int32]

_FREQUENCIES = 6  # along each side
_SIDE = 24
_BLUR = 2.0  # pixels: a shift by a few, as by cropping, is not to matter
_TILE = 8192
_AT_ONCE = 65_536  # shapes that look into their cells: some 100 MB
# Cells, as a multiple of the square root of the number of pictures; how many of them are looked into; and by how many
# shapes to a cell the centres are found.
_CELLS, _LOOKED_INTO, _LEARNT_FROM = 4, 32, 64


def cells(small: Small, count: int) -> Iterator[tuple[Positions, Positions, bool]]:
    """Pictures, and whom to compare each of them with.

    Args:
        small: Gives the pictures from one position to another, ``(stop - start, S, S) uint8`` grey.
        count: How many there are.

    Yields:
        ``(M,)`` positions of the members of a cell; ``(A,)`` of pictures whose shape is similar to theirs; and whether
        that is so once these are mirrored. Each picture is a member of one cell.
    """
    shapes = np.concatenate([_shapes(small(start, min(start + _TILE, count))) for start in range(0, count, _TILE)])
    centres = _centres(shapes)
    looked_into = min(_LOOKED_INTO, centres.ntotal)
    members = dict(_by_cell(centres.search(shapes, 1)[1]))
    for start in range(0, count, _AT_ONCE):
        some = shapes[start : start + _AT_ONCE]
        for asked, mirrored in ((some, False), (some * _MIRROR, True)):
            for cell, places in _by_cell(centres.search(asked, looked_into)[1]):
                if cell in members:
                    yield members[cell], start + places, mirrored


def close_hashes(
    some: NDArray[np.uint8], others: NDArray[np.uint8], distance: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places among some hashes and among others, ``(P,)`` each, wherever two differ in no more bits than that.

    Args:
        some, others: ``(N, B)`` and ``(M, B) uint8``.
        distance: In bits.
    """
    index = _faiss().IndexBinaryFlat(8 * others.shape[1])
    index.add(others)
    ends, _, found = index.range_search(some, distance + 1)
    return np.repeat(np.arange(len(some)), np.diff(ends.astype(np.int64))), found


def _centres(shapes: NDArray[np.float32]) -> Any:  # noqa: ANN401  Faiss has no types
    count = min(len(shapes), round(_CELLS * math.sqrt(len(shapes))))
    # One in so many, for the first ones may all be of one kind.
    some = np.ascontiguousarray(shapes[:: max(1, len(shapes) // (count * _LEARNT_FROM))])
    means = _faiss().Kmeans(
        shapes.shape[1], count, seed=0, spherical=True, min_points_per_centroid=1, max_points_per_centroid=_LEARNT_FROM
    )
    means.train(some)
    return means.index


def _faiss() -> ModuleType:
    import faiss  # noqa: PLC0415  only very large sets need it

    faiss.omp_set_num_threads(1)  # several wait for each other, each time for longer than the work takes
    return faiss


def _by_cell(found: NDArray[np.int64]) -> Iterator[tuple[int, Positions]]:
    """Each cell with the places of the shapes that look into it, in order; ``(N, K)`` are the cells of each shape."""
    order = np.argsort(found, axis=None, kind="stable")
    cell, starts = np.unique(found.ravel()[order], return_index=True)
    yield from zip(cell.tolist(), np.split((order // found.shape[1]).astype(np.int32), starts[1:]), strict=True)


def _shapes(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(N, 35) float32`` of length 1."""
    pixels = small.reshape(len(small), -1).astype(np.float32)
    low = pixels @ _transform(small.shape[1])
    return np.asarray(low / (np.linalg.norm(low, axis=1, keepdims=True) + 1e-6), dtype=np.float32)


@cache
def _transform(side: int) -> NDArray[np.float32]:
    """``(side**2, 35) float32``: the coarse shape of each picture with a single pixel; shapes are sums of these."""
    points = np.eye(side**2, dtype=np.float32).reshape(-1, side, side)
    return np.stack([_low_frequencies(one) for one in points])


def _low_frequencies(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    coarse = cv2.resize(cv2.GaussianBlur(grey, (0, 0), _BLUR), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.dct(coarse)[:_FREQUENCIES, :_FREQUENCIES].ravel()[1:], dtype=np.float32)


# A mirror image has the same even frequencies from left to right, and the opposite odd ones.
_MIRROR = np.tile((-1.0) ** np.arange(_FREQUENCIES), _FREQUENCIES)[1:].astype(np.float32)
