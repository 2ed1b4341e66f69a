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
from maskaug.core.classes import CLASSES, MASKED
from maskaug.core.errors import MaskaugError, failure
from maskaug.core.executors import Crash, open_executor
from maskaug.core.text import printable
from maskaug.masktheface_wrapper import FaceFinder
from maskaug.train.data.classes import Classes
from maskaug.train.data.margins import Margins, PixelBox, load_margins
from maskaug.train.errors import TrainError, TrainOptionError
from maskaug.train.model.onnx_classifier import load_onnx
from maskaug.train.model.predictor import Predictor
from maskaug.train.predict.annotate import draw_attention, draw_faces
from maskaug.train.predict.frames import VIDEO_SUFFIXES, InputFrame, camera_frames, list_inputs, read_frames
from maskaug.train.predict.options import PredictOptions

if TYPE_CHECKING:
    from maskaug.train.model.network import Classifier

FindBoxes = Callable[[Image], NDArray[np.float32]]
_File = tuple[Path, Path]  # and the place of its results
_WORTH_A_PROCESS = 100  # pictures

Attend = Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]  # (N, S, S, 3) pictures to N maps of (S, S)


class PredictError(TrainError):
    """There is nothing that can judge; the message says what to do."""


@dataclass(frozen=True)
class Predicted:
    """What is said of one picture or frame.

    Attributes:
        frame: It.
        boxes: Of the faces, largest first: left, top, right, bottom in pixels, cut off at the picture's edges.
        crops: What the network saw of each, written alike; a framed face may reach outside the picture.
        class_probabilities: Of each class, for each box.
        labels: The class each is called, by its place among the classes.
        classes: Names of the classes of whoever judges, by label.
        drawn: ``(H, W, 3) uint8`` RGB: the picture with all this, or None if it was not asked for.
    """

    frame: InputFrame
    boxes: tuple[PixelBox, ...] = ()
    crops: tuple[PixelBox, ...] = ()
    class_probabilities: tuple[tuple[float, ...], ...] = ()
    labels: tuple[int, ...] = ()
    classes: Classes = CLASSES
    drawn: Image | None = None

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Of the masked class, for each box."""
        return tuple(one[MASKED] for one in self.class_probabilities)

    @property
    def masked(self) -> tuple[bool, ...]:
        """Whether each is called masked."""
        return tuple(label == MASKED for label in self.labels)


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
    files = list_inputs(options.pictures)
    judge = load_judge(options)
    if (workers := _workers(options, files)) > 1 or options.engine != "local":
        yield from _spread(files, options, workers)
        return
    if options.camera is not None:
        seen, at_once = camera_frames(options.camera, options.every), 1  # nobody waits for a batch to fill
    else:
        seen, at_once = read_frames(files, options.every), options.batch_size
    yield from judge(seen, at_once)


class Judge(Protocol):
    """Finds and judges the faces of frames, so many at once."""

    def __call__(self, seen: Iterable[InputFrame], at_once: int = 64, /) -> Iterator[Predicted]:
        """What is said of each."""


def load_judge(options: PredictOptions) -> Judge:
    """Load what the options name; see :func:`predict` for what is raised."""
    predictor, margins, attend = _trained(options.trained, options) if options.trained else _stored(options)
    find = None if options.whole else FaceFinder().boxes

    def judge(seen: Iterable[InputFrame], at_once: int = 64, /) -> Iterator[Predicted]:
        return classify(seen, predictor, find, margins, at_once, draw=options.draw is not None, attend=attend)

    return judge


def _workers(options: PredictOptions, files: Sequence[_File]) -> int:
    """How many processes are worth starting: each loads the models anew, and a video is one piece of work."""
    if options.camera is not None or any(path.suffix.lower() in VIDEO_SUFFIXES for path, _ in files):
        return 1
    return min(options.workers, 1 + len(files) // _WORTH_A_PROCESS)


def _spread(files: Sequence[_File], options: PredictOptions, workers: int) -> Iterator[Predicted]:
    """Judge pictures in several processes; what they say comes in the pictures' order."""
    executor = open_executor(partial(_start, options), options, workers=workers)
    waiting: dict[int, Predicted] = {}
    coming = 0
    try:
        for (number, (path, place)), result in executor.run(list(enumerate(files))):
            waiting[number] = _died(path, place) if isinstance(result, Crash) else result
            while coming in waiting:
                yield waiting.pop(coming)
                coming += 1
    finally:
        executor.close()


def _died(path: Path, place: Path) -> Predicted:
    problem = printable(f"the process died over {path}; it may need more memory than there is")
    return Predicted(InputFrame(str(path), place, None, problem))


def _start(options: PredictOptions) -> Callable[[tuple[int, _File]], Callable[[], Predicted]]:
    judge = load_judge(options)

    def work(task: tuple[int, _File]) -> Callable[[], Predicted]:
        predicted = next(iter(judge(read_frames([task[1]]))))
        sent = replace(predicted, frame=replace(predicted.frame, image=None))  # pixels are not sent between processes
        return lambda: sent

    return work


