"""Pictures, folders, videos and cameras, as one stream of frames."""

import glob
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.files import PICTURE_SUFFIXES
from maskaug.core.pictures import PictureError, read_picture
from maskaug.train.errors import TrainError
from maskaug.train.predict.streams import (
    Capture,
    is_address,
    is_stream,
    name_of,
    read_address,
    stream_images,
    suffix_of,
    without_password,
)

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"})


class FramesError(TrainError):
    """There is nothing to look at; the message says why and what to do."""


@dataclass(frozen=True)
class InputFrame:
    """One picture, or one frame of a video.

    Attributes:
        source: The file, or ``camera 0``.
        place: Where results about it go, below any folder: ``NAME.jpg``, or ``FOLDER/NAME.jpg`` of a folder given.
        image: ``(H, W, 3) uint8`` RGB; None where it cannot be read.
        problem: Why it cannot be read or judged; empty where it can.
        warnings: What is odd about its file, though it could be read.
        number: Of the frame in its video, from 0; None for a picture.
        rate: Frames of the video a second; 0 for a picture.
    """

    source: str
    place: Path
    image: NDArray[np.uint8] | None
    problem: str = ""
    warnings: tuple[str, ...] = ()
    number: int | None = None
    rate: float = 0.0

    @property
    def seconds(self) -> float:
        """Since the video began."""
        return (self.number or 0) / self.rate if self.rate else 0.0


def list_inputs(paths: Sequence[Path | str]) -> list[tuple[Path | str, Path]]:
    """The pictures and videos among files, addresses and in folders of any depth, each with the place of its results.

    Args:
        paths: Files, folders, addresses, patterns of :mod:`glob`, or ``-`` for a list on standard input.

    Raises:
        FramesError: a path does not exist, a pattern matches nothing, or a folder holds neither.
    """
    found: list[tuple[Path | str, Path]] = []
    for path in paths:
        if is_address(path):
            found.append((path, Path(name_of(str(path)))))
        elif str(path) == "-":
            lines = [line.rstrip("\r\n") for line in sys.stdin]
            found += list_inputs([line if is_address(line) else Path(line) for line in lines if line and line != "-"])
        elif Path(path).exists():
            found += _on_disk(Path(path))
        elif glob.has_magic(str(path)):
            matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  of patterns with a root, pathlib has none
            if not matches:
                raise FramesError(f"no file matches {path}")
            found += [one for match in matches for one in _on_disk(Path(match))]
        else:
            raise FramesError(f"{path} does not exist")
    return found


def _on_disk(path: Path) -> list[tuple[Path | str, Path]]:
    if not path.is_dir():
        return [(path, Path(path.name))]
    inside = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES and not file.name.startswith(".")
    )
    if not inside:
        raise FramesError(f"folder {path} holds no picture and no video, nor is it a training run")
    return [(file, file.relative_to(path)) for file in inside]


def is_video(path: Path | str) -> bool:
    """Whether a file or address is no single picture."""
    return suffix_of(path) in VIDEO_SUFFIXES or is_stream(path)


def read_frames(
    files: Sequence[tuple[Path | str, Path]], every: int = 1, capture: Capture = cv2.VideoCapture
) -> Iterator[InputFrame]:
    """The pictures, and every so many-th frame of the videos; what cannot be read comes as a frame that says why."""
    for path, place in files:
        if is_stream(path):
            yield from _stream(capture, str(path), place, every)
            continue
        name = without_password(path) if isinstance(path, str) else str(path)
        if is_video(path):
            yield from _video(capture, str(path), name, place, every)
            continue
        try:
            picture = read_address(path) if isinstance(path, str) else read_picture(path)
            yield InputFrame(name, place, picture.pixels, warnings=picture.warnings)
        except PictureError as error:
            yield InputFrame(name, place, None, str(error))


def _stream(capture: Capture, address: str, place: Path, every: int) -> Iterator[InputFrame]:
    """Frames of a stream; their numbers go on after a lost connection."""
    name, number = without_password(address), 0
    for image, rate, problem in stream_images(address, capture):
        if image is None and problem:
            yield InputFrame(name, place, None, problem, number=number, rate=rate)
        if image is not None:
            if number % every == 0:
                yield InputFrame(name, place, image, number=number, rate=rate)
            number += 1


def camera_frames(camera: int, every: int = 1, capture: Capture = cv2.VideoCapture) -> Iterator[InputFrame]:
    """The frames of a camera, until it ends or the caller has enough.

    Args:
        camera: Its number, from 0.
        every: Frames from one that is taken to the next.
        capture: What opens it.
    """
    name = f"camera {camera}"
    yield from _video(capture, camera, name, Path(f"{name.replace(' ', '_')}.avi"), every)


def _video(capture: Capture, which: str | int, source: str, place: Path, every: int) -> Iterator[InputFrame]:
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong is said once, below
    video = capture(which)
    cv2.utils.logging.setLogLevel(level)
    try:
        rate = float(video.get(cv2.CAP_PROP_FPS)) or 25.0  # some cameras do not know
        number = 0
        while video.grab():
            if number % every == 0:
                done, image = video.retrieve()
                if not done:
                    break
                rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
                yield InputFrame(source, place, rgb, number=number, rate=rate)
            number += 1
        if number == 0:
            what = "is not there, or another program has it" if isinstance(which, int) else "holds no frame to read"
            yield InputFrame(source, place, None, f"{source} {what}", number=0)
    finally:
        video.release()
