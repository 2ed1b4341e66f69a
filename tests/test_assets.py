import json
import shutil

import numpy as np
import pytest

from maskaug.assets import standard_pack
from maskaug.assets.draw import DRAWINGS, pack_file
from maskaug.assets.sheet import HEIGHT, WIDTH, blank
from maskaug.masktheface_wrapper import MaskDistribution, MaskEngine, PackError, load_pack
from maskaug.masktheface_wrapper.cloth.kinds import CLOTH_COLORS, cloth_of
from maskaug.masktheface_wrapper.cloth.template import (
    ANCHOR_NAMES,
    halved,
    premultiplied,
    read_template_picture,
    template_picture,
)


def test_the_pack_holds_what_is_sold():
    pack = load_pack(standard_pack())
    assert set(pack.kinds) == {"surgical", "n95", "kn95", "cloth"}
    for template in pack.templates.values():
        height, width = template.rgba.shape[:2]
        assert width >= 1024
        assert set(template.anchors) == set(ANCHOR_NAMES)
        for x, y in template.anchors.values():
            assert 0 <= x < width
            assert 0 <= y < height
        opaque = template.rgba[template.rgba[..., 3] == 255][:, :3]
        assert opaque.mean() < 236, "white must leave room for light"
        assert template.straps is not None


def test_the_outline_fills_the_chart():
    pack = load_pack(standard_pack())
    mask = blank()
    inside = (np.abs(mask.u) < 0.97) & (mask.v > 0.03) & (mask.v < 0.97) & (mask.edge > 2)
    outside = mask.edge < -2
    for template in pack.templates.values():
        assert (template.rgba[..., 3][inside] == 255).all()
        assert (template.rgba[..., 3][outside] == 0).all()


def test_colour_goes_on_beyond_the_edge():
    """Filtering mixes texels across the outline: what lies outside must not be black or white."""
    mask = blank()
    band = (mask.edge < -1) & (mask.edge > -12)
    rim = (mask.edge > 2) & (mask.edge < 14)
    for template in load_pack(standard_pack()).templates.values():
        outside, inside = (template.rgba[where][:, :3].mean(axis=0) for where in (band, rim))
        assert np.abs(outside - inside).max() < 45, template.name


@pytest.mark.slow
@pytest.mark.parametrize("drawing", [DRAWINGS[0], DRAWINGS[7]], ids=lambda drawing: drawing.name)
def test_the_script_draws_the_committed_pictures(drawing):
    committed = read_template_picture(standard_pack() / f"{drawing.name}.png")
    drawn = drawing.draw()
    assert drawn.shape == (HEIGHT, WIDTH, 4)
    assert np.abs(drawn.astype(int) - committed).mean() < 0.5


def test_halves_are_half_of_the_pictures():
    for template in load_pack(standard_pack()).templates.values():
        assert template.picture.half is not None
        assert np.array_equal(template.level(1), halved(premultiplied(template.rgba))), template.name


def test_a_half_of_another_size_is_refused(tmp_path):
    for name in ("cloth_white.png", "cloth_white.half.png"):
        shutil.copy(standard_pack() / name, tmp_path / name)
    with pytest.raises(PackError, match=r"must be half as large as cloth_white\.half\.png, 288 x 202; draw it again"):
        template_picture(tmp_path / "cloth_white.half.png", tmp_path / "cloth_white.png")


def test_the_script_writes_the_committed_pack_file():
    assert pack_file().encode() == (standard_pack() / "pack.json").read_bytes()


def test_the_table_of_kinds_names_the_packs_kinds():
    for kind in load_pack(standard_pack()).kinds:
        assert (cloth_of(kind).colors is CLOTH_COLORS) == (kind == "cloth"), kind


def test_a_kind_that_nobody_knows_is_sampled_and_worn(tmp_path, photo, face):
    """A pack is all it takes: shell and straps are data, and the cloth is any colour's."""
    content = json.loads((standard_pack() / "pack.json").read_text())
    entry = {**content["templates"][0], "name": "scarf_mask", "kind": "scarf_mask", "shell": "cup"}
    entry["straps"] = {"style": "head_bands", "color": [255, 0, 0], "width_mm": 20}
    shutil.copy(standard_pack() / entry["file"], tmp_path)
    del entry["half"]  # which a pack need not have
    (tmp_path / "pack.json").write_text(json.dumps({**content, "templates": [entry]}))
    engine = MaskEngine(None, load_pack(tmp_path))
    rng = np.random.default_rng(0)
    sampled = [engine.sample(rng, MaskDistribution(kinds={"scarf_mask": 1.0})) for _ in range(60)]
    assert {params.color is None for params in sampled} == {True, False}
    assert {params.pattern for params in sampled} == {None}
    overlay = engine.apply(photo, face, sampled[0].model_copy(update={"strap_color": None}))
    red = (overlay.image[..., 0].astype(int) - overlay.image[..., 1] > 120) & (overlay.alpha > 200)
    assert red.sum() > 30, "bands of the template's own colour"


def test_broken_packs_are_told(tmp_path):
    with pytest.raises(PackError, match="no template pack"):
        load_pack(tmp_path)
    good = json.loads((standard_pack() / "pack.json").read_text())
    entry = good["templates"][0]

    def write(**changes):
        content = {**good, "templates": [{**entry, **changes}]}
        (tmp_path / "pack.json").write_text(json.dumps(content))

    write(file="gone.png")
    with pytest.raises(PackError, match=r"cannot read template .*gone.png"):
        load_pack(tmp_path)
    (tmp_path / "text.png").write_text("text")
    write(file="text.png")
    with pytest.raises(PackError, match="not a picture"):
        load_pack(tmp_path)
    write(anchors={"nose": [1, 2]})
    with pytest.raises(PackError, match="anchors"):
        load_pack(tmp_path)
    (tmp_path / "pack.json").write_text("{")
    with pytest.raises(PackError, match=r"pack\.json"):
        load_pack(tmp_path)


def test_broken_masktheface_packs_are_told(tmp_path, shared):
    config = (shared / "masktheface_pack/masks/masks.cfg").read_text()
    (tmp_path / "masks.cfg").write_text(config.replace("mask_a:     21, 97", "mask_a:     21"))
    shutil.copytree(shared / "masktheface_pack/masks", tmp_path / "masks")
    with pytest.raises(PackError, match=r"\[surgical\] needs mask_a"):
        load_pack(tmp_path)


def test_a_fault_in_a_pack_is_one_line_that_names_it(tmp_path):
    content = json.loads((standard_pack() / "pack.json").read_text())
    content["templates"][1]["shell"] = "origami"
    (tmp_path / "pack.json").write_text(json.dumps(content))
    with pytest.raises(PackError, match=r"pack\.json: templates, number 2, shell: .* but it is 'origami'$"):
        load_pack(tmp_path)
