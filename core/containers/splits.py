"""The split of a shard or a picture, by its folders and its name."""

import re
from collections.abc import Iterable

# As shards on the Hugging Face Hub and of webdataset are called; what they are called here.
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "eval": "test",
}


def split_named(name: str) -> str:
    """``train``, ``val`` or ``test``, if a word of a name says so: ``faces-validation-00000-of-00002`` is ``val``."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), "")


def split_of(folders: Iterable[str], stem: str = "") -> str:
    """The split of what lies in some folders; empty where nothing says.

    The name itself counts before its folders, the nearest of these first; folders that are called otherwise, as splits
    of ``maskaug curate`` may be, are a split by their path.

    Args:
        folders: Above it, outermost first.
        stem: Its name without suffix.
    """
    above = [folder for folder in folders if folder not in {"data", "default"}]
    named = (split_named(name) for name in (stem, *reversed(above)))
    return next((split for split in named if split), "/".join(above))
