import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskaug.augment.generate.scan import COPY_MARK, ScanError, check_apart, scan
from maskaug.core.files import safe_stem
from maskaug.core.text import printable

SOURCE, MASKED = "not_wearing_mask", "wearing_mask"


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def places(found):
    return {source.relative: (source.split, source.label, source.subfolder, source.stem) for source in found.sources}


def test_splits_classes_and_subfolders(tmp_path):
    touch(
        tmp_path,
        "train/not_wearing_mask/a.jpg",
        "train/not_wearing_mask/who/b.jpg",
        "train/wearing_mask/c.png",
        "train/mask_worn_incorrectly/d.jpg",
        "deep/val/not_wearing_mask/e.jpg",
        "README.md",
        "train/notes.txt",
        "train/not_wearing_mask/.hidden.jpg",
        "train/not_wearing_mask/Thumbs.db",
    )
    assert places(scan(tmp_path, SOURCE, MASKED)) == {
        "train/not_wearing_mask/a.jpg": ("train", SOURCE, "", "a"),
        "train/not_wearing_mask/who/b.jpg": ("train", SOURCE, "who", "b"),
        "train/wearing_mask/c.png": ("train", MASKED, "", "c"),
        "train/mask_worn_incorrectly/d.jpg": ("train", "mask_worn_incorrectly", "", "d"),
        "deep/val/not_wearing_mask/e.jpg": ("deep/val", SOURCE, "", "e"),
    }


def test_without_splits_all_is_train(tmp_path):
    touch(tmp_path, "not_wearing_mask/a.jpg", "wearing_mask/b.jpg")
    assert {place[:2] for place in places(scan(tmp_path, SOURCE, MASKED)).values()} == {
        ("train", SOURCE),
        ("train", MASKED),
    }


def test_pictures_outside_every_class_are_problems(tmp_path):
    touch(tmp_path, "stray.jpg", "notes.txt", "train/not_wearing_mask/a.jpg", "train/b.jpg", "extra/c.jpg")
    found = scan(tmp_path, SOURCE, MASKED)
    assert list(places(found)) == ["train/not_wearing_mask/a.jpg"]
    assert [(problem.relative, problem.reason) for problem in found.problems] == [
        ("extra/c.jpg", "no_class"),
        ("stray.jpg", "no_class"),
        ("train/b.jpg", "no_class"),
    ]


@pytest.mark.parametrize("place", ["", "sets/first/"])
def test_of_an_earlier_output_pictures_alone_are_sources(tmp_path, place):
    pictures = {f"{place}train/{SOURCE}/a.jpg", f"{place}train/{MASKED}/b.jpg"}
    beside = ["manifest/part-0.parquet", "contact_sheet.png", f"alpha/train/{MASKED}/b.png", "card/plot.png"]
    alike = [f"alpha/{SOURCE}/c.jpg"] if place else []  # beside the set, not in it
    touch(tmp_path, *pictures, *(f"{place}{name}" for name in beside), *alike)
    found = scan(tmp_path, SOURCE, MASKED)
    assert set(places(found)) == {*pictures, *alike}
    assert not found.problems


def test_folder_names_too_long_once_escaped_are_problems(tmp_path):
    touch(tmp_path, "not_wearing_mask/a.jpg", "\n" * 200 + "/b.jpg")
    found = scan(tmp_path, SOURCE, MASKED)
    assert list(places(found)) == ["not_wearing_mask/a.jpg"]
    assert [problem.reason for problem in found.problems] == ["name_too_long"]


def test_a_flat_folder_holds_the_source_class(tmp_path):
    touch(tmp_path, "a.jpg", "b.jpg")
    assert {place[:2] for place in places(scan(tmp_path, SOURCE, MASKED)).values()} == {("train", SOURCE)}
    touch(tmp_path / SOURCE, "c.jpg", "who/d.jpg")
    below = places(scan(tmp_path / SOURCE, SOURCE, MASKED))
    assert below["who/d.jpg"] == ("train", SOURCE, "who", "d")


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train/images/a.jpg", "train/labels/a.txt", "test/images/b.jpg", "README.txt"], ["test", "train"]),
        (["images/train/a.jpg", "images/val/b.jpg", "labels/train/a.txt"], ["train", "val"]),
        (["train/a.jpg", "valid/b.jpg"], ["train", "valid"]),
        (["images/a.jpg", "images/b.jpg", "annotations/a.xml"], ["train", "train"]),
    ],
)
def test_pictures_in_folders_of_splits_alone_are_of_the_source_class(tmp_path, names, splits):
    touch(tmp_path, *names)
    found = places(scan(tmp_path, SOURCE, MASKED)).values()
    assert sorted(split for split, *_ in found) == splits
    assert {place[1:3] for place in found} == {(SOURCE, "")}


@pytest.mark.parametrize("names", [["train/with_mask/a.jpg"], ["train/a.jpg", "other/b.jpg"], ["images/images/a.jpg"]])
def test_pictures_in_further_folders_are_not(tmp_path, names):
    """They are of classes whose names were not given."""
    touch(tmp_path, *names)
    with pytest.raises(ScanError, match="no folder called 'not_wearing_mask'"):
        scan(tmp_path, SOURCE, MASKED)


