"""`curate` from and to an address gives what it gives from and to a folder."""

import pytest
from generated import Generated, review, texture

from maskaug.augment import CurateOptions, VerifyOptions, curate, verify
from maskaug.augment.curate import destination
from maskaug.augment.curate.selection import CurateError
from maskaug.core.executors import ExecutorError
from maskaug.core.files import LockedError, find_objects, locked, read_bytes, to_path, upload, write_bytes
from maskaug.core.files.addresses import remove_objects

pytest.importorskip("upath", reason="needs the extra cloud")


@pytest.fixture
def place(tmp_path):
    return to_path(f"memory://curated/{tmp_path.name}")


@pytest.fixture
def sets(tmp_path, place):
    """The same generated set with decisions, in a folder and at an address."""
    made = Generated(tmp_path / "dst")
    for number in range(5):
        made.original("train", f"f{number}", texture(number))
        copy = made.mask("train", f"f{number}", 0)
        review(made.dst, "anna", {copy: "reject: blurred" if number == 1 else "accept"})
    here = made.finish()
    (here / "train" / "wearing_mask" / "f3__n95_0.jpg").unlink()
    for path in here.rglob("*"):
        if path.is_file():
            write_bytes(place / "dst" / path.relative_to(here).as_posix(), path.read_bytes())
    return here, place / "dst"


def tree(folder):
    if not hasattr(folder, "fs"):
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {one.name: read_bytes(folder / one.name) for one in find_objects(folder)}


def run(dst, out, **options):
    return curate(CurateOptions(dst=dst, out=out, workers=1, **options))


@pytest.mark.parametrize("to", ["imagefolder", "webdataset"])
def test_it_is_the_same_set_from_and_to_an_address(sets, tmp_path, place, to):
    result = run(sets[0], tmp_path / "final", to=to)
    assert {reason for reason, _ in result.left_out} >= {"rejected", "missing"}
    assert run(sets[1], tmp_path / "there" / "final", to=to) == result
    assert run(sets[1], place / "final", to=to) == result
    expected = tree(tmp_path / "final")
    assert tree(tmp_path / "there" / "final") == expected
    assert tree(place / "final") == expected
    assert verify(VerifyOptions(dst=place / "final")).is_whole


def test_one_that_is_stopped_has_no_manifest_and_is_made_again(sets, tmp_path, place, monkeypatch):
    out = place / "final"
    run(sets[1], out)
    first = tree(out)
    with pytest.raises(CurateError, match="is not empty; name a new folder, or give --overwrite"):
        run(sets[1], out)
    sent = []

    def failing(local, path):
        if len(sent) == 4:
            raise OSError("the store is away")
        sent.append(path)
        upload(local, path)

    with monkeypatch.context() as patch:
        patch.setattr(destination, "upload", failing)
        with pytest.raises(CurateError, match="the store is away; mend that"):
            run(sets[1], out, overwrite=True, seed=3, val_share=0.4)
    assert not any(name.startswith("manifest/") for name in tree(out))
    assert not verify(VerifyOptions(dst=out)).is_whole
    run(sets[1], out, overwrite=True)
    assert tree(out) == first


def test_what_is_not_ones_own_is_left_alone(sets, place):
    out = place / "final"
    write_bytes(out / "thesis.txt", b"years of work")
    with pytest.raises(CurateError, match="holds other files; name a new or an empty folder"):
        run(sets[1], out, overwrite=True)
    remove_objects([out / "thesis.txt"])
    run(sets[1], out)
    write_bytes(out / "thesis.txt", b"years of work")
    with pytest.raises(CurateError, match=r"thesis\.txt was not written by maskaug curate"):
        run(sets[1], out, overwrite=True)


def test_one_run_at_a_time_and_one_process(sets, place, monkeypatch):
    monkeypatch.setattr("maskaug.core.files.object_lock.RENEWED", 0.05)
    with locked(place / "final" / ".lock", "destination is being written"), pytest.raises(LockedError):
        run(sets[1], place / "final")
    with pytest.raises(ExecutorError, match="is known to one process only"):
        curate(CurateOptions(dst=sets[1], out=place / "final", workers=2))


def test_a_picture_that_is_not_as_it_was_is_told(sets, place):
    name = "train/wearing_mask/f0__n95_0.jpg"
    write_bytes(sets[1] / name, read_bytes(sets[1] / "train/wearing_mask/f2__n95_0.jpg"))
    with pytest.raises(CurateError, match="is not as it was generated"):
        run(sets[1], place / "final")
    assert tree(place / "final") == {}
