"""`verify` names every file that is missing, altered or extra, and nothing else."""

import json
import os
import subprocess
import sys

import pytest
from generated import Generated, digest, review, texture

from maskaug.augment import GenerateOptions, VerifyOptions, curate, generate, verify
from maskaug.augment.curate.options import CurateOptions
from maskaug.core.manifest import SCHEMA, Row, write_manifest

ROWS_OF_A_LARGE_SET = 20_000


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    import astronaut

    place = tmp_path_factory.mktemp("verified")
    astronaut.write_faces(place / "faces", {"train": 2, "val": 1})
    generate(GenerateOptions(src=place / "faces", dst=place / "dst", workers=1, alpha=True))
    return place / "dst"


@pytest.fixture
def curated(tmp_path):
    made = Generated(tmp_path / "dst")
    for number in range(4):
        made.original("train", f"f{number}", texture(number))
        made.mask("train", f"f{number}", 0)
    curate(CurateOptions(dst=made.finish(), out=tmp_path / "out"))
    return tmp_path / "out"


def names(folder):
    found = verify(VerifyOptions(dst=folder))
    return {kind: getattr(found, kind).names for kind in ("missing", "altered", "extra") if getattr(found, kind).count}


def damaged_in_all_ways(folder, picture, other):
    """One file is altered, one goes, one comes; each is named, and the folder is whole again afterwards."""
    kept = {place: place.read_bytes() for place in (picture, other)}
    data = bytearray(kept[picture])
    data[len(data) // 2] ^= 1
    picture.write_bytes(data)
    other.unlink()
    extra = folder / "train" / "new\nline.jpg"
    extra.write_bytes(b"x")
    found = {
        "altered": [picture.relative_to(folder).as_posix()],
        "missing": [other.relative_to(folder).as_posix()],
        "extra": ["train/new\nline.jpg"],
    }
    assert names(folder) == found
    extra.unlink()
    for place, content in kept.items():
        place.write_bytes(content)
    assert names(folder) == {}


def test_a_generated_set(generated):
    assert names(generated) == {}
    pictures = sorted(generated.rglob("*/*/*.jpg"))
    damaged_in_all_ways(generated, pictures[0], pictures[-1])
    # Its alpha masks, and the files beside the pictures.
    for path in [*generated.glob("alpha/train/*/*.png"), generated / "config.json", generated / "contact_sheet.png"]:
        damaged_in_all_ways(generated, path, pictures[0])
    before = (generated / "stats.json").read_bytes()
    (generated / "stats.json").unlink()
    assert names(generated) == {"missing": ["stats.json"]}
    (generated / "stats.json").write_bytes(before)


def test_decisions_are_no_part_of_what_was_generated(generated):
    review(generated, "anna", {digest("a"): "accept"})
    assert names(generated) == {}
    (generated / ".partial").mkdir()
    (generated / ".partial" / ".1-2.partial").write_bytes(b"half")
    assert names(generated) == {"extra": [".partial/.1-2.partial"]}, "nothing half-written may lie there"
    (generated / ".partial" / ".1-2.partial").unlink()


def test_a_curated_set(curated):
    assert names(curated) == {}
    pictures = sorted(curated.rglob("*.jpg"))
    damaged_in_all_ways(curated, pictures[0], pictures[1])
    damaged_in_all_ways(curated, curated / "manifest" / "part-00000.parquet", pictures[1])


def test_the_command_line(curated, maskaug):
    done = maskaug("verify", curated)
    assert (done.returncode, done.stdout) == (0, "curated set: 10 files are recorded; all are as they were written\n")
    picture = min(curated.rglob("*.jpg"))
    picture.unlink()
    done = maskaug("verify", curated)
    assert done.returncode == 1
    assert f"missing: {picture.relative_to(curated).as_posix()}\n" in done.stdout
    told = json.loads(maskaug("verify", curated, "--json").stdout)
    assert (told["whole"], told["missing"]["count"], told["altered"]["count"]) == (False, 1, 0)


def test_what_is_no_output_is_status_2(maskaug, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "not there"):
        done = maskaug("verify", name)
        assert done.returncode == 2
        assert done.stderr == f"maskaug: {name} is no output of maskaug; name one of generate, curate or train\n"


def test_an_unfinished_set_is_status_1(maskaug, tmp_path):
    (tmp_path / "dst").mkdir()
    (tmp_path / "dst" / "config.json").write_text("{}")
    (tmp_path / "dst" / ".journal.jsonl").touch()
    done = maskaug("verify", "dst")
    assert (done.returncode, "is not finished; go on with: maskaug generate SRC dst --resume" in done.stderr) == (
        1,
        True,
    )


@pytest.mark.parametrize("line", ["x" * 64 + "  a.jpg", "0" * 64 + "  ../a.jpg", "0" * 64 + "  /etc/passwd", "0" * 64])
def test_a_damaged_list_of_checksums_is_named(curated, maskaug, line):
    with (curated / "checksums.txt").open("a") as file:
        file.write(line + "\n")
    done = maskaug("verify", curated)
    assert done.returncode == 1
    assert "checksums.txt, line 10 is no checksum of a file in the folder" in done.stderr


def test_long_lists_are_cut_short(tmp_path):
    rows = [
        Row(status="original", source=f"{n}", output=f"train/a/{n}.jpg", output_sha256=digest(n)) for n in range(500)
    ]
    write_manifest(tmp_path, rows)
    found = verify(VerifyOptions(dst=tmp_path))
    assert (found.missing.count, len(found.missing.names)) == (501, 100)


def test_rows_are_read_as_they_are_needed(tmp_path):
    """Twenty thousand rows with all their columns; the pictures are not there."""
    face = {"landmarks": [1.0] * 136, "box": [0.0] * 4, "parameters": "x" * 300}
    rows = (
        {"status": "masked", "source": str(n), "output": f"train/a/{n}.jpg", "output_sha256": digest(0), **face}
        for n in range(ROWS_OF_A_LARGE_SET)
    )
    write_manifest(tmp_path, rows, SCHEMA)
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from maskaug.augment import VerifyOptions, verify\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"assert verify(VerifyOptions(dst=Path({str(tmp_path)!r}))).missing.count == {ROWS_OF_A_LARGE_SET + 1}\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert int(done.stdout) < 60_000  # KiB; of all rows at once, it is more than 100_000
