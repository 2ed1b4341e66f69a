"""Addresses of object stores as paths, read and written whole, with patience."""

from pathlib import Path, PurePosixPath
from unittest import mock

import pytest
from pydantic import BaseModel, ValidationError

from maskaug.core.files import is_address, list_objects, read_bytes, to_path, write_bytes
from maskaug.core.options import Folder, Place

pytest.importorskip("upath")
pytest.importorskip("tenacity")


class _Options(BaseModel):
    src: Place
    dst: Folder = Path("out")


@pytest.fixture
def store(tmp_path):
    return to_path(f"memory://{tmp_path.name}")


@pytest.fixture(autouse=True)
def _without_waiting():
    with mock.patch("tenacity.nap.time.sleep"):
        yield


def test_an_address_keeps_its_two_slashes_though_pathlib_takes_one():
    assert str(_Options(src=Path("s3://bucket/faces")).src) == "s3://bucket/faces"
    assert str(to_path(str(Path("memory://a/b")))) == "memory://a/b"


@pytest.mark.parametrize("path", ["faces", "/faces", "C:/faces", r"C:\faces", "a:b", "s3", "./s3:"])
def test_a_path_of_this_machine_is_no_address(path):
    assert not is_address(path)
    assert to_path(path) == Path(path)


def test_file_addresses_are_this_machine():
    assert to_path("file:///faces/a.jpg") == Path("/faces/a.jpg")


def test_what_was_written_is_listed_with_its_size_and_read(store):
    write_bytes(store / "train" / "a.jpg", b"abc")
    write_bytes(store / "b.jpg", b"")
    assert list(list_objects(store)) == [(PurePosixPath("b.jpg"), 0), (PurePosixPath("train/a.jpg"), 3)]
    assert read_bytes(store / "train" / "a.jpg") == b"abc"


def test_nothing_at_an_address_is_said(store):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        list(list_objects(store / "nothing"))
    with pytest.raises(FileNotFoundError):
        read_bytes(store / "nothing")


@pytest.mark.parametrize("error", [TimeoutError("late"), OSError("500"), ValueError("half a body")])
def test_what_fails_for_a_moment_is_tried_again(store, error):
    write_bytes(store / "a", b"abc")
    with mock.patch.object(type(store.fs), "cat_file", side_effect=[error, error, b"abc"]) as read:
        assert read_bytes(store / "a") == b"abc"
    assert read.call_count == 3


def test_what_fails_for_good_is_an_os_error(store):
    with (
        mock.patch.object(type(store.fs), "cat_file", side_effect=ValueError("half a body")),
        pytest.raises(OSError, match="half a body"),
    ):
        read_bytes(store / "a")


def test_what_no_try_mends_is_tried_once(store):
    with (
        mock.patch.object(type(store.fs), "pipe_file", side_effect=PermissionError("no")) as written,
        pytest.raises(PermissionError),
    ):
        write_bytes(store / "a", b"abc")
    assert written.call_count == 1


def test_options_take_an_address_and_give_it_back():
    options = _Options(src="memory://faces")
    assert options.model_dump(mode="json") == {"src": "memory://faces", "dst": "out"}
    assert _Options(**options.model_dump()) == options


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"src": "nowhere://faces"}, "fsspec knows no such kind of address"),
        ({"src": 3}, "neither a path nor an address"),
        ({"src": "faces", "dst": "memory://faces"}, "is an address, and this works on this machine's disks only"),
        ({"src": "a\udcff"}, "not valid UTF-8"),
    ],
)
def test_what_cannot_be_a_place_is_said(given, said):
    with pytest.raises(ValidationError, match=said):
        _Options(**given)


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(ValueError, match="has a password in it") as raised:
        to_path("s3://anna:secret@bucket/faces")
    assert "secret" not in str(raised.value)


def test_without_the_extra_it_is_named():
    with mock.patch.dict("sys.modules", {"upath": None}), pytest.raises(ValueError, match=r"maskaug\[cloud\]"):
        to_path("s3://bucket/faces")
