"""`evaluate --on-real` and `--groups`: where the errors lie, and what may help."""

import dataclasses
import json

import astronaut
import cv2
import numpy as np
import pytest
from classifiers import write_network
from generated import MASKED, UNMASKED
from runs import command, write_pictures

from maskaug.assets import bundled_classifier
from maskaug.core.classes import CLASSES
from maskaug.core.faces import Face
from maskaug.core.pictures import encode_picture
from maskaug.train.data.largest_face import face_in, largest_box
from maskaug.train.evaluate import advice, photographs, traits
from maskaug.train.evaluate import evaluate as module
from maskaug.train.evaluate.advice import advise, find_weaknesses
from maskaug.train.evaluate.evaluate import EvaluateError, evaluate
from maskaug.train.evaluate.groups import GroupsError, read_groups
from maskaug.train.evaluate.metrics import MetricValue
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.evaluate.photographs import (
    BACKLIGHT,
    BLUR,
    COLOR,
    DARK,
    FACE,
    LIGHT,
    NO_FACE,
    SIZE,
    TURN,
    divide_photographs,
)
from maskaug.train.evaluate.slices import Slice
from maskaug.train.evaluate.traits import dominant_color, measure_traits
from maskaug.train.model.scores import Scores
from maskaug.train.run_dir import RunDir

pytestmark = pytest.mark.usefixtures("quick_reports")


@pytest.fixture(scope="module")
def portrait():
    """Pixels, box and landmarks of the astronaut."""
    pixels = astronaut.face(200)
    box = largest_box(pixels)
    return pixels, box, face_in(pixels, box)


def options(data, tmp_path, **more):
    return EvaluateOptions(data=data, resamples=20, cache=tmp_path / "cache", **more)


def part(by, name, counts, errors):
    return Slice(by, name, counts, errors, MetricValue(0.9, 0.8, 1.0), 0.1, 0.9)


def scores(wrong_masked, masked, wrong_unmasked, unmasked):
    """Logits of +-4, of which some have the wrong sign."""
    labels = np.repeat([1, 0], [masked, unmasked])
    wrong = np.concatenate([np.arange(masked) < wrong_masked, np.arange(unmasked) < wrong_unmasked])
    return Scores.of(labels, np.where(wrong, -1, 1) * 4.0 * (2 * labels - 1))


# What a photograph is like.


def test_darker_is_darker_and_flatter_is_flatter(portrait):
    pixels, box, face = portrait
    usual = measure_traits(pixels, box, face)
    dark = measure_traits((pixels * 0.3).astype(np.uint8), box, face)
    assert dark.light == pytest.approx(0.3 * usual.light, abs=1)
    assert dark.contrast == pytest.approx(usual.contrast, rel=0.1)
    hazy = measure_traits((pixels * 0.2 + 180).astype(np.uint8), box, face)
    assert hazy.contrast < 0.3 * usual.contrast
    assert usual.found
    assert usual.side == pytest.approx(min(box[2:] - box[:2]))


def test_blur_is_told_in_widths_of_the_face(portrait):
    pixels, box, face = portrait
    blurred = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.05 * float(box[2] - box[0])))
    assert measure_traits(pixels, box, face).blur < 3
    assert 4 < measure_traits(blurred, box, face).blur < 7
    small = cv2.resize(blurred, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert 4 < measure_traits(small, box / 2, None).blur < 7


def test_a_bright_background_is_backlight(portrait):
    pixels, box, face = portrait
    left, top, right, bottom = box.round().astype(int)
    lit = np.full_like(pixels, 240)
    lit[top:bottom, left:right] = pixels[top:bottom, left:right]
    found = measure_traits(lit, box, face)
    assert found.backlight == pytest.approx(240 - found.light, abs=2)
    assert np.isnan(measure_traits(pixels[top:bottom, left:right], box - np.tile(box[:2], 2), None).backlight)


def test_a_lean_is_read_from_landmarks():
    pixels = astronaut.face(200, roll=25)
    box = largest_box(pixels)
    straight = measure_traits(astronaut.face(200), None, None)
    assert measure_traits(pixels, box, face_in(pixels, box)).roll == pytest.approx(25, abs=6)
    assert np.isnan([straight.roll, straight.yaw, straight.side]).all()
    assert not straight.found


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((250, 250, 248), "white"),
        ((130, 130, 132), "grey"),
        ((20, 22, 25), "black"),
        ((120, 170, 215), "blue"),
        ((30, 50, 120), "blue"),
        ((245, 170, 190), "pink"),
        ((180, 30, 40), "red"),
        ((225, 165, 130), "like skin"),
        ((95, 60, 45), "like skin"),
        ((235, 220, 90), "yellow"),
        ((70, 150, 90), "green"),
        ((140, 90, 180), "purple"),
    ],
)
def test_colours_have_the_names_that_people_give_them(rgb, name):
    assert dominant_color(np.full((4, 4, 3), rgb, dtype=np.uint8)) == name


