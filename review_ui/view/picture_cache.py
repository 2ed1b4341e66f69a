"""`PictureCache`: the pictures of a queue as they are shown, made ready before they are asked for."""

from collections.abc import Iterable
from pathlib import Path

from maskaug.augment.generate.generated_set import GeneratedSet, GeneratedSetError
from maskaug.core.containers import Location
from maskaug.core.manifest import RowReader
from maskaug.core.pictures import PictureError
from maskaug.review_ui.session.controls import Controls
from maskaug.review_ui.session.queue import Queue, QueueItem
from maskaug.review_ui.view.display import COLUMNS, DisplayItem, read_large, read_small
from maskaug.review_ui.view.loader import Loader

_KEEP_LARGE, _KEEP_SMALL = 10, 100  # pictures in memory: some 200 MB of large photographs


class PictureCache:
    """Reads the pictures of a queue, large or small."""

    def __init__(self, dst: Path, queue: Queue, controls: Controls | None) -> None:
        """Open the manifest.

        Args:
            dst: The generated set.
            queue: The pictures that are shown.
            controls: Makes the controls in the queue; None if there are none.
        """
        self._generated = GeneratedSet(dst)
        self._queue = queue
        self._controls = controls
        self._rows = RowReader(dst, COLUMNS)
        self._large = Loader(self._read_large, _KEEP_LARGE)
        self._small = Loader(self._read_small, _KEEP_SMALL)

    def want(self, places: Iterable[int], *, large: bool) -> None:
        """Make these places ready, the first one first."""
        (self._large if large else self._small).want(places)

    def get(self, place: int, *, large: bool, wait: float = 0.0) -> DisplayItem | None:
        """What is shown at a place that was wanted, or None if it is not ready within ``wait`` seconds."""
        return (self._large if large else self._small).get(place, wait)

    def close(self) -> None:
        """Stop reading."""
        self._large.close()
        self._small.close()

    def _read_large(self, place: int) -> DisplayItem:
        return self._read(place, large=True)

    def _read_small(self, place: int) -> DisplayItem:
        return self._read(place, large=False)

    def _read(self, place: int, *, large: bool) -> DisplayItem:
        picture = self._queue.picture(place)
        try:
            before = None if picture.before is None else self._generated.locate(picture.before)
            if self._queue.controls[place]:
                after, sha256 = self._control(picture)
            else:
                after, sha256 = self._generated.locate(picture.output), picture.sha256
        except (PictureError, GeneratedSetError, OSError) as error:
            return DisplayItem("", problem=str(error))
        if not large:
            return read_small(after, before, sha256)
        return read_large(after, before, self._rows.row(picture.row), sha256)

    def _control(self, picture: QueueItem) -> tuple[Location, str]:
        if self._controls is None:
            raise ValueError("the queue has controls, but nothing to make them with was given")
        return self._controls.make(picture)
