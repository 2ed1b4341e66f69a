"""Which format a file of decisions has, and what it says."""

from pathlib import Path

from maskaug.augment.reviews.log import ReviewError
from maskaug.core.text import parse_json
from maskaug.review_ui.exchange.coco import read_coco
from maskaug.review_ui.exchange.fiftyone import SAMPLES, read_fiftyone
from maskaug.review_ui.exchange.judged import Judged
from maskaug.review_ui.exchange.label_studio import TASKS, read_label_studio
from maskaug.review_ui.exchange.tables import read_csv

_KNOWN = "a CSV, a COCO file, an export of Label Studio as JSON, or a FiftyOneDataset"


def read_decisions(path: Path) -> list[Judged]:
    """What a file, or a folder that an export has made, says; in its order.

    Raises:
        ReviewError: it cannot be read, or is none of the formats.
    """
    if path.is_dir():
        files = [path / name for name in (SAMPLES, TASKS) if (path / name).is_file()]
        if not files:
            raise ReviewError(f"{path} holds neither {SAMPLES} nor {TASKS}; name {_KNOWN}")
        path = files[0]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReviewError(f"cannot read {path}: {error.strerror}") from error
    if path.suffix.lower() != ".json":
        return read_csv(data, path.name)
    try:
        record = parse_json(data)
    except ValueError as error:
        raise ReviewError(f"{path} is no JSON: {error}") from error
    if isinstance(record, list):
        return read_label_studio(record, path.name)
    if isinstance(record, dict) and "samples" in record:
        return read_fiftyone(record, path.name)
    if isinstance(record, dict) and {"images", "annotations"} <= record.keys():
        return read_coco(record, path.name)
    raise ReviewError(f"{path} is not {_KNOWN}")
