"""`generate --to`: the same pictures and rows as in folders, in shards that every other command reads."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile

import astronaut
import pytest
from generated import review

from maskaug.augment import (
    CurateOptions,
    GenerateOptions,
    ReviewError,
    VerifyOptions,
    curate,
    generate,
    read_manifest,
    verify,
)
from maskaug.augment.curate.selection import CurateError
from maskaug.augment.generate.generated_set import GeneratedSet, GeneratedSetError
from maskaug.augment.generate.worker import SourceWorker
from maskaug.core.containers import read_location
from maskaug.core.files import find_objects, is_address, read_bytes, to_path
from maskaug.review_ui import DecisionsExportOptions, ReviewOptions, export_decisions
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.view.picture_cache import PictureCache
from maskaug.train.data.dataset import load_training_data
from maskaug.train.data.preprocess import Preparation
from maskaug.train.predict.inputs import list_inputs

FORMATS = ["webdataset", "parquet"]
# Balance needs a second round: the wrongly worn masks are of another class.
OPTIONS = {"seed": 3, "alpha": True, "wear": "correct=1,under_nose=1", "shard_size": 4}


def run(src, dst, to="webdataset", **options):
    return generate(GenerateOptions(src=src, dst=dst, to=to, **{"workers": 1, **OPTIONS, **options}))


def tree(folder):
    if is_address(folder):
        return {one.name: read_bytes(folder / one.name) for one in find_objects(folder)}
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The same faces as folders and as shards; one picture is none."""
    folder = tmp_path_factory.mktemp("made")
    astronaut.write_faces(folder / "faces", {"train": 6, "val": 2})
    (folder / "faces/train/not_wearing_mask/broken.jpg").write_bytes(b"no picture")
    of_folders = {**OPTIONS, "workers": 1}
    del of_folders["shard_size"]
    generate(GenerateOptions(src=folder / "faces", dst=folder / "imagefolder", **of_folders))
    for to in FORMATS:
        run(folder / "faces", folder / to, to)
    return folder


@pytest.mark.parametrize("to", FORMATS)
def test_shards_hold_what_folders_do(made, to):
    dst = made / to
    found, wanted = GeneratedSet(dst), GeneratedSet(made / "imagefolder")
    shards = {name for name in tree(dst) if name.endswith((".tar", ".parquet")) and not name.startswith("manifest")}
    assert set(tree(dst)) == shards | {"config.json", "stats.json", "contact_sheet.png", "manifest/part-00000.parquet"}
    rows, of_folders = list(found.rows()), list(wanted.rows())
    assert {found.file_of(row["output"]) for row in rows if row["output"]} == shards
    assert len([name for name in shards if name.startswith("train/")]) > 6 // 2, "no second round"
    own = {"output": None, "alpha": None}
    for row, other in zip(rows, of_folders, strict=True):
        assert {**row, **own} == {**other, **own}
        if row["output"]:
            assert read_location(found.locate(row["output"])) == (made / "imagefolder" / other["output"]).read_bytes()
    assert (dst / "contact_sheet.png").is_file()
    assert verify(VerifyOptions(dst=dst)).is_whole


def test_a_tar_holds_alpha_masks_and_what_is_said_of_a_picture(made):
    dst = made / "webdataset"
    row = next(row for row in read_manifest(dst) if row["status"] == "masked")
    shard, _, name = row["output"].rpartition("/")
    of_folders = next(
        one for one in read_manifest(made / "imagefolder") if one["output_sha256"] == row["output_sha256"]
    )
    with tarfile.open(dst / shard) as tar:
        key = name.partition(".")[0]
        assert row["alpha"] == f"{shard}/{key}.mask.png"
        assert tar.extractfile(f"{key}.mask.png").read() == (made / "imagefolder" / of_folders["alpha"]).read_bytes()
        facts = json.load(tar.extractfile(f"{key}.json"))
        classes = ["mask_worn_incorrectly", "not_wearing_mask", "wearing_mask"]
        assert classes[int(tar.extractfile(f"{key}.cls").read())] == facts["label"] == row["label"]
    assert facts["generated"] == of_folders["output"]
    assert facts["template"] == row["template"] and facts["landmarks"] == pytest.approx(row["landmarks"])


def test_datasets_loads_the_parquet(made, tmp_path):
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(
        "parquet",
        data_files={split: str(made / "parquet" / split / "*.parquet") for split in ("train", "val")},
        cache_dir=str(tmp_path),
    )
    rows = [row for row in read_manifest(made / "parquet") if row["output"] and row["split"] == "train"]
    assert len(loaded["train"]) == len(rows)
    one = loaded["train"][0]
    assert one["image"].size == (one["width"], one["height"])
    assert loaded["train"].features["label"].names == ["mask_worn_incorrectly", "not_wearing_mask", "wearing_mask"]
    masks = [mask for mask in loaded["train"]["mask"] if mask is not None]
    assert len(masks) == sum(row["status"] == "masked" for row in rows)


