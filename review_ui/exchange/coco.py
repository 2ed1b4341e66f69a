"""COCO: images, and an annotation for each face, whose ``attributes`` tell the decisions on its picture."""

import json
from collections.abc import Mapping
from typing import Any

from maskaug.augment.reviews.log import ReviewError
from maskaug.core.version import __version__
from maskaug.review_ui.exchange.judged import Exported, Judged, flat, from_flat


def write_coco(exported: Exported) -> Mapping[str, bytes]:
    """One file."""
    labels = sorted({picture.label for picture in exported.pictures})
    images, annotations = list[dict[str, Any]](), list[dict[str, Any]]()
    for picture in exported.pictures:
        number, (width, height) = len(images) + 1, picture.size
        named = {"file_name": picture.output, "output_sha256": picture.sha256}
        images.append({"id": number, "width": width, "height": height, **named})
        about = {"split": picture.split, "kind": picture.kind, "quality": round(picture.quality, 3)}
        for left, top, right, bottom in picture.boxes or [(0.0, 0.0, width, height)]:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": labels.index(picture.label) + 1,
                    "bbox": [round(value, 2) for value in (left, top, right - left, bottom - top)],
                    "area": round((right - left) * (bottom - top), 2),
                    "iscrowd": 0,
                    "attributes": {**about, **flat(exported, picture)},
                }
            )
    record = {
        "info": {"description": f"Decisions on {exported.dst.name}", "version": f"maskaug {__version__}"},
        "licenses": [],
        "categories": [{"id": number, "name": label} for number, label in enumerate(labels, 1)],
        "images": images,
        "annotations": annotations,
    }
    return {"": json.dumps(record, allow_nan=False).encode()}


def read_coco(record: Mapping[str, Any], name: str) -> list[Judged]:
    """What the annotations of each image say; those of one image must say the same.

    Raises:
        ReviewError: they do not, or it is no such file.
    """
    found: dict[object, list[Judged]] = {}
    try:
        images = {image["id"]: image for image in record["images"]}
        for annotation in record["annotations"]:
            image = images[annotation["image_id"]]
            where = f"{name}, image {image['file_name']}"
            about = {"output": image["file_name"], "output_sha256": image.get("output_sha256", "")}
            told = from_flat(where, about, annotation.get("attributes") or {})
            if told != found.setdefault(annotation["image_id"], told):
                raise ReviewError(
                    f"{where}: its annotations tell different decisions; a picture has one of each annotator"
                )
    except (KeyError, TypeError, AttributeError) as error:
        raise ReviewError(f"{name} is no COCO file with images and annotations") from error
    return [one for several in found.values() for one in several]
