"""Folders of persons: what is masked, where it lies, the pairs, and that a person lies in one split."""

import csv
import io
import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import astronaut
import numpy as np
import pytest
from generated import Generated, digest, review, texture
from huggingface_hub import DatasetCard
from pydantic import ValidationError

from maskaug.augment import (
    CurateError,
    CurateOptions,
    GenerateError,
    GenerateOptions,
    ScanError,
    generate,
    open_generated,
    read_manifest,
)
from maskaug.augment.curate import card
from maskaug.augment.curate.curate import curate
from maskaug.augment.generate.generated_set import folder_of
from maskaug.augment.generate.pairs import Portrait, draw_pairs, pairs_csv
from maskaug.augment.generate.scan import scan_identities
from maskaug.augment.reviews.log import ReviewError, read_reviews
from maskaug.core.files import file_sha256
from maskaug.core.manifest import Row
from maskaug.core.pictures import encode_picture, read_picture
from maskaug.review_ui import ReviewOptions
from maskaug.review_ui.session.controls import Controls
from maskaug.review_ui.session.queue import read_queue
from maskaug.train.data.samples import DataError, resolve_classes

IDENTITIES = Path(__file__).resolve().parents[1] / "docs" / "identities.md"


def write(folder, *names):
    """A picture of a face for each name, no two alike."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = astronaut.face(112, tight=1.8 + 0.05 * number, roll=2.0 * number, mirror=bool(number % 2))
        path.write_bytes(encode_picture(pixels, "jpeg"))
    return folder


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def run(src, dst, **options):
    return generate(
        GenerateOptions(src=src, dst=dst, layout="identities", **{"workers": 1, "min_quality": 0, **options})
    )


def files(folder):
    """Every file below a folder, with its digest."""
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in folder.rglob("*") if path.is_file()}


def pictures(folder):
    return sorted(name for name in files(folder) if name.endswith(".jpg"))


def read_pairs(folder):
    with (folder / "pairs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def places(found):
    return {source.relative: (source.split, source.label, source.subfolder, source.stem) for source in found.sources}


# --- What lies in SRC ---


def test_the_folders_that_hold_pictures_are_persons(tmp_path):
    touch(
        tmp_path, "anna/1.jpg", "anna/notes.txt", "Zoë/2.PNG", "s1/3.pgm", "README.txt", "empty/notes.txt", "stray.jpg"
    )
    (tmp_path / "nobody").mkdir()
    found = scan_identities(tmp_path)
    assert places(found) == {
        "anna/1.jpg": ("", "anna", "", "1"),
        "anna/notes.txt": ("", "anna", "", "notes.txt"),
        "Zoë/2.PNG": ("", "Zoë", "", "2"),
        "s1/3.pgm": ("", "s1", "", "3"),
        "empty/notes.txt": ("", "empty", "", "notes.txt"),
    }
    assert all(source.identity == source.label for source in found.sources)
    assert [(problem.relative, problem.reason) for problem in found.problems] == [("stray.jpg", "no_person")]


def test_what_lies_above_persons_is_their_split(tmp_path):
    touch(tmp_path, "train/n01/1.jpg", "train/n02/1.jpg", "test/n03/1.jpg", "test/n01/2.jpg", "train/list.txt")
    assert {place[:2] for place in places(scan_identities(tmp_path)).values()} == {
        ("train", "n01"),
        ("train", "n02"),
        ("test", "n03"),
        ("test", "n01"),
    }
    touch(tmp_path / "deep", "lfw/funneled/Aaron/1.jpg", "lfw/funneled/Bea/1.jpg")
    assert places(scan_identities(tmp_path / "deep"))["lfw/funneled/Bea/1.jpg"] == ("lfw/funneled", "Bea", "", "1")


@pytest.mark.parametrize(
    "names",
    [
        ("anna/1.jpg", "train/bert/2.jpg"),
        ("anna/1.jpg", "anna/winter/2.jpg"),
        ("anna/winter/1.jpg", "bert/winter/2.jpg"),
        ("anna/0/1.jpg", "bert/1/2.jpg"),
    ],
)
def test_which_folders_are_persons_must_be_clear(tmp_path, names):
    touch(tmp_path, *names)
    with pytest.raises(ScanError, match=r"which folders are persons is unclear: --person-level 1 if .*anna is one"):
        scan_identities(tmp_path)
    one = places(scan_identities(tmp_path, 1))
    assert one[names[0]][:2] == ("", "anna")
    assert len({place[3] for place in one.values()} | {place[2] for place in one.values()}) > 1
    two = scan_identities(tmp_path, 2)
    assert {problem.relative for problem in two.problems} == {name for name in names if name.count("/") < 2}
    assert {source.label for source in two.sources} == {Path(name).parent.name for name in names if name.count("/") > 1}


def test_a_source_without_persons(tmp_path):
    with pytest.raises(ScanError, match="does not exist"):
        scan_identities(tmp_path / "gone")
    (tmp_path / "nobody").mkdir()
    with pytest.raises(ScanError, match="holds no picture"):
        scan_identities(tmp_path)
    touch(tmp_path, "a.jpg", "b.jpg")
    with pytest.raises(ScanError, match="no person's folder; put each person's pictures into a folder of their own"):
        scan_identities(tmp_path)
    touch(tmp_path, "anna/1.jpg")
    with pytest.raises(ScanError, match="no person's folder at level 3"):
        scan_identities(tmp_path, 3)


# --- What lies in DST ---


def test_copies_stay_with_the_person(tmp_path):
    src = write(tmp_path / "src", "anna/00001.jpg", "anna/00002.jpg", "wearing_mask/x__y.jpg", "masked/1.jpg")
    touch(src, "masked/broken.jpg", "stray.jpg")
    dst = tmp_path / "dst"
    summary = run(src, dst, kinds="cloth")
    assert summary.identities == {"": 3}
    assert (summary.original, summary.masked) == ({"": 4}, {"": 4})
    assert summary.refused == {"not_a_picture": 1, "no_person": 1}
    assert not summary.missing
    (odd,) = {Path(name).stem for name in pictures(dst) if name.startswith("wearing_mask/") and "cloth" not in name}
    assert pictures(dst) == sorted(
        [
            *("anna/00001.jpg", "anna/00001__cloth_0.jpg", "anna/00002.jpg", "anna/00002__cloth_0.jpg"),
            *("masked/1.jpg", "masked/1__cloth_0.jpg"),
            *(f"wearing_mask/{odd}.jpg", f"wearing_mask/{odd}__cloth_0.jpg"),
        ]
    )
    rows = [row for row in read_manifest(dst) if row["output"]]
    assert {(row["status"], row["kind"]) for row in rows} == {("original", None), ("masked", "cloth")}
    for row in rows:
        assert row["identity"] == row["label"] == row["output"].split("/")[0]
        assert row["split"] == ""
    refused = {row["source"]: row["identity"] for row in read_manifest(dst) if row["status"] == "refused"}
    assert refused == {"masked/broken.jpg": "masked", "stray.jpg": None}


def test_wrongly_worn_masks_stay_with_the_person(tmp_path):
    run(write(tmp_path / "src", "anna/1.jpg"), tmp_path / "dst", wear="under_chin", copies=2)
    assert {Path(name).parent.name for name in pictures(tmp_path / "dst")} == {"anna"}
    assert len(pictures(tmp_path / "dst")) == 3


def test_apart_they_lie_in_trees_of_their_own(tmp_path):
    src = write(tmp_path / "src", "train/anna/1.jpg", "train/manifest/1.jpg", "val/bert/1.jpg")
    dst = tmp_path / "dst"
    run(src, dst, apart=True, alpha=True, kinds="n95")
    assert pictures(dst) == [
        *("train/masked/anna/1__n95_0.jpg", "train/masked/manifest/1__n95_0.jpg"),
        *("train/original/anna/1.jpg", "train/original/manifest/1.jpg"),
        *("val/masked/bert/1__n95_0.jpg", "val/original/bert/1.jpg"),
    ]
    assert (dst / "alpha/val/masked/bert/1__n95_0.png").is_file()
    run(src / "train", tmp_path / "flat", apart=True, kinds="n95")  # a person may be called like the set's own folders
    assert "masked/manifest/1__n95_0.jpg" in pictures(tmp_path / "flat")


@pytest.mark.parametrize("name", ["manifest", "reviews", "alpha", "pairs.csv"])
def test_a_person_called_like_the_sets_own(tmp_path, name):
    src = touch(tmp_path / "src", "anna/1.jpg", f"{name}/1.jpg")
    with pytest.raises(GenerateError, match=f"{name} cannot be a person: .* rename it, or give --apart"):
        run(src, tmp_path / "dst")
    assert not (tmp_path / "dst").exists()


@pytest.mark.slow
def test_workers_resuming_and_overwriting_change_nothing(tmp_path):
    src = write(tmp_path / "src", *(f"{name}/{number}.jpg" for name in ("anna", "bert", "carl") for number in (1, 2)))
    run(src, tmp_path / "one")
    whole = files(tmp_path / "one")
    assert "pairs.csv" in whole
    run(src, tmp_path / "two", workers=2)
    assert {name: sha for name, sha in files(tmp_path / "two").items() if name != "config.json"} == {
        name: sha for name, sha in whole.items() if name != "config.json"
    }
    # Stopped after the manifest was written, before the pairs were.
    dst = tmp_path / "two"
    by_source = defaultdict(list)
    for row in read_manifest(dst):
        by_source[row["source"]].append({name: value for name, value in row.items() if value is not None})
    journal = open_generated(dst).journal
    journal.write_text(
        "".join(_line(source, rows) for source, rows in by_source.items() if source != "carl/2.jpg"), encoding="utf-8"
    )
    (dst / "pairs.csv").unlink()
    (dst / "stats.json").unlink()
    summary = run(src, dst, resume=True)
    assert summary.pairs == {"same": 6, "other": 6}
    assert files(dst)["pairs.csv"] == whole["pairs.csv"]
    assert run(src, dst, resume=True).as_json() == summary.as_json()
    run(src, dst, overwrite=True, pairs=0)
    assert set(files(dst)) == set(whole) - {"pairs.csv"}


def _line(source, rows):
    return json.dumps({"source": source, "round": 0, "rows": rows}) + "\n"


@pytest.mark.slow
def test_pictures_without_a_face_belong_to_no_pair(tmp_path):
    src = write(tmp_path / "src", "anna/1.jpg", "bert/1.jpg")
    (src / "anna/wall.jpg").write_bytes(encode_picture(np.full((64, 64, 3), 128, np.uint8), "jpeg"))
    run(src, tmp_path / "kept", faceless="keep")
    assert "anna/wall.jpg" in pictures(tmp_path / "kept")
    assert {row["file1"] for row in read_pairs(tmp_path / "kept")} == {"anna/1.jpg", "bert/1.jpg"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "identities", "balance": True}, "--balance is about classes"),
        ({"layout": "identities", "masked_class": "m"}, "--masked-class is about classes"),
        ({"apart": True}, "--apart is about persons; give --layout identities"),
        ({"person_level": 1}, "--person-level is about persons"),
        ({"pairs": 5}, "--pairs is about persons"),
    ],
)
def test_options_of_the_other_layout(tmp_path, options, message):
    with pytest.raises(ValidationError, match=message):
        GenerateOptions(src=tmp_path, dst=tmp_path / "dst", **options)


def test_the_set_is_reviewed_and_masked_again(tmp_path):
    src = write(tmp_path / "src", "anna/1.jpg", "anna/2.jpg", "bert/1.jpg")
    dst = tmp_path / "dst"
    run(src, dst)
    queue = read_queue(ReviewOptions(dst=dst, annotator="eva"), [])
    shown = [queue.picture(place) for place in range(len(queue))]
    assert {picture.before: Path(picture.output).parent.name for picture in shown} == {
        "anna/1.jpg": "anna",
        "anna/2.jpg": "anna",
        "bert/1.jpg": "bert",
    }
    path, _ = Controls(dst).make(shown[0])
    assert read_picture(path).pixels.shape == read_picture(dst / shown[0].output).pixels.shape
    with pytest.raises(ReviewError, match="no split 'val' to review, only none"):
        read_queue(ReviewOptions(dst=dst, annotator="eva", split="val"), [])
    review(dst, "eva", {shown[0].sha256: "reject"})
    assert [event.action for event in read_reviews(dst)["eva"]] == ["reject"]
    with pytest.raises(DataError, match="has a folder a person and no classes"):
        resolve_classes(dst)
    again = tmp_path / "again"
    run(src, again, annotations=dst)
    assert [file_sha256(again / name) for name in pictures(again)] == [
        file_sha256(dst / name) for name in pictures(dst) if not name.startswith("reviews/")
    ]


# --- Pairs ---


def portraits(counts, copies=1, split="", kinds=("n95", "cloth")):
    """Pictures of persons, by how many photographs there are of each."""
    made = []
    for name, photographs in counts.items():
        for number in range(1, photographs + 1):
            place = (f"{split}/" if split else "") + f"{name}/{name}_{number:04d}"
            facts = (split, name, f"{place}.png", digest(place))
            made.append(Portrait(f"{place}.jpg", *facts, None))
            for copy in range(copies):
                kind = kinds[copy % len(kinds)]
                made.append(Portrait(f"{place}__{kind}_{copy}.jpg", *facts, kind))
    return made


def test_every_copy_is_once_with_its_person_and_once_with_another():
    many = portraits({f"p{number}": 1 + number % 3 for number in range(60)}, copies=2)
    pairs = draw_pairs(many, 1000, 0)
    same, other = ([pair for pair in pairs if pair.same is one] for one in (True, False))
    copies = {portrait.file for portrait in many if portrait.kind}
    assert Counter(pair.second.file for pair in same) == Counter(pair.second.file for pair in other) == Counter(copies)
    assert all(pair.first.kind is None and pair.second.kind for pair in pairs)
    photographs = Counter(portrait.identity for portrait in many if portrait.kind is None)
    for pair in same:
        assert pair.same_photograph == (photographs[pair.first.identity] == 1)
    assert not any(pair.same_photograph for pair in other)
    for pair in pairs:
        assert (pair.unmasked.source, pair.unmasked.kind) == (pair.second.source, None)


def test_no_person_lies_in_two_folds():
    pairs = draw_pairs(portraits({f"p{number}": 2 for number in range(45)}), 1000, 0)
    folds = defaultdict(set)
    for pair in pairs:
        folds[pair.first.identity].add(pair.fold)
        folds[pair.second.identity].add(pair.fold)
    assert {len(found) for found in folds.values()} == {1}
    assert Counter(pair.fold for pair in pairs if pair.same) == Counter(pair.fold for pair in pairs if not pair.same)
    assert {pair.fold for pair in pairs} == set(range(1, 11))
    assert [(pair.fold, not pair.same) for pair in pairs] == sorted((pair.fold, not pair.same) for pair in pairs)


def test_persons_take_turns_and_those_of_one_photograph_come_last():
    many = portraits(
        {"often": 30, **{f"p{number}": 2 for number in range(9)}, **{f"s{number}": 1 for number in range(9)}}
    )
    few = [pair for pair in draw_pairs(many, 10, 0) if pair.same]
    assert Counter(pair.first.identity for pair in few) == {"often": 1, **{f"p{number}": 1 for number in range(9)}}
    assert len([pair for pair in draw_pairs(many, 10, 0) if not pair.same]) == 10
    all_but_single = [pair for pair in draw_pairs(many, 48, 0) if pair.same]
    assert not any(pair.same_photograph for pair in all_but_single)


def test_pairs_depend_on_the_seed_alone():
    many = portraits({f"p{number}": 3 for number in range(20)})
    shuffled = random.Random(1).sample(many, len(many))
    assert draw_pairs(shuffled, 20, 0) == draw_pairs(many, 20, 0)
    assert draw_pairs(many, 20, 1) != draw_pairs(many, 20, 0)


def test_splits_have_pairs_of_their_own():
    many = [*portraits({"a": 2, "b": 2}, split="train"), *portraits({"a": 2, "c": 1}, split="val")]
    pairs = draw_pairs(many, 2, 0)
    assert all(pair.first.split == pair.second.split for pair in pairs)
    assert Counter((pair.first.split, pair.same) for pair in pairs) == {
        ("train", True): 2,
        ("train", False): 2,
        ("val", True): 2,
        ("val", False): 2,
    }


def test_a_single_person_has_no_other():
    pairs = draw_pairs(portraits({"anna": 3}), 10, 0)
    assert [pair.same for pair in pairs] == [True] * 3
    assert draw_pairs(portraits({"anna": 3}, copies=0), 10, 0) == []


def test_a_photograph_of_two_persons_pairs_neither_with_the_other():
    both = [
        Portrait("a/1.jpg", "", "a", "a/1.png", "x", None),
        Portrait("a/1__n95_0.jpg", "", "a", "a/1.png", "x", "n95"),
        Portrait("b/1.jpg", "", "b", "b/1.png", "x", None),
        Portrait("b/1__n95_0.jpg", "", "b", "b/1.png", "x", "n95"),
    ]
    assert all(pair.same for pair in draw_pairs(both, 10, 0))


def test_the_table_is_lfws_with_more_columns():
    many = portraits({"Aaron_Eckhart": 2, 'Zoë, the "one"': 2})
    many = [one for one in many if one.source != "Aaron_Eckhart/Aaron_Eckhart_0001.png"]
    pairs = draw_pairs(many, 10, 0)
    header, *lines = csv.reader(io.StringIO(pairs_csv(pairs, many).decode()))
    assert header[:4] == ["name", "imagenum1", "imagenum2", ""]
    assert header[4:] == ["split", "fold", "same", "file1", "file2", "file2_unmasked", "kind", "same_photograph"]
    for line, pair in zip(lines, pairs, strict=True):
        name, number, *rest = line
        assert (name, int(number)) == (pair.first.identity, int(Path(pair.first.source).stem[-4:]))
        second = int(Path(pair.second.source).stem[-4:])
        assert rest[:2] == ([str(second), ""] if pair.same else [pair.second.identity, str(second)])
        assert line[6:9] == [str(int(pair.same)), pair.first.file, pair.second.file]
        assert line[9:] == [pair.unmasked.file, pair.second.kind, str(int(pair.same_photograph))]


def test_where_names_have_no_number_the_photographs_are_counted():
    many = [Portrait(f"a/{name}.jpg", "", "a", f"a/{name}.png", name, kind) for name in "xyz" for kind in (None, "n95")]
    pairs = draw_pairs(many, 10, 0)
    _, *lines = csv.reader(io.StringIO(pairs_csv(pairs, many).decode()))
    for line, pair in zip(lines, pairs, strict=True):
        assert [int(line[1]), int(line[2])] == ["xyz".index(one.source[2]) + 1 for one in (pair.first, pair.second)]


def test_the_files_of_written_pairs_are_there(tmp_path):
    src = write(tmp_path / "src", "test/anna/1.jpg", "test/anna/2.jpg", "test/bert/1.jpg")
    dst = tmp_path / "dst"
    assert run(src, dst, copies=2).pairs == {"same": 6, "other": 6}
    status = {row["output"]: (row["identity"], row["status"]) for row in read_manifest(dst)}
    for row in read_pairs(dst):
        person, kind = status[row["file1"]]
        assert (person, kind, row["split"]) == (row["name"], "original", "test")
        assert status[row["file2"]] == (row["name"] if row["same"] == "1" else row["imagenum2"], "masked")
        assert row["file2"].startswith(row["file2_unmasked"].removesuffix(".jpg") + "__")
        assert all((dst / row[name]).is_file() for name in ("file1", "file2", "file2_unmasked"))


# --- Curating ---


@pytest.fixture(autouse=True)
def _empty_plots(monkeypatch):
    monkeypatch.setattr(card, "_plot", lambda path, *_: path.touch())


class Persons(Generated):
    """A set of persons under construction, its pictures textures."""

    def __init__(self, dst, apart=False):
        super().__init__(dst)
        self.apart = apart

    def photograph(self, split, person, number, pixels=None, copies=1):
        source = digest(f"{person} {number}") if pixels is None else digest(pixels.tobytes())
        pixels = texture(int(digest(f"{person} {number}")[:8], 16)) if pixels is None else pixels
        shas = []
        for copy in range(-1, copies):
            row = Row(source=Path(split, person, f"{number}.png").as_posix(), source_sha256=source, split=split)
            row |= Row(label=person, identity=person, subfolder="", box=[1.0, 1.0, 9.0, 9.0])
            if copy < 0:
                row["status"], name, shown = "original", f"{number}.jpg", pixels
            else:
                row |= Row(status="masked", copy=copy, quality=0.9, yaw=0.0)
                row |= Row(kind="n95", template="n95_white", parameters="{}")
                name, shown = f"{number}__n95_{copy}.jpg", texture(int(digest(f"{source} {copy}")[:8], 16))
            shas.append(self._add(Path(folder_of(row, self.apart), name), shown, row))
        return shas


def curated(dst, out, **options):
    return curate(CurateOptions(dst=dst, out=out, **options))


def kept(out):
    """Rows of the pictures that a curated set holds: a row of one that it does not has no path."""
    return [row for row in read_manifest(out) if row["output"]]


def splits_of(out):
    found = defaultdict(set)
    for row in kept(out):
        found[row["identity"]].add(row["split"])
    return found


def test_persons_are_set_apart_whole(tmp_path):
    made = Persons(tmp_path / "dst")
    rejected = []
    for person in range(20):
        for number in range(1 + person % 4):
            rejected.append(made.photograph("", f"p{person:02d}", number, copies=2)[1])
    dst = made.finish()
    review(dst, "eva", {rejected[0]: "reject", rejected[5]: "reject"})
    out = tmp_path / "out"
    result = curated(dst, out, val_share=0.2)
    assert {len(found) for found in splits_of(out).values()} == {1}
    assert sum(result.identities.values()) == len(splits_of(out)) == 20
    assert 0.15 <= sum(row["split"] == "val" for row in kept(out)) / len(kept(out)) <= 0.25
    assert result.left_out == {("rejected", "masked"): 2}
    assert result.kept["train", "original"] + result.kept["val", "original"] == 50, "nothing is balanced away"
    for row in kept(out):
        assert row["output"].startswith(f"{row['split']}/{row['identity']}/{Path(row['source']).stem}")
    pairs = read_pairs(out)
    assert result.pairs == Counter("same" if row["same"] == "1" else "other" for row in pairs)
    written = {row["output"]: row for row in kept(out)}
    for row in pairs:
        assert written[row["file1"]]["split"] == written[row["file2"]]["split"] == row["split"]
        assert (written[row["file1"]]["identity"] == written[row["file2"]]["identity"]) == (row["same"] == "1")
    assert not {rejected[0], rejected[5]} & {written[row["file2"]]["output_sha256"] for row in pairs}
    assert "pairs.csv" in (out / "checksums.txt").read_text()
    text = (out / "README.md").read_text()
    assert "balance none" in text and "| val |" in text
    assert curated(dst, tmp_path / "again", val_share=0.2).checksum == result.checksum
    curated(dst, out, val_share=0.2, overwrite=True)


def test_a_person_of_two_splits_goes_where_most_of_it_is(tmp_path):
    made = Persons(tmp_path / "dst")
    for number in range(3):
        made.photograph("train", "anna", number)
        made.photograph("train", "bert", number)
        made.photograph("val", "carl", number)
    made.photograph("val", "anna", 9)
    dst = made.finish()
    result = curated(dst, tmp_path / "moved")
    assert splits_of(tmp_path / "moved") == {"anna": {"train"}, "bert": {"train"}, "carl": {"val"}}
    assert result.moved == {("moved from val to train", "original"): 1, ("moved from val to train", "masked"): 1}
    assert result.duplicates == result.joined == 0
    result = curated(dst, tmp_path / "dropped", duplicates="drop")
    assert result.left_out == {("person_in_two_splits", "original"): 1, ("person_in_two_splits", "masked"): 1}
    assert splits_of(tmp_path / "dropped") == splits_of(tmp_path / "moved")


def test_near_duplicates_join_persons(tmp_path):
    made = Persons(tmp_path / "dst")
    for number in range(3):
        made.photograph("train", "anna", number)
        made.photograph("val", "bert", number)
        made.photograph("val", "carl", number)
    made.photograph("train", "anna", "both")
    made.photograph("val", "bert", "mirrored", np.ascontiguousarray(texture(int(digest("anna both")[:8], 16))[:, ::-1]))
    result = curated(made.finish(), tmp_path / "out")
    places = splits_of(tmp_path / "out")
    assert places["anna"] == places["bert"] != places["carl"]
    assert (result.duplicates, result.joined) == (1, 2)
    groups = Counter(row["group"] for row in kept(tmp_path / "out"))
    assert sorted(groups.values()) == [2] * 9 + [4], "the column still tells near-duplicates, not persons"


def test_one_file_under_two_names_is_nobody(tmp_path):
    made = Persons(tmp_path / "dst")
    for name in ("anna", "bert"):
        made.photograph("train", name, 1)
        made.photograph("train", name, "same", texture(7))
    result = curated(made.finish(), tmp_path / "out")
    assert result.left_out == {("two_persons", "original"): 2, ("two_persons", "masked"): 2}
    assert result.identities == {"train": 2}


def test_trees_apart_stay_apart(tmp_path):
    made = Persons(tmp_path / "dst", apart=True)
    for person in ("anna", "masked", "original"):
        made.photograph("", person, 1)
    curated(made.finish(), tmp_path / "out")
    assert pictures(tmp_path / "out") == sorted(
        f"train/{place}"
        for person in ("anna", "masked", "original")
        for place in (f"original/{person}/1.jpg", f"masked/{person}/1__n95_0.jpg")
    )
    whole = Persons(tmp_path / "whole")
    for person in ("anna", "masked", "original"):
        whole.photograph("", person, 1)
    curated(whole.finish(), tmp_path / "together")
    assert {Path(name).parent.as_posix() for name in pictures(tmp_path / "together")} == {
        "train/anna",
        "train/masked",
        "train/original",
    }


def test_shards_number_the_persons(tmp_path):
    made = Persons(tmp_path / "dst")
    for person in ("anna", "bert"):
        made.photograph("", person, 1)
    dst, out = made.finish(), tmp_path / "out"
    curated(dst, out, to="webdataset")
    assert (out / "train/000000.tar").is_file()
    assert {row["file1"] for row in read_pairs(out)} <= {row["output"] for row in kept(out)}
    curated(dst, tmp_path / "hf", to="hf")
    card = DatasetCard.load(tmp_path / "hf/README.md").data.to_dict()
    assert "{'0': 'anna', '1': 'bert'}" in str(card["dataset_info"])


def test_persons_are_not_made_equal(tmp_path):
    made = Persons(tmp_path / "dst")
    made.photograph("", "anna", 1)
    made.photograph("", "anna", 2)
    dst = made.finish()
    with pytest.raises(CurateError, match=r"has a folder a person.*leave out --balance min"):
        curated(dst, tmp_path / "out", balance="min")
    with pytest.raises(CurateError, match=r"no person goes to val.*give a larger --val-share"):
        curated(dst, tmp_path / "out", val_share=0.2)
    assert not (tmp_path / "out").exists()
    result = curated(dst, tmp_path / "out", balance="none", pairs=0)
    assert result.kept == {("train", "original"): 2, ("train", "masked"): 2}
    assert not (tmp_path / "out/pairs.csv").exists()


def test_torchvision_opens_what_was_made(tmp_path, maskaug):
    """Where persons lie beside the manifest, ImageFolder fails: the summary says so, the documentation what to do."""
    from torchvision.datasets import ImageFolder

    write(tmp_path / "people", "anna/1.jpg", "bert/1.jpg", "bert/2.jpg")
    said = maskaug("generate", "people", "masked", "--layout", "identities", "--workers", 1)
    assert "torchvision's ImageFolder would take masked/manifest for a person; give --apart" in said.stdout
    with pytest.raises(FileNotFoundError, match="manifest"):
        ImageFolder(tmp_path / "masked")
    code = IDENTITIES.read_text(encoding="utf-8").partition("- **torchvision**")[2].partition("```python\n")[2]
    spoken = {}
    exec(code.partition("```")[0], spoken)
    assert (spoken["faces"].classes, len(spoken["faces"])) == (["anna", "bert"], 6)

    apart = maskaug("generate", "people", "apart", "--layout", "identities", "--apart", "--workers", 1)
    assert "ImageFolder" not in apart.stdout
    assert ImageFolder(tmp_path / "apart" / "masked").classes == ["anna", "bert"]