@pytest.mark.parametrize("to", FORMATS)
def test_it_is_learnt_from_as_folders_are(made, tmp_path, to):
    folders, shards = (
        load_training_data(made / name, Preparation("picture", 32), tmp_path) for name in ("imagefolder", to)
    )
    assert (shards.checksum, shards.classes) == (folders.checksum, folders.classes)
    assert (shards.train.pixels == folders.train.pixels).all()
    assert [(one.row["status"], one.row["landmarks"], one.row["parameters"]) for one in shards.train.samples] == [
        (one.row["status"], one.row["landmarks"], one.row["parameters"]) for one in folders.train.samples
    ]


@pytest.mark.parametrize("to", FORMATS)
def test_it_is_reviewed_and_curated_as_folders_are(made, tmp_path, to):
    sets = [shutil.copytree(made / name, tmp_path / name) for name in ("imagefolder", to)]
    masked = [row["output_sha256"] for row in read_manifest(sets[0]) if row["status"] == "masked"]
    shown = []
    for dst in sets:
        queue = read_queue(ReviewOptions(dst=dst, annotator="anna"))
        pictures = PictureCache(dst, queue, None)
        pictures.want([0], large=True)
        shown.append(pictures.get(0, large=True, wait=20))
        pictures.close()
        review(dst, "anna", {masked[0]: "reject: blurred", masked[1]: "accept"})
        curate(CurateOptions(dst=dst, out=tmp_path / f"final_{dst.name}", workers=1, balance="none"))
    assert shown[0].sha256 == shown[1].sha256 and shown[1].problem is None
    assert (shown[0].whole.after == shown[1].whole.after).all() and shown[1].whole.before is not None
    finals = [tmp_path / f"final_{dst.name}" for dst in sets]
    contents = [sorted(row["output_sha256"] for row in read_manifest(final) if row["output"]) for final in finals]
    assert contents[0] == contents[1] and masked[0] not in contents[1]
    written = [
        sorted((name.rpartition("/")[0], data) for name, data in tree(final).items() if name.endswith(".jpg"))
        for final in finals
    ]
    assert written[0] == written[1]


@pytest.mark.parametrize("to", [*FORMATS, "imagefolder"])
def test_predict_looks_at_the_pictures_and_not_at_what_lies_beside(made, tmp_path, to):
    written = [row["output"] for row in read_manifest(made / to) if row["output"]]
    assert sorted(one.place.as_posix() for one in list_inputs([made / to])) == sorted(written)
    curate(CurateOptions(dst=made / to, out=tmp_path / "final", to=to, workers=1))
    kept = [row["output"] for row in read_manifest(tmp_path / "final") if row["output"]]
    assert (tmp_path / "final/card").is_dir()
    assert sorted(one.place.as_posix() for one in list_inputs([tmp_path / "final"])) == sorted(kept)


def test_other_programs_find_no_pictures_in_shards(made, tmp_path):
    dst = shutil.copytree(made / "webdataset", tmp_path / "dst")
    with pytest.raises(ReviewError, match="lie in shards, where no other program finds them; write --to csv"):
        export_decisions(DecisionsExportOptions(dst=dst, out=tmp_path / "out.json", to="coco"))
    export_decisions(DecisionsExportOptions(dst=dst, out=tmp_path / "out.csv", to="csv"))


def test_as_many_processes_as_one_likes(made, tmp_path):
    run(made / "faces", tmp_path / "out", workers=2)
    assert tree(tmp_path / "out") == tree(made / "webdataset")


def counted(monkeypatch, after=None):
    """Sources that are worked on from now on; the run is stopped as by Ctrl-C after so many."""
    process, done = SourceWorker.process, []

    def process_counted(self, task):
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(task)
        return process(self, task)

    monkeypatch.setattr(SourceWorker, "process", process_counted)
    return done


def test_a_run_that_was_stopped_ends_with_the_same_shards(made, tmp_path):
    """Whole shards stay as they are; one that was damaged meanwhile is made again."""
    dst = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        counted(patch, after=5)
        run(made / "faces", dst)
    shards = sorted(dst.rglob("*.tar"))
    assert shards == [dst / "train/000000.tar", dst / "train/000001.tar"]
    shards[0].write_bytes(b"torn")
    with pytest.MonkeyPatch.context() as patch:
        done = counted(patch)
        run(made / "faces", dst, resume=True)
    assert tree(dst) == tree(made / "webdataset")
    again = [task.source.relative for task in done if task.original and task.source.split == "train"]
    assert [name[-7:-4] for name in again] == ["000", "001", "004", "005", "ken"]


def test_sources_that_came_meanwhile_move_the_others_to_other_shards(made, tmp_path):
    src = shutil.copytree(made / "faces", tmp_path / "faces")
    new = src / "train/not_wearing_mask/aaa.jpg"
    new.write_bytes((src / "val/not_wearing_mask/astronaut_000.jpg").read_bytes())
    run(src, tmp_path / "whole")
    new.rename(tmp_path / "later.jpg")
    dst = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        counted(patch, after=7)
        run(src, dst)
    (tmp_path / "later.jpg").rename(new)
    run(src, dst, resume=True)
    assert tree(dst) == tree(tmp_path / "whole")


