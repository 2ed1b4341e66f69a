"""Folders that Hugging Face's datasets loads: ``datasets.load_dataset(FOLDER)``."""

import json
from collections.abc import Sequence

from maskaug.augment.curate.exports.imagefolder import write_folders
from maskaug.augment.curate.exports.registry import ExportFormat, register


def card_header(splits: Sequence[str], classes: Sequence[str]) -> str:
    """The head of a dataset card, YAML, by which splits and labels are found."""
    # JSON strings are YAML strings.
    files = [
        f"  - split: {json.dumps(split.replace('/', '.'))}\n    path: {json.dumps(f'{split}/**')}\n" for split in splits
    ]
    names = [f"          '{number}': {json.dumps(name)}\n" for number, name in enumerate(sorted(classes))]
    return (
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        + "".join(files)
        + "dataset_info:\n  features:\n  - name: image\n    dtype: image\n  - name: label\n    dtype:\n"
        + "      class_label:\n        names:\n"
        + "".join(names)
        + "---\n\n"
    )


register(ExportFormat("hf", "folders that Hugging Face's datasets loads", write_folders, card_header=card_header))