def test_names_that_would_meet_are_marked(tmp_path):
    touch(tmp_path, "a.jpg", "a.png", "A.jpeg", "b.jpg", f"c{COPY_MARK}n95_0.jpg")
    stems = {relative: place[3] for relative, place in places(scan(tmp_path, SOURCE, MASKED)).items()}
    assert stems["b.jpg"] == "b"
    assert len({stem.casefold() for stem in stems.values()}) == 5
    assert stems[f"c{COPY_MARK}n95_0.jpg"] != f"c{COPY_MARK}n95_0"


def test_a_mark_that_is_another_files_name_is_marked_again(tmp_path):
    touch(tmp_path, "a.jpg", "a.png")
    taken = scan(tmp_path, SOURCE, MASKED).sources[1].stem
    touch(tmp_path, f"{taken}.jpg")
    stems = [source.stem for source in scan(tmp_path, SOURCE, MASKED).sources]
    assert len(set(stems)) == 3


def test_folders_that_link_to_each_other_end_soon(tmp_path):
    for number in range(8):
        touch(tmp_path, f"not_wearing_mask/{number}/a.jpg")
    for number in range(8):
        for other in set(range(8)) - {number}:
            (tmp_path / f"not_wearing_mask/{number}/to_{other}").symlink_to(tmp_path / f"not_wearing_mask/{other}")
    found = scan(tmp_path, SOURCE, MASKED)
    assert len(found.sources) + len(found.problems) < 4000
    assert {problem.reason for problem in found.problems} == {"link_loop", "too_many_links"}


def test_an_empty_class_folder_is_a_class_folder(tmp_path):
    (tmp_path / SOURCE).mkdir()
    touch(tmp_path, "readme.txt")
    with pytest.raises(ScanError, match="holds no picture"):
        scan(tmp_path, SOURCE, MASKED)
    touch(tmp_path, "other/a.jpg")
    assert [source.label for source in scan(tmp_path, SOURCE, MASKED).sources] == ["other"]


def test_loops_pipes_and_dangling_links_are_problems(tmp_path):
    touch(tmp_path, "train/not_wearing_mask/a.jpg")
    (tmp_path / "train" / "not_wearing_mask" / "loop").symlink_to(tmp_path / "train")
    (tmp_path / "train" / "not_wearing_mask" / "gone.jpg").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "train" / "not_wearing_mask" / "pipe")
    found = scan(tmp_path, SOURCE, MASKED)
    assert [source.relative for source in found.sources] == ["train/not_wearing_mask/a.jpg"]
    assert {problem.reason for problem in found.problems} == {"link_loop", "dangling_link", "not_a_file"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_a_problem(tmp_path):
    touch(tmp_path, "train/not_wearing_mask/a.jpg", "train/not_wearing_mask/locked/b.jpg")
    locked = tmp_path / "train/not_wearing_mask/locked"
    locked.chmod(0)
    try:
        found = scan(tmp_path, SOURCE, MASKED)
    finally:
        locked.chmod(0o755)
    assert [problem.reason for problem in found.problems] == ["unreadable_folder"]


def test_wrong_folders_are_told_in_a_sentence(tmp_path):
    with pytest.raises(ScanError, match="does not exist"):
        scan(tmp_path / "gone", SOURCE, MASKED)
    with pytest.raises(ScanError, match="holds no picture"):
        scan(tmp_path, SOURCE, MASKED)
    touch(tmp_path, "cats/a.jpg", "dogs/b.jpg")
    with pytest.raises(ScanError, match=r"cats, dogs.*--source-class"):
        scan(tmp_path, SOURCE, MASKED)
    with pytest.raises(ScanError, match="is not a folder"):
        scan(tmp_path / "cats" / "a.jpg", SOURCE, MASKED)


def test_source_and_destination_must_be_apart(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    for src, dst in [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a", "link/a/b")]:
        with pytest.raises(ScanError):
            check_apart(tmp_path / src, tmp_path / dst)
    check_apart(tmp_path / "a", tmp_path / "ab")


names = st.text(st.characters(blacklist_characters="/\x00", blacklist_categories=()), min_size=1, max_size=40)


@given(names)
def test_stems_are_safe_on_every_file_system(name):
    stem = safe_stem(name)
    assert stem
    assert stem.isprintable()
    assert not set(stem) & set('<>:"/\\|?*')
    assert stem == stem.strip(". ")
    assert len(stem.encode()) <= 101


@given(names, names)
def test_printable_is_printable_and_unique(first, second):
    assert printable(first).isprintable()
    printable(first).encode("utf-8")
    assert (printable(first) == printable(second)) == (first == second)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a.jpg", "A.JPG", "a.png", "b.c.jpg", "a b.jpg", "a_b.jpg", "é.jpg"]), unique=True, min_size=1
    )
)
def test_names_do_not_depend_on_the_order_of_files(tmp_path_factory, files):
    shuffled = files.copy()
    random.Random(0).shuffle(shuffled)
    results = []
    for order in (files, shuffled):
        folder = tmp_path_factory.mktemp("scan")
        touch(folder, *order)
        results.append(places(scan(folder, SOURCE, MASKED)))
    assert results[0] == results[1]
    stems = [place[3].casefold() for place in results[0].values()]
    assert len(set(stems)) == len(stems)
