"""The benchmark that spoils photographs."""

import importlib.util
import sys
from pathlib import Path

import astronaut
import cv2
import numpy as np
import pytest

pytest.importorskip("albumentations", reason="needs Albumentations; see the Makefile for how to install it")

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "corrupted.py"
spec = importlib.util.spec_from_file_location("corrupted", SCRIPT)
corrupted = importlib.util.module_from_spec(spec)
spec.loader.exec_module(corrupted)


@pytest.fixture(scope="module")
def crop():
    return np.ascontiguousarray(astronaut.face(120, tight=1.8))


def test_every_corruption_changes_the_picture_and_the_seed_decides_how(crop):
    made, again, other = (corrupted.corrupted(crop, seed) for seed in (3, 3, 4))
    assert list(made) == list(corrupted.CORRUPTIONS)
    assert all(picture.shape == crop.shape and picture.dtype == np.uint8 for picture in made.values())
    assert (made["as-it-is"] == crop).all()
    changed = {name for name, picture in made.items() if (picture != crop).mean() > 0.5}
    assert changed == set(made) - {"as-it-is"}
    assert all((again[name] == picture).all() for name, picture in made.items())
    assert (other["noise"] != made["noise"]).any()


def test_corruptions_do_what_their_names_say(crop):
    made = corrupted.corrupted(crop, 0)
    level, spread = ({name: measure(picture) for name, picture in made.items()} for measure in (np.mean, np.std))
    edges = {name: np.abs(np.diff(picture.astype(float), axis=1)).mean() for name, picture in made.items()}
    assert level["dark"] < 0.8 * level["as-it-is"] < level["as-it-is"] < level["bright"]
    assert spread["hazy"] < 0.6 * spread["as-it-is"]
    assert (made["black-and-white"] == made["black-and-white"][..., :1]).all()
    assert max(edges[name] for name in ("defocus", "motion", "small")) < 0.8 * edges["as-it-is"]
    assert edges["noise"] > 1.5 * edges["as-it-is"]


@pytest.mark.slow
def test_the_folder_is_one_to_evaluate(crop, tmp_path, monkeypatch, capsys):
    for name in ("not_wearing_mask", "wearing_mask"):
        (tmp_path / "real" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "real" / name / "a.jpg"), crop[..., ::-1])
    monkeypatch.setattr(sys, "argv", ["corrupted", str(tmp_path / "real"), str(tmp_path / "out")])
    corrupted.main()
    assert "2 pictures, 12 times each" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(corrupted.CORRUPTIONS)
    assert len(list((tmp_path / "out").glob("*/*/a.jpg.png"))) == 24
    with pytest.raises(SystemExit, match="exists; name a new folder"):
        corrupted.main()
