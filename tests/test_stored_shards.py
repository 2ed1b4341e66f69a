"""Shards on an S3 server that fails now and then: what `generate` and `train` read there is what lies here."""

import hashlib
from unittest import mock

import astronaut
import pytest
from sharded import as_parquet, as_shards
from training import balanced

from maskaug.augment import GenerateOptions, generate, read_manifest
from maskaug.augment.generate.scan import scan
from maskaug.core.files import to_path, write_bytes
from maskaug.train.data.dataset import load_training_data
from maskaug.train.data.preprocess import Preparation
from maskaug.train.data.samples import DataError, list_samples, resolve_classes

pytest.importorskip("s3fs", reason="needs the extra cloud")
s3_server = pytest.importorskip("s3_server", reason="needs moto and Flask", exc_type=ImportError)
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves files to the garbage collector
FAILURES = 0.15  # share of the requests


@pytest.fixture(scope="module")
def store():
    with s3_server.serving("shards") as served:
        yield served


def put(folder, at):
    for path in folder.rglob("*"):
        if path.is_file():
            write_bytes(at / path.relative_to(folder).as_posix(), path.read_bytes())
    return at


@pytest.mark.parametrize("write", [as_shards, as_parquet])
def test_training_reads_from_a_store_what_lies_in_a_folder(store, tmp_path, write):
    faces = balanced(tmp_path / "faces")
    at = put(write(faces, tmp_path / "written"), to_path(f"{store.address}/{write.__name__}"))
    preparation = Preparation("picture", 32)
    here = load_training_data(faces, preparation, tmp_path / "cache")
    with store.failing(FAILURES):
        assert resolve_classes(at) == here.classes
        there = load_training_data(at, preparation, tmp_path / "cache")
    assert store.given.total() >= 3
    assert there.checksum == here.checksum
    assert (there.train.pixels == here.train.pixels).all() and (there.val.pixels == here.val.pixels).all()
    with mock.patch("maskaug.core.files.addresses._range", side_effect=AssertionError("all is in the cache")):
        assert load_training_data(at, preparation, tmp_path / "cache").checksum == here.checksum


def test_files_at_an_address_are_no_shards(store, tmp_path):
    at = put(balanced(tmp_path / "faces", train=1, val=1), to_path(f"{store.address}/files"))
    with pytest.raises(DataError, match="name a folder of tar shards or parquet, or copy it here"):
        list_samples(at, ("not_wearing_mask", "wearing_mask"))


def test_generate_reads_from_a_store_what_lies_in_a_folder(store, tmp_path):
    astronaut.write_faces(tmp_path / "faces", {"train": 2})
    shards = as_shards(tmp_path / "faces", tmp_path / "shards", a_shard=1)
    at = put(shards, to_path(f"{store.address}/faces"))

    def made(src, dst):
        generate(GenerateOptions(src=src, dst=dst, copies=1, workers=1, max_size=160))
        files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in dst.rglob("*.jpg")}
        return files, list(read_manifest(dst))

    whole = made(shards, tmp_path / "here")
    assert len(whole[0]) == 4
    with store.failing(FAILURES):
        assert made(at, tmp_path / "there") == whole
    found = scan(at, "not_wearing_mask", "wearing_mask").sources
    assert len({one.stamp for one in found} - {None}) == 2, "a run that goes on fetches what was written anew"
