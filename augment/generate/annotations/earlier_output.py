"""An earlier output folder of ``maskaug generate``: its faces are known again by the pictures' content."""

from collections.abc import Sequence
from pathlib import Path

from maskaug.augment.generate.annotations.registry import AnnotationError, AnnotationFormat, AnnotationSet, register
from maskaug.core.manifest import MANIFEST_FOLDER, faces_of, read_manifest

# Of a manifest: what tells of the faces of an original.
_FACE_COLUMNS = (
    *("status", "source_sha256", "width", "height", "turned"),
    *("box", "landmarks", "stability", "detector", "other_faces", "crop"),
)


def _recognises(source: Path, _files: Sequence[Path]) -> bool:
    return (source / MANIFEST_FOLDER).is_dir()


def _read(source: Path, _files: Sequence[Path]) -> AnnotationSet:
    by_content = {}
    for row in read_manifest(source, _FACE_COLUMNS):
        if row["status"] == "original" and row["landmarks"]:
            if row.get("crop"):
                raise AnnotationError(
                    f"annotations {source} are crops of single faces; name an output made without --crop faces"
                )
            turned, width, height = row.get("turned") or 0, row["width"], row["height"]
            faces = [face.turned(-turned, (height, width)) for face in faces_of(row)]
            size = (height, width) if turned % 2 else (width, height)  # of the source, as it came
            by_content[row["source_sha256"]] = (size, faces)
    return AnnotationSet(by_content=by_content)


register(AnnotationFormat("an earlier output", _recognises, _read))
