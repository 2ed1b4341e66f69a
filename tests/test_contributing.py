"""What CONTRIBUTING.md shows is all it takes: its blocks are run as they stand."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from generated import Generated, texture

from maskaug.augment import CurateOptions
from maskaug.augment.curate.curate import curate
from maskaug.augment.curate.exports import EXPORT_FORMATS
from maskaug.masktheface_wrapper import MaskEngine, load_pack, sample_occluder
from maskaug.masktheface_wrapper.occluders import OCCLUDERS
from maskaug.review_ui.view.actions import ACTIONS
from maskaug.review_ui.view.keys import read_keys
from maskaug.train.corruptions import CORRUPTIONS, corrupt, select_corruptions

TEXT = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def block(title):
    """The block of a section."""
    section = TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]
    (found,) = re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)
    return found


def run(title):
    namespace = {"__name__": "shown"}
    exec(compile(block(title), title, "exec"), namespace)
    return namespace


@pytest.fixture
def own_occluders():
    before = dict(OCCLUDERS)
    yield
    OCCLUDERS.clear()
    OCCLUDERS.update(before)


@pytest.mark.usefixtures("own_occluders")
def test_an_occluder(engine, photo, face):
    run("An occluder")
    occluder = sample_occluder(np.random.default_rng(0), {"visor": 1.0})
    shown = engine.occlude(photo, face, occluder)
    assert (shown != photo).any()
    assert np.array_equal(shown, engine.occlude(photo, face, occluder.model_validate_json(occluder.model_dump_json())))
    kinds = {sample_occluder(np.random.default_rng(seed)).kind for seed in range(200)}
    assert "visor" in kinds


def test_a_detector(photo):
    finder = run("A detector")["finder"]
    assert [one.name for one in finder.detectors] == ["middle"]
    assert [face.detector for face in finder.find(photo)] == ["middle"]


def test_a_kind_of_mask(tmp_path, photo, face):
    (tmp_path / "pack.json").write_text(block("A kind of mask"))
    rgba = np.full((160, 200, 4), 230, dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "duckbill.png"), rgba)
    masks = MaskEngine(None, load_pack(tmp_path))
    params = masks.sample(np.random.default_rng(0))
    assert params.kind == "duckbill"
    assert masks.apply(photo, face, params).alpha.any()


def test_a_key_of_the_review():
    before = dict(ACTIONS)
    try:
        run("A key of the review")
        assert {"0": "hair_in_front", "m": "mirror"}.items() <= read_keys(None).items()
    finally:
        ACTIONS.clear()
        ACTIONS.update(before)


def test_a_corruption(photo):
    before = dict(CORRUPTIONS)
    try:
        run("A corruption")
        assert "stripes" in select_corruptions(["all"])
        assert "stripes" not in select_corruptions(["-stripes"])
        shown = [corrupt(photo[:64, :64], ("stripes",), (seed,)) for seed in range(20)]
        assert 0 < sum((picture != photo[:64, :64]).any() for picture in shown) < 20
    finally:
        CORRUPTIONS.clear()
        CORRUPTIONS.update(before)


def test_a_format_of_data_sets(tmp_path):
    before = dict(EXPORT_FORMATS)
    generated = Generated(tmp_path / "set")
    for number in range(4):
        generated.original("train", f"a{number}", texture(number))
        generated.mask("train", f"a{number}", 0)
    generated.finish()
    try:
        run("A format of data sets")
        curate(CurateOptions(dst=generated.dst, out=tmp_path / "out", undecided="keep", to="list"))
        lines = (tmp_path / "out" / "list.csv").read_text().splitlines()
        assert lines
        assert all((tmp_path / "out" / line.split(",")[0]).is_file() for line in lines)
    finally:
        EXPORT_FORMATS.clear()
        EXPORT_FORMATS.update(before)