def _trained(run: Path, options: PredictOptions) -> tuple[Predictor, Margins, Attend | None]:
    # PyTorch takes seconds, and who has only onnxruntime has no run.
    from maskaug.train.model.checkpoint import load_model  # noqa: PLC0415
    from maskaug.train.model.device import pick_device  # noqa: PLC0415

    classifier = load_model(run, pick_device(options.device))
    margins = Margins() if classifier.frames_faces else load_margins(run)
    return classifier, margins, partial(_heat, classifier) if options.explain else None


def _stored(options: PredictOptions) -> tuple[Predictor, Margins, Attend | None]:
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
    predictor: Predictor,
    find: FindBoxes | None,
    margins: Margins,
    at_once: int = 64,
    *,
    draw: bool = False,
    attend: Attend | None = None,
) -> Iterator[Predicted]:
    """Find and judge the faces of frames.

    Args:
        seen: The frames.
        predictor: What judges.
        find: What finds ``(N, 4)`` boxes; None: a picture is one face as it is.
        margins: How faces are cut out.
        at_once: Faces judged together.
        draw: Whether to draw what is found.
        attend: Where a network looks, to be drawn beside it; or None.
    """
    waiting: list[_Found] = []
    for frame in seen:
        waiting.append(_found(frame, find, margins, predictor))
        if sum(len(one.boxes) for one in waiting) >= at_once or len(waiting) >= at_once:
            yield from _scores(waiting, predictor, draw=draw, attend=attend)
            waiting = []
    yield from _scores(waiting, predictor, draw=draw, attend=attend)


@dataclass(frozen=True)
class _Found:
    frame: InputFrame
    boxes: tuple[PixelBox, ...] = ()
    crops: tuple[PixelBox, ...] = ()
    prepared: tuple[Image, ...] = ()


def _found(frame: InputFrame, find: FindBoxes | None, margins: Margins, predictor: Predictor) -> _Found:
    """The faces of a frame; what an engine or a library raises over it becomes its problem, and the others go on."""
    if frame.image is None:
        return _Found(frame)
    try:
        return _prepared(frame, frame.image, find, margins, predictor)
    except MaskaugError:  # of a model, whatever the picture
        raise
    except Exception as error:
        problem = printable(f"{frame.source} failed: {failure(error)}")
        return _Found(replace(frame, image=None, problem=problem))


def _prepared(
    frame: InputFrame, image: Image, find: FindBoxes | None, margins: Margins, predictor: Predictor
) -> _Found:
    height, width = image.shape[:2]
    if find is None:
        whole = (0, 0, width, height)
        return _Found(frame, (whole,), (whole,), (predictor.prepare(image),))
    exact = Margins(sides=0, above=0, below=0)
    boxes, crops, prepared = [], [], []
    for found in find(image):
        box, crop = exact.crop(found, width, height), margins.crop(found, width, height)
        if box is None or crop is None:
            continue
        boxes.append(box)
        if predictor.frames_faces:
            left, top, right, bottom = (round(float(side)) for side in margins.frame(found))
            crops.append((left, top, right, bottom))
            prepared.append(predictor.prepare(image, found))
        else:
            left, top, right, bottom = crop
            crops.append(crop)
            prepared.append(predictor.prepare(image[top:bottom, left:right]))
    return _Found(frame, tuple(boxes), tuple(crops), tuple(prepared))


def _scores(waiting: list[_Found], predictor: Predictor, *, draw: bool, attend: Attend | None) -> Iterator[Predicted]:
    seen = [picture for one in waiting for picture in one.prepared]
    probabilities: list[tuple[float, ...]] = []
    labels: list[int] = []
    heat: list[NDArray[np.float32]] = []
    if seen:
        pictures = np.stack(seen)
        found = predictor.class_probabilities(pictures)
        probabilities, labels = list(map(tuple, found.tolist())), predictor.decide(found).tolist()
        heat = attend(pictures) if attend else []
    start = 0
    for one in waiting:
        image, mine = one.frame.image, slice(start, start + len(one.boxes))
        start += len(one.boxes)
        said = Predicted(
            one.frame, one.boxes, one.crops, tuple(probabilities[mine]), tuple(labels[mine]), predictor.classes
        )
        if draw and image is not None:
            drawn = draw_faces(image, said.boxes, said.labels, _captions(said))
            if attend:
                drawn = np.concatenate([drawn, _explained(image, one.crops, heat[mine])], axis=1)
            said = replace(said, drawn=drawn)
        yield said


def _captions(said: Predicted) -> list[str]:
    """Of two classes, how likely a mask is; of more, how likely what the face is called."""
    pairs = zip(said.class_probabilities, said.labels, strict=True)
    told = [(MASKED if len(said.classes) == 2 else label, probabilities) for probabilities, label in pairs]
    return [f"{said.classes[label]} {probabilities[label]:.0%}" for label, probabilities in told]


def _heat(classifier: "Classifier", pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    from maskaug.train.predict.explain import attention  # noqa: PLC0415  captum takes seconds

    return list(attention(classifier.network, classifier.batch(pictures), classifier.head))


def _explained(image: Image, crops: tuple[PixelBox, ...], heat: list[NDArray[np.float32]]) -> Image:
    for crop, one in zip(reversed(crops), reversed(heat), strict=True):
        image = draw_attention(image, crop, one)
    return image
