"""Pictures of several faces: each is judged by itself, and what a picture is called is true of all that count."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from astronaut import portrait

from maskaug.augment import GenerateOptions, generate, open_generated
from maskaug.augment.generate.crops import crop_about
from maskaug.core.faces import Face
from maskaug.core.pictures import read_picture
from maskaug.masktheface_wrapper.overlay import Overlay


def scene(*faces):
    """The astronaut's head at places (left, size), on grey."""
    head = np.ascontiguousarray(portrait()[0:320, 60:380])
    image = np.full((330, 700, 3), 110, dtype=np.uint8)
    for left, side in faces:
        image[:side, left : left + side] = cv2.resize(head, (side, side), interpolation=cv2.INTER_AREA)
    return image


def run(tmp_path, image, **options):
    src = tmp_path / "src" / "train" / "not_wearing_mask"
    src.mkdir(parents=True)
    cv2.imwrite(str(src / "scene.png"), image[..., ::-1])
    dst = tmp_path / "out"
    given = {"copies": 1, "format": "png", "workers": 1, **options}
    summary = generate(GenerateOptions(src=tmp_path / "src", dst=dst, **given))
    rows = list(open_generated(dst).rows())
    return dst, summary, [row for row in rows if row["status"] == "original"], [row for row in rows if row["copy"] == 0]


@pytest.fixture
def left_fails(monkeypatch):
    """The score refuses every mask on a face in the picture's left half."""
    from maskaug.masktheface_wrapper import engine

    true = engine.MaskEngine.apply

    def apply(self, image, face, *rest, **named):
        overlay = true(self, image, face, *rest, **named)
        if face.landmarks[:, 0].mean() > 340:
            return overlay
        return Overlay(**{**vars(overlay), "quality": 0.01, "reasons": ("too_dark",)})

    monkeypatch.setattr(engine.MaskEngine, "apply", apply)


def test_a_bare_face_that_counts_refuses_the_picture(tmp_path, left_fails):
    _, summary, (original,), (copy,) = run(tmp_path, scene((0, 300), (360, 320)))
    assert (copy["status"], copy["reasons"][0], copy["faces_bare"]) == ("refused", "bare_face", 1)
    assert "--crop faces" in copy["message"]
    assert summary.refused == {"bare_face": 1}
    assert original["kind"] is None


def test_a_smaller_bare_face_is_counted(tmp_path, left_fails):
    dst, summary, (original,), (copy,) = run(tmp_path, scene((0, 120), (360, 320)), bare_faces="refuse", alpha=True)
    assert (copy["status"], copy["faces_bare"], summary.faces_bare) == ("masked", 1, 1)
    assert copy["kind"] is not None
    (bare,) = copy["other_faces"]
    assert (bare["kind"], bare["reasons"], bare["parameters"]) == (None, ["too_dark"], None)
    assert copy["quality"] > 0.2, "the picture's score is that of the masks in it"
    before, after = (read_picture(dst / row["output"]).pixels for row in (original, copy))
    assert (before[:, :300] == after[:, :300]).all(), "the bad overlay is not in the picture"
    assert (before != after).any()
    assert not cv2.imread(str(dst / copy["alpha"]), 0)[:, :300].any()


def test_bare_faces_may_be_kept(tmp_path, left_fails):
    _, summary, _, (copy,) = run(tmp_path, scene((0, 300), (360, 320)), bare_faces="keep")
    assert (copy["status"], copy["faces_bare"], summary.faces_bare) == ("masked", 1, 1)


def test_bare_faces_may_be_cropped_away(tmp_path, left_fails):
    dst, _, (original,), copies = run(tmp_path, scene((0, 300), (360, 320)), bare_faces="crop")
    assert original["face"] is None
    assert sorted((copy["status"], copy["reasons"][:1]) for copy in copies) == [
        ("masked", []),
        ("refused", ["low_quality"]),
    ]
    (masked,) = (copy for copy in copies if copy["status"] == "masked")
    assert masked["crop"][0] > 300
    assert Path(masked["output"]).stem == f"scene__face0_{masked['kind']}_0"
    left, top, right, bottom = masked["crop"]
    assert read_picture(dst / masked["output"]).pixels.shape == (bottom - top, right - left, 3)


def test_a_crop_of_each_face(tmp_path, engine):
    image = scene((0, 200), (360, 320))
    dst, summary, originals, copies = run(tmp_path, image, crop="faces", copies=2)
    assert [Path(row["output"]).name for row in originals] == ["scene__face0.png", "scene__face1.png"]
    assert (sum(summary.original.values()), sum(summary.masked.values())) == (2, 4)
    for row in originals:
        left, top, right, bottom = row["crop"]
        pixels = read_picture(dst / row["output"]).pixels
        assert (pixels == image[top:bottom, left:right]).all()
        (face, *_) = engine.find(pixels)
        known = np.array(row["landmarks"]).reshape(68, 2)
        assert np.abs(face.landmarks - known).mean() < 2, "landmarks lie in the crop"
    for copy in copies:
        before = next(row for row in originals if row["face"] == copy["face"])
        assert copy["crop"] == before["crop"]
        assert copy["faces_bare"] == 0
        pair = [read_picture(dst / row["output"]).pixels for row in (before, copy)]
        assert pair[0].shape == pair[1].shape
        assert (pair[0] != pair[1]).any()


