"""kill -9 and other bad days, a few of each; ``python benchmarks/faults.py`` has hundreds."""

import os
import random
import subprocess
from functools import partial
from pathlib import Path

import astronaut
import faulted
import fragile
import pytest
from generated import Generated, texture

from maskaug.augment import (
    CurateError,
    CurateOptions,
    GeneratedSet,
    GenerateOptions,
    ManifestError,
    VerifyOptions,
    generate,
    verify,
)
from maskaug.augment.curate.curate import curate
from maskaug.core.pictures import encode_picture

pytestmark = pytest.mark.slow
SEED = 5


@pytest.fixture(scope="module")
def generation(tmp_path_factory):
    return faulted.Generate(tmp_path_factory.mktemp("generate"))


@pytest.mark.parametrize("who", ["worker", "parent"])
def test_generate_goes_on(generation, who):
    generation.killed(who, random.Random(SEED))


def test_training_goes_on(tmp_path):
    faulted.Train(tmp_path).killed("group", random.Random(SEED))


def test_a_decoder_that_kills_its_process_costs_one_picture(tmp_path):
    """It is tried twice; the others go on with new processes."""
    astronaut.write_faces(tmp_path / "faces", {"train": 4})
    victim = tmp_path / "faces" / "train" / "not_wearing_mask" / "victim.png"
    victim.write_bytes(encode_picture(astronaut.face(123), "png"))
    options = GenerateOptions(src=tmp_path / "faces", dst=tmp_path / "out", workers=2)
    summary = generate(options, wears_mask=partial(fragile.dies_over, (123, 123)))
    assert list(summary.failed) == ["train/not_wearing_mask/victim.png"]
    assert summary.failed["train/not_wearing_mask/victim.png"].startswith("the process died over ")
    assert summary.masked == {"train/wearing_mask": 4}
    assert summary.refused == {"crashed": 1}


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that the kernel does not let anyone read")
def test_a_failing_disk_costs_what_cannot_be_read(tmp_path):
    """EIO from the kernel: nothing lies at the first address of a process."""
    folder = tmp_path / "faces"
    folder.mkdir()
    (folder / "bad.jpg").symlink_to("/proc/self/mem")
    (folder / "good.jpg").write_bytes(encode_picture(astronaut.face(140), "jpeg"))
    summary = generate(GenerateOptions(src=folder, dst=tmp_path / "out", workers=1))
    assert (summary.refused, summary.with_face) == ({"unreadable": 1}, 1)
    log = tmp_path / "out" / "manifest" / "part-00000.parquet"
    log.unlink()
    log.symlink_to("/proc/self/mem")
    with pytest.raises(ManifestError, match="cannot be read"):
        verify(VerifyOptions(dst=tmp_path / "out"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    made = Generated(tmp_path / "set")
    for number in range(12):
        made.original("train", f"f{number}", texture(number))
        made.mask("train", f"f{number}", 0)
    made.finish()
    options = CurateOptions(dst=tmp_path / "set", out=tmp_path / "disk" / "out")
    with faulted.mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=40k", "tmpfs") as disk:
        with pytest.raises(CurateError, match="No space left on device; mend that"):
            curate(options)
        assert list(disk.iterdir()) == []
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        curate(options)
        assert verify(VerifyOptions(dst=options.out)).is_whole


def test_what_was_not_brought_to_the_disk_is_made_again(tmp_path):
    """As a power cut may leave them: a journal with a hole, a picture that is empty, one whose name is gone."""
    astronaut.write_faces(tmp_path / "faces", {"train": 5})
    options = GenerateOptions(src=tmp_path / "faces", dst=tmp_path / "whole", workers=1)
    generate(options)
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: lines.append(1))  # the journal is kept
        generate(options.model_copy(update={"dst": tmp_path / "out"}))
    generated = GeneratedSet(tmp_path / "out")
    generated.stats.unlink()
    generated.lock.unlink(missing_ok=True)
    data = bytearray(generated.journal.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = bytes(20)
    generated.journal.write_bytes(data)
    pictures = sorted((tmp_path / "out").rglob("*.jpg"))
    pictures[0].write_bytes(b"")
    pictures[1].unlink()
    generate(options.model_copy(update={"dst": tmp_path / "out", "resume": True}))
    assert faulted.tree(tmp_path / "out") == faulted.tree(tmp_path / "whole")
    assert verify(VerifyOptions(dst=tmp_path / "out")).is_whole
