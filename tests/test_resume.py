"""A run is gone on with as it was begun: with its options, on its sources; what differs is named."""

import shlex
import shutil

import astronaut
import pytest

from maskaug.augment import GenerateError, GenerateOptions, generate, read_manifest
from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.generate.worker import SourceWorker
from maskaug.core.files import file_sha256
from maskaug.core.pictures import encode_picture

NAMES = [f"train/not_wearing_mask/astronaut_00{number}.jpg" for number in range(6)]


def tree(folder):
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in folder.rglob("*") if path.is_file()}


def run(src, dst, **options):
    return generate(GenerateOptions(src=src, dst=dst, **options))


def stopped(monkeypatch, after, start):
    """Run something that is stopped as by Ctrl-C when so many sources are done."""
    process, done = SourceWorker.process, []

    def counted(self, task):
        done.append(task)
        if len(done) > after:
            raise KeyboardInterrupt
        return process(self, task)

    with monkeypatch.context() as patch:
        patch.setattr(SourceWorker, "process", counted)
        return start()


def stop(src, dst, monkeypatch, after=3, **options):
    with pytest.raises(KeyboardInterrupt):
        stopped(monkeypatch, after, lambda: run(src, dst, workers=1, **options))
    assert GeneratedSet(dst).journal.is_file()


def picture(seed):
    return encode_picture(astronaut.face(140, roll=seed), "jpeg")


def test_resuming_takes_the_stored_options(faces_folder, tmp_path, monkeypatch):
    whole, dst = tmp_path / "whole", tmp_path / "out"
    options = {"seed": 3, "kinds": "n95", "copies": 2, "jpeg_quality": 60, "format": "jpeg"}
    run(faces_folder, whole, workers=1, **options)
    stop(faces_folder, dst, monkeypatch, **options)
    run(faces_folder, dst, resume=True, workers=1)
    assert tree(dst) == tree(whole)
    assert run(faces_folder, dst, resume=True).masked == {"train/wearing_mask": 12, "val/wearing_mask": 4}
    assert tree(dst) == tree(whole), "of a finished set, nothing changes"


def test_options_given_beside_resume_are_compared(faces_folder, tmp_path, monkeypatch):
    dst = tmp_path / "out"
    stop(faces_folder, dst, monkeypatch, seed=3, copies=2)
    before = tree(dst)
    with pytest.raises(GenerateError, match=r"copies was 2, is 1; min_quality was 0\.2, is 0\.5; leave them out"):
        run(faces_folder, dst, resume=True, copies=1, min_quality=0.5, seed=3)
    with pytest.raises(GenerateError, match=r"src was '.*faces', is '.*other'"):
        run(tmp_path / "other", dst, resume=True)
    assert tree(dst) == before
    monkeypatch.chdir(tmp_path)
    assert run("faces", dst, resume=True, seed=3, workers=1).masked["train/wearing_mask"] == 12


def test_the_printed_command_goes_on_as_it_stands(faces_folder, maskaug, tmp_path, monkeypatch):
    shutil.move(faces_folder, tmp_path / "my faces")
    typed = ["generate", "my faces", "an out", "--kind", "n95,surgical=2", "--color", "#0473e2", "--workers", "1"]
    whole = maskaug("generate", "my faces", "whole", *typed[3:])
    assert whole.returncode == 0, whole.stderr
    for after, more in ((3, ["--overwrite"]), (2, ["--resume"])):
        done = stopped(monkeypatch, after, lambda more=more: maskaug(*typed, *more))
        assert done.returncode == 130
        _, _, command = done.stderr.strip().partition("stopped; every finished picture is kept; go on with: ")
        assert command.startswith("maskaug generate 'my faces' 'an out' ")
        assert "--overwrite" not in command
    assert maskaug(*shlex.split(command)[1:]).returncode == 0
    assert tree(tmp_path / "an out") == tree(tmp_path / "whole")
    short = maskaug("generate", "my faces", "an out", "--resume")
    assert short.returncode == 0, "the stored options are taken"
    other = maskaug("generate", "my faces", "an out", "--resume", "--kind", "kn95")
    assert other.returncode == 1
    assert "kinds was {'n95': 1.0, 'surgical': 2.0}, is {'kn95': 1.0}" in other.stderr


@pytest.mark.parametrize("finished", [True, False])
def test_changed_sources_are_named(faces_folder, tmp_path, monkeypatch, finished):
    dst = tmp_path / "out"
    if finished:
        run(faces_folder, dst, workers=1)
    else:
        stop(faces_folder, dst, monkeypatch, after=6)
    before, src = tree(dst), {path: path.read_bytes() for path in faces_folder.rglob("*.jpg")}

    def refused(said):
        with pytest.raises(GenerateError, match=said):
            run(faces_folder, dst, resume=True, workers=1)
        for path, data in src.items():
            path.write_bytes(data)
        assert tree(dst) == before

    (faces_folder / NAMES[1]).write_bytes(picture(9))
    refused(rf"replaced: {NAMES[1]}\); bring back what there was, or give --overwrite")
    for name in NAMES[:5]:
        (faces_folder / name).unlink()
    refused(rf"removed: {', '.join(NAMES[:3])} and 2 more")
    run(faces_folder, dst, resume=True, workers=1)


def test_sources_added_to_a_finished_set_are_named(faces_folder, tmp_path):
    dst = tmp_path / "out"
    run(faces_folder, dst, workers=1)
    before = tree(dst)
    (faces_folder / "train/not_wearing_mask/new.jpg").write_bytes(picture(9))
    with pytest.raises(GenerateError, match=r"added: train/not_wearing_mask/new\.jpg"):
        run(faces_folder, dst, resume=True)
    assert tree(dst) == before
    run(faces_folder, dst, overwrite=True, workers=1)
    assert "train/not_wearing_mask/new.jpg" in {row["source"] for row in read_manifest(dst)}


def test_sources_added_to_a_run_that_was_stopped_are_taken_up(faces_folder, tmp_path, monkeypatch):
    dst = tmp_path / "out"
    stop(faces_folder, dst, monkeypatch)
    (faces_folder / "train/not_wearing_mask/aaa.jpg").write_bytes(picture(9))
    real = faces_folder / "train" / "wearing_mask"
    real.mkdir()
    (real / "real.jpg").write_bytes(picture(4))
    run(faces_folder, tmp_path / "whole", workers=1)
    run(faces_folder, dst, resume=True, workers=1)
    assert tree(dst) == tree(tmp_path / "whole"), "also what was made for another balance is made anew"