def test_crops_keep_the_pixels_of_a_large_picture(tmp_path):
    _, _, originals, copies = run(tmp_path, scene((0, 200), (360, 320)), crop="faces", max_size=96)
    for row in (*originals, *copies):
        left, _, right, _ = row["crop"]
        assert right - left > 96, "cut out before it is shrunk"
        assert max(row["width"], row["height"]) == 96
        points = np.array(row["landmarks"]).reshape(68, 2)
        assert (points.max(axis=0) < (row["width"], row["height"])).all()


def test_crops_are_balanced_by_pictures(tmp_path):
    _, summary, originals, copies = run(tmp_path, scene((0, 200), (360, 320)), crop="faces", copies=None)
    assert len(originals) == len(copies) == 2
    assert not summary.missing


def test_later_rounds_find_the_faces_of_crops_again(tmp_path):
    """Half of the copies are worn under the chin, so balance takes several rounds."""
    _, _, originals, _ = run(
        tmp_path,
        scene((0, 200), (360, 320)),
        crop="faces",
        copies=None,
        wear="correct,under_chin=3",
        seed=4,
        max_size=96,
    )
    places = {row["face"]: row["crop"] for row in originals}
    dst = open_generated(tmp_path / "out")
    later = [row for row in dst.rows() if (row["copy"] or 0) > 0]
    assert later, "the seed gives a round that balance is not reached in"
    assert all(row["crop"] == places[row["face"]] for row in later)
    known = {row["face"]: np.array(row["landmarks"]) for row in originals}
    assert all(np.abs(np.array(row["landmarks"]) - known[row["face"]]).max() < 1.5 for row in later)


def test_a_face_in_sight_without_landmarks_counts(tmp_path, monkeypatch):
    from maskaug.masktheface_wrapper import FaceFinder

    true = FaceFinder.search
    monkeypatch.setattr(
        FaceFinder, "search", lambda self, image: (true(self, image)[0], np.array([[10, 10, 200, 210]], np.float32))
    )
    _, _, (original,), (copy,) = run(tmp_path, scene((360, 320)))
    assert original["other_boxes"] == [[10, 10, 200, 210]]
    assert (copy["status"], copy["reasons"][0], copy["faces_bare"]) == ("refused", "bare_face", 1)


def masked_in(left, right):
    """A check that calls faces masked whose middle lies between two columns."""
    return lambda image, boxes: (boxes[:, [0, 2]].mean(axis=1) > left) & (boxes[:, [0, 2]].mean(axis=1) < right)


def checked(tmp_path, image, check, **options):
    src = tmp_path / "src" / "train" / "not_wearing_mask"
    src.mkdir(parents=True)
    cv2.imwrite(str(src / "scene.png"), image[..., ::-1])
    given = {"copies": 1, "format": "png", "workers": 1, **options}
    generate(GenerateOptions(src=tmp_path / "src", dst=tmp_path / "out", **given), wears_mask=check)
    return list(open_generated(tmp_path / "out").rows())


def test_pictures_of_masked_faces_are_refused(tmp_path):
    (row,) = checked(tmp_path, scene((0, 300), (360, 320)), masked_in(0, 340))
    assert (row["status"], row["reasons"]) == ("refused", ["already_masked"])
    assert "--already-masked keep" in row["message"]


def test_masked_pictures_may_be_kept(tmp_path):
    original, copy = checked(tmp_path, scene((0, 300), (360, 320)), masked_in(0, 340), already_masked="keep")
    assert (original["status"], copy["status"]) == ("original", "masked")
    assert copy["faces_bare"] == 0


def test_a_masked_face_is_not_kept_as_faceless(tmp_path):
    (row,) = checked(tmp_path, scene((0, 300)), masked_in(0, 340), faceless="keep")
    assert row["reasons"] == ["already_masked"]


def test_a_masked_bystander_gets_no_second_mask(tmp_path):
    _, copy = checked(tmp_path, scene((0, 120), (360, 320)), masked_in(0, 340))
    assert (copy["status"], copy["faces_bare"], copy["other_faces"]) == ("masked", 0, [])


def test_crops_leave_masked_faces_out(tmp_path):
    rows = checked(tmp_path, scene((0, 300), (360, 320)), masked_in(0, 340), crop="faces")
    assert [(row["status"], row["face"], row["crop"][0] > 300) for row in rows] == [
        ("original", 0, True),
        ("masked", 0, True),
    ]


def test_a_crop_lies_in_its_picture():
    box = np.array([-20, 30, 80, 160], dtype=np.float32)
    face = Face(box, np.zeros((68, 2), np.float32), 0.0, "box")
    crop = crop_about(face, (120, 90), 0.5, number=3, max_size=60)
    assert crop.region == (0, 0, 90, 120)
    assert (crop.number, crop.scale) == (3, 0.5)
    assert crop.cut(np.zeros((120, 90, 3), np.uint8)).shape == (60, 45, 3)
