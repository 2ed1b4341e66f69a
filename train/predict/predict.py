"""`predict`: faces in pictures, videos and before a camera, and whether each wears a mask."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from maskaug.assets import bundled_classifier
from maskaug.core.arrays import Image
from maskaug.core.errors import MaskaugError, failure
from maskaug.core.executors import Crash, open_executor
from maskaug.core.text import printable
from maskaug.masktheface_wrapper import FaceFinder
from maskaug.train.data.margins import Margins, PixelBox, load_margins
from maskaug.train.data.preprocess import whole_box
from maskaug.train.errors import TrainError, TrainOptionError
from maskaug.train.model.base_classifier import BaseClassifier
from maskaug.train.model.onnx_classifier import load_onnx
from maskaug.train.predict.annotate import draw_attention
from maskaug.train.predict.frames import InputFrame, camera_frames, read_frames
from maskaug.train.predict.inputs import Input, list_inputs
from maskaug.train.predict.options import PredictOptions
from maskaug.train.predict.results import Judgement, Predicted
from maskaug.train.predict.tracking import Tracker

if TYPE_CHECKING:
    from maskaug.train.model.network import Classifier

FindBoxes = Callable[[Image], NDArray[np.float32]]
_WORTH_A_PROCESS = 100  # pictures: each process loads the models anew

Attend = Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]  # (N, S, S, 3) pictures to N maps of (S, S)

Follow = Callable[[Predicted], Predicted]


class PredictError(TrainError):
    """There is nothing that can judge; the message says what to do."""


def predict(options: PredictOptions) -> Iterator[Predicted]:
    """Say of every face of every picture and frame whether it wears a mask, or which class it is of, in their order.

    Raises:
        CheckpointError, CalibrationError, OnnxError: the run or the file cannot be used.
        PredictError: there is no classifier.
        TrainOptionError: the classifier cannot do what is asked.
        FramesError: there is nothing to look at.
        ModelError: a model of the face finder cannot be used.
        ExplainError: the network cannot be explained.
        ModuleNotFoundError: PyTorch, for a run, or onnxruntime is not installed.
    """
    inputs = list_inputs(options.pictures)
    # A video or a stream is one piece of work: several processes can share pictures alone.
    pictures = options.camera is None and not any(one.is_video for one in inputs)
    if pictures and (options.track or options.show):
        given = "--track" if options.track else "--show"
        raise TrainOptionError(f"{given} is for videos, cameras and streams, and these are pictures; leave it out")
    judge = load_judge(options)  # also where others judge: what cannot be used is told before they are started
    workers = min(options.workers, 1 + len(inputs) // _WORTH_A_PROCESS)
    if pictures and (workers > 1 or options.engine != "local"):
        yield from _spread(inputs, options, workers)
        return
    if options.camera is not None:
        seen, at_once = camera_frames(options.camera, options.every), 1  # nobody waits for a batch to fill
    else:
        seen, at_once = read_frames(inputs, options.every), 1 if options.live else options.batch_size
    yield from judge(seen, at_once)


class Judge(Protocol):
    """Finds and judges the faces of frames, so many at once."""

    def __call__(self, seen: Iterable[InputFrame], at_once: int = 64, /) -> Iterator[Predicted]:
        """What is said of each."""


@dataclass(frozen=True)
class Wanted:
    """What is made of each picture.

    Attributes:
        judgement: From which probabilities on.
        draw: Whether to draw what is found.
        crops: Whether to keep the pixels of crops.
        attend: Where a network looks, to be drawn beside it; or None.
        follow: What tells who is who from frame to frame, and judges persons; or None.
    """

    judgement: Judgement
    draw: bool = False
    crops: bool = False
    attend: Attend | None = None
    follow: Follow | None = None


def load_judge(options: PredictOptions) -> Judge:
    """Load what the options name; see :func:`predict` for what is raised."""
    classifier, margins, attend = _trained(options.trained, options) if options.trained else _stored(options)
    find = None if options.whole else FaceFinder().boxes
    wanted = Wanted(_judgement(options, classifier), options.draws, options.saves_crops, attend, _follow(options))

    def judge(seen: Iterable[InputFrame], at_once: int = 64, /) -> Iterator[Predicted]:
        return classify(seen, classifier, find, margins, at_once, wanted=wanted)

    return judge


def _follow(options: PredictOptions) -> Follow | None:
    if not options.track:
        return None
    try:
        return Tracker().follow
    except ModuleNotFoundError as error:
        raise PredictError("--track needs an extra: pip install 'maskaug[video]'") from error


def _judgement(options: PredictOptions, classifier: BaseClassifier) -> Judgement:
    if len(classifier.classes) > 2 and (options.threshold is not None or options.unsure is not None):
        given = "--threshold" if options.unsure is None else "--unsure"
        raise TrainOptionError(f"{given} is for two classes; of {len(classifier.classes)}, the likeliest is said")
    threshold = classifier.threshold if options.threshold is None else options.threshold
    low, high = options.unsure or (threshold, threshold)
    return Judgement(options.classifier, classifier.classes, low, high)


def _spread(inputs: Sequence[Input], options: PredictOptions, workers: int) -> Iterator[Predicted]:
    """Judge pictures in several processes; what they say comes in the pictures' order."""
    executor = open_executor(partial(_start, options), options, workers=workers)
    try:
        for one, result in executor.run_in_order(inputs):
            yield _died(one) if isinstance(result, Crash) else result
    finally:
        executor.close()


