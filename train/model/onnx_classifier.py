"""A classifier in a file of ``maskaug export``, judged by onnxruntime: no PyTorch, no run."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from maskaug.core.arrays import check_images
from maskaug.train.data.classes import Classes, check_classes
from maskaug.train.data.margins import Margins
from maskaug.train.data.preprocess import Framing, Preparation
from maskaug.train.errors import TrainError
from maskaug.train.model.base_classifier import BaseClassifier
from maskaug.train.model.decision import of_both

INPUT, OUTPUT = "images", "probability"


class OnnxError(TrainError):
    """A file holds no classifier that can be used; the message says why and what to do."""


def _parse_json(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


class OnnxMetadata(BaseModel):
    """What a program must know to use the file: its metadata, each value as text."""

    model_config = ConfigDict(frozen=True)

    classes: str = Field(description="names by label, with commas between them")
    input: str = Field(description="name, shape, type")
    output: str = Field(description="name, shape, type")
    size: int = Field(ge=1, description="S: side of the pictures, pixels")
    framing: Framing = Field(description="what is shown: a picture's middle, or its largest face")
    margins: Annotated[Margins, BeforeValidator(_parse_json)] = Field(
        description="of a face's crop about the finder's box"
    )
    threshold: float = Field(
        ge=0, le=1, description="of the probability: a mask is what has as much; of three or more classes, nothing"
    )
    temperature: float = Field(gt=0, description="by which logits have been divided")
    bias: Annotated[float | tuple[float, ...], BeforeValidator(_parse_json)] = Field(
        default=0.0, description="which has been added then: one, or one a class"
    )

    def as_text(self) -> dict[str, str]:
        """The metadata; :meth:`read` is its inverse."""
        return {
            name: json.dumps(value) if isinstance(value, dict | list) else str(value)
            for name, value in self.model_dump(mode="json").items()
        }

    @classmethod
    def read(cls, metadata: dict[str, str]) -> "OnnxMetadata":
        """From a file's metadata.

        Raises:
            ValidationError: something is missing, or cannot be.
        """
        return cls.model_validate(metadata)


@dataclass(frozen=True)
class OnnxClassifier(BaseClassifier):
    """A classifier in a file.

    Attributes:
        session: Of onnxruntime.
        preparation: From any picture to what it sees, S pixels a side.
        about: The file's metadata.
        classes: Names of the classes, by label.
    """

    session: Any
    preparation: Preparation
    about: OnnxMetadata
    classes: Classes

    @property
    def threshold(self) -> float:
        """The probability from which on a face is called masked."""
        return self.about.threshold

    def class_probabilities(self, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Of each class, ``(N, K)``, in ``(N, S, S, 3) uint8`` prepared pictures.

        Raises:
            TypeError, ValueError: they are no such pictures.
        """
        check_images(pictures)
        planes = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
        said = np.asarray(self.session.run([OUTPUT], {INPUT: planes})[0], dtype=np.float64)
        return of_both(said) if said.ndim == 1 else said


def load_onnx(path: Path, *, threads: int = 0) -> OnnxClassifier:
    """A file of ``maskaug export``, ready to judge pictures on the CPU.

    Args:
        path: The file.
        threads: It runs on; 0: one a core.

    Raises:
        OnnxError: it is missing or damaged, or has been made by something else.
        ClassesError: its classes cannot be judged.
        ModuleNotFoundError: onnxruntime is not installed.
    """
    import onnxruntime  # noqa: PLC0415  of an extra

    if not path.is_file():
        raise OnnxError(f"{path} does not exist; make one with: maskaug export RUN")
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    quiet.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(str(path), quiet, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class of its own for each way to fail
        raise OnnxError(f"{path} is damaged, or no ONNX file: {str(error).splitlines()[0]}") from error
    try:
        about = OnnxMetadata.read(session.get_modelmeta().custom_metadata_map)
    except ValidationError as error:
        what = error.errors()[0]["loc"][0]
        raise OnnxError(
            f"{path} is no classifier of maskaug export: its metadata has no usable {what}; export it again"
        ) from error
    return OnnxClassifier(
        session, Preparation(about.framing, about.size), about, check_classes(about.classes.split(","))
    )
