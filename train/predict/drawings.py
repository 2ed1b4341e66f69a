"""Pictures and videos with what was predicted drawn into them, written whole or not at all."""

from pathlib import Path

from maskaug.core.arrays import Image
from maskaug.core.files import write_atomic
from maskaug.core.pictures import PictureFormat, encode_picture
from maskaug.train.errors import TrainError
from maskaug.train.predict.frames import InputFrame
from maskaug.train.predict.mark import is_marked, marked
from maskaug.train.predict.video_writer import VideoError, VideoWriter, open_video, video_suffix

_FORMATS: dict[str, PictureFormat] = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}


class DrawingsError(TrainError):
    """Drawings cannot be written as asked; the message says why and what to do."""


class Drawings:
    """Writes frames below a folder: a picture as ``PLACE``, the frames of a video as one video."""

    def __init__(self, folder: Path, every: int = 1) -> None:
        """Frames of a video are every so many-th of it, and the written one is as much slower in frames a second."""
        self._folder, self._every = folder, every
        self._written: set[Path] = set()
        self._video: VideoWriter | None = None
        self._source, self._unfinished, self._place = "", Path(), Path()

    def write(self, frame: InputFrame, drawn: Image) -> Path:
        """Write what was drawn of a frame, and say where; frames of a video come one after the other.

        Args:
            frame: What it was drawn from.
            drawn: ``(H, W, 3) uint8`` RGB.

        Raises:
            DrawingsError: the file is the input itself, somebody else's, or cannot be written.
        """
        if frame.number is not None:
            self._add(frame, drawn)
            return self._place
        self._finish()
        suffix = frame.place.suffix.lower()
        place = self._free(frame, frame.place if suffix in _FORMATS else frame.place.with_suffix(".png"))
        try:
            write_atomic(place, marked(encode_picture(drawn, _FORMATS[place.suffix.lower()])), place.parent)
        except OSError as error:
            raise DrawingsError(f"cannot write {place}: {error.strerror}") from error
        return place

    def close(self) -> None:
        """Finish the last video."""
        self._finish()

    def discard(self) -> None:
        """Remove what was drawn of a video that is not through."""
        if self._video is not None:
            self._video.close()
            self._video = None
            self._unfinished.unlink(missing_ok=True)
            self._written.discard(self._place)

    @property
    def written(self) -> frozenset[Path]:
        """The files so far."""
        return frozenset(self._written)

    def _add(self, frame: InputFrame, drawn: Image) -> None:
        if self._video is None or frame.source != self._source or frame.number == 0:
            self._finish()
            self._place = self._free(frame, frame.place.with_suffix(video_suffix()))
            self._unfinished = self._place.with_name(f".{self._place.name}")
            self._place.parent.mkdir(parents=True, exist_ok=True)
            size = drawn.shape[1], drawn.shape[0]
            try:
                self._video = open_video(self._unfinished, size, frame.rate / self._every)
            except VideoError as error:
                raise DrawingsError(f"cannot write {self._place}: {error}; choose another folder for --draw") from error
            self._source = frame.source
        self._video.write(drawn)

    def _finish(self) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None
            self._unfinished.replace(self._place)

    def _free(self, frame: InputFrame, place: Path) -> Path:
        """A place of its own: inputs of one name, from different folders, get numbers."""
        wanted, number = self._folder / place, 1
        while wanted in self._written:
            number += 1
            wanted = self._folder / place.with_name(f"{place.stem}_{number}{place.suffix}")
        if wanted.resolve() == Path(frame.source).resolve():
            raise DrawingsError(f"{wanted} is the input itself; choose another folder for --draw")
        if wanted.exists() and not is_marked(wanted):
            raise DrawingsError(f"{wanted} is there, and no drawing of predict's; choose another folder for --draw")
        self._written.add(wanted)
        return wanted
