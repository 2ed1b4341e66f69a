"""`generate`, `verify` on an S3 server: what they do there is what they do on a disk, also where the server fails."""

import hashlib
import importlib
import os
import shlex
import signal
import subprocess
import sys
from unittest import mock

import astronaut
import pytest

from maskaug.augment import GenerateError, GenerateOptions, VerifyOptions, generate, read_manifest, verify
from maskaug.augment.generate.forecast import forecast
from maskaug.augment.generate.worker import SourceWorker
from maskaug.core.containers import members
from maskaug.core.errors import MaskaugError
from maskaug.core.executors import ExecutorError
from maskaug.core.files import (
    addresses,
    copy_command,
    file_sha256,
    find_objects,
    is_address,
    object_lock,
    read_bytes,
    remove_tree,
    to_path,
    write_bytes,
)
from maskaug.core.files.addresses import remove_objects

generating = importlib.import_module("maskaug.augment.generate.generate")
resume = importlib.import_module("maskaug.augment.generate.resume")
pytest.importorskip("s3fs", reason="needs the extra cloud")
s3_server = pytest.importorskip("s3_server", reason="needs moto and Flask", exc_type=ImportError)
BUCKET = "faces-and-masks"
ADDRESS = f"s3://{BUCKET}"


@pytest.fixture(scope="module")
def store():
    with s3_server.serving(BUCKET) as served:
        yield served


@pytest.fixture(scope="module")
def faces(store, tmp_path_factory):
    """The same faces in a folder and at an address."""
    here, there = tmp_path_factory.mktemp("stored") / "faces", to_path(f"{ADDRESS}/faces")
    astronaut.write_faces(here, {"train": 3, "val": 1})
    (here / "train" / "not_wearing_mask" / "broken.jpg").write_bytes(b"no picture")
    (here / "train" / "lonely.jpg").write_bytes(b"in no class folder")
    copy(here, there)
    return here, there


def copy(here, there):
    for path in here.rglob("*"):
        if path.is_file():
            write_bytes(there / path.relative_to(here).as_posix(), path.read_bytes())