def _died(one: Input) -> Predicted:
    problem = printable(f"the process died over {one.source}; it may need more memory than there is")
    return Predicted(InputFrame(one.name, one.place, None, problem))


def _start(options: PredictOptions) -> Callable[[Input], Callable[[], Predicted]]:
    judge = load_judge(options)

    def work(one: Input) -> Callable[[], Predicted]:
        predicted = next(iter(judge(read_frames([one]))))
        sent = replace(predicted, frame=replace(predicted.frame, image=None))  # pixels are not sent between processes
        return lambda: sent

    return work


def _trained(run: Path, options: PredictOptions) -> tuple[BaseClassifier, Margins, Attend | None]:
    # PyTorch takes seconds, and who has only onnxruntime has no run.
    from maskaug.train.model.checkpoint import load_model  # noqa: PLC0415
    from maskaug.train.model.device import pick_device  # noqa: PLC0415

    classifier = load_model(run, pick_device(options.device))
    margins = Margins() if classifier.frames_faces else load_margins(run)
    return classifier, margins, partial(_heat, classifier) if options.explain else None


def _stored(options: PredictOptions) -> tuple[BaseClassifier, Margins, Attend | None]:
    if options.explain:
        raise TrainOptionError("--explain looks into a network, which only a training run shows; name its folder first")
    path = options.file or bundled_classifier(three_classes=options.three_classes)
    if options.three_classes and not path.is_file():
        raise PredictError(
            "no classifier of three classes comes with this copy of maskaug; leave out --three-classes, or make one "
            "with: maskaug generate FACES DATA --wear correct=.5,under_nose=.25,under_chin=.25 and maskaug train DATA "
            "--out RUN --recipe robust, then name RUN first"
        )
    if options.file is None and not path.is_file():
        raise PredictError(
            "no classifier comes with this copy of maskaug, and none was named; make the released one with: "
            "maskaug generate FACES DATA and maskaug train DATA --out RUN --recipe robust, then name RUN first"
        )
    if options.device not in ("auto", "cpu"):
        raise TrainOptionError(
            f"--device {options.device} is for a training run; leave it out, .onnx files use the CPU"
        )
    classifier = load_onnx(path)
    return classifier, classifier.about.margins, None


def classify(
    seen: Iterable[InputFrame],
    classifier: BaseClassifier,
    find: FindBoxes | None,
    margins: Margins,
    at_once: int = 64,
    *,
    wanted: Wanted | None = None,
) -> Iterator[Predicted]:
    """Find and judge the faces of frames.

    Args:
        seen: The frames.
        classifier: What judges.
        find: What finds ``(N, 4)`` boxes; None: a picture is one face as it is.
        margins: How faces are cut out.
        at_once: Faces judged together.
        wanted: What is made of it; None: the classifier's own decisions alone.
    """
    wanted = wanted or Wanted(Judgement("", classifier.classes, classifier.threshold, classifier.threshold))
    waiting: list[_Found] = []
    for frame in seen:
        waiting.append(_found(frame, find, margins, classifier))
        if sum(len(one.boxes) for one in waiting) >= at_once or len(waiting) >= at_once:
            yield from _scores(waiting, classifier, wanted)
            waiting = []
    yield from _scores(waiting, classifier, wanted)


