"""Decoded pictures on disk: read, resized and cropped once, then mapped into memory by whoever trains or judges."""

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from maskaug.core.containers import Location, Member, stamp_of
from maskaug.core.errors import MaskaugError, failure
from maskaug.core.files import write_atomic
from maskaug.core.pictures import DecodedPicture, PictureError, read_picture
from maskaug.core.text import counted, parse_json, printable
from maskaug.train.data.largest_face import finder_key, largest_box
from maskaug.train.data.preprocess import Preparation, Prepared
from maskaug.train.errors import TrainError

DecodeProgress = Callable[[int, int], None]  # pictures decoded, of how many

_AT_ONCE = 256  # pictures in memory


class CacheError(TrainError):
    """The pictures cannot be decoded or kept; the message says why and what to do."""


@dataclass(frozen=True)
class CachedPictures:
    """The pictures of a list that can be read.

    Attributes:
        numbers: Their places in the list, N of them.
        pixels: ``(N, P, P, 3) uint8`` RGB, prepared, mapped from disk.
        views: ``(N, 8) float32``: how each was cut out, see `Prepared.view`.
        sizes: Height and width of each file, in pixels.
        sha256: Of each file, hexadecimal.
        problems: A sentence on each of the others.
    """

    numbers: list[int]
    pixels: NDArray[np.uint8]
    views: NDArray[np.float32]
    sizes: list[tuple[int, int]]
    sha256: list[str]
    problems: list[str]


def default_cache() -> Path:
    """Where decoded pictures are kept unless told otherwise: ``$XDG_CACHE_HOME/maskaug`` or ``~/.cache/maskaug``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "maskaug"


def load_pictures(
    paths: Sequence[Location],
    preparation: Preparation,
    cache: Path,
    progress: DecodeProgress = lambda done, total: None,
) -> CachedPictures:
    """Prepared pictures, from the cache if it has them.

    They are found by the files' names, sizes and times of change, and by how they are prepared, also by which finder:
    when any of these differs, they are decoded anew. Pictures in shards are read in the order in which they lie there.

    Args:
        paths: The files, or their places in shards.
        preparation: What is done to them.
        cache: A folder, made where it is missing; 3 * P * P bytes a picture.
        progress: Called with pictures decoded, and of how many.

    Raises:
        CacheError: it cannot be written, or none of the pictures can be read.
    """
    key = _key(paths, preparation)
    array, index = cache / f"{key}.npy", cache / f"{key}.json"
    try:
        found = _load(array, index, preparation.side)
        if found is None:
            cache.mkdir(parents=True, exist_ok=True)
            _build(paths, preparation, array, index, progress)
            found = _load(array, index, preparation.side)
    except OSError as error:
        raise CacheError(
            f"cannot keep decoded pictures in {cache}: {error.strerror}; choose a place by --cache"
        ) from error
    if found is None:
        raise CacheError(
            f"{array} is not as it was written a moment ago; check the disk, and whether another program writes there"
        )
    return found


def _key(paths: Sequence[Location], preparation: Preparation) -> str:
    framed_by = finder_key() if preparation.framing == "face" else ""
    whole = hashlib.sha256(f"{preparation.key}\n{framed_by}\n".encode())
    files = dict[Path, str]()  # a shard has thousands of pictures
    for path in paths:
        file = path.container if isinstance(path, Member) else path
        if file not in files:
            files[file] = f"{file.resolve()}\0{stamp_of(file)}"
        within = f"\0{path.name}\0{path.place}" if isinstance(path, Member) else ""
        whole.update(f"{files[file]}{within}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()[:32]


def _load(array: Path, index: Path, side: int) -> CachedPictures | None:
    """None where there is nothing whole."""
    try:
        record = parse_json(index.read_text(encoding="utf-8"))
        pixels = np.load(array, mmap_mode="r", allow_pickle=False)
        views = np.array(record["views"], dtype=np.float32).reshape(-1, 8)
        sizes = [(height, width) for height, width in record["sizes"]]
        found = CachedPictures(record["numbers"], pixels, views, sizes, record["sha256"], record["problems"])
    except (FileNotFoundError, ValueError, KeyError, EOFError):
        return None
    whole = pixels.shape == (len(found.numbers), side, side, 3) and pixels.dtype == np.uint8
    return found if whole and len(found.sha256) == len(found.numbers) == len(views) == len(sizes) else None


def _build(
    paths: Sequence[Location], preparation: Preparation, array: Path, index: Path, progress: DecodeProgress
) -> None:
    found: dict[int, tuple[list[float], tuple[int, int], str]] = {}  # view, size and SHA-256 by number
    problems: dict[int, str] = {}
    side = preparation.side
    unfinished = array.with_name(f".{array.stem}-{uuid.uuid4().hex}.npy")
    order = sorted(range(len(paths)), key=lambda number: _place(paths[number], number))
    try:
        pixels = open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=(len(paths), side, side, 3))
        read = _prepared([paths[number] for number in order], preparation)
        for done, (number, prepared) in enumerate(zip(order, read, strict=True), 1):
            if isinstance(prepared, str):
                problems[number] = prepared
            else:
                cut_out, picture = prepared
                pixels[number] = cut_out.pixels
                found[number] = cut_out.view.tolist(), picture.pixels.shape[:2], picture.sha256
            progress(done, len(paths))
        numbers, told = sorted(found), [problems[number] for number in sorted(problems)]
        if not numbers:
            raise CacheError(f"{counted(len(paths), 'picture')}, and none can be read; the first: {told[0]}")
        if problems:  # room was made for all
            shorter = open_memmap(
                unfinished.with_suffix(".part"), mode="w+", dtype=np.uint8, shape=(len(numbers), side, side, 3)
            )
            for place, number in enumerate(numbers):
                shorter[place] = pixels[number]
            pixels = shorter
            unfinished.with_suffix(".part").replace(unfinished)
        pixels.flush()
        unfinished.replace(array)
    finally:
        unfinished.unlink(missing_ok=True)
        unfinished.with_suffix(".part").unlink(missing_ok=True)
    # Last: without it, the array counts as absent.
    views, sizes, sha256 = zip(*(found[number] for number in numbers), strict=True)
    record = {"numbers": numbers, "views": views, "sizes": sizes, "sha256": sha256, "problems": told}
    write_atomic(index, json.dumps(record).encode(), index.parent)


def _place(path: Location, number: int) -> tuple[str, tuple[int, ...]]:
    """By which pictures are read in order: as they are listed, or as they lie in their shards."""
    return (str(path.container), path.place) if isinstance(path, Member) else ("", (number,))


def _prepared(paths: Sequence[Location], preparation: Preparation) -> Iterator[tuple[Prepared, DecodedPicture] | str]:
    """Prepared pictures and what they were made of, or what is wrong with the file; in order."""

    def one(path: Location) -> tuple[Prepared, DecodedPicture] | str:
        try:
            picture = read_picture(path)
            box = largest_box(picture.pixels) if preparation.framing == "face" else None
            return preparation.prepare(picture.pixels, box), picture
        except PictureError as error:
            return str(error)
        except MaskaugError:  # of a model, whatever the picture
            raise
        except Exception as error:
            return printable(f"{path} failed: {failure(error)}")

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, len(paths), _AT_ONCE):
            yield from threads.map(one, paths[start : start + _AT_ONCE])
