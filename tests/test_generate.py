import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import cast

import astronaut
import bad_inputs
import cv2
import fragile
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from maskaug.augment import (
    AnnotationError,
    GeneratedSetError,
    GenerateError,
    GenerateOptions,
    ScanError,
    generate,
    open_generated,
    read_manifest,
)
from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.generate.journal import Journal
from maskaug.augment.masking.options import EngineOptions
from maskaug.core.executors import Crash, ExecutorError
from maskaug.core.executors.local import LocalExecutor
from maskaug.core.files import file_sha256
from maskaug.core.manifest import SCHEMA, Row
from maskaug.core.pictures import encode_picture, read_picture
from maskaug.core.seeds import copy_seed
from maskaug.masktheface_wrapper import MaskParams, PackError


def run(src, dst, **options):
    return generate(GenerateOptions(src=src, dst=dst, **{"workers": 1, **options}))


def tree(folder):
    """Every file below a folder, with its digest."""
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in folder.rglob("*") if path.is_file()}


def masked(dst):
    return [row for row in read_manifest(dst) if row["status"] == "masked"]


def test_what_lies_in_an_output(faces_folder, tmp_path):
    dst = tmp_path / "out"
    summary = run(faces_folder, dst)
    assert summary.masked == {"train/wearing_mask": 6, "val/wearing_mask": 2}
    assert summary.original == {"train/not_wearing_mask": 6, "val/not_wearing_mask": 2}
    assert summary.refused == {}
    names = {path.name for path in dst.iterdir()}
    assert names == {"train", "val", "manifest", "config.json", "stats.json", "contact_sheet.png"}

    table = pq.read_table(dst / "manifest")
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    assert len(rows) == 16
    for row in rows:
        assert file_sha256(dst / row["output"]) == row["output_sha256"]
        assert file_sha256(faces_folder / row["source"]) == row["source_sha256"]
        assert len(row["landmarks"]) == 136
        assert len(row["box"]) == 4
    for row in masked(dst):
        assert row["output"].split("/")[1] == "wearing_mask"
        assert 0.3 <= row["quality"] <= 1
        assert row["seed"] == copy_seed(0, row["source_sha256"], row["copy"])
        assert abs(row["yaw"]) < 40

    assert json.loads((dst / "config.json").read_text())["seed"] == 0
    assert json.loads((dst / "stats.json").read_text())["masked"] == {"train/wearing_mask": 6, "val/wearing_mask": 2}
    assert read_picture(dst / "contact_sheet.png").pixels.std() > 20


def test_the_manifest_replays_each_copy(faces_folder, tmp_path, engine):
    dst = tmp_path / "out"
    run(faces_folder, dst, format="png")
    from maskaug.core.manifest import faces_of

    for row in masked(dst)[:3]:
        pixels = read_picture(faces_folder / row["source"]).pixels
        again = engine.apply(pixels, faces_of(row)[0], MaskParams.model_validate_json(row["parameters"]))
        assert (again.image == read_picture(dst / row["output"]).pixels).all()


