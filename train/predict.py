"""`predict`: faces in pictures, videos and before a camera, and whether each wears a mask."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskaug.masktheface_wrapper import FaceFinder
from maskaug.train.checkpoint import load_model
from maskaug.train.device import pick_device
from maskaug.train.faces import Box, Image, Margins, draw_attention, draw_faces, load_margins
from maskaug.train.frames import Frame, camera_frames, frames, listed
from maskaug.train.model import Classifier
from maskaug.train.options import PredictOptions

FindBoxes = Callable[[Image], NDArray[np.float32]]


@dataclass(frozen=True)
class Predicted:
    """What is said of one picture or frame.

    Attributes:
        frame: It.
        boxes: Of the faces, largest first: left, top, right, bottom in pixels, cut off at the picture's edges.
        crops: The part that the network saw of each, written alike.
        probabilities: Of a mask, for each box.
        masked: Whether each is called masked.
        drawn: ``(H, W, 3) uint8`` RGB: the picture with all this, or None if it was not asked for.
    """

    frame: Frame
    boxes: tuple[Box, ...] = ()
    crops: tuple[Box, ...] = ()
    probabilities: tuple[float, ...] = ()
    masked: tuple[bool, ...] = ()
    drawn: Image | None = None


def predict(options: PredictOptions) -> Iterator[Predicted]:
    """Say of every face of every picture and frame whether it wears a mask, in their order.

    Raises:
        CheckpointError, CalibrationError: the run cannot be used.
        FramesError: there is nothing to look at.
        ModelError: a model of the face finder cannot be used.
        ExplainError: the network cannot be explained.
    """
    classifier = load_model(options.run, pick_device(options.device))
    files = listed(options.paths)
    margins = Margins() if classifier.frames_faces else load_margins(options.run)
    find = None if options.whole else FaceFinder().boxes
    if options.camera is not None:
        seen, at_once = camera_frames(options.camera, options.every), 1  # nobody waits for a batch to fill
    else:
        seen, at_once = frames(files, options.every), options.batch_size
    drawn = options.draw is not None
    yield from classify(seen, classifier, find, margins, at_once, draw=drawn, explain=options.explain)


def classify(
    seen: Iterable[Frame],
    classifier: Classifier,
    find: FindBoxes | None,
    margins: Margins,
    at_once: int = 64,
    *,
    draw: bool = False,
    explain: bool = False,
) -> Iterator[Predicted]:
    """Find and judge the faces of frames.

    Args:
        seen: The frames.
        classifier: What judges.
        find: What finds ``(N, 4)`` boxes; None: a picture is one face as it is.
        margins: How faces are cut out.
        at_once: Faces judged together.
        draw: Whether to draw what is found.
        explain: Whether to draw where the network looks, beside it.
    """
    waiting: list[_Found] = []
    for frame in seen:
        waiting.append(_found(frame, find, margins, classifier))
        if sum(len(one.boxes) for one in waiting) >= at_once or len(waiting) >= at_once:
            yield from _judged(waiting, classifier, draw=draw, explain=explain)
            waiting = []
    yield from _judged(waiting, classifier, draw=draw, explain=explain)


@dataclass(frozen=True)
class _Found:
    frame: Frame
    boxes: tuple[Box, ...] = ()
    crops: tuple[Box, ...] = ()
    prepared: tuple[Image, ...] = ()


def _found(frame: Frame, find: FindBoxes | None, margins: Margins, classifier: Classifier) -> _Found:
    image = frame.image
    if image is None:
        return _Found(frame)
    height, width = image.shape[:2]
    if find is None:
        whole = (0, 0, width, height)
        return _Found(frame, (whole,), (whole,), (classifier.prepare(image),))
    exact = Margins(sides=0, above=0, below=0)
    boxes, crops, prepared = [], [], []
    for found in find(image):
        box, crop = exact.crop(found, width, height), margins.crop(found, width, height)
        if box is not None and crop is not None:
            left, top, right, bottom = crop
            boxes.append(box)
            crops.append(crop)
            by_face = classifier.frames_faces
            prepared.append(
                classifier.prepare(image, found) if by_face else classifier.prepare(image[top:bottom, left:right])
            )
    return _Found(frame, tuple(boxes), tuple(crops), tuple(prepared))


def _judged(waiting: list[_Found], classifier: Classifier, *, draw: bool, explain: bool) -> Iterator[Predicted]:
    seen = [picture for one in waiting for picture in one.prepared]
    probabilities: list[float] = []
    heat: list[NDArray[np.float32]] = []
    if seen:
        pictures = np.stack(seen)
        probabilities = classifier.calibration.probabilities(classifier.logits(pictures)).tolist()
        heat = _heat(classifier, pictures) if explain else []
    threshold, start = classifier.calibration.threshold, 0
    for one in waiting:
        image, mine = one.frame.image, slice(start, start + len(one.boxes))
        start += len(one.boxes)
        drawn = None
        if draw and image is not None:
            drawn = draw_faces(image, one.boxes, probabilities[mine], threshold)
            if explain:
                drawn = np.concatenate([drawn, _explained(image, one.crops, heat[mine])], axis=1)
        masked = tuple(probability >= threshold for probability in probabilities[mine])
        yield Predicted(one.frame, one.boxes, one.crops, tuple(probabilities[mine]), masked, drawn)


def _heat(classifier: Classifier, pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    from maskaug.train.explain import attention  # noqa: PLC0415  captum takes seconds

    return list(attention(classifier.network, classifier.batch(pictures)))


def _explained(image: Image, crops: tuple[Box, ...], heat: list[NDArray[np.float32]]) -> Image:
    for crop, one in zip(reversed(crops), reversed(heat), strict=True):
        image = draw_attention(image, crop, one)
    return image
