"""What lies at an address is what lies in a folder; names that would lead out of one are refused."""

import dataclasses

import pytest

from maskaug.augment import GenerateOptions, generate
from maskaug.augment.generate.scan import ScanError, scan, scan_identities
from maskaug.core.files import remove_tree, to_path

pytest.importorskip("upath", reason="needs the extra cloud")

BARE, MASKED = "not_wearing_mask", "wearing_mask"


@pytest.fixture
def src(tmp_path):
    place = to_path(f"memory://sources/{tmp_path.name}")
    yield place
    remove_tree(place)


def fill(src, names):
    for name in names:
        src.fs.pipe_file(f"{src.path}/{name}", b"")


def both(src, folder, names):
    """Empty files of these names at an address and in a folder."""
    fill(src, names)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def told(found, src):
    """A scan without its root and the stamps that only objects have."""
    problems = {(one.relative, one.reason, one.message.replace(str(src), "SRC")) for one in found.problems}
    return [dataclasses.replace(one, root=None, stamp=None) for one in found.sources], problems


@pytest.mark.parametrize(
    "names",
    [
        [f"train/{BARE}/a.jpg", f"train/{BARE}/a.png", f"train/{MASKED}/b.jpg", f"val/{BARE}/deep/er/c.jpg"],
        [f"{BARE}/a.jpg", f"{BARE}/.hidden.jpg", f".git/{BARE}/b.jpg", f"{BARE}/Thumbs.db", "stray.jpg", "notes.txt"],
        ["a.jpg", "odd name [1] 100%.jpg", "é.jpg", "a b#c?d::e.jpg", "deep/a.jpg"],
        ["images/train/a.jpg", "images/val/b.jpg"],
        [f"{BARE}/a__b.jpg", f"{BARE}/a.b.jpg", f"{BARE}/A__B.jpg", f"{MASKED}/a\\b.jpg", f"{'x' * 240}\n/a.jpg"],
    ],
)
def test_a_scan_finds_what_it_finds_in_a_folder(src, tmp_path, names):
    both(src, tmp_path, names)
    there = scan(src, BARE, MASKED)
    assert told(there, src) == told(scan(tmp_path, BARE, MASKED), tmp_path)
    assert all(one.stamp for one in there.sources)
    assert {str(one.path) for one in there.sources} <= {f"{src}/{name}" for name in names}


def test_persons_are_found_too(src, tmp_path):
    both(src, tmp_path, ["train/anna/1.jpg", "train/bert/1.jpg", "val/anna/2.jpg", "stray.jpg"])
    assert told(scan_identities(src, 2), src) == told(scan_identities(tmp_path, 2), tmp_path)


@pytest.mark.parametrize(
    "name",
    ["../out.jpg", f"../../{BARE}/x.jpg", f"{BARE}/../../x.jpg", f"{BARE}//x.jpg", f"./{BARE}/x.jpg", "C:/x.jpg"],
)
def test_a_name_that_no_file_in_a_folder_has_is_refused(src, tmp_path, name):
    fill(src, [name, f"{BARE}/ok.jpg"])
    summary = generate(GenerateOptions(src=src, dst=tmp_path / "deep" / "er" / "out", workers=1))
    assert summary.refused == {"unusable_name": 1, "empty_file": 1}
    assert [path.name for path in tmp_path.rglob("*") if path.suffix == ".jpg"] == []


def test_nothing_there_is_said(src):
    with pytest.raises(ScanError, match="holds no picture"):
        scan(src, BARE, MASKED)
    fill(src, ["cats/a.jpg", ".hidden"])
    with pytest.raises(ScanError, match="has no folder called"):
        scan(src, BARE, MASKED)
