"""Near-duplicates: one photograph kept twice, though re-encoded, resized, cropped a little, relit or mirrored.

Two steps, for aligned faces all look alike to a hash: a 256-bit perceptual hash proposes pairs, and the small grey
pictures behind the hashes, laid over each other, confirm them. Of many pictures not all pairs are looked at, but those
of similar coarse shape (``cells.py``).

The thresholds were measured on 1259 face crops freed of near-duplicates by a 64-bit hash. Of their 791 911 pairs 18
are found: 14 are one photograph after all, 3 are different faces cut out on black, 1 is wrong. Of each picture's own
copies, all that are mirrored, relit, saved at JPEG quality 60 or resized to 90 % are found, 98.7 % of those cropped by
3 % at a random place, 98.1 % of those cropped, mirrored, resized and saved. A correlation of 0.88 instead of 0.9 finds
99 % of these, but twice as many wrong pairs, which would chain into large groups in a large set.
"""

import os
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from maskaug.augment.curate.cells import cells, close_hashes

MAX_DISTANCE = 76  # of 256 bits
MIN_CORRELATION = 0.9
_HASH_SIDE, _SIDE_PER_HASH = 16, 3
_SIDE = _HASH_SIDE * _SIDE_PER_HASH
_SHIFT = 4  # pixels of the small picture by which one may be cropped against the other
_HASH_BYTES = _HASH_SIDE**2 // 8
_TILE = 2048  # hashes compared at a time, on either side
ALL_PAIRS = 20_000  # pictures: of so many, comparing all with each other takes seconds; it grows with their square


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a picture to compare it with others.

    Attributes:
        small: ``(48, 48) uint8`` grey.
        bits: ``(32,) uint8``: its perceptual hash, 256 bits.
        mirrored: The hash of its mirror image.
    """

    small: NDArray[np.uint8]
    bits: NDArray[np.uint8]
    mirrored: NDArray[np.uint8]


def fingerprint(pixels: NDArray[np.uint8]) -> Fingerprint:
    """The fingerprint of a picture, ``(H, W, 3) uint8`` RGB."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = np.asarray(cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return Fingerprint(small, _hash(small), _hash(small[:, ::-1]))


class Fingerprints:
    """Fingerprints of many pictures, in order: 2.4 kB each in a temporary file, 64 bytes in memory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  open for as long as this lives
        weakref.finalize(self, self._file.close)
        self._bits, self._mirrored = bytearray(), bytearray()

    def append(self, one: Fingerprint) -> None:
        """Add that of the next picture."""
        self._file.write(one.small.tobytes())
        self._bits += one.bits.tobytes()
        self._mirrored += one.mirrored.tobytes()

    def __len__(self) -> int:
        return len(self._bits) // _HASH_BYTES

    @property
    def bits(self) -> NDArray[np.uint8]:
        """``(N, 32) uint8``: their hashes."""
        return np.frombuffer(bytes(self._bits), dtype=np.uint8).reshape(-1, _HASH_BYTES)

    @property
    def mirrored(self) -> NDArray[np.uint8]:
        """``(N, 32) uint8``: those of their mirror images."""
        return np.frombuffer(bytes(self._mirrored), dtype=np.uint8).reshape(-1, _HASH_BYTES)

    def small(self, start: int, stop: int) -> NDArray[np.uint8]:
        """``(stop - start, 48, 48) uint8`` grey: the small pictures at these positions, read from the file."""
        self._file.flush()
        # Not mapped: a process would be charged for all that it has looked at.
        read = os.pread(self._file.fileno(), (stop - start) * _SIDE**2, start * _SIDE**2)
        return np.frombuffer(read, dtype=np.uint8).reshape(-1, _SIDE, _SIDE)


def near_duplicates(fingerprints: Fingerprints) -> NDArray[np.intp]:
    """Pairs of near-duplicates.

    Returns:
        ``(P, 2)``: positions among the fingerprints, the smaller first, in order.
    """
    if not len(fingerprints):
        return np.empty((0, 2), dtype=np.intp)
    small = fingerprints.small
    found = set()
    for first, second, flipped in _candidates(fingerprints):
        pair = (first, second)
        if pair not in found and _same(small(first, first + 1)[0], small(second, second + 1)[0], flipped):
            found.add(pair)
    return np.array(sorted(found), dtype=np.intp).reshape(-1, 2)


def connected(count: int, pairs: NDArray[np.intp]) -> NDArray[np.intp]:
    """Number of the group that each of ``count`` things belongs to, ``(count,)``, when pairs belong together."""
    edges = coo_array((np.ones(len(pairs), dtype=np.bool_), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(edges, directed=False)[1], dtype=np.intp)


def _hash(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = Image.fromarray(np.ascontiguousarray(small))
    return np.packbits(imagehash.phash(grey, _HASH_SIDE, _SIDE_PER_HASH).hash)


def _candidates(fingerprints: Fingerprints) -> Iterator[tuple[int, int, bool]]:
    """Pairs whose hashes are close, and whether that is so once the second is mirrored; one can come twice."""
    bits, of_way = fingerprints.bits, {False: fingerprints.bits, True: fingerprints.mirrored}
    if len(fingerprints) <= ALL_PAIRS:
        for flipped, others in of_way.items():
            yield from ((first, second, flipped) for first, second in _close(bits, others))
        return
    for members, asking, flipped in cells(fingerprints.small, len(fingerprints)):
        asked, found = close_hashes(of_way[flipped][asking], bits[members], MAX_DISTANCE)
        for one, other in zip(asking[asked].tolist(), members[found].tolist(), strict=True):
            if one != other:
                yield min(one, other), max(one, other), flipped


def _close(bits: NDArray[np.uint8], others: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Pairs of different positions, the smaller first, whose hashes are close."""
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    for top in range(0, len(bits), _TILE):
        for left in range(top, len(bits), _TILE):
            rows = matcher.radiusMatch(bits[top : top + _TILE], others[left : left + _TILE], MAX_DISTANCE + 0.5)
            for row in rows:
                for match in row:
                    first, second = top + match.queryIdx, left + match.trainIdx
                    if first < second:
                        yield first, second


def _same(first: NDArray[np.uint8], second: NDArray[np.uint8], flipped: bool) -> bool:
    """Whether the middle of one small picture is found in the other."""
    other = np.ascontiguousarray(second[:, ::-1]) if flipped else second
    middle = (slice(_SHIFT, -_SHIFT), slice(_SHIFT, -_SHIFT))
    return any(
        cv2.matchTemplate(whole, np.ascontiguousarray(part[middle]), cv2.TM_CCOEFF_NORMED).max() >= MIN_CORRELATION
        for whole, part in ((first, other), (other, first))
    )
