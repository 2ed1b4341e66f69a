import hashlib
import io
import json
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from generated import MASKED, UNMASKED, Generated, digest, review, texture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from maskaug.augment import CurateOptions, GenerateOptions, ManifestError, ScanError, generate, read_manifest
from maskaug.augment.curate import card
from maskaug.augment.curate.color_names import color_name
from maskaug.augment.curate.curate import CURATED_SCHEMA, curate
from maskaug.augment.curate.exports import EXPORT_FORMATS, Chosen, ExportFormat, register, shards
from maskaug.augment.curate.selection import CurateError
from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.reviews.log import ADJUDICATOR
from maskaug.core.containers import SHARD_WRITERS
from maskaug.core.files import file_sha256
from maskaug.core.pictures import read_picture

INCORRECT = "mask_worn_incorrectly"
PLOT = card._plot


@pytest.fixture(scope="module", autouse=True)
def _empty_plots():
    """Plots of cards take most of the time of a small data set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(card, "_plot", lambda path, *_: path.touch())
        yield


@pytest.fixture
def plots(monkeypatch):
    monkeypatch.setattr(card, "_plot", PLOT)


def run(dst, out, **options):
    return curate(CurateOptions(dst=dst, out=out, **options))


def mirrored(pixels):
    return np.ascontiguousarray(pixels[:, ::-1])


def rows_of(out):
    return list(read_manifest(out))


def kept(out):
    return [row for row in rows_of(out) if row["outcome"] == "kept"]


def outcomes(out):
    return {row["generated"]: row["outcome"] for row in rows_of(out)}


@pytest.fixture
def small(tmp_path):
    """6 + 3 faces with two masked copies each, one refused."""
    made = Generated(tmp_path / "dst")
    for number in range(9):
        split = "train" if number < 6 else "val"
        made.original(split, f"f{number}", texture(number))
        for copy in range(2):
            made.mask(split, f"f{number}", copy, quality=0.5 + 0.05 * number)
    made.refuse("wall.png", "no_face")
    return made.finish()


@pytest.fixture
def shas(small):
    return {row["output"]: row["output_sha256"] for row in read_manifest(small) if row["output"]}


def masked(shas):
    return [name for name in shas if f"/{MASKED}/" in name]


def test_what_lies_in_a_curated_set(small, shas, tmp_path):
    bad, good = masked(shas)[0], masked(shas)[1]
    review(small, "anna", {shas[bad]: "reject: misaligned", shas[good]: "accept"}, looked_ms=400)
    out = tmp_path / "out"
    result = run(small, out)
    assert result.kept == {("train", UNMASKED): 6, ("train", MASKED): 6, ("val", UNMASKED): 3, ("val", MASKED): 3}
    assert result.left_out == {("rejected", MASKED): 1, ("balance", MASKED): 8}
    assert not result.moved and not result.missing and not result.duplicates
    assert {path.name for path in out.iterdir()} == {"train", "val", "manifest", "card", "README.md", "checksums.txt"}
    assert not [path for path in out.rglob("*") if path.name.startswith("metadata")]

    assert pq.read_table(out / "manifest").schema.equals(CURATED_SCHEMA)
    on_disk = {path.relative_to(out).as_posix() for path in out.rglob("*.jpg")}
    assert on_disk == {row["output"] for row in kept(out)}
    for row in kept(out):
        assert file_sha256(out / row["output"]) == row["output_sha256"] == shas[row["generated"]]
        assert row["output"].split("/")[:2] == [row["split"], row["label"]]
        assert row["source"] and row["source_sha256"]
    for row in kept(out):
        if row["label"] == MASKED:
            assert (row["template"], row["seed"], row["quality"] >= 0.5) == ("n95_white", 7, True)
    traced = {row["generated"]: row for row in rows_of(out)}
    assert len(traced) == len(shas)
    (decision,) = traced[bad]["decisions"]
    assert (decision["annotator"], decision["decision"], decision["reason"]) == ("anna", "reject", "misaligned")
    assert decision["looked_ms"] == 400
    assert (traced[bad]["outcome"], traced[bad]["output"], traced[bad]["split"]) == ("rejected", None, None)


def test_the_checksum_is_that_of_sha256sum(small, tmp_path):
    result = run(small, tmp_path / "out")
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", "--quiet", "checksums.txt"], cwd=tmp_path / "out", check=True)
    assert result.checksum == file_sha256(tmp_path / "out" / "checksums.txt")
    assert result.checksum in (tmp_path / "out" / "README.md").read_text()
    named = [line.split("  ")[1] for line in (tmp_path / "out" / "checksums.txt").read_text().splitlines()]
    assert named == sorted(named)
    assert set(named) == {row["output"] for row in kept(tmp_path / "out")} | {"manifest/part-00000.parquet"}


@pytest.mark.slow
def test_same_seed_same_bytes_wherever_it_lies(small, tmp_path, plots):
    first = run(small, tmp_path / "one")
    moved = small.rename(tmp_path / "elsewhere")
    assert run(moved, tmp_path / "two", link="hard").checksum == first.checksum
    assert run(moved, tmp_path / "three", seed=1).checksum != first.checksum
    for path in (tmp_path / "one" / "card").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / "card" / path.name).read_bytes()


def test_policies_and_the_undecided(small, shas, tmp_path):
    a, b, c, d, *others = masked(shas)
    review(small, "anna", {shas[a]: "accept", shas[b]: "reject", shas[c]: "accept", shas[d]: "reject"})
    review(small, "bert", {shas[a]: "accept", shas[b]: "accept", shas[c]: "reject", shas[d]: "reject"})
    review(small, "carla", {shas[c]: "accept"})
    review(small, ADJUDICATOR, {shas[b]: "accept"})
    review(small, "dora", {shas[a]: "reject"}, control=True)

    def stay(name, **options):
        run(small, tmp_path / name, balance="none", **options)
        found = outcomes(tmp_path / name)
        return {path for path in (a, b, c, d) if found[path] == "kept"}, Counter(found[path] for path in others)

    assert stay("majority") == ({a, b, c}, {"kept": 14})
    assert stay("unanimous", policy="unanimous") == ({a, b}, {"kept": 14})
    assert stay("any", policy="any") == ({a, b, c}, {"kept": 14})
    assert stay("drop", undecided="drop") == ({a, b, c}, {"undecided": 14})
    left, rest = stay("score", undecided="by-score", min_quality=0.74)
    assert (left, rest) == ({a, b, c}, {"kept": 8, "low_quality": 6})


def test_near_duplicates_of_both_classes_are_kept_on_one_side(tmp_path):
    made = Generated(tmp_path / "dst")
    for number in range(5):
        made.original("train", f"t{number}", texture(number))
        made.mask("train", f"t{number}", 0)
        made.original("val", f"v{number}", texture(100 + number))
        made.mask("val", f"v{number}", 0)
    made.original("val", "flipped", mirrored(texture(2)))
    made.mask("val", "flipped", 0)
    made.mask("val", "flipped", 1)
    # A real masked face is a near-duplicate, too, and joins two others.
    made.original("train", "joined", texture(200), label=MASKED)
    made.original("val", "joint", cv2.resize(texture(200), (44, 44), interpolation=cv2.INTER_AREA))
    dst = made.finish()

    result = run(dst, tmp_path / "moved", balance="none")
    assert result.moved == {
        ("moved from train to val", UNMASKED): 1,
        ("moved from train to val", MASKED): 1,
        ("moved from val to train", UNMASKED): 1,
    }
    assert result.duplicates == 2
    places = {row["generated"]: row["split"] for row in kept(tmp_path / "moved")}
    assert places[f"train/{UNMASKED}/t2.jpg"] == places[f"train/{MASKED}/t2__n95_0.jpg"] == "val"
    assert places[f"train/{MASKED}/joined.jpg"] == places[f"val/{UNMASKED}/joint.jpg"] == "train"
    row = next(row for row in kept(tmp_path / "moved") if row["generated"] == f"train/{UNMASKED}/t2.jpg")
    assert (row["generated_split"], row["output"]) == ("train", f"val/{UNMASKED}/t2.jpg")

    result = run(dst, tmp_path / "dropped", balance="none", duplicates="drop")
    assert not result.moved
    assert result.left_out == {("near_duplicate", UNMASKED): 2, ("near_duplicate", MASKED): 1}


def test_names_that_meet_are_told_apart(tmp_path):
    made = Generated(tmp_path / "dst")
    made.original("train", "a", texture(0), source=digest("one"))
    made.original("val", "a", mirrored(texture(0)), source=digest("two"))
    made.original("val", "A", texture(1), subfolder="deep")
    made.original("val", "b", texture(2))
    run(made.finish(), tmp_path / "out")
    names = [row["output"] for row in kept(tmp_path / "out")]
    assert len({name.casefold() for name in names}) == 4
    assert {row["generated"]: texture_of(tmp_path / "out" / row["output"]) for row in kept(tmp_path / "out")} == {
        row["generated"]: texture_of(tmp_path / "dst" / row["generated"]) for row in kept(tmp_path / "out")
    }


def texture_of(path):
    return read_picture(path).pixels.tobytes()


def test_a_third_class_and_a_lacking_one(tmp_path):
    made = Generated(tmp_path / "dst")
    for number in range(6):
        split = "train" if number < 4 else "val"
        made.original(split, f"f{number}", texture(number))
        made.mask(split, f"f{number}", 0)
        if split == "train" and number < 3:
            made.original(split, f"w{number}", texture(50 + number), label=INCORRECT)
    result = run(made.finish(), tmp_path / "out")
    labels = (UNMASKED, MASKED, INCORRECT)
    assert result.kept == {
        **{("train", label): 3 for label in labels},
        **{("val", label): 2 for label in labels if label != INCORRECT},
    }
    assert result.missing == [f"val/{INCORRECT}"]


def test_val_is_set_apart_by_group(tmp_path):
    made = Generated(tmp_path / "dst")
    for number in range(40):
        made.original("train", f"f{number}", texture(number))
        made.mask("train", f"f{number}", 0)
    made.original("train", "twin", mirrored(texture(3)))
    dst = made.finish()
    result = run(dst, tmp_path / "out", val_share=0.2)
    assert result.kept["val", UNMASKED] == result.kept["val", MASKED] == 8
    assert not result.moved
    splits = defaultdict(set)
    for row in kept(tmp_path / "out"):
        splits[row["group"]].add(row["split"])
    assert {len(found) for found in splits.values()} == {1}
    with pytest.raises(CurateError, match="leave out --val-share"):
        made.original("val", "more", texture(90))
        run(made.finish(), tmp_path / "again", val_share=0.2)


@pytest.mark.parametrize("link", ["copy", "hard", "sym"])
def test_links(small, tmp_path, link):
    run(small, tmp_path / "out", link=link)
    for row in kept(tmp_path / "out"):
        picture, original = tmp_path / "out" / row["output"], small / row["generated"]
        assert picture.is_symlink() == (link == "sym")
        assert picture.samefile(original) == (link != "copy")
        assert picture.read_bytes() == original.read_bytes()


def test_pictures_removed_by_hand_are_left_out_and_changed_ones_refused(small, shas, tmp_path):
    (small / f"train/{UNMASKED}/f0.jpg").unlink()
    (small / masked(shas)[3]).unlink()
    result = run(small, tmp_path / "out")
    assert (result.left_out["missing", UNMASKED], result.left_out["missing", MASKED]) == (1, 1)
    (small / f"val/{UNMASKED}/f7.jpg").write_bytes((small / f"val/{UNMASKED}/f8.jpg").read_bytes())
    for to in ("imagefolder", "webdataset"):
        with pytest.raises(CurateError, match=r"f7\.jpg is not as it was generated"):
            run(small, tmp_path / to, to=to)
    (small / f"val/{UNMASKED}/f7.jpg").write_bytes(b"")
    with pytest.raises(CurateError, match=r"f7\.jpg is empty.*or remove it"):
        run(small, tmp_path / "empty")
    assert {path.name for path in tmp_path.iterdir()} == {"dst", "out"}


def test_out_is_whole_or_not_at_all(small, tmp_path, monkeypatch):
    out = tmp_path / "out"
    (tmp_path / ".out.partial" / "train").mkdir(parents=True)  # of a run that was killed
    run(small, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with pytest.raises(CurateError, match="not empty"):
        run(small, out)

    def fail(*_args, **_more):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(sys.modules["maskaug.augment.curate.curate"], "write_checksums", fail)
        with pytest.raises(CurateError, match="No space left"):
            run(small, out, overwrite=True)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    run(small, out, overwrite=True, balance="none")
    assert len(kept(out)) == 27
    (out / "notes.txt").write_text("mine")
    with pytest.raises(CurateError, match=r"notes\.txt was not written by maskaug curate"):
        run(small, out, overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == {"dst", "out"}


def test_what_cannot_be_curated(small, tmp_path):
    with pytest.raises(ScanError, match="lies inside"):
        run(small, small / "out")
    with pytest.raises(ScanError, match="lies inside"):
        run(small, tmp_path)
    with pytest.raises(CurateError, match="no finished data set"):
        run(tmp_path / "gone", tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    with pytest.raises(CurateError, match="holds other files"):
        run(small, tmp_path / "mine", overwrite=True)
    (tmp_path / "empty").mkdir()
    run(small, tmp_path / "empty")
    for row in read_manifest(small):
        if row["output"]:
            review(small, "anna", {row["output_sha256"]: "reject"})
    with pytest.raises(CurateError, match=r"is left \(rejected\)"):
        run(small, tmp_path / "out")
    (small / "manifest" / "part-00000.parquet").write_bytes(b"no parquet")
    with pytest.raises(ManifestError, match="cannot be read"):
        run(small, tmp_path / "out")


def test_pictures_that_show_no_face_are_counted(small, tmp_path):
    assert not run(small, tmp_path / "unknown").faceless, "where no face is known, none was looked for"
    made = Generated(tmp_path / "other")
    for number in range(4):
        made.original("train", f"f{number}", texture(number))
        made.mask("train", f"f{number}", 0)
        if number:
            made.rows[-2]["box"] = [1.0, 1.0, 9.0, 9.0]
    assert run(made.finish(), tmp_path / "out").faceless == {UNMASKED: 1}


def card_data_of(out):
    """The head of a card as the Hub reads it, which it finds valid."""
    from huggingface_hub import DatasetCard

    return DatasetCard.load(out / "README.md").data.to_dict()


@pytest.mark.parametrize(("to", "licence"), [("imagefolder", "unknown"), ("hf", "cc-by-4.0")])
def test_the_card_tells_the_hub(small, tmp_path, to, licence):
    result = run(small, tmp_path / "my set", to=to, licence=licence)
    data = card_data_of(tmp_path / "my set")
    assert (data["license"], data["pretty_name"]) == (licence, "my set")
    assert (data["task_categories"], data["size_categories"]) == (["image-classification"], ["n<1K"])
    assert ("configs" in data) == (to == "hf")
    assert sum(result.kept.values()) < 1000
    text = (tmp_path / "my set/README.md").read_text()
    assert all(f"\n## {title}\n" in text for title in ("Source", "Intended use", "Limits"))


def test_a_licence_that_would_end_the_head_of_the_card_is_refused(small, tmp_path):
    with pytest.raises(ValueError, match="licence"):
        run(small, tmp_path / "out", licence="mit\n---")


@pytest.mark.parametrize(
    ("number", "category"),
    [(1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (54_321, "10K<n<100K"), (10**6, "1M<n<10M"), (10**10, "n>1B")],
)
def test_size_categories(number, category):
    assert card._size_category(number) == category


def test_colours_are_counted_by_name():
    """Colours of CSS."""
    wanted = {
        "#000080": "blue", "#dc143c": "red", "#ffd700": "yellow", "#2e8b57": "green", "#f5f5f5": "white",
        "#ffc0cb": "pink", "#add8e6": "light blue", "#696969": "grey", "#8b4513": "brown", "#000000": "black",
        "#ff8c00": "orange", "#663399": "purple", "#f5deb3": "beige", "#8FBC8F": "light green",
        "#4169e1": "blue", "#4b0082": "purple", "#8a2be2": "purple", "#008080": "turquoise", "#e6e6fa": "white",
    }  # fmt: skip
    assert {color: color_name(color) for color in wanted} == wanted
    rng = np.random.default_rng(0)
    drawn = {color_name("#" + bytes(rng.integers(0, 256, 3).tolist()).hex()) for _ in range(500)}
    assert 10 <= len(drawn) <= 15
    assert color_name("teal") == "teal"  # a template's own word


def test_the_card(tmp_path, plots):
    made = Generated(tmp_path / "dst")
    for number, (kind, yaw, parameters) in enumerate(
        [("n95", -50.0, "{}"), ("cloth", 0.0, '{"color": "teal"}'), ("cloth", 70.0, "{}")]
    ):
        made.original("train", f"f{number}", texture(number))
        sha256 = made.mask("train", f"f{number}", 0, kind=kind, yaw=yaw, parameters=parameters)
    made.refuse("wall.png", "no_face")
    dst = made.finish()
    review(dst, "anna", {sha256: "accept"})
    review(dst, "bert", {sha256: "reject: wrong size"})
    run(dst, tmp_path / "out", policy="any")
    text = (tmp_path / "out" / "README.md").read_text()
    for line in (
        "| train | 3 | 3 | 6 |",
        "| n95 | 1 | 1 |",
        "| cloth | 2 | 2 |",
        "| teal | 1 | 1 |",
        "| white | 2 | 2 |",
        "| -60 to -45 | 1 | 1 |",
        "| above 60 | 1 | 1 |",
        "| anna | 1 | 0 | 1 |",
        "| bert | 0 | 1 | 1 |",
        "| wrong size | 1 | 1 |",
        "| no_face | 1 | 1 |",
        "policy any",
    ):
        assert line in text
    plots = [part.split(")")[0] for part in text.split("](")[1:]]
    assert {f"card/{path.name}" for path in (tmp_path / "out" / "card").iterdir()} == set(plots)
    for plot in plots:
        assert read_picture(tmp_path / "out" / plot).pixels.std() > 10


def labels_by_content(out_rows):
    return {row["output_sha256"]: row["label"] for row in out_rows}


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it leaves its files to the garbage collector
def test_webdataset_reads_the_shards(small, tmp_path, monkeypatch):
    import webdataset

    monkeypatch.setattr(shards, "PICTURES_IN_A_SHARD", 5)
    out = tmp_path / "out"
    result = run(small, out, to="webdataset")
    assert run(small, tmp_path / "again", to="webdataset").checksum == result.checksum
    wanted = labels_by_content(kept(out))
    found = {}
    for split, count in (("train", 3), ("val", 2)):
        paths = sorted(map(str, (out / split).glob("*.tar")))
        assert len(paths) == count
        samples = list(webdataset.WebDataset(paths, shardshuffle=False).decode())
        assert len(samples) == sum(count for (name, _), count in result.kept.items() if name == split)
        order = [sample["cls"] for sample in samples]
        assert order != sorted(order)  # shuffled
        for sample in samples:
            label = sorted([UNMASKED, MASKED])[sample["cls"]]
            assert sample["json"]["label"] == label
            assert Image.open(io.BytesIO(sample["jpg"])).size == (48, 48)
            found[hashlib.sha256(sample["jpg"]).hexdigest()] = label
    assert found == wanted
    for row in kept(out):
        shard, key = row["output"].rsplit("/", 1)
        assert (out / shard).is_file() and key.endswith(".jpg")


@pytest.mark.parametrize("to", ["hf", "parquet"])
def test_datasets_reads_the_folder_with_its_labels(small, tmp_path, monkeypatch, to):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    out = tmp_path / "out"
    result = run(small, out, to=to)
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train", "val"}
    wanted = labels_by_content(kept(out))
    found = {}
    for split, rows in loaded.items():
        assert len(rows) == sum(count for (name, _), count in result.kept.items() if name == split)
        assert rows.features["label"].names == sorted([UNMASKED, MASKED])
        for row in rows.cast_column("image", datasets.Image(decode=False)):
            name = rows.features["label"].int2str(row["label"])
            data = row["image"]["bytes"] or Path(row["image"]["path"]).read_bytes()
            found[hashlib.sha256(data).hexdigest()] = name
    assert found == wanted


def test_a_format_of_ones_own(small, tmp_path):
    """What CONTRIBUTING.md promises: a format that registers itself is written, forbids links and heads the card."""

    def write(folder, chosen):
        lines = [f"{split}/{candidate.label} {candidate.path}\n" for candidate, split in chosen.pictures]
        (folder / "list.txt").write_text("".join(lines))
        return {candidate.path: f"list.txt#{n}" for n, (candidate, _) in enumerate(chosen.pictures)}

    register(ExportFormat("list", "one list", write, links=False, card_data=lambda *found: {"own": found}))
    try:
        with pytest.raises(ValueError, match="already"):
            register(EXPORT_FORMATS["list"])
        result = run(small, tmp_path / "out", to="list")
        assert card_data_of(tmp_path / "out")["own"] == [["train", "val"], [UNMASKED, MASKED]]
        assert len((tmp_path / "out/list.txt").read_text().splitlines()) == sum(result.kept.values()) > 0
        assert {row["output"] for row in kept(tmp_path / "out")} >= {"list.txt#0", "list.txt#1"}
        with pytest.raises(ValueError, match="leave out --link"):
            run(small, tmp_path / "again", to="list", link="hard")
    finally:
        del EXPORT_FORMATS["list"]
    with pytest.raises(ValueError, match="there is no format 'list'; there are imagefolder, hf, webdataset, parquet"):
        run(small, tmp_path / "again", to="list")


def test_shards_of_nothing(tmp_path):
    chosen = Chosen(GeneratedSet(tmp_path), [], "copy", 0)
    assert all(shards.write_shards(tmp_path, chosen, begin) == {} for begin in SHARD_WRITERS.values())


@pytest.mark.slow
def test_a_real_generated_set(faces_folder, tmp_path):
    dst, out = tmp_path / "dst", tmp_path / "out"
    generate(GenerateOptions(src=faces_folder, dst=dst, workers=1))
    first = next(row for row in read_manifest(dst) if row["status"] == "masked")
    review(dst, "anna", {first["output_sha256"]: "reject: floating"})
    run(dst, out)
    counts = Counter((row["split"], row["label"]) for row in kept(out))
    for split in {split for split, _ in counts}:
        assert counts[split, UNMASKED] == counts[split, MASKED] > 0
    assert outcomes(out)[first["output"]] == "rejected"
    by_source = defaultdict(set)
    for row in kept(out):
        by_source[row["source_sha256"]].add(row["split"])
    assert {len(splits) for splits in by_source.values()} == {1}
    for row in kept(out):
        assert (row["label"] == MASKED) == (json.loads(row["parameters"] or "{}").get("template") is not None)


def test_real_faces_leaked_into_val(shared, tmp_path):
    made = Generated(tmp_path / "dst")
    faces = sorted((shared / "data/faces/val").rglob("*.jpg"))[:60]
    for number, path in enumerate(faces):
        pixels = read_picture(path).pixels
        made.original("train" if number < 40 else "val", f"f{number}", pixels)
        if number < 10:
            made.original("val", f"leak{number}", mirrored(pixels))
    result = run(made.finish(), tmp_path / "out", balance="none")
    assert result.moved == {("moved from train to val", UNMASKED): 10}
    splits = {row["generated"].split("/")[-1]: row["split"] for row in kept(tmp_path / "out")}
    for number in range(10):
        assert splits[f"f{number}.jpg"] == splits[f"leak{number}.jpg"]


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["train", "val"]), st.integers(0, 5), st.booleans(), st.integers(0, 2)),
        min_size=1,
        max_size=10,
    ),
    st.integers(0, 3),
)
def test_no_group_in_two_splits_balance_exact_same_bytes(tmp_path_factory, sources, seed):
    tmp_path = tmp_path_factory.mktemp("case")
    made = Generated(tmp_path / "dst")
    for number, (split, face, flipped, copies) in enumerate(sources):
        pixels = mirrored(texture(face)) if flipped else texture(face)
        made.original(split, f"f{number}", pixels)
        for copy in range(copies):
            made.mask(split, f"f{number}", copy)
    dst = made.finish()
    result = run(dst, tmp_path / "out", seed=seed)
    faces, groups = defaultdict(set), defaultdict(set)
    for row in kept(tmp_path / "out"):
        number = int(row["source"].split("__")[0].removesuffix(".png").removeprefix("f"))
        faces[sources[number][1]].add(row["split"])
        groups[row["group"]].add(row["split"])
    assert {len(splits) for splits in [*faces.values(), *groups.values()]} == {1}
    for split in {split for split, _ in result.kept}:
        assert len({count for (name, _), count in result.kept.items() if name == split}) == 1
    assert sum(result.kept.values()) + sum(result.left_out.values()) == len(rows_of(tmp_path / "out"))
    assert run(dst, tmp_path / "again", seed=seed).checksum == result.checksum
    shutil.rmtree(tmp_path)
