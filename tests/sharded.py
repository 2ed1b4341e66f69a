"""Folders of pictures as shards, written by the libraries that others write them with."""

import io
import tarfile
from pathlib import Path

import webdataset


def classes_of(folder):
    """Split, class and file of each picture of ``FOLDER/{split}/{class}``."""
    for path in sorted(Path(folder).glob("*/*/*")):
        yield path.parent.parent.name, path.parent.name, path


def as_shards(folder, out, a_shard=7, facts=lambda path: {}):
    """``OUT/{split}-{number}.tar``, by webdataset; a picture's key is its class and its name."""
    out.mkdir()
    writers = {}
    for split, label, path in classes_of(folder):
        if split not in writers:
            writers[split] = webdataset.ShardWriter(f"{out}/{split}-%06d.tar", maxcount=a_shard, verbose=0)
        said = {"label": label, **facts(path)}
        sample = {path.suffix[1:]: path.read_bytes(), "cls": int(label[0] == "w"), "json": said}
        writers[split].write({"__key__": f"{label}-{path.stem}", **sample})
    for writer in writers.values():
        writer.close()
    return out


def as_parquet(folder, out):
    """``OUT/data/{split}-00000-of-00001.parquet``, by datasets, as its ``push_to_hub`` writes them."""
    import datasets
    from datasets.table import embed_table_storage

    (out / "data").mkdir(parents=True)
    found = list(classes_of(folder))
    names = sorted({label for _, label, _ in found})
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=names)})
    for split in sorted({split for split, _, _ in found}):
        chosen = [(label, path) for one, label, path in found if one == split]
        columns = {"image": [str(path) for _, path in chosen], "label": [names.index(label) for label, _ in chosen]}
        rows = datasets.Dataset.from_dict(columns, features=features).with_format("arrow")
        rows.map(embed_table_storage, batched=True).to_parquet(str(out / "data" / f"{split}-00000-of-00001.parquet"))
    return out


def write_tar(path, members):
    """A tar of files by name; or of members as they are, of which some are no files."""
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            if isinstance(name, tarfile.TarInfo):
                tar.addfile(name, io.BytesIO(data))
                continue
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path
