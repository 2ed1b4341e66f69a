"""What a file names lies in its folder, or is refused; nothing that is read runs a program or takes all memory."""

import ast
import json
import shutil
import struct
import zlib
from pathlib import Path

import astronaut
import bad_inputs
import pytest
from generated import Generated, digest, texture

from maskaug.assets import standard_pack
from maskaug.augment import CurateOptions, GenerateOptions, ManifestError, ReviewError, generate, read_manifest
from maskaug.augment.curate.curate import curate
from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.generate.journal import Journal
from maskaug.augment.reviews.log import ReviewLog
from maskaug.core.files import is_inside, path_inside
from maskaug.core.manifest import Row, RowReader, read_columns, write_manifest
from maskaug.masktheface_wrapper import PackError, load_pack

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = sorted(path for path in (ROOT / "src/maskaug").iterdir() if path.is_dir() and path.name[0] not in "._")
OUTSIDE = ["../victim.png", "a/../../victim.png", "/etc/passwd", "C:\\victim.png", "..\\victim.png", "\\\\host\\victim"]


@pytest.mark.parametrize("name", [*OUTSIDE, "a\0b"])
def test_names_that_lead_out(tmp_path, name):
    assert not is_inside(name)
    assert path_inside(tmp_path, name) is None


@pytest.mark.parametrize("name", ["a.png", "a/b.png", "..a/b..png", "a/...", "é 🙂.jpg"])
def test_names_that_stay(tmp_path, name):
    assert is_inside(name)
    assert path_inside(tmp_path, name) == tmp_path / name


def test_a_link_that_leads_out(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link.png").symlink_to(tmp_path / "victim.png")
    (tmp_path / "folder" / "own.png").symlink_to("other.png")
    assert path_inside(tmp_path / "folder", "link.png") is None
    assert path_inside(tmp_path / "folder", "own.png") is not None


@pytest.fixture
def pack(tmp_path):
    """A pack of one mask, and the same picture outside of it."""
    folder = tmp_path / "pack"
    folder.mkdir()
    whole = json.loads((standard_pack() / "pack.json").read_text())
    whole["templates"] = [{name: value for name, value in whole["templates"][0].items() if name != "half"}]
    picture = standard_pack() / whole["templates"][0]["file"]
    shutil.copy(picture, folder / "mask.png")
    shutil.copy(picture, tmp_path / "victim.png")
    return folder, whole


def write_pack(pack, **changes):
    folder, whole = pack
    whole["templates"][0].update({"file": "mask.png", **changes})
    (folder / "pack.json").write_text(json.dumps(whole))
    return folder


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("which", ["file", "half"])
def test_a_pack_names_its_own_pictures(pack, name, which):
    with pytest.raises(PackError, match="outside of its folder"):
        load_pack(write_pack(pack, **{which: name}))
    load_pack(write_pack(pack, half=None))


def test_a_pack_has_no_link_out(pack):
    folder, _ = pack
    (folder / "link.png").symlink_to(folder.parent / "victim.png")
    with pytest.raises(PackError, match=r"names link\.png, outside of its folder"):
        load_pack(write_pack(pack, file="link.png"))


def masks_cfg(pack, name, points="10, 10"):
    masks = pack[0] / "masks"
    masks.mkdir(exist_ok=True)
    shutil.copy(pack[0] / "mask.png", masks / "mask.png")
    lines = ["[n95]", f"template: {name}", *(f"mask_{letter}: {points}" for letter in "abcdef")]
    (masks / "masks.cfg").write_text("\n".join(lines))
    return pack[0]


def test_a_masks_cfg_names_its_own_pictures(pack):
    assert load_pack(masks_cfg(pack, "masks/mask.png")).templates
    for name in [*OUTSIDE, "mask.png"]:  # beside `masks`, not in it
        with pytest.raises(PackError, match="outside of"):
            load_pack(masks_cfg(pack, name) if name != "mask.png" else masks_cfg(pack, "../pack/mask.png"))


@pytest.mark.parametrize("points", ["nan, 1", "1, inf", "1e300, 0"])
def test_anchors_lie_where_pictures_are(pack, points):
    with pytest.raises(PackError, match="where no picture is"):
        load_pack(masks_cfg(pack, "masks/mask.png", points))
    x, y = map(float, points.split(","))
    with pytest.raises(PackError, match="anchors"):
        load_pack(write_pack(pack, anchors=pack[1]["templates"][0]["anchors"] | {"nose": [x, y]}))


def png_header(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(6_000, 6_000), (12_000, 12_000), (100_000, 100_000)])
def test_a_template_that_claims_too_many_pixels(pack, size):
    (pack[0] / "mask.png").write_bytes(png_header(*size))
    with pytest.raises(PackError, match=r"claims \d+ x \d+ pixels; scale it down|is not a picture"):
        load_pack(write_pack(pack))


