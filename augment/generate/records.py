"""Faces and overlays as records of the manifest."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.crops import FaceCrop
from maskaug.core.manifest import FaceRecord, Row, face_record, faces_of
from maskaug.masktheface_wrapper import Face, Overlay

_SAME_PLACE = 0.5  # pixels between the sides of two boxes


def overlay_record(overlay: Overlay) -> FaceRecord:
    """A face and the mask it wears."""
    return FaceRecord(
        **bare_record(overlay),
        kind=overlay.params.kind,
        template=overlay.params.template,
        parameters=overlay.params.model_dump_json(),
        yaw=overlay.pose.yaw,
        pitch=overlay.pose.pitch,
        roll=overlay.pose.roll,
    )


def bare_record(overlay: Overlay) -> FaceRecord:
    """A face that stayed bare, and why: the score of the overlay that it was to get."""
    return FaceRecord(**face_record(overlay.face), quality=overlay.quality, reasons=list(overlay.reasons))


def told_faces(
    faces: Sequence[FaceRecord], others: NDArray[np.float32], *, first: int = 0, crop: FaceCrop | None = None
) -> Row:
    """The columns of a row that tell of the faces in a picture, or in a crop of it.

    Args:
        faces: Of the whole picture.
        others: ``(N, 4)``: boxes of its faces without landmarks.
        first: Number of the face whose columns are the row's own, where there is one.
        crop: The part that the row is about; None: the whole picture.
    """
    told = Row()
    if crop is not None:
        first = crop.number
        boxes = np.array([face["box"] for face in faces])
        others = (others[crop.holds(others)] - np.tile(crop.region[:2], 2)) * crop.scale
        shown = [number for number, inside in enumerate(crop.holds(boxes)) if inside or number == first]
    else:
        shown = list(range(len(faces)))
    records = {number: faces[number] if crop is None else _moved(faces[number], crop) for number in shown}
    if records:
        told.update(records.pop(first))  # type: ignore[typeddict-item]
        told["other_faces"] = list(records.values())
    told["other_boxes"] = others.tolist()
    return told


def _moved(record: FaceRecord, crop: FaceCrop) -> FaceRecord:
    """A face of the picture as it lies in the crop."""
    moved = record.copy()
    for key in ("box", "landmarks"):
        points = (np.array(record[key]).reshape(-1, 2) - crop.region[:2]) * crop.scale
        moved[key] = points.reshape(-1).tolist()
    return moved


def whole_faces(originals: Sequence[Row]) -> list[Face]:
    """The faces of a source as the rows of its unmasked pictures tell them, at their places in the whole picture.

    Args:
        originals: One row, or one for each face where they are crops.
    """
    faces = list[Face]()
    for row in originals:
        known = faces_of(row)
        if row.get("crop"):
            scale, offset = _place(row)
            known = [face.moved(1 / scale, offset) for face in known[:1]]
        faces += known
    return faces


def whole_boxes(originals: Sequence[Row], column: Literal["other_boxes", "masked_boxes"]) -> NDArray[np.float32]:
    """``(N, 4) float32``: boxes that the same rows tell of, in the whole picture, each once.

    Args:
        originals: One row, or one for each face where they are crops.
        column: Which boxes.
    """
    kept = list[NDArray[np.float32]]()
    for row in originals:
        scale, offset = _place(row)
        for box in np.array(row.get(column) or [], dtype=np.float32).reshape(-1, 4) / scale + np.tile(offset, 2):
            # Several crops may show the same one.
            if all(np.abs(box - other).max() > _SAME_PLACE for other in kept):
                kept.append(box)
    return np.array(kept, dtype=np.float32).reshape(-1, 4)


def _place(row: Row) -> tuple[float, NDArray[np.float64]]:
    """Pixels of a written picture to one of the whole, and where its corner lies in the whole: x and y."""
    crop = row.get("crop")
    return (row["width"] / (crop[2] - crop[0]), np.array(crop[:2])) if crop else (1.0, np.zeros(2))