def test_a_box_that_reaches_outside_is_measured_where_there_is_picture(portrait):
    pixels, box, _ = portrait
    for outside in ([-90, -80, 60, 90], [150, 150, 400, 390], [500, 500, 600, 600]):
        found = measure_traits(pixels, np.array(outside, dtype=np.float32), None)
        assert 0 <= found.light <= 255
    assert isinstance(face_in(pixels, box), Face)


def test_photographs_are_divided_and_what_has_no_face_is_said(tmp_path, portrait):
    pixels = portrait[0]
    pictures = {"usual": pixels, "dark": (pixels * 0.2).astype(np.uint8), "none": np.full((99, 99, 3), 90, np.uint8)}
    for name, one in pictures.items():
        (tmp_path / f"{name}.png").write_bytes(encode_picture(one, "png"))
    paths = [tmp_path / f"{name}.png" for name in (*pictures, "gone")]
    ticks = []
    divisions = divide_photographs(paths, np.array([1, 0, 0, 0]), lambda done, total: ticks.append((done, total)))
    names = {one.by: list(one.names) for one in divisions}
    assert ticks[-1] == (4, 4)
    assert names[LIGHT][1] == DARK
    assert names[FACE] == ["found", "found", NO_FACE, ""]
    assert [names[by][2] for by in (SIZE, TURN)] == ["", ""]
    assert names[LIGHT][3] == names[BLUR][3] == ""
    assert names[TURN][0] == "below 15°"
    assert [bool(name) for name in names[COLOR]] == [True, False, False, False]
    assert BACKLIGHT in names


# What the errors have in common.


def test_the_part_that_fails_is_named_with_its_numbers_and_what_may_help():
    parts = [part(LIGHT, DARK, (30, 30), (9, 0)), part(LIGHT, "80 to 190", (120, 120), (3, 2))]
    (found,) = find_weaknesses(parts)
    assert (found.name, found.label, found.errors, found.count) == (DARK, 0, 9, 30)
    assert (found.other_errors, found.other_count) == (3, 120)
    (said,) = advise(parts, [LIGHT], scores(2, 150, 12, 150)[np.arange(0, 300, 3)], CLASSES)[-1:]
    assert said.startswith(f"{LIGHT}, {DARK}: 9 of 30 of class not_wearing_mask are called otherwise (30.0%, 16.7% to")
    assert "of usual ones 3 of 120 (2.5%)" in said
    assert "the corruption underexposed" in said


def test_errors_that_are_spread_name_no_part():
    parts = [part(LIGHT, DARK, (30, 30), (1, 1)), part(LIGHT, "80 to 190", (120, 120), (3, 4))]
    assert find_weaknesses(parts) == []
    said = advise(parts, [LIGHT], scores(5, 150, 4, 150), CLASSES)
    assert len(said) == 1
    assert said[0].startswith(
        "No part of these pictures has clearly more errors than the rest: there are 9 errors in 300"
    )


def test_a_part_is_compared_within_a_class():
    """Dark pictures are all of the class that fails: that is no matter of the light."""
    parts = [part(LIGHT, DARK, (0, 100), (0, 20)), part(LIGHT, "80 to 190", (100, 0), (0, 0))]
    assert find_weaknesses(parts) == []


