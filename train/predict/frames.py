"""Pictures, folders, videos and cameras, as one stream of frames."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.files import PICTURE_SUFFIXES
from maskaug.core.pictures import PictureError, read_picture
from maskaug.train.errors import TrainError

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"})

Capture = Callable[[Any], cv2.VideoCapture]  # a file's name or a camera's number


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


def list_inputs(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The pictures and videos among files and in folders of any depth, each with the place of its results.

    Raises:
        FramesError: a path does not exist, or a folder holds neither.
    """
    found: list[tuple[Path, Path]] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                file
                for file in path.rglob("*")
                if file.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES and not file.name.startswith(".")
            )
            if not inside:
                raise FramesError(f"folder {path} holds no picture and no video, nor is it a training run")
            found += [(file, file.relative_to(path)) for file in inside]
        elif path.exists():
            found.append((path, Path(path.name)))
        else:
            raise FramesError(f"{path} does not exist")
    return found


def read_frames(files: Sequence[tuple[Path, Path]], every: int = 1) -> Iterator[InputFrame]:
    """The pictures, and every so many-th frame of the videos; what cannot be read comes as a frame that says why."""
    for path, place in files:
        if path.suffix.lower() in VIDEO_SUFFIXES:
            yield from _video(cv2.VideoCapture, str(path), str(path), place, every)
            continue
        try:
            picture = read_picture(path)
            yield InputFrame(str(path), place, picture.pixels, warnings=picture.warnings)
        except PictureError as error:
            yield InputFrame(str(path), place, None, str(error))


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
