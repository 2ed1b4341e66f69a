"""Pictures as cameras and telephones write them: colour profiles, HEIC, animations, and files with scratches."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import astronaut
import bad_inputs
import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from maskaug.augment import GenerateOptions, generate, read_manifest
from maskaug.core.native_words import catch_words
from maskaug.core.pictures import PictureError, encode_picture, read_picture

PHOTO_PROFILES = {"ProPhoto": "rommrgb.icc", "Adobe RGB": "a98.icc"}
ICC_FOLDER = Path("/usr/share/color/icc/ghostscript")
INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC


def s15(value):
    return round(value * 65536).to_bytes(4, "big", signed=True)


def matrix_profile(red, green, blue, gamma):
    """An ICC v2 display profile of three primaries (XYZ, D50) and a gamma, as cameras embed them."""
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big") + bytes(2)
    text = b"desc" + bytes(4) + (5).to_bytes(4, "big") + b"test\0" + bytes(78)
    text += bytes(-len(text) % 4)

    def xyz(values):
        return b"XYZ " + bytes(4) + b"".join(map(s15, values))

    tags = {b"desc": text, b"cprt": b"text" + bytes(4) + b"free" + bytes(4), b"wtpt": xyz((0.9642, 1.0, 0.8249))}
    tags |= {b"rXYZ": xyz(red), b"gXYZ": xyz(green), b"bXYZ": xyz(blue)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + (start + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data
    whole = len(tags).to_bytes(4, "big") + table + body
    head = (128 + len(whole)).to_bytes(4, "big") + b"lcms" + bytes([2, 0x20, 0, 0]) + b"mntrRGB XYZ " + bytes(12)
    head += b"acsp" + bytes(28) + b"".join(map(s15, (0.9642, 1.0, 0.8249)))
    return head + bytes(128 - len(head)) + whole


# Primaries of ROMM RGB (ISO 22028-2), which photographers call ProPhoto.
PROPHOTO = matrix_profile((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491), 1.8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def portrait():
    return astronaut.face(200)


def in_profile(pixels, profile):
    """sRGB pixels as a file of the profile has them."""
    there = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.profileToProfile(Image.fromarray(pixels), ImageCms.createProfile("sRGB"), there, INTENT)


FORMATS = {"jpg": ("JPEG", {"quality": 98, "subsampling": 0}), "png": ("PNG", {}), "tif": ("TIFF", {})}
FORMATS |= {"webp": ("WEBP", {"lossless": True})}


@pytest.mark.parametrize("suffix", FORMATS)
def test_profiles_are_applied(tmp_path, portrait, suffix):
    kind, options = FORMATS[suffix]
    path = tmp_path / f"photo.{suffix}"
    stored = in_profile(portrait, PROPHOTO)
    path.write_bytes(bad_inputs.encoded(stored, kind, icc_profile=PROPHOTO, **options))
    assert np.abs(np.asarray(stored).astype(int) - portrait).mean() > 8, "the profile matters"
    assert np.abs(read_picture(path).pixels.astype(int) - portrait).mean() < 1.5


@pytest.mark.parametrize("orientation", [1, 6])
def test_turned_pictures_have_profiles_too(tmp_path, portrait, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = in_profile(portrait, PROPHOTO)
    turned = stored.transpose(Image.Transpose.ROTATE_90) if orientation == 6 else stored
    path = tmp_path / "photo.jpg"
    path.write_bytes(bad_inputs.encoded(turned, "JPEG", quality=98, subsampling=0, icc_profile=PROPHOTO, exif=exif))
    assert np.abs(read_picture(path).pixels.astype(int) - portrait).mean() < 1.5


def test_transparency_and_palettes_have_profiles_too(tmp_path, portrait):
    stored = in_profile(portrait, PROPHOTO)
    clear = stored.copy()
    clear.putalpha(Image.fromarray(np.full(portrait.shape[:2], 255, np.uint8)))
    clear.putpixel((0, 0), (0, 0, 0, 0))
    for name, picture in {"rgba": clear, "palette": stored.quantize(256)}.items():
        path = tmp_path / f"{name}.png"
        path.write_bytes(bad_inputs.encoded(picture, "PNG", icc_profile=PROPHOTO))
        pixels = read_picture(path).pixels
        assert np.abs(pixels.astype(int) - portrait).mean() < 6
    assert (read_picture(tmp_path / "rgba.png").pixels[0, 0] == 255).all()


def test_a_profile_of_srgb_changes_no_pixel(tmp_path, portrait):
    for name, profile in {"plain": b"", "tagged": SRGB}.items():
        options = {"icc_profile": profile} if profile else {}
        (tmp_path / f"{name}.jpg").write_bytes(bad_inputs.jpeg(portrait, **options))
    plain, tagged = (read_picture(tmp_path / f"{name}.jpg").pixels for name in ("plain", "tagged"))
    assert (plain == tagged).all()


@pytest.mark.parametrize("profile", [b"no profile at all", PROPHOTO[:200], PROPHOTO[:100] + bytes(300)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_damaged_profiles_and_those_of_other_colours_are_left_out(tmp_path, portrait, profile, mode):
    picture = Image.fromarray(portrait).convert(mode)
    for name, options in {"plain": {}, "odd": {"icc_profile": profile}}.items():
        (tmp_path / f"{name}.tif").write_bytes(bad_inputs.encoded(picture, "TIFF", **options))
    (tmp_path / "other.tif").write_bytes(bad_inputs.encoded(picture.convert("L"), "TIFF", icc_profile=PROPHOTO))
    plain, odd = (read_picture(tmp_path / f"{name}.tif").pixels for name in ("plain", "odd"))
    assert (plain == odd).all()
    assert (read_picture(tmp_path / "other.tif").pixels == np.asarray(picture.convert("L"))[..., None]).all()


@pytest.mark.skipif(not ICC_FOLDER.is_dir(), reason="needs the profiles that Ghostscript brings")
@pytest.mark.parametrize("name", PHOTO_PROFILES)
def test_profiles_that_others_wrote(tmp_path, portrait, name):
    profile = (ICC_FOLDER / PHOTO_PROFILES[name]).read_bytes()
    path = tmp_path / "photo.png"
    path.write_bytes(bad_inputs.encoded(in_profile(portrait, profile), "PNG", icc_profile=profile))
    assert np.abs(read_picture(path).pixels.astype(int) - portrait).mean() < 1.5


@pytest.mark.skipif(not ICC_FOLDER.is_dir(), reason="needs the profiles that Ghostscript brings")
def test_printing_colours_have_profiles(tmp_path, portrait):
    profile = (ICC_FOLDER / "default_cmyk.icc").read_bytes()
    cmyk = ImageCms.profileToProfile(
        Image.fromarray(portrait),
        ImageCms.createProfile("sRGB"),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        INTENT,
        "CMYK",
    )
    path = tmp_path / "print.jpg"
    path.write_bytes(bad_inputs.encoded(cmyk, "JPEG", quality=98, subsampling=0, icc_profile=profile))
    managed = np.abs(read_picture(path).pixels.astype(int) - portrait).mean()
    assert managed < np.abs(np.asarray(cmyk.convert("RGB")).astype(int) - portrait).mean()
    assert managed < 8


HEIC_HEADER = b"\x00\x00\x00\x1cftyp%s\x00\x00\x00\x00mif1%smiaf" + bytes(64)


@pytest.mark.parametrize("name", ["photo.heic", "photo.jpg", "photo"])
@pytest.mark.parametrize("brands", [(b"heic", b"heic"), (b"mif1", b"heix")])
def test_what_heic_needs_is_named(tmp_path, monkeypatch, name, brands):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed
    path = tmp_path / name
    path.write_bytes(HEIC_HEADER % brands)
    with pytest.raises(PictureError, match=r"is a HEIC picture; to read these: pip install 'maskaug\[heic\]'") as told:
        read_picture(path)
    assert told.value.reason == "heic_missing"


def test_avif_is_no_heic(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "photo.avif"
    path.write_bytes(HEIC_HEADER % (b"avif", b"heic"))
    with pytest.raises(PictureError) as told:
        read_picture(path)
    assert told.value.reason != "heic_missing"


@pytest.mark.parametrize("name", ["photo.heic", "photo.jpg"])
def test_heic_is_read_upright_and_in_its_colours(tmp_path, portrait, name):
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    path = tmp_path / name
    data = io.BytesIO()
    in_profile(portrait, PROPHOTO).save(data, "HEIF", quality=95, icc_profile=PROPHOTO)
    path.write_bytes(data.getvalue())
    read = read_picture(path)
    assert read.pixels.shape == portrait.shape
    assert np.abs(read.pixels.astype(int) - portrait).mean() < 4
    assert read.warnings == ()
    path.write_bytes(data.getvalue()[: len(data.getvalue()) // 2])
    with pytest.raises(PictureError):
        read_picture(path)


@pytest.mark.parametrize(("suffix", "kind"), {"gif": "GIF", "webp": "WEBP", "png": "PNG", "tif": "TIFF"}.items())
def test_of_an_animation_the_first_frame_is_read_and_this_is_said(tmp_path, portrait, suffix, kind):
    frames = [Image.fromarray(portrait), Image.new("RGB", (200, 200), "red"), Image.new("RGB", (200, 200), "blue")]
    path, still = tmp_path / f"moving.{suffix}", tmp_path / f"still.{suffix}"
    path.write_bytes(bad_inputs.encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    still.write_bytes(bad_inputs.encoded(frames[0], kind))
    unit = "pages" if suffix == "tif" else "frames"
    assert read_picture(path).warnings == (f"animation: only the first of 3 {unit} is used",)
    assert np.abs(read_picture(path).pixels.astype(int) - portrait).mean() < 12
    assert read_picture(still).warnings == ()


def scratched(portrait):
    """A JPEG with a few bytes of its picture lost."""
    data = bytearray(bad_inputs.jpeg(portrait))
    data[len(data) // 2 : len(data) // 2 + 4] = b"\xff\xd3\xff\xd3"
    return bytes(data)


def test_libjpegs_words_are_told_and_do_not_reach_the_terminal(tmp_path, portrait, capfd):
    path = tmp_path / "scratched.jpg"
    path.write_bytes(scratched(portrait))
    read = read_picture(path)
    assert capfd.readouterr().err == ""
    assert read.warnings[0].startswith("damaged: Corrupt JPEG data")
    cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert "Corrupt JPEG data" in capfd.readouterr().err, "else this test would show nothing"


def test_what_others_write_meanwhile_is_handed_on(capfd):
    result = catch_words(lambda: os.write(2, b"Corrupt JPEG data: bad\nprogress 3 of 7\n"))
    assert result is not None
    assert result[1] == ["Corrupt JPEG data: bad"]
    assert capfd.readouterr().err == "progress 3 of 7\n"
    assert catch_words(lambda: catch_words(lambda: 1)) == (None, []), "one at a time"
    with pytest.raises(ZeroDivisionError):
        catch_words(lambda: 1 // 0)
    assert catch_words(lambda: 2) == (2, [])


def test_threads_read_damaged_files_in_silence(tmp_path, portrait, capfd):
    paths = [tmp_path / f"{number}.jpg" for number in range(24)]
    for path in paths:
        path.write_bytes(scratched(portrait))
    first = read_picture(paths[0]).pixels
    found = []
    threads = [
        threading.Thread(target=lambda part=part: found.extend(read_picture(path).pixels for path in part))
        for part in (paths[:8], paths[8:16], paths[16:])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 24
    assert all((one == first).all() for one in found)
    assert capfd.readouterr().err == ""


def test_what_is_odd_stands_in_the_manifest_and_is_counted(tmp_path, portrait):
    faces = tmp_path / "faces"
    faces.mkdir()
    frames = [Image.fromarray(portrait), Image.new("RGB", (200, 200))]
    (faces / "moving.gif").write_bytes(bad_inputs.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    (faces / "wall.gif").write_bytes(bad_inputs.encoded(frames[1], "GIF", save_all=True, append_images=frames[:1]))
    (faces / "scratched.jpg").write_bytes(scratched(portrait))
    (faces / "whole.jpg").write_bytes(encode_picture(astronaut.face(140), "jpeg"))
    summary = generate(GenerateOptions(src=faces, dst=tmp_path / "out", workers=1, copies=2))
    told = {row["source"]: row["warnings"] for row in read_manifest(tmp_path / "out")}
    assert told["moving.gif"] == told["wall.gif"] == ["animation: only the first of 2 frames is used"]
    assert told["scratched.jpg"][0].startswith("damaged: Corrupt JPEG")
    assert told["whole.jpg"] is None
    assert summary.as_json()["warnings"] == {"animation": 2, "damaged": 1}


def test_commands_say_what_is_odd(tmp_path, maskaug, portrait):
    frames = [Image.fromarray(portrait), Image.new("RGB", (200, 200))]
    (tmp_path / "moving.gif").write_bytes(bad_inputs.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    said = "maskaug: moving.gif: animation: only the first of 2 frames is used\n"
    applied = maskaug("apply", "moving.gif")
    assert (applied.returncode, applied.stderr) == (0, said)
    predicted = maskaug("predict", "moving.gif")
    assert (predicted.returncode, "".join(predicted.stderr.splitlines(keepends=True)[:-1])) == (
        0,
        said,
    )  # then the summary
    (tmp_path / "moving_masked.png").unlink()
    made = maskaug("generate", tmp_path, tmp_path.with_name(f"{tmp_path.name}_out"), "--workers", 1)
    assert "animations or several pages, of which only the first is used" in " ".join(made.stdout.split())


def test_the_terminal_of_a_command_stays_clean(tmp_path, portrait):
    faces = tmp_path / "faces"
    faces.mkdir()
    for number in range(12):
        (faces / f"{number}.jpg").write_bytes(scratched(portrait[:, : 200 - number]))
    # What is lost of the pictures is grey, and covers the mouth.
    generated = ["generate", "faces", "out", "--workers", "2", "--already-masked", "keep"]
    for command in (generated, ["apply", "faces/*.jpg", "-o", "applied"]):
        done = subprocess.run(
            [sys.executable, "-m", "maskaug", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert [line for line in done.stderr.splitlines() if "JPEG" in line and not line.startswith("maskaug: ")] == []
