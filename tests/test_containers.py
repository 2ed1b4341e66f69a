"""Pictures in tar shards, in parquet and in a CSV of paths: what is listed, read and refused."""

import json
import os
import pickle
import shutil
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from generated import MASKED, UNMASKED, Generated, texture
from sharded import as_parquet, as_shards, classes_of, write_tar

from maskaug.augment.curate.curate import curate
from maskaug.augment.curate.exports import shards as tar_shards
from maskaug.augment.curate.options import CurateOptions
from maskaug.augment.generate.generate import generate
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.scan import ScanError, scan, scan_identities
from maskaug.core.containers import ListedPicture, Problem, list_pictures, locate, parquet, sha256_of, shards_below
from maskaug.core.containers.facts import facts_of
from maskaug.core.containers.members import MOST_BYTES
from maskaug.core.containers.splits import split_of
from maskaug.core.files import file_sha256, to_path
from maskaug.core.manifest import read_manifest
from maskaug.core.pictures import PictureError, encode_picture, read_picture
from maskaug.train.data.dataset import load_training_data
from maskaug.train.data.preprocess import Preparation


def picture(seed):
    return encode_picture(texture(seed), "jpeg")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three pictures of each class in train, two in val."""
    root = tmp_path_factory.mktemp("folder")
    for seed, (split, label, count) in enumerate(
        (split, label, count) for split, count in (("train", 3), ("val", 2)) for label in (UNMASKED, MASKED)
    ):
        (root / split / label).mkdir(parents=True)
        for number in range(count):
            (root / split / label / f"{number}.jpg").write_bytes(picture(10 * seed + number))
    return root


def pictures_of(src) -> list[ListedPicture]:
    """What a folder of shards, or a container, holds, of which nothing is a problem."""
    found = list(list_pictures(src, shards_below(src) if src.is_dir() else ()))
    assert [one for one in found if isinstance(one, Problem)] == []
    return [one for one in found if isinstance(one, ListedPicture)]


def told(src):
    """Split, class and SHA-256 of what a folder of shards, or a container, holds."""
    return sorted((one.split, one.label, sha256_of(one.location)) for one in pictures_of(src))


def problems(src):
    return {one.relative: one.reason for one in list_pictures(src) if isinstance(one, Problem)}


def as_files(folder):
    return sorted((split, label, file_sha256(path)) for split, label, path in classes_of(folder))


def table(path, lines, head="file,label,split"):
    path.write_text("\n".join([head, *(",".join(map(str, line)) for line in lines)]) + "\n")
    return path


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves files to the garbage collector
def test_webdatasets_shards_hold_what_the_folder_does(folder, tmp_path):
    shards = as_shards(folder, tmp_path / "shards", a_shard=4)
    assert len(list(shards.iterdir())) == 3
    assert told(shards) == as_files(folder)


def test_parquet_by_datasets_holds_what_the_folder_does(folder, tmp_path):
    assert told(as_parquet(folder, tmp_path / "set")) == as_files(folder)


@pytest.mark.parametrize("absolute", [True, False])
def test_a_csv_names_pictures_where_they_are(folder, tmp_path, absolute):
    lines = [
        (path if absolute else os.path.relpath(path, tmp_path), label, split)
        for split, label, path in classes_of(folder)
    ]
    assert told(table(tmp_path / "faces.csv", lines)) == as_files(folder)


def test_shards_at_an_address(folder, tmp_path):
    pytest.importorskip("upath")
    at = to_path(f"memory://{tmp_path.name}")
    for path in (
        *as_shards(folder, tmp_path / "shards").iterdir(),
        *as_parquet(folder, tmp_path / "p").rglob("*.parquet"),
    ):
        (at / path.suffix[1:]).mkdir(parents=True, exist_ok=True)
        (at / path.suffix[1:] / path.name).write_bytes(path.read_bytes())
    for kind in ("tar", "parquet"):
        found = pictures_of(at / kind)
        assert sorted((one.split, one.label, sha256_of(one.location)) for one in found) == as_files(folder)
        assert str(found[0].location).startswith(f"memory://{tmp_path.name}/{kind}/")
        assert locate(str(found[0].location)) == found[0].location


def test_members_are_read_in_another_process_and_found_by_their_names(folder, tmp_path):
    for src in (as_shards(folder, tmp_path / "shards"), as_parquet(folder, tmp_path / "set")):
        found = pictures_of(src)[-1]
        there = pickle.loads(pickle.dumps(found.location))
        assert read_picture(there).sha256 == sha256_of(found.location)
        assert locate(str(found.location)) == found.location == there
        assert locate(f"{found.location}-no") is None
        assert found.name == f"{found.location}"[len(str(src)) + 1 :]


@pytest.mark.parametrize(
    ("folders", "stem", "split"),
    [
        ((), "train-000000", "train"),
        ((), "faces_validation-00000-of-00002", "val"),
        (("data",), "test-00000-of-00001", "test"),
        (("train",), "000000", "train"),
        (("default", "dev"), "0000", "val"),
        (("fold", "1"), "000000", "fold/1"),
        ((), "constrained", ""),
        (("data",), "0000", ""),
    ],
)
def test_the_split_is_in_the_names(folders, stem, split):
    assert split_of(folders, stem) == split


def test_classes_are_told_in_several_ways(tmp_path):
    said = {
        "a.jpg": picture(1),
        "a.cls": b"0",
        "a.json": json.dumps({"label": "bare", "quality": 0.5, "yaw": "left", "box": [1, 2, 3, 4]}).encode(),
        "b.JPG": picture(2),
        "b.cls": b" worn\n",
        "c.cls": b"7",  # before its picture, as webdataset sorts them
        "c.png": picture(3),
        "c.mask.png": picture(4),
        "d.jpeg": picture(5),
        "d.json": b'{"cls": 3}',
    }
    found = {one.name: one for one in pictures_of(write_tar(tmp_path / "x.tar", said.items()))}
    assert {name.partition("/")[2]: one.label for name, one in found.items()} == {
        **{"a.jpg": "bare", "b.JPG": "worn", "c.png": "7", "d.jpeg": "3"}
    }
    assert found["x.tar/a.jpg"].facts == {"label": "bare", "quality": 0.5, "box": [1, 2, 3, 4]}


_FACE = {"box": [1.0, 2.0, 3.0, 4.0], "landmarks": [0.5] * 136, "stability": 0.25, "detector": "dlib"}


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        ({"status": "masked", "kind": "n95", "quality": 0.5}, {"status": "masked", "kind": "n95", "quality": 0.5}),
        ({"status": "success", "width": 3, "height": "4", "url": "x"}, {"width": 3}),  # as img2dataset says it
        ({"parameters": '{"wear": "under_nose"}'}, {"parameters": '{"wear": "under_nose"}'}),
        ({"parameters": "[1]", "yaw": "left", "output": "../x", "copy": 2**40}, {}),
        (_FACE, _FACE),
        ({**_FACE, "landmarks": [0.5] * 10, "kind": "n95"}, {"kind": "n95"}),
        ({**_FACE, "detector": None}, {}),
        ({**_FACE, "other_faces": [{"landmarks": [0.5]}]}, {}),
        ({"generated": "train/a/b.jpg", "seed": 1}, {"generated": "train/a/b.jpg", "seed": 1}),
    ],
)
def test_facts_are_those_of_the_manifests_columns(said, facts):
    assert facts_of(said) == facts


def test_a_tar_of_folders(tmp_path):
    members = [
        (f"./set/{split}/{label}/1.jpg", picture(1)) for split in ("train", "val") for label in (UNMASKED, MASKED)
    ]
    members += [("./set/._1.jpg", b"x"), ("./set/train/notes.txt", b"x")]
    found = pictures_of(write_tar(tmp_path / "faces.tar", members))
    assert {(one.split, one.label) for one in found} == {(s, c) for s in ("train", "val") for c in (UNMASKED, MASKED)}


def member(name, kind, **more):
    one = tarfile.TarInfo(name)
    one.type = kind
    for key, value in more.items():
        setattr(one, key, value)
    return one


def test_doors_of_a_tar(tmp_path):
    """What leads out, is no file or claims too much is refused by name; the rest is read."""
    victim = tmp_path / "victim.jpg"
    victim.write_bytes(picture(9))
    members = [
        ("../victim.jpg", picture(1)),
        (str(victim), picture(2)),
        ("a/../../victim.jpg", picture(3)),
        (member("link.jpg", tarfile.SYMTYPE, linkname=str(victim)), b""),
        (member("hard.jpg", tarfile.LNKTYPE, linkname="../victim.jpg"), b""),
        (member("pipe.jpg", tarfile.FIFOTYPE), b""),
        (member("device.jpg", tarfile.CHRTYPE, devmajor=1, devminor=5), b""),
        ("same.jpg", picture(4)),
        ("same.jpg", picture(5)),
        ("same.png", picture(6)),
        ("x.cls", b"1"),
        ("torn.jpg", picture(8)),
        ("torn.json", b"{"),
        ("good.jpg", picture(7)),
    ]
    path = write_tar(tmp_path / "shard.tar", members)
    found = {one.name: one for one in list_pictures(path) if isinstance(one, ListedPicture)}
    assert set(found) == {"shard.tar/same.jpg", "shard.tar/good.jpg"}
    assert found["shard.tar/same.jpg"].location.read_bytes() == picture(4)
    refused = [
        (one.relative.removeprefix("shard.tar/"), one.reason) for one in list_pictures(path) if isinstance(one, Problem)
    ]
    assert sorted(refused) == sorted(
        [
            ("../victim.jpg", "leads_out"),
            (str(victim), "leads_out"),
            ("a/../../victim.jpg", "leads_out"),
            ("link.jpg", "not_a_file"),
            ("hard.jpg", "not_a_file"),
            ("pipe.jpg", "not_a_file"),
            ("device.jpg", "not_a_file"),
            ("same.jpg", "duplicate_key"),
            ("same.png", "duplicate_key"),
            ("x", "no_picture"),
            ("torn.jpg", "bad_label"),
        ]
    )


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 8 << 30, 1 << 62])
def test_a_member_that_claims_too_much(tmp_path, size):
    path = write_tar(tmp_path / "shard.tar", [("good.jpg", picture(1))])
    data = path.read_bytes()[:2560]
    path.write_bytes(data + member("huge.jpg", tarfile.REGTYPE, size=size).tobuf(tarfile.GNU_FORMAT))
    assert [one.name for one in list_pictures(path) if isinstance(one, ListedPicture)] == ["shard.tar/good.jpg"]
    assert problems(path)["shard.tar/huge.jpg"] == "too_large"


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [1 << 62, -(1 << 40), 100 << 20])
def test_a_header_that_claims_too_much(tmp_path, kind, size):
    path = tmp_path / "shard.tar"
    path.write_bytes(member("header", kind, size=size).tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert problems(path) == {"shard.tar": "damaged"}


def test_headers_without_end(tmp_path):
    path = tmp_path / "shard.tar"
    path.write_bytes((member("header", tarfile.GNUTYPE_LONGNAME, size=4).tobuf() + b"name".ljust(512, b"\0")) * 5000)
    assert problems(path) == {"shard.tar": "damaged"}


def test_a_damaged_tar_costs_what_follows_and_says_so(tmp_path):
    path = write_tar(tmp_path / "shard.tar", [(f"{number}.jpg", picture(number)) for number in range(3)])
    whole = path.read_bytes()
    second = whole.index(b"1.jpg")
    path.write_bytes(whole[:second] + b"\xff" * 512 + whole[second + 512 :])
    found = list(list_pictures(path))
    assert [one.name for one in found if isinstance(one, ListedPicture)] == ["shard.tar/0.jpg"]
    assert problems(path) == {"shard.tar": "damaged"}
    path.write_bytes(whole[: second + 600])  # within the second picture
    assert problems(path) == {"shard.tar/1.jpg": "truncated", "shard.tar": "damaged"}
    path.write_bytes(whole[:second])  # between two
    assert problems(path) == {"shard.tar": "truncated"}
    path.write_bytes(b"no tar at all")
    assert problems(path) == {"shard.tar": "damaged"}
    gone = pictures_of(write_tar(path, [("a.jpg", picture(1))]))[0].location
    path.write_bytes(whole[:600])
    with pytest.raises(PictureError, match="cannot be read"):
        read_picture(gone)
    path.unlink()
    assert sha256_of(gone) is None
    assert problems(path) == {"shard.tar": "unreadable"}


def test_compressed_shards_are_named(tmp_path):
    (tmp_path / "train-000.tar.gz").write_bytes(b"x")
    with pytest.raises(ScanError, match=r"train-000\.tar\.gz is compressed.*unpack it to a \.tar"):
        scan(tmp_path, UNMASKED, MASKED)


def parquet_of(path, images, **columns):
    pq.write_table(pa.table({"image": images, **columns}), path, row_group_size=4)
    return path


def test_rows_of_several_groups_are_read_in_any_order(tmp_path):
    pictures = [picture(number) for number in range(11)]
    labels = [None, -1, *(number % 2 for number in range(9))]
    path = parquet_of(tmp_path / "dev.parquet", pictures, label=labels, quality=pa.array([0.5] * 11, pa.float32()))
    found = pictures_of(path)
    assert [one.label for one in found] == [None, None, *(str(number % 2) for number in range(9))]
    assert {one.split for one in found} == {"val"} and found[5].facts == {"quality": 0.5}
    for number in np.random.default_rng(0).permutation(11):
        assert found[number].location.read_bytes() == pictures[number], number


def test_doors_of_parquet(tmp_path):
    """A file that a row names, but does not hold, is not read; nor is a damaged file."""
    (tmp_path / "victim.jpg").write_bytes(picture(1))
    outside = [{"bytes": None, "path": str(tmp_path / "victim.jpg")}]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    assert problems(parquet_of(tmp_path / "a.parquet", pa.array(outside, kind))) == {"a.parquet": "no_pictures"}
    mixed = parquet_of(tmp_path / "b.parquet", pa.array([*outside, {"bytes": picture(2), "path": "../x.PNG"}], kind))
    first, second = pictures_of(mixed)
    assert [first.name, second.name] == ["b.parquet/00000000.jpg", "b.parquet/00000001.png"]
    with pytest.raises(PictureError, match="is empty"):
        read_picture(first.location)
    assert second.location.read_bytes() == picture(2)
    mixed.write_bytes(mixed.read_bytes()[:-9])
    assert problems(mixed) == {"b.parquet": "damaged"}
    assert problems(parquet_of(tmp_path / "c.parquet", ["text"])) == {"c.parquet": "no_pictures"}


def test_a_parquet_whose_pictures_claim_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_BYTES", 1000)
    (found,) = pictures_of(parquet_of(tmp_path / "a.parquet", [b"\0" * 2000]))
    with pytest.raises(PictureError, match=r"its pictures claim \d+ bytes each"):
        read_picture(found.location)


@pytest.mark.parametrize("name", ["../../etc", "/etc", "a/b", "..", "C:x", "a\\b"])
def test_no_class_and_no_split_leads_out(tmp_path, name):
    lines = [("a.jpg", name, "train"), ("b.jpg", UNMASKED, f"{name}/.."), ("c.jpg", UNMASKED, "train")]
    found = scan(table(tmp_path / "faces.csv", lines), UNMASKED, MASKED)
    assert [source.relative for source in found.sources] == ["c.jpg"]
    assert {problem.relative: problem.reason for problem in found.problems} == {
        "a.jpg": "bad_label",
        "b.jpg": "bad_label",
    }


def test_lines_of_a_csv_that_cannot_be_used(tmp_path):
    lines = [
        ("a.jpg", UNMASKED),
        ("", UNMASKED),
        ("a\0b", UNMASKED),
        ("a.jpg", UNMASKED),
        ("s3://key:secret@bucket/a.jpg", UNMASKED),
    ]
    path = table(tmp_path / "faces.csv", lines, "File,Label")
    found = list(list_pictures(path))
    assert [one.reason for one in found if isinstance(one, Problem)] == [
        "no_picture",
        "no_picture",
        "duplicate_key",
        "unreadable",
    ]
    assert not any("secret" in repr(one) for one in found)
    assert problems(table(path, [], "picture")) == {"faces.csv": "no_pictures"}
    path.write_bytes(b"file\n\xff\xfe")
    assert problems(path) == {"faces.csv": "damaged"}


def test_classes_of_containers(folder, tmp_path):
    lines = [(path, "", "") for _, _, path in classes_of(folder)]
    path = table(tmp_path / "faces.csv", lines)
    assert {source.label for source in scan(path, UNMASKED, MASKED).sources} == {UNMASKED}  # nothing says
    found = scan(table(path, [(*lines[0][:1], "0", ""), *lines[1:]]), "0", "1")
    assert len(found.sources) == 1 and {one.reason for one in found.problems} == {"no_class"}
    with pytest.raises(ScanError, match=r"no class called 'bare' \(it has: 0\).*--source-class"):
        scan(path, "bare", MASKED)
    persons = scan_identities(path)
    assert [(one.identity, one.split) for one in persons.sources] == [("0", "")]
    assert {one.reason for one in persons.problems} == {"no_person"}


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "train.tar")
    assert problems(tmp_path / "train.tar") == {"train.tar": "not_a_file"}


def test_a_folder_of_pictures_stays_one(folder, tmp_path):
    (tmp_path / UNMASKED).mkdir()
    (tmp_path / UNMASKED / "a.jpg").write_bytes(picture(1))
    (tmp_path / UNMASKED / "of_no_suffix").write_bytes(picture(3))
    write_tar(tmp_path / "backup.tar", [("b.jpg", picture(2))])
    assert [source.relative for source in scan(tmp_path, UNMASKED, MASKED).sources] == [
        f"{UNMASKED}/a.jpg",
        f"{UNMASKED}/of_no_suffix",
    ]
    (tmp_path / UNMASKED / "a.jpg").unlink()
    assert [source.relative for source in scan(tmp_path, UNMASKED, MASKED).sources] == [f"{UNMASKED}/of_no_suffix"]


def test_a_curated_set_is_learnt_alike_as_folders_and_as_shards(tmp_path, monkeypatch):
    """In the same order, with the same rows; where the shards alone were copied, with what they say themselves."""
    monkeypatch.setattr(tar_shards, "PICTURES_IN_A_SHARD", 5)
    made = Generated(tmp_path / "set")
    for number in range(8):
        made.original(("train", "val")[number % 2], f"f{number}", texture(number), subfolder=f"{number % 3}")
        made.mask(("train", "val")[number % 2], f"f{number}", 0)
    made.finish()
    for to in ("imagefolder", "webdataset", "parquet"):
        curate(CurateOptions(dst=made.dst, out=tmp_path / to, to=to, workers=1))
    shutil.copytree(tmp_path / "webdataset", tmp_path / "alone", ignore=shutil.ignore_patterns("manifest"))
    folders, *others, alone = (
        load_training_data(tmp_path / name, Preparation("picture", 32), tmp_path / "cache")
        for name in ("imagefolder", "webdataset", "parquet", "alone")
    )
    assert len(folders.train) == len(folders.val) == 8
    for other in (*others, alone):
        assert (other.checksum, other.classes) == (folders.checksum, folders.classes)
        assert (other.train.sha256, other.val.sha256) == (folders.train.sha256, folders.val.sha256)
        assert (other.train.pixels == folders.train.pixels).all()
    told = ("status", "kind", "template", "quality", "source_sha256", "landmarks")
    rows = [[[one.row.get(name) for name in told] for one in data.train.samples] for data in (folders, *others, alone)]
    assert all(of_one == rows[0] for of_one in rows)
    found = scan(tmp_path / "alone", UNMASKED, MASKED)
    assert {(one.split, one.label) for one in found.sources} == {
        (s, c) for s in ("train", "val") for c in (UNMASKED, MASKED)
    }
    assert not found.problems


def test_the_same_copies_from_containers_as_from_files(faces_folder, tmp_path):
    """Pictures, copies and their digests; from a run that was resumed, too."""
    src = tmp_path / "src" / "train" / UNMASKED
    src.mkdir(parents=True)
    for path in sorted(faces_folder.rglob("*.jpg"))[:2]:
        (src / path.name).write_bytes(path.read_bytes())
    lines = [(path, label, split) for split, label, path in classes_of(tmp_path / "src")]
    containers = [as_shards(tmp_path / "src", tmp_path / "shards"), as_parquet(tmp_path / "src", tmp_path / "parquet")]
    containers.append(table(tmp_path / "faces.csv", lines))

    def made(src):
        dst = tmp_path / f"from_{src.name}"
        options = GenerateOptions(src=src, dst=dst, copies=1, workers=1, max_size=160)
        generate(options)
        generate(options.model_copy(update={"resume": True}))
        return [
            (row["status"], row["split"], row["label"], row["source_sha256"], row["output_sha256"])
            for row in sorted(read_manifest(dst), key=lambda row: (row["source_sha256"], row["status"]))
        ]

    wanted = made(tmp_path / "src")
    assert [row[0] for row in wanted] == ["masked", "original"] * 2
    assert [made(container) for container in containers] == [wanted] * 3
