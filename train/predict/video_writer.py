"""Videos that are written: H.264 in .mp4, which plays everywhere, by PyAV; without it Motion JPEG in .avi."""

import importlib.util
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from maskaug.core.arrays import Image
from maskaug.train.predict.mark import MARK, mark_avi

_LEAST_RATE = 1.0  # frames a second; players refuse less
_QUALITY = "20"  # x264's constant rate factor: 0 loses nothing, 51 is worst; 20 keeps small captions sharp


class VideoError(Exception):
    """A video cannot be written; the message says why."""


class VideoWriter(Protocol):
    """Writes frames, one after the other."""

    def write(self, image: Image) -> None:
        """Add ``(H, W, 3) uint8`` RGB of the size that was named."""

    def close(self) -> None:
        """Write what is left."""


def video_suffix() -> str:
    """Of the files that can be written here."""
    return ".mp4" if importlib.util.find_spec("av") else ".avi"


def open_video(path: Path, size: tuple[int, int], rate: float) -> VideoWriter:
    """Begin a video.

    Args:
        path: The file, with :func:`video_suffix`.
        size: Width and height in pixels.
        rate: Frames a second.

    Raises:
        VideoError: it cannot be written.
    """
    rate = max(rate, _LEAST_RATE)
    return _Mp4(path, size, rate) if path.suffix == ".mp4" else _Avi(path, size, rate)


class _Mp4:
    def __init__(self, path: Path, size: tuple[int, int], rate: float) -> None:
        import av  # noqa: PLC0415  of an extra

        self._new_frame = av.VideoFrame.from_ndarray
        try:
            # The index stands first, so that a browser plays it while it loads.
            self._file = av.open(str(path), "w", options={"movflags": "+faststart"})
            self._file.metadata["comment"] = MARK
            self._stream = self._file.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000))
        except (OSError, ValueError) as error:  # PyAV's own errors are of these
            raise VideoError(str(error)) from error
        # Players know H.264 with colours at half the size only, and that needs even sides.
        self._stream.width, self._stream.height = (side + side % 2 for side in size)
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"crf": _QUALITY, "preset": "veryfast"}

    def write(self, image: Image) -> None:
        height, width = image.shape[:2]
        even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        self._file.mux(self._stream.encode(self._new_frame(np.ascontiguousarray(even), format="rgb24")))

    def close(self) -> None:
        self._file.mux(self._stream.encode())
        self._file.close()


class _Avi:
    def __init__(self, path: Path, size: tuple[int, int], rate: float) -> None:
        self._path = path
        self._video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, size)
        if not self._video.isOpened():
            raise VideoError("OpenCV cannot open it")

    def write(self, image: Image) -> None:
        self._video.write(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self._video.release()
        mark_avi(self._path)
