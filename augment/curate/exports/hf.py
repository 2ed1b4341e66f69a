"""Folders that Hugging Face's datasets loads: ``datasets.load_dataset(FOLDER)``."""

from collections.abc import Sequence
from typing import Any

from maskaug.augment.curate.exports.imagefolder import write_folders
from maskaug.augment.curate.exports.registry import ExportFormat, register


def card_data(splits: Sequence[str], classes: Sequence[str]) -> dict[str, Any]:
    """The fields of a dataset card by which splits and labels are found."""
    files = [{"split": split.replace("/", "."), "path": f"{split}/**"} for split in splits]
    names = {str(number): name for number, name in enumerate(sorted(classes))}
    features = [{"name": "image", "dtype": "image"}, {"name": "label", "dtype": {"class_label": {"names": names}}}]
    return {
        "configs": [{"config_name": "default", "data_files": files}],
        "dataset_info": {"features": features},
    }


register(ExportFormat("hf", "folders that Hugging Face's datasets loads", write_folders, card_data=card_data))
