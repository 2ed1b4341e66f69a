"""What a shard says of a picture under the names of the manifest's columns."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from maskaug.core.manifest import SCHEMA
from maskaug.core.text import parse_json

_OF_FILES = {"output", "output_sha256", "alpha", "alpha_sha256"}  # that lie elsewhere
COLUMNS = tuple(name for name in SCHEMA.names if name not in _OF_FILES)
# Where a picture of a shard would lie as a file, or what it was curated from.
GENERATED = "generated"
_STATUS = {"original", "masked"}
_OF_A_FACE = ("box", "landmarks", "stability", "detector")


def facts_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Those values that are as the manifest's columns would have them; what others mean nobody knows.

    Args:
        said: Of a picture, by name; `GENERATED` is kept, too.
    """
    facts = {name: value for name in COLUMNS if (value := _as_column(name, said.get(name))) is not None}
    if facts.get("status") not in _STATUS:  # img2dataset says success
        facts.pop("status", None)
    if not _is_object(facts.get("parameters", "{}")):
        del facts["parameters"]
    if not all(map(_is_whole, (facts, *facts.get("other_faces", ())))):
        for name in (*_OF_A_FACE, "other_faces"):
            facts.pop(name, None)
    if isinstance(said.get(GENERATED), str):
        facts[GENERATED] = said[GENERATED]
    return facts


def _as_column(name: str, value: object) -> Any:  # noqa: ANN401
    """The value as the column would give it; None if it does not fit."""
    if value is None:
        return None
    try:
        return pa.array([value], type=SCHEMA.field(name).type)[0].as_py()
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None


def _is_object(text: str) -> bool:
    try:
        return isinstance(parse_json(text), dict)
    except ValueError:
        return False


def _is_whole(face: Mapping[str, Any]) -> bool:
    """Whether what is said of a face is all of it, or nothing."""
    box, landmarks = face.get("box"), face.get("landmarks")
    if landmarks is None:
        return box is None or len(box) == 4
    return len(landmarks) == 136 and len(box or ()) == 4 and None not in (face.get("stability"), face.get("detector"))
