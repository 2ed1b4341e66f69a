"""What a classifier says of pictures, one row each: in memory as columns, on disk as parquet."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from maskaug.core.classes import CLASSES
from maskaug.core.files import write_atomic
from maskaug.core.text import encodable
from maskaug.train.data.classes import Classes
from maskaug.train.data.samples import Sample, yaw_of
from maskaug.train.errors import TrainError
from maskaug.train.model.calibration import Calibration
from maskaug.train.model.head import head_for
from maskaug.train.run_dir import PREDICTIONS_FILE


def _schema(classes: int) -> pa.Schema:
    """A logit, and a probability of the masked class, of two classes; of more, lists of one a class."""

    def of_logits(one: pa.DataType) -> pa.DataType:
        return pa.list_(one, *head_for(classes).logit_shape) if head_for(classes).logit_shape else one

    return pa.schema(
        [
            ("path", pa.string()),
            ("sha256", pa.string()),
            ("split", pa.string()),
            ("label", pa.int8()),
            ("logit", of_logits(pa.float32())),
            ("probability", of_logits(pa.float64())),
            ("kind", pa.string()),
            ("template", pa.string()),
            ("quality", pa.float32()),
            ("source", pa.string()),
            ("status", pa.string()),
            ("yaw", pa.float32()),
            ("width", pa.int32()),
            ("height", pa.int32()),
        ]
    )


_CLASSES_KEY = b"maskaug.classes"  # of the schema's metadata: a JSON list; files of version 0.1.0 lack it


class PredictionsError(TrainError):
    """A file of predictions cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Predictions:
    """Columns of equal length N, one row for each picture.

    Attributes:
        path: Of the picture, as it was read.
        sha256: Of its file, hexadecimal.
        split: ``train``, ``val`` ...
        label: ``(N,) int8``: the place of its class among the classes, from 0.
        logit: ``(N,)`` or ``(N, K) float32``: what the network says, before any temperature.
        kind, template: Of the mask put on; empty where none was put on, or that is unknown.
        quality: ``(N,) float32``: of the overlay; nan where there is none.
        source: Path of the picture it was made from, as the manifest has it; empty where that is unknown.
        status: ``original``, ``masked``, or empty where there is no manifest.
        yaw: ``(N,) float32``: degrees by which the head is turned; nan where that is unknown.
        width, height: ``(N,) int32``: pixels of the file; 0 where that is unknown.
        classes: Names of the classes, by label; no column, but metadata of the file.
    """

    path: list[str]
    sha256: list[str]
    split: list[str]
    label: NDArray[np.int8]
    logit: NDArray[np.float32]
    kind: list[str]
    template: list[str]
    quality: NDArray[np.float32]
    source: list[str]
    status: list[str]
    yaw: NDArray[np.float32]
    width: NDArray[np.int32]
    height: NDArray[np.int32]
    classes: Classes = CLASSES

    @classmethod
    def of(
        cls,
        samples: Sequence[Sample],
        sha256: Sequence[str],
        logits: NDArray[np.float32],
        sizes: Sequence[tuple[int, int]],
        classes: Classes = CLASSES,
    ) -> "Predictions":
        """What a network says of pictures, with what the manifest says of them.

        Args:
            samples: N labelled pictures.
            sha256: Of their files.
            logits: ``(N,)`` or ``(N, K)``.
            sizes: Height and width of each, in pixels; 0 where that is unknown.
            classes: Names of the classes, by label.
        """
        rows = [sample.row for sample in samples]
        quality = [row.get("quality") if row.get("status") == "masked" else None for row in rows]
        return cls(
            path=[str(sample.path.resolve()) for sample in samples],
            sha256=list(sha256),
            split=[sample.split for sample in samples],
            label=np.array([sample.label for sample in samples], dtype=np.int8),
            logit=logits,
            kind=[row.get("kind") or "" for row in rows],
            template=[row.get("template") or "" for row in rows],
            quality=np.array([np.nan if value is None else value for value in quality], dtype=np.float32),
            source=[row.get("source") or "" for row in rows],
            status=[row.get("status") or "" for row in rows],
            yaw=np.array([yaw_of(row) for row in rows], dtype=np.float32),
            width=np.array([width for _, width in sizes], dtype=np.int32),
            height=np.array([height for height, _ in sizes], dtype=np.int32),
            classes=classes,
        )

    def __len__(self) -> int:
        return len(self.path)

    @property
    def groups(self) -> NDArray[np.str_]:
        """``(N,)``: what each picture was made from; where that is unknown, every picture is on its own."""
        pairs = zip(self.source, self.path, strict=True)
        return np.array([f"source {source}" if source else f"picture {path}" for source, path in pairs])

    def where(self, chosen: NDArray[np.bool_]) -> "Predictions":
        """The rows for which ``(N,) chosen`` holds."""
        picks = np.flatnonzero(chosen)
        chosen_columns: dict[str, Any] = {
            name: column[picks] if isinstance(column, np.ndarray) else [column[pick] for pick in picks]
            for name, column in self.columns().items()
        }
        return Predictions(**chosen_columns, classes=self.classes)

    def columns(self) -> dict[str, Any]:
        """The columns by name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "classes"}


def write_predictions(folder: Path, predictions: Predictions, calibration: Calibration) -> None:
    """Write ``FOLDER/predictions.parquet``, whole or not at all; the probabilities are calibrated.

    Raises:
        OSError: it cannot be written.
    """
    columns = {**predictions.columns(), "probability": calibration.probabilities(predictions.logit)}
    columns["path"] = [encodable(path) for path in predictions.path]
    if predictions.logit.ndim > 1:
        columns["logit"] = list(predictions.logit)
        columns["probability"] = list(calibration.class_probabilities(predictions.logit))
    schema = _schema(len(predictions.classes)).with_metadata({_CLASSES_KEY: json.dumps(predictions.classes)})
    arrays = [pa.array(columns[field.name], type=field.type, from_pandas=True) for field in schema]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), buffer)
    write_atomic(folder / PREDICTIONS_FILE, buffer.getvalue(), folder)


def read_predictions(folder: Path) -> Predictions:
    """What :func:`write_predictions` has written.

    Raises:
        PredictionsError: the file is missing or damaged.
    """
    path = folder / PREDICTIONS_FILE
    try:
        metadata = pq.read_schema(path).metadata or {}
        classes = tuple(json.loads(metadata.get(_CLASSES_KEY, json.dumps(CLASSES))))
        schema = _schema(len(classes))
        table = pq.read_table(path, schema=schema)
    except FileNotFoundError as error:
        raise PredictionsError(f"{path} does not exist; train or evaluate first") from error
    except (OSError, pa.ArrowException) as error:
        raise PredictionsError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error

    def text(name: str) -> list[str]:
        return [value or "" for value in table[name].to_pylist()]

    def numbers(name: str, missing: float) -> NDArray[np.generic]:
        return np.array([missing if value is None else value for value in table[name].to_pylist()])

    return Predictions(
        path=text("path"),
        sha256=text("sha256"),
        split=text("split"),
        label=numbers("label", 0).astype(np.int8),
        logit=numbers("logit", np.nan).astype(np.float32).reshape(-1, *head_for(len(classes)).logit_shape),
        kind=text("kind"),
        template=text("template"),
        quality=numbers("quality", np.nan).astype(np.float32),
        source=text("source"),
        status=text("status"),
        yaw=numbers("yaw", np.nan).astype(np.float32),
        width=numbers("width", 0).astype(np.int32),
        height=numbers("height", 0).astype(np.int32),
        classes=classes,
    )
