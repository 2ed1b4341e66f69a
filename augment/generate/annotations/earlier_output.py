"""An earlier output folder of ``maskaug generate``: its faces are known again by the pictures' content."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from maskaug.augment.generate.annotations.registry import AnnotationFormat, AnnotationSet, FoundPicture, register
from maskaug.augment.generate.records import whole_boxes, whole_faces
from maskaug.core.manifest import MANIFEST_FOLDER, read_manifest

# Of a manifest: what tells of the faces of an original.
_FACE_COLUMNS = (
    *("status", "source", "source_sha256", "width", "height", "turned", "face", "crop"),
    *("box", "landmarks", "stability", "detector", "other_faces", "other_boxes", "masked_boxes"),
)


def _recognises(source: Path, _files: Sequence[Path]) -> bool:
    return (source / MANIFEST_FOLDER).is_dir()


def _read(source: Path, _files: Sequence[Path]) -> AnnotationSet:
    by_content = {}
    known = (row for row in read_manifest(source, _FACE_COLUMNS) if row["status"] == "original" and row["landmarks"])
    for _, rows in groupby(known, key=lambda row: row["source"]):
        originals = list(rows)  # one, or a crop of each face
        first = originals[0]
        by_content[first["source_sha256"]] = FoundPicture(
            faces=tuple(whole_faces(originals)),
            others=whole_boxes(originals, "other_boxes"),
            masked=whole_boxes(originals, "masked_boxes"),
            turned=first.get("turned") or 0,
            # Crops are cut out of the file's own pixels.
            size=None if first.get("crop") else (first["width"], first["height"]),
        )
    return AnnotationSet(by_content=by_content)


register(AnnotationFormat("an earlier output", _recognises, _read))