@dataclass(frozen=True)
class _Found:
    frame: InputFrame
    boxes: tuple[PixelBox, ...] = ()
    crops: tuple[PixelBox, ...] = ()
    prepared: tuple[Image, ...] = ()


def _found(frame: InputFrame, find: FindBoxes | None, margins: Margins, classifier: BaseClassifier) -> _Found:
    """The faces of a frame; what an engine or a library raises over it becomes its problem, and the others go on."""
    if frame.image is None:
        return _Found(frame)
    try:
        return _prepared(frame, frame.image, find, margins, classifier)
    except MaskaugError:  # of a model, whatever the picture
        raise
    except Exception as error:
        problem = printable(f"{frame.source} failed: {failure(error)}")
        return _Found(replace(frame, image=None, problem=problem))


def _prepared(
    frame: InputFrame, image: Image, find: FindBoxes | None, margins: Margins, classifier: BaseClassifier
) -> _Found:
    height, width = image.shape[:2]
    if find is None:
        whole = (0, 0, width, height)
        all_of_it = whole_box(width, height) if classifier.frames_faces else None
        return _Found(frame, (whole,), (whole,), (classifier.prepare(image, all_of_it),))
    exact = Margins(sides=0, above=0, below=0)
    boxes, crops, prepared = [], [], []
    for found in find(image):
        box, crop = exact.crop(found, width, height), margins.crop(found, width, height)
        if box is None or crop is None:
            continue
        boxes.append(box)
        if classifier.frames_faces:
            left, top, right, bottom = (round(float(side)) for side in margins.frame(found))
            crops.append((left, top, right, bottom))
            prepared.append(classifier.prepare(image, found))
        else:
            left, top, right, bottom = crop
            crops.append(crop)
            prepared.append(classifier.prepare(image[top:bottom, left:right]))
    return _Found(frame, tuple(boxes), tuple(crops), tuple(prepared))


def _scores(waiting: list[_Found], classifier: BaseClassifier, wanted: Wanted) -> Iterator[Predicted]:
    seen = [picture for one in waiting for picture in one.prepared]
    probabilities: list[tuple[float, ...]] = []
    labels: list[int | None] = []
    heat: list[NDArray[np.float32]] = []
    if seen:
        pictures = np.stack(seen)
        found = classifier.class_probabilities(pictures)
        probabilities, labels = list(map(tuple, found.tolist())), wanted.judgement.labels(found)
        heat = wanted.attend(pictures) if wanted.attend else []
    start = 0
    for one in waiting:
        image, mine = one.frame.image, slice(start, start + len(one.boxes))
        start += len(one.boxes)
        judged = tuple(probabilities[mine]), tuple(labels[mine])
        said = Predicted(one.frame, one.boxes, one.crops, *judged, wanted.judgement)
        if wanted.follow:
            said = wanted.follow(said)
        if wanted.crops and image is not None:
            said = replace(said, cut=tuple(_cut(image, crop) for crop in one.crops))
        if wanted.draw and image is not None:
            drawn = said.plot()
            if wanted.attend:
                drawn = np.concatenate([drawn, _explained(image, one.crops, heat[mine])], axis=1)
            said = replace(said, drawn=drawn)
        yield said


def _cut(image: Image, crop: PixelBox) -> Image:
    left, top, right, bottom = crop
    return image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)].copy()


def _heat(classifier: "Classifier", pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    from maskaug.train.predict.explain import attention  # noqa: PLC0415  captum takes seconds

    return list(attention(classifier.network, classifier.batch(pictures), classifier.head))


def _explained(image: Image, crops: tuple[PixelBox, ...], heat: list[NDArray[np.float32]]) -> Image:
    for crop, one in zip(reversed(crops), reversed(heat), strict=True):
        image = draw_attention(image, crop, one)
    return image