def test_many_parts_of_chance_are_not_named():
    rng = np.random.default_rng(0)
    named = 0
    for _ in range(40):
        errors = rng.binomial(40, 0.1, size=24).tolist()
        named += bool(find_weaknesses([part("camera", str(i), (40, 0), (wrong, 0)) for i, wrong in enumerate(errors)]))
    assert named <= 5


def test_a_class_that_fails_alone_is_said_first():
    said = advise([], [], scores(40, 100, 1, 100), CLASSES)
    assert said[0].startswith("One class fails far more often than the other: 40 of 100 of class wearing_mask")
    assert "lower threshold" in said[0]
    assert "hard negatives" in advise([], [], scores(1, 100, 40, 100), CLASSES)[0]


def test_every_named_part_can_be_found_and_advised():

    known = {(scale.by, name) for scale in photographs._SCALES for name in (*scale.parts, scale.unknown)}
    assert set(advice._ADVICE) <= known
    assert set(advice._COLORS) == {*traits._HUES.values(), "white", "grey", "black", "red"}


# Groups.


@pytest.fixture
def grouped(tmp_path):
    """Pictures, and a table of their groups."""
    write_pictures(tmp_path / "real" / UNMASKED, 6)
    write_pictures(tmp_path / "real" / MASKED, 6, first=6)
    lines = [f"{UNMASKED}/{number}.jpg,{'old' if number % 2 else 'young'},{number}" for number in range(6)]
    lines += [f"{MASKED}/{number}.jpg,{'old' if number % 2 else ''},{number}" for number in range(6, 12)]
    (tmp_path / "groups.csv").write_text("\n".join(["file,age,number", *lines]))
    return tmp_path


def test_figures_by_group(grouped):
    run = write_network(grouped / "run")
    found = evaluate(options(grouped / "real", grouped, run=run, groups=grouped / "groups.csv"))
    ages = {one.name: one.counts for one in found.slices if one.by == "age"}
    assert ages == {"old": (3, 3), "young": (3, 0)}
    assert found.advice
    saved = json.loads((found.folder / "evaluation.json").read_text())
    assert [Slice.from_json(one, CLASSES).errors for one in saved["slices"]] == [one.errors for one in found.slices]
    page = RunDir(run).report.read_text()
    assert ">age<" in page
    assert "Where the errors lie" in page


def test_a_table_of_groups_that_cannot_be_used_is_explained(grouped):
    table, data = grouped / "groups.csv", grouped / "real"
    whole = table.read_text()
    for text, said in (
        (whole + "\nnone/7.jpg,old,1", "line 14: none/7.jpg is neither below .*real nor below "),
        (whole + f"\n{UNMASKED}/0.jpg,old,1", f"line 14: {UNMASKED}/0.jpg is named twice"),
        ("picture,age\na.jpg,old", "has the columns picture, age; it needs one called file"),
        ("file\na.jpg", "has the columns file; it needs"),
        ("", "has the columns none"),
        (f"file,age\n{UNMASKED}/0.jpg\n,old", "line 3: an empty file name"),
    ):
        table.write_text(text)
        with pytest.raises(GroupsError, match=said):
            read_groups(table, data)
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GroupsError, match="is no CSV in UTF-8"):
        read_groups(table, data)
    with pytest.raises(GroupsError, match="cannot be read: No such file"):
        read_groups(grouped / "none.csv", data)


def test_what_is_in_no_group_and_what_is_no_group_is_noted(grouped):
    extra = [grouped / "real" / UNMASKED / f"{number}.jpg" for number in range(30)]
    write_pictures(extra[0].parent, 30)
    (grouped / "groups.csv").write_text(
        "\n".join(["file,age,number", *(f"{UNMASKED}/{path.name},a,{path.stem}" for path in extra[:29])])
    )
    divisions, notes = read_groups(grouped / "groups.csv", grouped / "real").divide([path.resolve() for path in extra])
    assert [one.by for one in divisions] == ["age"]
    assert "column number has 29 values, and is left out" in notes[0]
    assert notes[1].startswith("1 of 30 pictures is not in ")


