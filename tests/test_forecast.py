"""A dry run of `generate`: what it says is what a run then makes, and it writes nothing."""

import json
import tempfile

import astronaut
import pytest

from maskaug.augment import GenerateError, GenerateOptions, ScanError, forecast, generate


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """6 faces in train, 2 in val, one file that is no picture, and a class of its own."""
    folder = tmp_path_factory.mktemp("faces")
    astronaut.write_faces(folder, {"train": 6, "val": 2})
    (folder / "train/not_wearing_mask/broken.jpg").write_bytes(b"no picture")
    (folder / "train/wearing_mask").mkdir()
    source = folder / "train/not_wearing_mask/astronaut_000.jpg"
    (folder / "train/wearing_mask/real.jpg").write_bytes(source.read_bytes())
    return folder


def size_of(dst):
    return sum(path.stat().st_size for path in dst.rglob("*.jpg"))


@pytest.mark.parametrize("options", [{}, {"copies": 2}, {"copies": 0}])
def test_what_is_forecast_is_made(faces, tmp_path, options):
    """All pictures are tried, for there are few: only the time is an estimate."""
    chosen = GenerateOptions(src=faces, dst=tmp_path / "dst", workers=1, max_size=96, **options)
    found = forecast(chosen.model_copy(update={"dry_run": True}))
    assert not chosen.dst.exists()
    assert found.sources == {"train/not_wearing_mask": 7, "val/not_wearing_mask": 2, "train/wearing_mask": 1}
    assert (found.tried, found.refused) == (10, {"not_a_picture": 1})
    summary = generate(chosen)
    assert found.original == summary.original.total() == 9
    masked = {split: summary.masked[f"{split}/wearing_mask"] for split in ("train", "val")}
    assert found.masked.total() == sum(masked.values())
    assert abs(found.masked["train"] - masked["train"]) <= 1  # the broken picture lies in one of the splits
    assert found.size == pytest.approx(size_of(chosen.dst), rel=0.25)
    assert 0 < found.seconds < 60


def test_more_processes_take_less_time_and_more_pictures_more(faces, tmp_path):
    options = GenerateOptions(src=faces, dst=tmp_path / "dst", workers=1, max_size=96)
    one = forecast(options)
    four = forecast(options.model_copy(update={"workers": 4}))
    assert four.seconds < 0.6 * one.seconds
    assert forecast(options.model_copy(update={"copies": 4})).masked.total() == 4 * 8


def test_persons(tmp_path):
    astronaut.write_faces(tmp_path / "faces", {"train": 4})
    people = tmp_path / "people"
    people.mkdir()
    (tmp_path / "faces/train/not_wearing_mask").rename(people / "anna")
    found = forecast(GenerateOptions(src=people, dst=tmp_path / "dst", layout="identities", max_size=96))
    assert (found.sources, found.original, found.masked) == ({"": 4}, 4, {"": 4})


def test_it_is_refused_where_a_run_would_be(faces, tmp_path):
    dst = tmp_path / "dst"
    with pytest.raises(ScanError):
        forecast(GenerateOptions(src=tmp_path / "none", dst=dst))
    dst.mkdir()
    (dst / "mine.txt").touch()
    for more in ({}, {"overwrite": True}):
        with pytest.raises(GenerateError, match="holds other files"):
            forecast(GenerateOptions(src=faces, dst=dst, **more))
    assert [path.name for path in dst.iterdir()] == ["mine.txt"]
    with pytest.raises(ValueError, match="leave out --resume and --retry-failed"):
        GenerateOptions(src=faces, dst=dst, dry_run=True, resume=True)
    with pytest.raises(GenerateError, match="forecast says what would be made"):
        generate(GenerateOptions(src=faces, dst=tmp_path / "new", dry_run=True))


def test_the_command(faces, maskaug, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    done = maskaug("generate", faces, "dst", "--max-size", "96", "--dry-run", "--workers", "1")
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "sources, train/not_wearing_mask 7" in words
    assert "refused of these, not_a_picture 1" in words
    assert "time with 1 process on an idle machine, about 0 min" in words
    assert f"nothing was written; do it with: maskaug generate {faces} dst --workers 1 --max-size 96" in words
    assert sorted(path.name for path in tmp_path.iterdir()) == ["temporary"]
    assert list((tmp_path / "temporary").glob("maskaug*")) == []
    told = json.loads(maskaug("generate", faces, "dst", "--max-size", "96", "--dry-run", "--json").stdout)
    assert (told["original"], told["tried"]) == (9, 10)
