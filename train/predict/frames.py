"""Pictures, videos, streams and cameras, as one stream of frames."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.containers import Location
from maskaug.core.pictures import PictureError, read_picture
from maskaug.core.text import encodable
from maskaug.train.predict.inputs import Input
from maskaug.train.predict.streams import (
    Capture,
    is_stream,
    read_address,
    stream_images,
    without_password,
)


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


def read_frames(inputs: Iterable[Input], every: int = 1, capture: Capture = cv2.VideoCapture) -> Iterator[InputFrame]:
    """The pictures, and every so many-th frame of the videos; what cannot be read comes as a frame that says why."""
    for one in inputs:
        source, place, name = one.source, one.place, one.name
        if one.problem:
            yield InputFrame(name, place, None, one.problem)
        elif isinstance(source, str) and is_stream(source):
            yield from _stream(capture, source, place, every)
        elif one.is_video:
            yield from _video(capture, str(source), name, place, every)
        else:
            yield _picture(source, name, place)


def _picture(source: Location | str, name: str, place: Path) -> InputFrame:
    try:
        picture = read_address(source) if isinstance(source, str) else read_picture(source)
    except PictureError as error:
        return InputFrame(name, place, None, encodable(str(error)))
    return InputFrame(name, place, picture.pixels, warnings=picture.warnings)


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
