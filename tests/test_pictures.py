import os
import stat

import bad_inputs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskaug.core.files import write_atomic
from maskaug.core.pictures import MAX_SIDE, MIN_SIDE, PictureError, encode_picture, read_picture


@pytest.fixture(scope="module")
def odd(photo, tmp_path_factory):
    """A folder of odd pictures, and why each is refused, or None."""
    folder = tmp_path_factory.mktemp("odd")
    return folder, bad_inputs.write(folder, photo)


@pytest.mark.slow
def test_every_odd_picture_is_read_or_refused_for_its_reason(odd):
    folder, expected = odd
    for name, reason in expected.items():
        try:
            picture = read_picture(folder / name)
        except PictureError as error:
            assert error.reason == reason, f"{name}: {error}"
            assert name in str(error) or "newline" in name
            assert len(str(error).splitlines()) == 1
        else:
            assert reason is None, f"{name} should be refused as {reason}"
            assert picture.pixels.dtype == np.uint8
            assert picture.pixels.shape[2] == 3
            assert picture.pixels.flags.c_contiguous
            assert picture.pixels.flags.writeable


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, photo, orientation):
    oblong = photo[:240]
    path = tmp_path / "turned.jpg"
    path.write_bytes(bad_inputs.turned(oblong, orientation))
    pixels = read_picture(path).pixels
    assert pixels.shape == oblong.shape
    assert np.abs(pixels.astype(int) - oblong).mean() < 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["deep_grey.png", "deep_grey.tif", "grey_alpha.png", "palette.png", "cmyk.jpg", "rgba.png"]
)
def test_other_colour_models_keep_the_brightness(odd, photo, name):
    pixels = read_picture(odd[0] / name).pixels.astype(float)
    channel = pixels[..., 1]
    assert np.abs(channel - photo[..., 1]).mean() < 12, "16 bits must be scaled, not clipped"


def test_transparency_becomes_white(tmp_path, photo):
    from PIL import Image

    picture = Image.fromarray(photo).convert("RGBA")
    picture.putalpha(0)
    path = tmp_path / "clear.png"
    path.write_bytes(bad_inputs.encoded(picture, "PNG"))
    assert (read_picture(path).pixels == 255).all()


def test_a_transparent_colour_becomes_white(tmp_path, photo):
    from PIL import Image

    flat = Image.new("RGB", (64, 64), (255, 0, 0))
    path = tmp_path / "keyed.png"
    path.write_bytes(bad_inputs.encoded(flat, "PNG", transparency=(255, 0, 0)))
    assert (read_picture(path).pixels == 255).all()


def test_one_lost_value_does_not_darken_a_picture(tmp_path, photo):
    from PIL import Image

    values = photo[..., 1].astype(np.float32)
    values[0, 0] = np.nan
    path = tmp_path / "float.tif"
    path.write_bytes(bad_inputs.encoded(Image.fromarray(values), "TIFF"))
    assert abs(read_picture(path).pixels.mean() - photo[..., 1].mean()) < 3


def test_messages_are_one_printable_line(tmp_path):
    for name in (b"a\nb.jpg", b"\xff\xfe.jpg"):
        path = tmp_path / os.fsdecode(name)
        path.write_bytes(b"")
        with pytest.raises(PictureError) as error:
            read_picture(path)
        assert str(error.value).isprintable()
        str(error.value).encode()


def test_max_size_shrinks_and_keeps_the_shape(tmp_path, photo):
    path = tmp_path / "photo.png"
    path.write_bytes(encode_picture(photo[:160], "png"))
    assert read_picture(path, max_size=100).pixels.shape == (50, 100, 3)
    assert read_picture(path, max_size=1000).pixels.shape == (160, 320, 3)


def test_too_small_after_shrinking_is_refused(tmp_path, photo):
    path = tmp_path / "strip.png"
    path.write_bytes(encode_picture(np.ascontiguousarray(photo[: MIN_SIDE + 8]), "png"))
    with pytest.raises(PictureError, match="pixels"):
        read_picture(path, max_size=64)


def test_too_long_for_a_jpeg_is_refused_and_not_a_pixel_less(tmp_path):
    path = tmp_path / "strip.png"
    path.write_bytes(encode_picture(np.zeros((MIN_SIDE, MAX_SIDE + 1, 3), np.uint8), "png"))
    with pytest.raises(PictureError, match=r"65501 x 32 pixels; 65500 a side .* scale it down") as error:
        read_picture(path)
    assert error.value.reason == "too_many_pixels"
    path.write_bytes(encode_picture(np.zeros((MIN_SIDE, MAX_SIDE, 3), np.uint8), "png"))
    assert encode_picture(read_picture(path).pixels, "jpeg")


def test_folders_pipes_and_missing_files_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, reason in {"pipe": "not_a_file", "gone.jpg": "missing", ".": "not_a_file"}.items():
        with pytest.raises(PictureError) as error:
            read_picture(tmp_path / name)
        assert error.value.reason == reason


def test_png_round_trip_is_exact(tmp_path, photo):
    path = tmp_path / "photo.png"
    path.write_bytes(encode_picture(photo, "png"))
    assert (read_picture(path).pixels == photo).all()


def test_equal_pixels_give_equal_bytes(photo):
    assert encode_picture(photo, "jpeg") == encode_picture(photo.copy(), "jpeg")


def test_write_atomic_leaves_nothing_behind_when_it_fails(tmp_path):
    target = tmp_path / "out" / "taken"
    target.mkdir(parents=True)
    partial = tmp_path / "partial"
    with pytest.raises(OSError):
        write_atomic(target, b"data", partial)
    assert list(partial.iterdir()) == []
    write_atomic(tmp_path / "out" / "file", b"data", partial)
    assert (tmp_path / "out" / "file").read_bytes() == b"data"
    assert stat.S_IMODE((tmp_path / "out" / "file").stat().st_mode) & 0o444
    assert list(partial.iterdir()) == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_are_read_or_refused_but_never_raise_anything_else(tmp_path_factory, photo, data):
    whole = bad_inputs.jpeg(photo[:64, :64]) if data.draw(st.booleans()) else encode_picture(photo[:64, :64], "png")
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 6))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / "damaged.jpg"
    path.write_bytes(bytes(damaged))
    try:
        assert read_picture(path).pixels.dtype == np.uint8
    except PictureError as error:
        assert error.reason
