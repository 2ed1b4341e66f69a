"""FiftyOne: a dataset of its own format on disk, which ``Dataset.from_dir(..., FiftyOneDataset)`` loads.

It is written without a version, in the form that all versions load and that needs no database's numbers:
https://docs.voxel51.com/user_guide/import_datasets.html. What FiftyOne itself exports is read as well.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from maskaug.augment.reviews.log import ReviewError
from maskaug.review_ui.exchange.judged import Exported, Judged, Picture, judged

METADATA, SAMPLES = "metadata.json", "samples.json"
_UNDECIDED = "undecided"
_FLAG, _BY_SCORE = "flagged", "by_score"


def write_fiftyone(exported: Exported) -> Mapping[str, bytes]:
    """Two files of a folder; pictures stay where they are, and are named by their whole paths."""
    fields = _field_names(exported.annotators)
    metadata = {"media_type": "image", "info": {"annotators": {field: name for name, field in fields.items()}}}
    samples = [_sample(exported, picture, fields) for picture in exported.pictures]
    return {
        METADATA: json.dumps(metadata, indent=2).encode(),
        SAMPLES: json.dumps({"samples": samples}, allow_nan=False).encode(),
    }


def _field_names(annotators: Sequence[str]) -> dict[str, str]:
    """A field for each annotator: FiftyOne's database knows no dots in names."""
    names: dict[str, str] = {}
    for annotator in annotators:
        field = plain = "decision_" + re.sub(r"\W", "_", annotator)
        while field in names.values():
            field = f"{plain}_{len(names)}"
        names[annotator] = field
    return names


def _sample(exported: Exported, picture: Picture, fields: Mapping[str, str]) -> dict[str, Any]:
    width, height = picture.size
    detections = [
        {
            "_cls": "Detection",
            "label": picture.label,
            "bounding_box": [left / width, top / height, (right - left) / width, (bottom - top) / height],
            "tags": [],
        }
        for left, top, right, bottom in (picture.boxes if width and height else ())
    ]
    sample = {
        "filepath": str((exported.dst / picture.output).resolve()),
        "tags": [picture.split],
        "metadata": {"_cls": "ImageMetadata", "width": width, "height": height},
        "output": picture.output,
        "output_sha256": picture.sha256,
        "quality": round(picture.quality, 3),
        "kind": {"_cls": "Classification", "label": picture.kind, "tags": []},
        "faces": {"_cls": "Detections", "detections": detections},
    }
    for name, told in exported.told(picture):
        marks = [mark for mark, is_set in ((_FLAG, told["flagged"]), (_BY_SCORE, told["auto"])) if is_set]
        sample[fields[name]] = {
            "_cls": "Classification",
            "label": told["decision"] or _UNDECIDED,
            "tags": marks,
            "annotator": name,
            "reason": told["reason"],
            "time": told["time"],
            "looked_ms": told["looked_ms"],
        }
    return sample


def read_fiftyone(record: Mapping[str, Any], name: str) -> list[Judged]:
    """What the classifications ``decision_...`` of each sample say, or the one called ``decision``.

    Raises:
        ReviewError: it is no such file.
    """
    found = []
    try:
        for number, sample in enumerate(record["samples"], 1):
            where = f"{name}, sample {number}"
            about = {"output": sample.get("output", ""), "output_sha256": sample.get("output_sha256", "")}
            if not any(about.values()):
                about["output"] = sample["filepath"]
            for key, value in sample.items():
                if (key == "decision" or key.startswith("decision_")) and value is not None:
                    found.append(judged(where, {**about, **_values(key, value)}))
    except (KeyError, TypeError, AttributeError) as error:
        raise ReviewError(f"{name} is no samples.json of a FiftyOneDataset") from error
    return found


def _values(key: str, label: Mapping[str, Any]) -> dict[str, object]:
    tags = label.get("tags") or []
    return {
        "annotator": label.get("annotator") or key.removeprefix("decision").removeprefix("_"),
        "decision": "" if label["label"] == _UNDECIDED else label["label"],
        "reason": label.get("reason"),
        "flagged": _FLAG in tags,
        "auto": _BY_SCORE in tags,
        "time": label.get("time"),
        "looked_ms": label.get("looked_ms") or 0,
    }