def test_a_json_nested_without_end(pack):
    folder = write_pack(pack)
    (folder / "pack.json").write_text("[" * 100_000)
    with pytest.raises(PackError, match="nested too deeply"):
        load_pack(folder)


@pytest.fixture
def foreign(tmp_path):
    """A set whose manifest names a file beside the set's folder."""
    made = Generated(tmp_path / "dst")
    made.original("train", "f", texture(1))
    made.mask("train", "f", 0)
    made.finish()
    (tmp_path / "victim.png").write_bytes(b"not yours")
    return made


@pytest.mark.parametrize("column", ["output", "alpha"])
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_manifest_names_its_own_files(foreign, tmp_path, column, name):
    foreign.rows[-1][column] = name
    dst = foreign.finish()
    columns = ["status", "source", column]
    readers = (
        lambda: list(read_manifest(dst)),
        lambda: read_columns(dst, columns),
        lambda: RowReader(dst, columns).row(1),
        lambda: curate(CurateOptions(dst=dst, out=tmp_path / "out")),
    )
    for read in readers:
        with pytest.raises(ManifestError, match="outside of its folder"):
            read()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kept", ["manifest", "journal"])
def test_nothing_outside_is_removed(foreign, tmp_path, kept):
    """`--overwrite` removes what the manifest or the journal names."""
    row = Row(status="masked", source="a", output="../victim.png", output_sha256=digest("a"))
    dst = foreign.dst
    generated = GeneratedSet(dst)
    if kept == "manifest":
        write_manifest(dst, [row])
    else:
        journal = Journal(generated.journal)
        journal.append("a", 0, [row])
        journal.close()
    astronaut.write_faces(tmp_path / "faces", {"train": 1})
    stored = GenerateOptions(src=tmp_path / "faces", dst=dst).resolved()
    generated.config.write_text(json.dumps({"maskaug": "0", **stored}))
    with pytest.raises(ManifestError, match="outside of its folder"):
        generate(GenerateOptions(src=tmp_path / "faces", dst=dst, workers=1, overwrite=True))
    assert (tmp_path / "victim.png").read_bytes() == b"not yours"


def test_nothing_is_removed_through_a_link(foreign, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    shutil.move(foreign.dst / "train", elsewhere)
    (foreign.dst / "train").symlink_to(elsewhere)
    before = sorted(elsewhere.rglob("*"))
    astronaut.write_faces(tmp_path / "faces", {"train": 1})
    options = GenerateOptions(src=tmp_path / "faces", dst=foreign.dst, workers=1, overwrite=True)
    GeneratedSet(foreign.dst).config.write_text(json.dumps({"maskaug": "0", **options.resolved()}))
    with pytest.raises(ManifestError, match="through a link"):
        generate(options)
    assert sorted(elsewhere.rglob("*")) == before


def test_a_record_of_decisions_is_no_link(foreign, tmp_path):
    (foreign.dst / "reviews").mkdir()
    (foreign.dst / "reviews" / "anna.jsonl").symlink_to(tmp_path / "victim.png")
    with pytest.raises(ReviewError, match=r"anna\.jsonl is a link out of its folder"):
        ReviewLog(foreign.dst, "anna")
    assert (tmp_path / "victim.png").read_bytes() == b"not yours"


def test_a_bomb_is_refused_by_its_header(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    (folder / "bomb.png").write_bytes(bad_inputs.huge_header())
    generate(GenerateOptions(src=folder, dst=tmp_path / "out", workers=1))
    (row,) = read_manifest(tmp_path / "out")
    assert row["reasons"] == ["too_many_pixels"]


def calls():
    """Every call in what is shipped: file and line, dotted name, arguments by name."""
    for folder in SHIPPED:
        for path in sorted(folder.resolve().rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    named = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", ast.unparse(node.func), named


def test_nothing_that_is_read_is_run():
    """No pickle, no YAML with tags, no shell, no archive unpacked; arrays and networks as plain values only."""
    forbidden = {
        *("eval", "exec", "os.system", "os.popen", "pickle.load", "pickle.loads", "yaml.load", "yaml.unsafe_load"),
        *("dill.load", "joblib.load", "shelve.open", "marshal.loads", "pandas.read_pickle", "shutil.unpack_archive"),
    }
    found, loaded = [], 0
    for place, name, named in calls():
        safe = {"torch.load": ("weights_only", "True"), "np.load": ("allow_pickle", "False")}.get(name)
        if safe is not None:
            loaded += 1
        if (safe is not None and named.get(safe[0]) != safe[1]) or name in forbidden or named.get("shell") == "True":
            found.append(f"{place}: {name}")
        if name.endswith((".extractall", ".extract")):
            found.append(f"{place}: {name}")
    assert found == []
    assert loaded >= 3, "the search finds what is there"
