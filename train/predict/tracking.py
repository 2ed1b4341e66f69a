"""`Tracker`: who is who from frame to frame, and one verdict a person instead of one a frame."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maskaug.train.predict.results import Predicted

if TYPE_CHECKING:
    from trackers import ByteTrackTracker

_MEMORY = 0.5  # seconds after which what was seen counts 1 / e as much
_LOST = 1.0  # seconds for which somebody who is not seen is still the same
_LEAST_PROBABILITY = 1e-6  # one frame that is quite sure does not outweigh all others
# Faces are small and move by their own width; a tenth of an overlap is ByteTrack's own default.
_LEAST_OVERLAP = 0.1


class Tracker:
    """Follows faces through the frames of a video, by ByteTrack (Zhang et al., 2022), from the package `trackers`.

    What is said of a person is decided on the mean of the logarithms of the probabilities in the frames so far, of
    which older ones count less: one frame with a hand before the face changes nothing.
    """

    def __init__(self) -> None:
        """Load the library.

        Raises:
            ModuleNotFoundError: it is not installed.
        """
        import trackers  # noqa: F401, PLC0415  of an extra

        self._source = ""
        self._number = -1
        self._tracker: ByteTrackTracker | None = None
        self._means: dict[int, _Mean] = {}
        self._first = 1  # number of the first person of this video

    def follow(self, predicted: Predicted) -> Predicted:
        """The same frame, with the number of each person and a verdict on all that was seen of them.

        Frames come in their order, those of one video after those of another. A picture is handed back as it is.
        """
        frame = predicted.frame
        if frame.number is None or frame.image is None:
            return predicted
        if self._tracker is None or frame.source != self._source or frame.number <= self._number:
            self._begin(frame.source)
        self._number = frame.number
        persons = self._persons(predicted, frame.seconds)
        smoothed = [
            self._smoothed(person, np.array(probabilities), frame.seconds)
            for person, probabilities in zip(persons, predicted.class_probabilities, strict=True)
        ]
        labels = predicted.judgement.labels(np.array(smoothed)) if smoothed else []
        shown = tuple(tuple(one.tolist()) for one in smoothed)
        return replace(predicted, persons=tuple(persons), smoothed=shown, labels=tuple(labels))

    def _smoothed(self, person: int | None, probabilities: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
        if person is None:
            return probabilities
        return self._means.setdefault(person, _Mean()).add(probabilities, seconds)

    def _begin(self, source: str) -> None:
        from trackers import ByteTrackTracker  # noqa: PLC0415

        self._first += len(self._means)
        self._source, self._means = source, {}
        # Times are told with each frame, so its own rate counts for nothing but this: a buffer of one second.
        self._tracker = ByteTrackTracker(
            lost_track_buffer=round(30 * _LOST),
            frame_rate=30,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=_LEAST_OVERLAP,
        )

    def _persons(self, predicted: Predicted, seconds: float) -> list[int | None]:
        """The number of each face's person, from 1 on through all videos; None where it is seen for the first time."""
        import supervision  # noqa: PLC0415  what `trackers` takes and gives

        if self._tracker is None:
            raise RuntimeError("no video has begun")
        boxes = np.array(predicted.boxes, dtype=np.float32).reshape(-1, 4)
        places = np.arange(len(boxes))
        found = self._tracker.update(
            supervision.Detections(xyxy=boxes, class_id=places, confidence=np.ones(len(boxes), dtype=np.float32)),
            timestamp=seconds,
        )
        persons: list[int | None] = [None] * len(boxes)
        told = np.array([found.class_id, found.tracker_id], dtype=np.intp).reshape(2, -1)  # in an order of its own
        for place, person in told.T.tolist():
            persons[place] = self._first + person if person >= 0 else None
        return persons


class _Mean:
    """Of the logarithms of one person's probabilities; older ones count less."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float64] | float = 0.0
        self._weight = 0.0
        self._seconds = 0.0

    def add(self, probabilities: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
        """The mean with ``(K,)`` probabilities that were seen now, as probabilities."""
        kept = float(np.exp((self._seconds - seconds) / _MEMORY))
        self._sum = self._sum * kept + np.log(probabilities.clip(_LEAST_PROBABILITY))
        self._weight, self._seconds = self._weight * kept + 1, seconds
        mean: NDArray[np.float64] = np.exp(self._sum / self._weight)
        return mean / mean.sum()
