"""More masked than unmasked pictures in SRC: nothing is made, this is said, and `curate` makes the classes equal."""

import json

import astronaut
import pytest

from maskaug.augment import CurateOptions, GenerateOptions, curate, generate
from maskaug.core.classes import MASKED_CLASS, UNMASKED_CLASS
from maskaug.core.pictures import encode_picture


@pytest.fixture
def surplus(tmp_path):
    """3 unmasked and 5 masked pictures; bare faces all, for nobody looks at the masked class."""
    for label, count in {UNMASKED_CLASS: 3, MASKED_CLASS: 5}.items():
        folder = tmp_path / "faces" / "train" / label
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = astronaut.face(130, roll=4 * number - 6, tight=2.0 if label == MASKED_CLASS else 2.4)
            (folder / f"{number}.jpg").write_bytes(encode_picture(pixels, "jpeg"))
    return tmp_path / "faces"


def test_it_is_said_and_balanced_by_curate(surplus, tmp_path):
    summary = generate(GenerateOptions(src=surplus, dst=tmp_path / "out", workers=1))
    assert (summary.surplus, summary.missing) == ({"train": 2}, {})
    assert summary.masked == {}
    assert json.loads((tmp_path / "out" / "stats.json").read_text())["surplus"] == {"train": 2}
    curated = curate(CurateOptions(dst=tmp_path / "out", out=tmp_path / "final"))
    assert curated.kept == {("train", UNMASKED_CLASS): 3, ("train", MASKED_CLASS): 3}
    assert curated.left_out["balance", MASKED_CLASS] == 2


def test_the_command_says_so(surplus, maskaug):
    done = maskaug("generate", surplus, "out", "--workers", 1)
    assert done.returncode == 0
    shown = " ".join(done.stdout.split())
    assert "more masked than unmasked pictures, train: maskaug curate makes them equal 2" in shown
    assert "no mask was put on: the classes are balanced already; --copies 1 puts one on each unmasked face" in shown
    assert "contact sheet" not in shown, "there is none"