def test_what_failed_is_tried_again_with_its_shard(made, tmp_path):
    dst = tmp_path / "out"
    process = SourceWorker._rows

    def fails_once(self, task):
        if task.source.relative.endswith("astronaut_002.jpg"):
            raise RuntimeError("not today")
        return process(self, task)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SourceWorker, "_rows", fails_once)
        assert len(run(made / "faces", dst).failed) == 1
    assert verify(VerifyOptions(dst=dst)).is_whole
    run(made / "faces", dst, retry_failed=True)
    assert tree(dst) == tree(made / "webdataset")


def test_overwriting_removes_shards_and_nothing_else(made, tmp_path):
    dst = shutil.copytree(made / "webdataset", tmp_path / "dst")
    (dst / "train" / "notes.txt").write_text("mine")
    del (options := dict(OPTIONS))["shard_size"]
    generate(GenerateOptions(src=made / "faces", dst=dst, workers=1, overwrite=True, **options))
    found = tree(dst)
    assert found.pop("train/notes.txt") == b"mine"
    told = ("config.json", "stats.json")
    assert {name: data for name, data in found.items() if name not in told} == {
        name: data for name, data in tree(made / "imagefolder").items() if name not in told
    }


def test_what_is_damaged_or_gone_is_seen(made, tmp_path):
    dst = shutil.copytree(made / "webdataset", tmp_path / "dst")
    (dst / "val/000000.tar").unlink()
    with (dst / "train/000000.tar").open("r+b") as file:
        file.seek(1000)
        file.write(b"x")
    found = verify(VerifyOptions(dst=dst))
    assert (found.missing.names, found.altered.names) == (["val/000000.tar"], ["train/000000.tar"])
    stats = json.loads((dst / "stats.json").read_text())
    del stats["sha256"]["train/000001.tar"]
    (dst / "stats.json").write_text(json.dumps(stats))
    assert verify(VerifyOptions(dst=dst)).unrecorded.names == ["stats.json", "train/000001.tar"]
    with pytest.raises(
        CurateError, match=r"train/000000\.tar/.* is not as it was generated; bring it back, or remove .*tar to"
    ):
        curate(CurateOptions(dst=dst, out=tmp_path / "out", workers=1))
    (dst / "train/000000.tar").write_bytes((dst / "train/000000.tar").read_bytes()[:20_000])
    with pytest.raises(
        GeneratedSetError, match=r"is not in its shard, which is damaged; bring back .*000000\.tar, or remove"
    ):
        curate(CurateOptions(dst=dst, out=tmp_path / "out", workers=1))
    (dst / "train/000000.tar").unlink()
    left = curate(CurateOptions(dst=dst, out=tmp_path / "out", workers=1, dry_run=True)).left_out
    assert any(reason == "missing" for reason, _ in left)


KILLED = """
import os, signal, sys
from maskaug.augment.generate import outputs
from maskaug.cli import main
finish = outputs._OpenShard.finish
def killed(self):
    if self._part.number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return finish(self)
outputs._OpenShard.finish = killed
sys.argv = ["maskaug", "generate", *sys.argv[1:]]
main()
"""


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_nothing_half_written(made, tmp_path):
    dst = tmp_path / "out"
    options = ["--workers", "1", "--seed", "3", "--alpha", "--wear", OPTIONS["wear"], "--shard-size", "4"]
    command = [sys.executable, "-c", KILLED, made / "faces", dst, "--to", "webdataset", *options]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert sorted(path.name for path in dst.rglob("*.tar")) == ["000000.tar", "000001.tar"]
    run(made / "faces", dst, resume=True)
    assert tree(dst) == tree(made / "webdataset")


def test_at_an_address_there_are_no_objects_but_shards(made, tmp_path):
    pytest.importorskip("upath", reason="needs the extra cloud")
    dst = to_path(f"memory://sharded/{tmp_path.name}")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        counted(patch, after=5)
        run(made / "faces", dst)
    assert {name for name in tree(dst) if name.endswith((".jpg", ".png"))} == set()
    run(made / "faces", dst, resume=True)
    assert tree(dst) == tree(made / "webdataset")
    assert verify(VerifyOptions(dst=dst)).is_whole
    curate(CurateOptions(dst=dst, out=tmp_path / "there", workers=1))
    curate(CurateOptions(dst=made / "webdataset", out=tmp_path / "here", workers=1))
    contents = [
        {name: data for name, data in tree(tmp_path / out).items() if name != "README.md"} for out in ("there", "here")
    ]
    assert contents[0] == contents[1]
    run(made / "faces", dst, overwrite=True, shard_size=6)
    assert verify(VerifyOptions(dst=dst)).is_whole


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"to": "imagefolder"}, "--shard-size is about shards; give --to webdataset or parquet, or leave it out"),
        ({"layout": "identities"}, "is for --layout classes; persons' pictures get their shards by maskaug curate"),
    ],
)
def test_options_that_do_not_go_together(made, tmp_path, options, told):
    with pytest.raises(ValueError, match=told):
        run(made / "faces", tmp_path / "out", **options)