# The command.


def test_too_few_photographs_are_refused_before_anything_is_judged(tmp_path, monkeypatch):
    write_pictures(tmp_path / "real" / UNMASKED, 3)
    monkeypatch.setattr(module, "predictions_of", None)
    with pytest.raises(EvaluateError, match=r"has 3 labelled pictures, and --on-real needs 50 .*: add 47 more"):
        evaluate(options(tmp_path / "real", tmp_path, on_real=True))


@pytest.mark.slow
def test_a_network_that_fails_in_the_dark_is_told_so(tmp_path, monkeypatch, capsys):
    """Bare faces in the dark are called masked by a network that takes darkness for a mask."""
    rng = np.random.default_rng(5)
    for number in range(52):
        dark = number < 14
        pixels = astronaut.face(int(rng.integers(90, 150)), roll=float(rng.normal(0, 6)), mirror=bool(number % 2))
        pixels = astronaut.relit(pixels, gain=0.16 if dark else rng.uniform(0.8, 1.1), gamma=1, cast=(1, 1, 1))
        path = tmp_path / "real" / UNMASKED / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_picture(pixels, "png"))

    def by_light(predictor, pictures):
        return np.where(pictures.mean(axis=(1, 2, 3)) < 50, 5.0, -5.0).astype(np.float32)

    monkeypatch.setattr(module, "_logits", by_light)
    write_network(tmp_path / "run", calibration=None)
    arguments = ("evaluate", "run", "real", "--on-real", "--resamples", "20", "--cache", "cache", "--json")
    shown = command(monkeypatch, capsys, tmp_path, *arguments)
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert found["advice"][0].startswith(f"{LIGHT}, {DARK}: 14 of 14 of class {UNMASKED} are called otherwise")
    assert "of usual ones 0 of " in found["advice"][0]
    assert not any("flat" in sentence for sentence in found["advice"]), "darkness is no lack of contrast"
    assert "underexposed" in (tmp_path / "run/report.html").read_text()


@pytest.mark.skipif(not bundled_classifier().is_file(), reason="needs the bundled classifier")
def test_the_bundled_classifier_judges_where_none_is_named(tmp_path, monkeypatch, capsys):
    write_pictures(tmp_path / "real" / UNMASKED, 2)
    arguments = ("evaluate", "real", "--resamples", "0", "--cache", "cache")
    shown = command(monkeypatch, capsys, tmp_path, *arguments)
    assert shown.returncode == 0, shown.stderr
    assert "unmasked pictures  " in shown.stdout
    assert not (tmp_path / "real" / "evaluations").exists()
    assert "mask_worn_incorrectly" in command(monkeypatch, capsys, tmp_path, *arguments, "--three-classes").stdout


def test_who_judges_and_what_is_judged_are_told_apart(tmp_path):
    run = write_network(tmp_path / "run")
    both = EvaluateOptions(run=run, data=tmp_path)
    assert (both.trained, both.pictures) == (run, tmp_path)
    assert EvaluateOptions(run=tmp_path).trained is None
    assert EvaluateOptions(run=tmp_path, three_classes=True).data == tmp_path
    assert EvaluateOptions(run="a.onnx", data=tmp_path).file.name == "a.onnx"
    for given, said in (
        ({}, "name DATA, the pictures to judge"),
        ({"run": run}, "judges; name DATA, the pictures, after it"),
        ({"run": "a.onnx"}, "judges; name DATA, the pictures, after it"),
        ({"run": run, "data": tmp_path, "three_classes": True}, "asks the bundled classifier"),
    ):
        with pytest.raises(ValueError, match=said):
            EvaluateOptions(**given)


def test_slices_of_three_classes_come_back(tmp_path):
    names = (*CLASSES, "mask_worn_incorrectly")
    one = dataclasses.replace(part("age", "old", (3, 4, 5), (1, 0, 2)), auc=float("nan"))
    record = {**one.as_json(names), "auc": None}
    assert repr(Slice.from_json(record, names)) == repr(one)
