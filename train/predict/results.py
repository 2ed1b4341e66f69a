"""What is said of a picture or a frame: in Python, and as the JSON that `predict` writes."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PrivateAttr

from maskaug.core.arrays import Image
from maskaug.core.classes import CLASSES, MASKED
from maskaug.train.data.classes import Classes
from maskaug.train.data.margins import PixelBox
from maskaug.train.model.decision import decide
from maskaug.train.predict.annotate import draw_faces
from maskaug.train.predict.frames import InputFrame

UNSURE = "unsure"
_FROZEN = ConfigDict(frozen=True, extra="forbid")


class Box(BaseModel):
    """A part of a picture, in its pixels."""

    model_config = _FROZEN

    left: int = Field(description="Of the first pixel inside, from the picture's left edge.")
    top: int = Field(description="Of the first pixel inside, from the picture's top edge.")
    width: int
    height: int

    @classmethod
    def of(cls, box: PixelBox) -> "Box":
        """From left, top, right and bottom, of which the last two are outside."""
        left, top, right, bottom = box
        return cls(left=left, top=top, width=right - left, height=bottom - top)


class PredictedFace(BaseModel):
    """A face and what is said of it."""

    model_config = _FROZEN

    box: Box = Field(description="Of the face, cut off at the picture's edges.")
    crop: Box = Field(description="What the classifier saw; it may reach outside the picture.")
    class_name: str | None = Field(
        validation_alias=AliasChoices("class", "class_name"),
        serialization_alias="class",
        description="The class it is called; null where that is unsure.",
    )
    verdict: str = Field(description=f"The class, or {UNSURE!r}.")
    probability: float = Field(ge=0, le=1, description="Of the masked class, calibrated.")
    probabilities: dict[str, float] | None = Field(None, description="Of each, where there are three classes and more.")
    masked: bool | None = Field(description="Whether it is called masked; null where that is unsure.")
    person: int | None = Field(
        None, description="With --track, who it is, from 1 on; null in the first frame that shows them."
    )
    smoothed: float | None = Field(
        None,
        ge=0,
        le=1,
        description="With --track, the probability that the verdict is about: over this person's frames.",
    )
    saved_crop: str | None = Field(None, description="The file of --save-crops, or in OUT/crops.")


class PredictedPicture(BaseModel):
    """A line of `maskaug predict --json`, and of ``OUT/results.jsonl``.

    ``PredictedPicture.model_json_schema()`` is its schema, and ``model_validate_json`` reads a line.
    """

    model_config = _FROZEN

    picture: str = Field(description="The file, the address, or the camera.")
    frame: int | None = Field(description="Number of the frame in its video, from 0; null of a picture.")
    seconds: float | None = Field(description="Since the video began; null of a picture.")
    problem: str | None = Field(description="Why it could not be read or judged; null where it could.")
    warnings: list[str] = Field(description="What is odd about the file, though it could be read.")
    classifier: str = Field(description="The run or file that judged, or 'bundled'.")
    threshold: float | None = Field(
        description="The masked class is what has at least so much; null with --unsure, and of three classes and more."
    )
    unsure: tuple[float, float] | None = Field(description="Between these, a face is neither; null without --unsure.")
    drawn: str | None = Field(None, description="The file of --draw, or in OUT/drawn.")
    faces: list[PredictedFace] = Field(description="Largest first.")


@dataclass(frozen=True)
class Judgement:
    """Who judges, and from which probabilities on.

    Attributes:
        classifier: The run or file, or ``bundled``.
        classes: Names of the classes, by label.
        low, high: Of two classes, a face is masked from ``high`` on and unmasked below ``low``; else it is unsure.
    """

    classifier: str = "bundled"
    classes: Classes = CLASSES
    low: float = 0.5
    high: float = 0.5

    def labels(self, probabilities: NDArray[np.float64]) -> list[int | None]:
        """The class of each, by its place among the classes, from ``(N, K)`` probabilities; None where unsure."""
        called = decide(probabilities, self.high).tolist()
        if len(self.classes) > 2:
            return called
        doubtful = (self.low <= probabilities[:, MASKED]) & (probabilities[:, MASKED] < self.high)
        return [None if doubt else label for label, doubt in zip(called, doubtful, strict=True)]


@dataclass(frozen=True)
class Predicted:
    """What is said of one picture or frame.

    Attributes:
        frame: It.
        boxes: Of the faces, largest first: left, top, right, bottom in pixels, cut off at the picture's edges.
        crops: What the network saw of each, written alike; a framed face may reach outside the picture.
        class_probabilities: Of each class, for each box.
        labels: The class each is called, by its place among the classes; None where that is unsure.
        judgement: Who judged, and from which probabilities on.
        persons: Who each is, where they were followed from frame to frame; None in the first frame that shows them.
        smoothed: Of each class, for each box, over the person's frames; the labels are of these.
        drawn: ``(H, W, 3) uint8`` RGB: the picture with all this, or None if it was not asked for.
        cut: Each crop's pixels, ``(h, w, 3) uint8`` RGB, if they were asked for.
    """

    frame: InputFrame
    boxes: tuple[PixelBox, ...] = ()
    crops: tuple[PixelBox, ...] = ()
    class_probabilities: tuple[tuple[float, ...], ...] = ()
    labels: tuple[int | None, ...] = ()
    judgement: Judgement = Judgement()
    persons: tuple[int | None, ...] = ()
    smoothed: tuple[tuple[float, ...], ...] = ()
    drawn: Image | None = None
    cut: tuple[Image, ...] = ()

    @property
    def classes(self) -> Classes:
        """Names of the classes of whoever judged, by label."""
        return self.judgement.classes

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Of the masked class, for each box."""
        return tuple(one[MASKED] for one in self.class_probabilities)

    @property
    def masked(self) -> tuple[bool, ...]:
        """Whether each is called masked."""
        return tuple(label == MASKED for label in self.labels)

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What each is called: its class, or ``unsure``."""
        return tuple(UNSURE if label is None else self.classes[label] for label in self.labels)

    @property
    def faces(self) -> list[PredictedFace]:
        """The faces, largest first, each with box, class, probability and whether it is masked."""
        nobody: tuple[None, ...] = (None,) * len(self.boxes)
        smoothed = tuple(round(one[MASKED], 6) for one in self.smoothed) or nobody
        judged = zip(
            self.class_probabilities, self.labels, self.verdicts, self.persons or nobody, smoothed, strict=True
        )
        found = zip(self.boxes, self.crops, judged, strict=True)
        return [
            PredictedFace(
                box=Box.of(box),
                crop=Box.of(crop),
                class_name=None if label is None else verdict,
                verdict=verdict,
                probability=round(probabilities[MASKED], 6),
                probabilities=self._named(probabilities),
                masked=None if label is None else label == MASKED,
                person=person,
                smoothed=likely,
            )
            for box, crop, (probabilities, label, verdict, person, likely) in found
        ]

    @property
    def picture(self) -> PredictedPicture:
        """All of it, but for pixels."""
        frame, judged = self.frame, self.judgement
        one = judged.low == judged.high
        two = len(self.classes) == 2
        return PredictedPicture(
            picture=frame.source,
            frame=frame.number,
            seconds=None if frame.number is None else round(frame.seconds, 3),
            problem=frame.problem or None,
            warnings=list(frame.warnings),
            classifier=judged.classifier,
            threshold=judged.high if two and one else None,
            unsure=(judged.low, judged.high) if two and not one else None,
            faces=self.faces,
        )

    def as_json(self) -> dict[str, Any]:
        """What a line of ``predict --json`` holds; :class:`PredictedPicture` describes it."""
        return self.picture.model_dump(mode="json", by_alias=True)

    def plot(self) -> Image:
        """The picture with a box and a verdict about each face: ``(H, W, 3) uint8`` RGB.

        Raises:
            ValueError: the picture could not be read; ``frame.problem`` says why.
        """
        if self.frame.image is None:
            raise ValueError(self.frame.problem or f"the pixels of {self.frame.source} are not kept")
        return draw_faces(self.frame.image, self.boxes, self.labels, self.captions)

    @property
    def captions(self) -> list[str]:
        """Of each face: its verdict in words and how likely that is; of what is unsure, how likely a mask is."""
        persons = self.persons or (None,) * len(self.boxes)
        told = zip(self.verdicts, self.labels, self.smoothed or self.class_probabilities, persons, strict=True)
        shown = []
        for verdict, label, probabilities, person in told:
            words = f"{verdict.replace('_', ' ')} {probabilities[MASKED if label is None else label]:.0%}"
            shown.append(words if person is None else f"{person}: {words}")
        return shown

    def _named(self, probabilities: tuple[float, ...]) -> dict[str, float] | None:
        if len(self.classes) == 2:
            return None
        pairs = zip(self.classes, probabilities, strict=True)
        return {name: round(probability, 6) for name, probability in pairs}


class PredictSummary(BaseModel):
    """``OUT/summary.json``: counts and rates of all that was looked at."""

    model_config = ConfigDict(extra="forbid")

    pictures: int = Field(0, description="And frames that were looked at, unreadable ones among them.")
    faces: int = 0
    verdicts: dict[str, int] = Field(default_factory=dict, description="Faces by what they are called.")
    masked: int = Field(0, description="Faces called masked.")
    unsure: int = Field(0, description="Faces that are neither.")
    persons: dict[str, int] = Field(
        default_factory=dict, description="With --track, persons by what the last frame that shows them says."
    )
    no_face: int = Field(0, description="Pictures that could be read, and hold no face.")
    problems: int = Field(0, description="Pictures that could not be read or judged.")
    seconds: float = 0.0
    pictures_per_second: float = 0.0
    _last: dict[int, str] = PrivateAttr(default_factory=dict)  # what each person is called

    def add(self, predicted: Predicted) -> None:
        """Count a picture or frame."""
        self.pictures += 1
        self.problems += bool(predicted.frame.problem)
        self.no_face += not predicted.frame.problem and not predicted.boxes
        self.faces += len(predicted.boxes)
        self.masked += sum(predicted.masked)
        self.unsure += predicted.labels.count(None)
        self.verdicts = dict(Counter(self.verdicts) + Counter(predicted.verdicts))
        pairs = zip(predicted.persons, predicted.verdicts, strict=False)  # without --track there are no persons
        self._last.update({person: verdict for person, verdict in pairs if person is not None})
        self.persons = dict(Counter(self._last.values()))

    def took(self, seconds: float) -> None:
        """Say how long it took."""
        self.seconds = round(seconds, 3)
        self.pictures_per_second = round(self.pictures / max(seconds, 1e-6), 2)