def tree(place):
    """SHA-256 by name, without what a run puts there for as long as it lasts."""
    if is_address(place):
        return {one.name: hashlib.sha256(read_bytes(place / one.name)).hexdigest() for one in find_objects(place)}
    files = (path for path in place.rglob("*") if path.is_file())
    return {path.relative_to(place).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def whole(faces, tmp_path_factory):
    """What a run from the address to a disk gives."""
    dst = tmp_path_factory.mktemp("whole") / "out"
    generate(GenerateOptions(src=faces[1], dst=dst, workers=1, alpha=True))
    return {"files": tree(dst), "rows": list(read_manifest(dst))}


@pytest.fixture
def dst():
    place = to_path(f"{ADDRESS}/out")
    yield place
    remove_tree(place)


def run(src, dst, **options):
    return generate(GenerateOptions(src=src, dst=dst, workers=1, alpha=True, **options))


def test_a_run_from_an_address_is_one_from_a_folder(faces, whole, tmp_path):
    run(faces[0], tmp_path / "out")
    told = ("config.json", "stats.json", "manifest/part-00000.parquet")  # which say where the faces come from
    same = {name: digest for name, digest in tree(tmp_path / "out").items() if name not in told}
    assert same == {name: digest for name, digest in whole["files"].items() if name not in told}
    rows = list(read_manifest(tmp_path / "out"))
    for row in rows:
        row["message"] = row["message"] and row["message"].replace(str(faces[0]), str(faces[1]))
    assert rows == whole["rows"]
    refused = {row["source"]: row["reasons"] for row in rows if row["status"] == "refused"}
    assert refused == {
        "train/lonely.jpg": ["no_class"],
        "train/not_wearing_mask/broken.jpg": ["not_a_picture"],
    }


@pytest.mark.slow
def test_a_run_to_an_address_is_one_to_a_disk(store, faces, whole, dst):
    before = store.requests.copy()
    summary = run(faces[1], dst)
    assert tree(dst) == whole["files"]
    assert summary.masked == {"train/wearing_mask": 3, "val/wearing_mask": 1}
    written = store.requests["PUT"] - before["PUT"]
    assert written <= 4 * 3 + 8, "one request a picture or alpha mask, and a few"
    assert verify(VerifyOptions(dst=dst)).is_whole
    for one in find_objects(dst):
        assert not any(key.encode() in read_bytes(dst / one.name) for key in s3_server.KEYS.values())
    assert run(faces[1], dst, resume=True) == summary
    assert tree(dst) == whole["files"]


@pytest.mark.slow
def test_a_store_that_fails_costs_time_alone(store, faces, whole, dst):
    with store.failing(0.12, seed=1):
        summary = run(faces[1], dst)
        assert set(store.given) == set(s3_server.KINDS)
    assert not summary.failed
    assert tree(dst) == whole["files"]
    with store.failing(0.12, seed=2):
        assert verify(VerifyOptions(dst=dst)).is_whole


def test_a_store_that_does_not_say_go_on_is_asked_again(store, dst, monkeypatch):
    """aiohttp itself would wait for ever."""
    monkeypatch.setattr(addresses, "_WRITE_SECONDS", 0.5)
    store.silent = 2
    write_bytes(dst / "one", b"1")
    assert addresses.create_bytes(dst / "two", b"2")
    assert store.silent == 0
    assert [read_bytes(dst / name) for name in ("one", "two")] == [b"1", b"2"]


KILLED = """
import os, signal, sys
from maskaug.augment.generate import journal
from maskaug.cli import main
journal.SEGMENT_SECONDS = 0
store = journal.SegmentedJournal.store
def killed(self):
    store(self)
    if self._last == 3:
        os.kill(os.getpid(), signal.SIGKILL)
journal.SegmentedJournal.store = killed
sys.argv = ["maskaug", "generate", *sys.argv[1:]]
main()
"""


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_as_it_was(store, faces, whole, dst, monkeypatch):
    """What is recorded is not made again; what is not is, with the same bytes."""
    command = [sys.executable, "-c", KILLED, str(faces[1]), str(dst), "--workers", "1", "--alpha"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    assert done.returncode == -signal.SIGKILL
    left = tree(dst)
    assert {"config.json", ".lock"} < left.keys()
    assert "stats.json" not in left
    with pytest.raises(MaskaugError, match="is not finished; go on with"):
        verify(VerifyOptions(dst=dst))
    monkeypatch.setattr(object_lock, "DEAD", 0.5)
    made, process = [], SourceWorker.process

    def counted(self, task):
        made.append(task)
        return process(self, task)

    monkeypatch.setattr(SourceWorker, "process", counted)
    generate(GenerateOptions(src=faces[1], dst=dst, workers=1, resume=True))
    assert tree(dst) == whole["files"]
    first_rounds = [task for task in made if task.original]
    assert len(first_rounds) == 5 - 3


def test_a_picture_that_is_gone_is_made_again_and_all_of_them_when_asked(faces, whole, monkeypatch):
    dst = to_path("memory://out")
    with monkeypatch.context() as patch:
        patch.setattr(generating, "remove_journal", lambda _: None)
        run(faces[1], dst)
    gone = [dst / name for name in whole["files"] if name.endswith("_0.jpg")]
    assert gone
    remove_objects(gone)
    run(faces[1], dst, resume=True)
    assert tree(dst) == whole["files"]
    run(faces[1], dst, overwrite=True, seed=5)
    other = tree(dst)
    assert other != whole["files"]
    assert verify(VerifyOptions(dst=dst)).is_whole
    run(faces[1], dst, overwrite=True)
    assert tree(dst) == whole["files"]


def test_what_the_store_does_not_give_is_tried_again_when_asked(faces, whole):
    """A store that stays away for longer says nothing of a picture."""
    dst = to_path("memory://retried")
    away = faces[1] / "val" / "not_wearing_mask" / "astronaut_000.jpg"

    def fetch(path):
        if path == away:
            raise OSError("no answer")
        return read_bytes(path)

    with mock.patch.object(members, "read_bytes", fetch):
        summary = run(faces[1], dst)
    assert list(summary.failed) == ["val/not_wearing_mask/astronaut_000.jpg"]
    assert "cannot be read for now: no answer" in next(iter(summary.failed.values()))
    generate(GenerateOptions(src=faces[1], dst=dst, workers=1, retry_failed=True))
    assert tree(dst) == whole["files"]


def test_changed_sources_are_told_without_reading_them(faces, tmp_path, monkeypatch):
    src, dst, name = to_path("memory://changing"), tmp_path / "out", "train/not_wearing_mask/astronaut_002.jpg"
    copy(faces[0], src)
    with monkeypatch.context() as patch:
        patch.setattr(generating, "remove_journal", lambda _: None)
        patch.setattr(resume.Recorded, "_is_there", lambda *_: True)
        patch.setattr(resume, "file_sha256", mock.Mock(side_effect=AssertionError("it is fetched")))
        run(src, dst)
        run(src, dst, resume=True)
        patch.setattr(resume, "file_sha256", file_sha256)
        write_bytes(src / name, read_bytes(src / name))
        run(src, dst, resume=True)
    write_bytes(src / name, read_bytes(src / "train/not_wearing_mask/astronaut_001.jpg"))
    with pytest.raises(GenerateError, match=rf"replaced: {name}"):
        run(src, dst, resume=True)
    remove_objects([src / name])
    with pytest.raises(GenerateError, match=rf"removed: {name}"):
        run(src, dst, resume=True)


@pytest.mark.parametrize(
    ("src", "place", "said"),
    [
        (f"{ADDRESS}/nothing", "out", "holds no picture"),
        ("s3://no-such-bucket/faces", "out", "source s3://no-such-bucket/faces does not exist"),
        (f"{ADDRESS}/faces/train/lonely.jpg", "out", "is not a folder"),
        (f"{ADDRESS}/faces", "s3://no-such-bucket/out", "destination s3://no-such-bucket/out cannot be used"),
        (f"{ADDRESS}/faces", f"{ADDRESS}/faces/out", "lies inside source"),
        (f"{ADDRESS}/faces", f"{ADDRESS}/faces", "are the same folder"),
        (f"{ADDRESS}/faces/train", f"{ADDRESS}/faces/val", "holds other files"),
        (f"{ADDRESS}/faces", "hf://datasets/anna/faces", "would have a commit for each picture"),
    ],
)
def test_what_cannot_be_done_is_said(faces, tmp_path, src, place, said):
    before = tree(faces[1])
    with pytest.raises(MaskaugError, match=said):
        generate(GenerateOptions(src=src, dst=tmp_path / "out" if place == "out" else place, workers=1))
    assert tree(faces[1]) == before
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_at_an_address_writes_nothing(faces, dst):
    assert forecast(GenerateOptions(src=faces[1], dst=dst, workers=1, dry_run=True)).tried == 5
    assert tree(dst) == {}
    with pytest.raises(GenerateError, match="holds other files"):
        forecast(GenerateOptions(src=faces[1] / "train", dst=faces[1] / "val", workers=1, dry_run=True))


def test_a_store_of_one_process_is_not_for_several(faces, tmp_path):
    with pytest.raises(ExecutorError, match="is known to one process only; give --workers 1"):
        generate(GenerateOptions(src=faces[1], dst="memory://out", workers=2))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["curate", "DST", "out"], "holds no finished data set"),
        (["curate", "DST", "out", "--link", "hard"], "--link hard is for this machine's disks"),
        (["review", "DST"], "DST: s3://"),
        (["agreement", "DST"], "holds no reviews"),
        (["train", "DST"], "has no shards"),
        (["evaluate", "DST"], "s3:"),
        (["train", "faces", "--out", "DST"], "--out: s3://"),
        (["apply", "a.jpg", "--output", "DST"], "--output: s3://"),
        (["predict", "a.jpg", "--draw", "DST"], "--draw: s3://"),
        (["generate", "DST", "out", "--annotations", "DST"], "--annotations: s3://"),
        (["verify", "DST"], "is no output of maskaug"),
    ],
)
def test_commands_that_know_no_addresses_say_so(faces, maskaug, tmp_path, arguments, said):
    done = maskaug(*(f"{ADDRESS}/faces" if one == "DST" else one for one in arguments))
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not any(path.is_dir() and path.name.startswith("s3") for path in tmp_path.iterdir())


def test_the_command_that_copies_an_address_works(faces, tmp_path):
    command = shlex.split(copy_command(faces[1]))
    subprocess.run([sys.executable, *command[1:]], cwd=tmp_path, check=True)
    assert tree(tmp_path / "faces") == tree(faces[0])