@pytest.mark.slow
def test_same_seed_same_bytes_whatever_the_workers_and_the_order(faces_folder, tmp_path):
    run(faces_folder, tmp_path / "one", alpha=True)
    run(faces_folder, tmp_path / "two", alpha=True, workers=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    run(faces_folder, tmp_path / "other", alpha=True, seed=1)
    assert {row["output_sha256"] for row in masked(tmp_path / "one")}.isdisjoint(
        row["output_sha256"] for row in masked(tmp_path / "other")
    )


def test_a_copys_seed_depends_on_content_not_on_name(tmp_path):
    for name, folder in (("a", "first"), ("zz", "second")):
        target = tmp_path / folder / "not_wearing_mask"
        target.mkdir(parents=True)
        (target / f"{name}.png").write_bytes(encode_picture(astronaut.face(140), "png"))
        run(tmp_path / folder, tmp_path / f"{folder}_out")
    first, second = (masked(tmp_path / f"{folder}_out")[0] for folder in ("first", "second"))
    assert first["output_sha256"] == second["output_sha256"]
    assert first["output"] != second["output"]


@pytest.mark.slow
def test_both_classes_have_one_history(faces_folder, tmp_path):
    """Decoded and encoded alike, nothing but the mask's pixels and its shadow tells them apart."""
    dst = tmp_path / "out"
    run(faces_folder, dst, format="png", alpha=True)
    unmasked = {row["source"]: row["output"] for row in read_manifest(dst) if row["status"] == "original"}
    for row in masked(dst):
        before = read_picture(dst / unmasked[row["source"]]).pixels
        after = read_picture(dst / row["output"]).pixels
        alpha = read_picture(dst / row["alpha"]).pixels[..., 0]
        far = cv2.dilate(alpha, np.ones((3, 3)), iterations=max(alpha.shape) // 6) == 0
        assert (before == after)[far].all()
        assert (before >= after)[alpha == 0].all()
        assert (before != after)[alpha > 128].any()


@pytest.mark.slow
def test_copies_and_kinds(faces_folder, tmp_path):
    dst = tmp_path / "out"
    summary = run(faces_folder, dst, copies=3, kinds="surgical=2,kn95")
    assert summary.masked == {"train/wearing_mask": 18, "val/wearing_mask": 6}
    assert {row["kind"] for row in masked(dst)} == {"surgical", "kn95"}
    assert len({row["output"] for row in masked(dst)}) == 24


@pytest.mark.slow
def test_masks_worn_incorrectly_have_a_class_of_their_own(faces_folder, tmp_path):
    dst = tmp_path / "out"
    summary = run(faces_folder, dst, wear="correct,under_nose=.5,under_chin=.5", incorrect_class="wrong")
    assert summary.masked["train/wearing_mask"] == 6
    assert summary.masked["val/wearing_mask"] == 2
    assert summary.masked["train/wrong"] > 0
    for row in masked(dst):
        correct = MaskParams.model_validate_json(row["parameters"]).wear == "correct"
        assert row["label"] == row["output"].split("/")[1] == ("wearing_mask" if correct else "wrong")
    only = run(faces_folder, tmp_path / "only", wear="under_nose")
    assert only.masked == {"train/mask_worn_incorrectly": 6, "val/mask_worn_incorrectly": 2}
    assert not only.missing


@pytest.mark.slow
def test_codes_colors_and_textures(faces_folder, tmp_path):
    texture = tmp_path / "check.png"
    texture.write_bytes(encode_picture(astronaut.face(64), "png"))
    run(faces_folder, tmp_path / "codes", copies=6, code=f"cloth-#e54294, N95, surgical_blue, cloth-{texture}")
    worn = [MaskParams.model_validate_json(row["parameters"]) for row in masked(tmp_path / "codes")]
    found = {(one.kind, one.color, (one.pattern or "").split("#")[0]) for one in worn}
    assert found == {
        ("cloth", "#e54294", ""),
        ("n95", None, ""),
        ("surgical", None, ""),
        ("cloth", None, "check.png"),
    }
    run(faces_folder, tmp_path / "all", color="#0473E2", color_weight=1, kinds="cloth")
    assert {MaskParams.model_validate_json(row["parameters"]).color for row in masked(tmp_path / "all")} == {"#0473e2"}


def test_balance_counts_real_masked_pictures(faces_folder, tmp_path):
    real = faces_folder / "train" / "wearing_mask"
    real.mkdir()
    for number in range(2):
        (real / f"real_{number}.png").write_bytes(encode_picture(astronaut.face(120, roll=number), "png"))
    (faces_folder / "train" / "not_wearing_mask" / "broken.jpg").write_bytes(b"")
    other = faces_folder / "train" / "mask_worn_incorrectly"
    other.mkdir()
    (other / "odd.png").write_bytes(encode_picture(astronaut.face(120), "png"))
    summary = run(faces_folder, tmp_path / "out")
    assert summary.original["train/not_wearing_mask"] == 6
    assert summary.original["train/wearing_mask"] == 2
    assert summary.original["train/mask_worn_incorrectly"] == 1
    assert summary.masked["train/wearing_mask"] == 4
    assert summary.missing == {}
    assert summary.refused == {"empty_file": 1}


@pytest.mark.slow
def test_balance_counts_pictures_with_a_face(tmp_path):
    folder = tmp_path / "src" / "not_wearing_mask"
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"face_{number}.png").write_bytes(encode_picture(astronaut.face(140, roll=3 * number), "png"))
    (folder / "wall.png").write_bytes(encode_picture(np.full((100, 100, 3), 90, np.uint8), "png"))
    summary = run(tmp_path / "src", tmp_path / "out", faceless="keep")
    assert summary.original == {"train/not_wearing_mask": 4}
    assert summary.masked == {"train/wearing_mask": 3}
    assert not summary.missing
    summary = run(tmp_path / "src", tmp_path / "left_out")
    assert summary.original["train/not_wearing_mask"] == summary.masked["train/wearing_mask"] == 3
    assert summary.refused == {"no_face": 1}
    (wall,) = (row for row in read_manifest(tmp_path / "left_out") if row["source"].endswith("wall.png"))
    assert (wall["status"], wall["reasons"]) == ("refused", ["no_face"])


@pytest.mark.slow
def test_a_bad_picture_costs_one_row_never_the_run(tmp_path, photo):
    src, dst = tmp_path / "src" / "train" / "not_wearing_mask", tmp_path / "out"
    expected = bad_inputs.write(src, photo)
    (src / "loop").symlink_to(tmp_path / "src")
    os.mkfifo(src / "pipe")
    summary = run(tmp_path / "src", dst, copies=1, workers=2, min_quality=0)
    refused = [row for row in read_manifest(dst) if row["status"] == "refused"]
    reasons = sorted(reason for reason in expected.values() if reason)
    assert sorted(row["reasons"][0] for row in refused) == sorted([*reasons, "link_loop", "not_a_file"])
    assert all(row["message"] for row in refused)
    good = [name for name, reason in expected.items() if reason is None]
    assert summary.original["train/not_wearing_mask"] == len(good)
    assert summary.sources == len(expected) + 2
    # One-bit pictures and the stretched panorama may hide their face; all others show it.
    assert summary.masked["train/wearing_mask"] >= len(good) - 2


@pytest.mark.slow
def test_large_pictures_are_masked_at_full_size_or_as_large_as_asked(tmp_path):
    folder = tmp_path / "src"
    folder.mkdir()
    import cv2

    large = cv2.resize(astronaut.portrait(), (4000, 3000), interpolation=cv2.INTER_CUBIC)
    (folder / "large.jpg").write_bytes(encode_picture(large, "jpeg"))
    run(folder, tmp_path / "full")
    assert (masked(tmp_path / "full")[0]["width"], masked(tmp_path / "full")[0]["height"]) == (4000, 3000)
    run(folder, tmp_path / "shrunk", max_size=500)
    assert masked(tmp_path / "shrunk")[0]["width"] == 500


@pytest.mark.slow
def test_known_faces_skip_detection(faces_folder, tmp_path, monkeypatch):
    run(faces_folder, tmp_path / "first")
    points = {row["source"]: row["landmarks"] for row in masked(tmp_path / "first")}
    boxes = {row["source"]: row["box"] for row in masked(tmp_path / "first")}
    columns = [f"{axis}{number}" for number in range(68) for axis in "xy"]
    (tmp_path / "points.csv").write_text(
        "\n".join([",".join(["path", *columns]), *(",".join(map(str, [path, *row])) for path, row in points.items())])
    )
    pq.write_table(pa.table({"path": list(boxes), "box": list(boxes.values())}), tmp_path / "boxes.parquet")

    from maskaug.masktheface_wrapper import FaceFinder

    monkeypatch.setattr(FaceFinder, "find", lambda *_: pytest.fail("a known face was searched for"))
    for name in ("first", "points.csv", "boxes.parquet"):
        dst = tmp_path / f"by_{name}"
        run(faces_folder, dst, annotations=tmp_path / name)
        assert len(masked(dst)) == 8
        outputs = {row["source"]: row["output_sha256"] for row in masked(dst)}
        if name == "first":
            assert outputs == {row["source"]: row["output_sha256"] for row in masked(tmp_path / "first")}
    with pytest.raises(AnnotationError, match="no column 'path'"):
        pq.write_table(pa.table({"file": ["a"]}), tmp_path / "wrong.parquet")
        run(faces_folder, tmp_path / "never", annotations=tmp_path / "wrong.parquet")
    with pytest.raises(AnnotationError, match="cannot be read"):
        run(faces_folder, tmp_path / "never", annotations=tmp_path / "gone.csv")


@pytest.mark.slow
def test_refusals_to_start_are_one_sentence_and_write_nothing(faces_folder, tmp_path):
    with pytest.raises(ScanError, match="does not exist"):
        run(tmp_path / "gone", tmp_path / "out")
    with pytest.raises(ScanError, match="lies inside source"):
        run(faces_folder, faces_folder / "out")
    own = tmp_path / "own" / "manifest" / "not_wearing_mask"
    shutil.copytree(faces_folder, own)
    with pytest.raises(GenerateError, match="manifest cannot be a split"):
        run(tmp_path / "own", tmp_path / "out")
    with pytest.raises(ValueError, match="not valid UTF-8"):
        run(faces_folder, tmp_path / "out\udcff")
    with pytest.raises(PackError, match="no mask of kind 'gas'"):
        run(faces_folder, tmp_path / "out", kinds="gas")
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("precious")
    with pytest.raises(GenerateError, match="holds other files"):
        run(faces_folder, taken)
    assert (taken / "mine.txt").read_text() == "precious"
    (tmp_path / "file").write_text("")
    with pytest.raises(GenerateError, match="cannot be used"):
        run(faces_folder, tmp_path / "file")


@pytest.mark.slow
def test_overwrite_replaces_the_output_and_nothing_else(faces_folder, tmp_path):
    dst = tmp_path / "out"
    run(faces_folder, dst, alpha=True)
    (dst / "train" / "wearing_mask" / "mine.txt").write_text("precious")
    with pytest.raises(GenerateError, match="--resume to go on, or --overwrite"):
        run(faces_folder, dst)
    run(faces_folder, dst, overwrite=True, kinds="cloth")
    assert {row["kind"] for row in masked(dst)} == {"cloth"}
    assert (dst / "train" / "wearing_mask" / "mine.txt").read_text() == "precious"
    assert not (dst / "alpha").exists()
    assert len(list((dst / "train").rglob("*.jpg"))) == 12


COMMAND = [sys.executable, "-m", "maskaug"]


def start(src, dst, *options):
    return subprocess.Popen(
        [*COMMAND, "generate", str(src), str(dst), *options],
        cwd=src.parent,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # A shell that runs the suite in the background makes all it starts deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # one thread here
    )


def wait_for_rows(dst, count, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        journal = GeneratedSet(dst).journal
        if journal.exists() and journal.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.01)
    pytest.fail(f"no {count} rows in time")


@pytest.fixture
def many_faces(tmp_path):
    folder = tmp_path / "many"
    astronaut.write_faces(folder, {"train": 36})
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_and_resumed_ends_like_one_that_was_never_killed(many_faces, tmp_path, workers):
    run(many_faces, tmp_path / "whole")
    dst = tmp_path / "killed"
    for rows in (5, 20):
        process = start(many_faces, dst, "--workers", workers, *(["--resume"] if rows > 5 else []))
        wait_for_rows(dst, rows, process)
        process.kill()
        process.wait()
        process.communicate()
    with GeneratedSet(dst).journal.open("ab") as journal:
        journal.write(b'{"source": "torn')  # what a power cut leaves
    run(many_faces, dst, resume=True)
    assert tree(dst) == tree(tmp_path / "whole")


@pytest.mark.slow
def test_the_set_as_an_object(faces_folder, tmp_path):
    dst = tmp_path / "out"
    with pytest.raises(GeneratedSetError, match="holds no finished data set; make one with: maskaug generate"):
        open_generated(dst)
    run(faces_folder, dst, alpha=True, seed=5, kinds="n95,cloth=2", workers=2)
    generated = open_generated(dst)
    assert generated.read_options() == GenerateOptions(
        src=faces_folder, dst=dst, alpha=True, seed=5, kinds="n95,cloth=2"
    )
    own = {path.name for path in (generated.config, generated.stats, generated.contact_sheet, generated.manifest)}
    assert {path.name for path in dst.iterdir()} == own | {generated.alpha.name, "train", "val"}
    assert own < generated.own_names
    kinds = [row["kind"] for row in generated.rows(["kind"])]
    assert generated.columns(["kind", "quality"])["kind"].to_pylist() == kinds
    assert set(kinds) == {None, "n95", "cloth"}
    for damage in ("{", "[]", '{"jpeg_quality": 101}', '{"of_the_future": 1}'):
        generated.config.write_text(damage)
        with pytest.raises(GeneratedSetError, match=r"config\.json cannot be used: .+; generate the set again"):
            generated.read_options()


def threads():
    """Of OpenCV, and of every BLAS and OpenMP library that is loaded."""
    return {"cv2": cv2.getNumThreads()} | {lib["filepath"]: lib["num_threads"] for lib in threadpool_info()}


@pytest.fixture
def three_threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    with threadpool_limits(3):
        yield threads()
    cv2.setNumThreads(before)


@pytest.mark.slow
def test_one_worker_leaves_the_callers_threads_as_they_were(three_threads, faces_folder, tmp_path):
    during = []
    summary = generate(
        GenerateOptions(src=faces_folder, dst=tmp_path / "out", workers=1), lambda *_: during.append(threads())
    )
    assert summary.masked
    assert len(during) == 8
    for found in [*during, threads()]:
        assert three_threads.items() <= found.items()


def test_one_worker_works_on_one_thread_even_where_it_fails(three_threads):
    seen = []

    def work(task):
        seen.append(threads())
        result = 1 // task
        return lambda: result

    executor = LocalExecutor(lambda: work, 1)
    assert list(executor.run([1])) == [(1, 1)]
    with pytest.raises(ZeroDivisionError):
        list(executor.run([0]))
    assert len(three_threads) > 1
    assert all(found == dict.fromkeys(three_threads, 1) for found in seen)
    assert len(seen) == 2
    assert threads() == three_threads


@pytest.mark.slow
def test_a_damaged_output_is_made_again_on_resuming(faces_folder, tmp_path):
    run(faces_folder, tmp_path / "whole")
    dst = tmp_path / "out"
    shutil.copytree(tmp_path / "whole", dst)
    journal = Journal(GeneratedSet(dst).journal)
    for source in {row["source"] for row in read_manifest(dst)}:
        rows = [row for row in read_manifest(dst) if row["source"] == source]
        told = [{name: value for name, value in row.items() if value is not None} for row in rows]
        journal.append(source, 0, cast(list[Row], told))
    journal.close()
    victim = dst / masked(dst)[0]["output"]
    victim.write_bytes(b"half")
    run(faces_folder, dst, resume=True)
    assert tree(dst) == tree(tmp_path / "whole")


@pytest.mark.slow
def test_resuming_with_other_options_names_the_difference(faces_folder, tmp_path):
    run(faces_folder, tmp_path / "out")
    with pytest.raises(GenerateError, match="seed was 0, is 5"):
        run(faces_folder, tmp_path / "out", resume=True, seed=5)
    before = tree(tmp_path / "out")
    summary = run(faces_folder, tmp_path / "out", resume=True, workers=2)
    assert summary.masked["train/wearing_mask"] == 6
    assert tree(tmp_path / "out") == before


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_stops_at_once_with_130_and_leaves_nothing_half_written(many_faces, tmp_path, workers):
    dst = tmp_path / "out"
    process = start(many_faces, dst, "--workers", workers)
    wait_for_rows(dst, 4, process)
    stopped = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert time.monotonic() - stopped < 5
    assert process.returncode == 130
    assert "--resume" in stderr
    assert "Traceback" not in stderr
    assert not (dst / ".partial").exists()
    for path in dst.rglob("*.jpg"):
        read_picture(path)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mount") is None or os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_full_disk_is_told_and_can_be_resumed(many_faces, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(disk)], check=False).returncode:
        pytest.skip("this machine does not let tests mount a file system")
    try:
        process = start(many_faces, disk / "out", "--workers", "1")
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "No space left" in stderr
        assert "--resume" in stderr
        assert "Traceback" not in stderr
        assert len(stderr.strip().splitlines()) == 1
        for path in (disk / "out").rglob("*.jpg"):
            read_picture(path)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_a_task_that_kills_its_process_costs_only_itself():
    executor = LocalExecutor(fragile.start, 2)
    try:
        results = dict(executor.run(list(range(40))))
    finally:
        executor.close()
    assert isinstance(results.pop(13), Crash)
    assert results == {task: task * 2 for task in range(40) if task != 13}


@pytest.mark.slow
def test_processes_that_cannot_begin_stop_the_run():
    executor = LocalExecutor(fragile.never, 2)
    with pytest.raises(ExecutorError, match="workers"):
        list(executor.run(list(range(40))))
    executor.close()


def test_kinds_are_parsed():
    assert EngineOptions(kinds="n95, Surgical=3").kinds == {"n95": 1.0, "surgical": 3.0}
    for wrong in ("n95=x", "n95,n95", "=1", "n95=-1", "n95=0", "n95=nan", ""):
        with pytest.raises(ValueError):
            EngineOptions(kinds=wrong)


@pytest.mark.slow
def test_no_trace_of_the_clock_or_the_machine(faces_folder, tmp_path):
    run(faces_folder, tmp_path / "one")
    time.sleep(1.1)
    run(faces_folder, tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_hashes_are_of_the_bytes(faces_folder):
    path = next(faces_folder.rglob("*.jpg"))
    assert read_picture(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
