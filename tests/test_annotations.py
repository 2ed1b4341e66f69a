"""What annotations of every format say of a picture's faces."""

import io
import json

import annotated
import astronaut
import numpy as np
import pytest
from annotated import BARE, FACE, WORN, WRONG
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from maskaug.augment import AnnotationError, GenerateOptions, generate, read_manifest
from maskaug.augment.generate.annotations import AnnotationSet, MarkedFace, PictureAnnotationError, open_annotations
from maskaug.augment.generate.annotations.known import Annotations
from maskaug.augment.generate.annotations.located import locate
from maskaug.augment.generate.annotations.placed import Placement
from maskaug.augment.generate.annotations.registry import FORMATS, AnnotationFormat, MarkedPicture, register
from maskaug.core.pictures import DecodedPicture, read_picture
from maskaug.core.turns import turn_boxes, turn_image

FORMAT_NAMES = ["table", "voc", "yolo", "coco"]


def decoded(pixels):
    return DecodedPicture(pixels, "0" * 64, pixels.shape[1::-1])


def apart(face, other):
    """Mean distance of landmarks in distances between the eyes."""
    eyes = other.landmarks[42:48].mean(axis=0) - other.landmarks[36:42].mean(axis=0)
    return np.hypot(*(face.landmarks - other.landmarks).T).mean() / np.hypot(*eyes)


@pytest.fixture(scope="module")
def scene():
    return annotated.two_faces()


@pytest.fixture(scope="module")
def finder(engine):
    return engine.finder


# What is read


_side = st.integers(0, 4000)
_box = st.tuples(st.sampled_from(annotated.CLASSES), _side, _side, st.integers(1, 900), st.integers(1, 900))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(_box, max_size=4), min_size=1, max_size=4))
def test_every_format_tells_the_same_boxes(tmp_path_factory, pictures):
    size = (5000, 5000)
    boxes = {
        f"{number}.jpg": (size, [(label, x / 4, y / 4, x / 4 + w / 2, y / 4 + h / 2) for label, x, y, w, h in marked])
        for number, marked in enumerate(pictures)
    }
    for name, path in annotated.write_all(tmp_path_factory.mktemp("set"), boxes).items():
        chosen = None if any(one[0] == BARE for _, marked in boxes.values() for one in marked) else {}
        annotations = open_annotations(path, chosen)
        for picture, (_, marked) in boxes.items():
            told = annotations.names[annotations.name_of(picture)]
            assert told.problem is None
            assert [face.label for face in told.faces] == [one[0] for one in marked], name
            scale = 5000 if told.shares else 1
            found = np.array([face.box for face in told.faces]).reshape(-1, 4) * scale
            assert np.allclose(found, np.array([one[1:] for one in marked]).reshape(-1, 4), atol=1e-6), name


@pytest.mark.parametrize("kind", FORMAT_NAMES)
def test_boxes_become_faces(tmp_path, scene, finder, kind):
    pixels, (large, small) = scene
    path = annotated.write_all(tmp_path, {"a.png": (pixels.shape[1::-1], [(BARE, *small), (BARE, *large)])})[kind]
    known = open_annotations(path).known("a.png", decoded(pixels), finder)
    assert [face.detector for face in known.faces] == ["box", "box"]
    assert known.others.shape == known.masked.shape == (0, 4)
    (detected,) = finder.find(astronaut.portrait())
    first, second = known.faces  # the largest first
    assert apart(first, detected) < 0.03
    half = (second.landmarks - (530, 128)) * 2
    assert np.hypot(*(half - detected.landmarks).T).mean() < 0.06 * 48


def test_a_picture_of_no_boxes_has_no_faces_and_one_without_annotations_is_unknown(tmp_path, finder):
    pixels = astronaut.portrait()
    boxes = {"a.png": ((512, 512), []), "b.png": ((512, 512), [(BARE, *FACE)])}
    for path in annotated.write_all(tmp_path, boxes).values():
        annotations = open_annotations(path)
        known = annotations.known("a.png", decoded(pixels), finder)
        assert (known.faces, len(known.others), known.shows_masks) == ([], 0, False)
        assert annotations.known("c.png", decoded(pixels), finder) is None


@pytest.mark.parametrize("grow", [0.8, 1.0, 1.3, (1.0, 1.5)])
@pytest.mark.parametrize("down", [-0.1, 0.1])
def test_boxes_drawn_tighter_looser_higher_and_lower_give_the_same_landmarks(finder, grow, down):
    pixels = astronaut.portrait()
    left, top, right, bottom = FACE
    middle, half = np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top]) / 2
    middle[1] += down * 2 * half[1]
    half = half * grow
    box = np.concatenate([middle - half, middle + half]).astype(np.float32)
    ((face,), left_over) = locate(pixels, [box], [], finder)
    (detected,) = finder.find(pixels)
    assert not left_over
    assert apart(face, detected) < 0.03
    # The box that is kept is of the detector's shape, not of the annotator's.
    assert np.ptp(face.landmarks[:, 0]) / (face.box[2] - face.box[0]) == pytest.approx(0.97, abs=0.1)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_faces_on_their_side_and_upside_down_are_found_as_they_lie(finder, turns):
    pixels = turn_image(astronaut.portrait(), turns)
    drawn = turn_boxes(np.array([FACE]), turns, (512, 512))
    ((face,), left) = locate(pixels, list(drawn), [], finder)
    (detected,) = finder.find(astronaut.portrait())
    assert not left
    assert face.upright > 0.9
    assert apart(face.turned(-turns, (512, 512)), detected) < 0.03


def test_a_face_without_landmarks_is_told_as_such_and_one_marked_twice_counts_once(scene, finder):
    pixels, (large, _) = scene
    drawn = [np.array(box, dtype=np.float32) for box in (large, (760, 400, 772, 414), (174, 60, 273, 191))]
    faces, left = locate(pixels, drawn, [], finder)
    assert len(faces) == 1
    assert [box.tolist() for box in left] == [[760, 400, 772, 414]]


def test_a_box_beside_a_face_that_is_not_its_own_does_not_get_that_face(finder):
    """As of a bare face beside a masked one: the masked one is not to get a second mask."""
    pixels = astronaut.portrait()
    beside = np.array([110, 62, 205, 190], dtype=np.float32)
    faces, left = locate(pixels, [beside], [np.array(FACE, dtype=np.float32)], finder)
    middle = np.array(FACE).reshape(2, 2).mean(axis=0)
    assert len(faces) + len(left) == 1
    assert all(np.hypot(*(face.landmarks.mean(axis=0) - middle)) > 30 for face in faces)


# Classes


def sides(count):
    return [(100.0 * n, 10.0, 100.0 * n + 50, 60.0) for n in range(count)]


def sorted_by(tmp_path, labels, chosen=None, boxes=None):
    """Numbers of bare and masked boxes of a VOC picture with these classes, without looking for landmarks."""
    marked = [(label, *box) for label, box in zip(labels, boxes or sides(len(labels)), strict=True)]
    annotated.write_voc(tmp_path / "voc", {"a.png": ((1000, 100), marked)})
    found = open_annotations(tmp_path / "voc", chosen)
    from maskaug.augment.generate.annotations.classes import sorted_out

    faces = found.names["a"].faces
    return tuple([faces.index(face) for face in group] for group in sorted_out(faces, found.roles))


def test_classes_with_known_names_need_no_option(tmp_path):
    assert sorted_by(tmp_path, [BARE, WORN, WRONG, "Without Mask", "no-mask"]) == ([0, 3, 4], [1, 2])
    assert sorted_by(tmp_path, ["face"]) == ([0], [])


def test_what_is_not_known_to_be_bare_is_taken_to_wear_a_mask(tmp_path):
    assert sorted_by(tmp_path, ["face", "person", "unclear"]) == ([0], [1, 2])
    with pytest.raises(AnnotationError, match=r"have the classes head, person; say which are bare faces.*'head'"):
        sorted_by(tmp_path / "other", ["person", "head"])


def test_chosen_classes(tmp_path):
    chosen = GenerateOptions(
        src=tmp_path, dst=tmp_path / "out", annotations=tmp_path, box_classes="head, person=no_face,cap=masked"
    ).box_classes
    assert chosen == {"head": "bare", "person": "no_face", "cap": "masked"}
    assert sorted_by(tmp_path, ["head", "person", "cap", "face", "Head"], chosen) == ([0, 4], [2, 3])
    with pytest.raises(AnnotationError, match=r"have no class 'heads'; they have: head, person"):
        sorted_by(tmp_path / "other", ["person", "head"], {"heads": "bare"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [("a=bear", "a cannot be bear"), ("a,,b", "a class is missing"), ("a,a=masked", "a is named twice")],
)
def test_chosen_classes_that_cannot_be_are_told(tmp_path, text, problem):
    with pytest.raises(ValueError, match=problem):
        GenerateOptions(src=tmp_path, dst=tmp_path / "out", annotations=tmp_path, box_classes=text)
    with pytest.raises(ValueError, match="give both or none"):
        GenerateOptions(src=tmp_path, dst=tmp_path / "out", box_classes="face")


def test_a_face_whose_mask_has_a_box_of_its_own_wears_it(tmp_path):
    boxes = [(100.0, 10.0, 180.0, 90.0), (110.0, 50.0, 170.0, 95.0), (300.0, 10.0, 380.0, 90.0)]
    assert sorted_by(tmp_path, ["face", "mask", "face"], boxes=boxes) == ([2], [1, 0])
    chosen = {"face": "bare", "mask": "no_face"}
    assert sorted_by(tmp_path / "other", ["face", "mask", "face"], chosen, boxes) == ([0, 2], [])


@pytest.mark.parametrize("kind", FORMAT_NAMES)
def test_masked_faces_get_no_second_mask(tmp_path, scene, finder, kind):
    pixels, (large, small) = scene
    boxes = {"a.png": (pixels.shape[1::-1], [(WORN, *large), (BARE, *small)])}
    known = open_annotations(annotated.write_all(tmp_path, boxes)[kind]).known("a.png", decoded(pixels), finder)
    assert [face.landmarks[30, 0] > 512 for face in known.faces] == [True]
    assert np.allclose(known.masked, [large], atol=1e-3)
    assert known.shows_masks


def test_a_small_masked_face_in_the_background_does_not_make_the_picture_masked(tmp_path, scene, finder):
    pixels, (large, _) = scene
    path = annotated.write_voc(tmp_path, {"a.png": ((800, 512), [(BARE, *large), (WORN, 600, 20, 640, 70)])})
    known = open_annotations(path).known("a.png", decoded(pixels), finder)
    assert len(known.faces) == len(known.masked) == 1
    assert not known.shows_masks


def test_a_crowd_of_coco_is_no_single_face(tmp_path, finder):
    content = annotated.coco({"a.png": ((512, 512), [(BARE, *FACE), (BARE, 300, 300, 500, 400)])})
    content["annotations"][1]["iscrowd"] = 1
    (tmp_path / "coco.json").write_text(json.dumps(content))
    known = open_annotations(tmp_path / "coco.json").known("a.png", decoded(astronaut.portrait()), finder)
    assert len(known.faces) == 1
    assert known.others.tolist() == [[300, 300, 500, 400]]


# Names of classes in YOLO sets


def yolo_classes(tmp_path, name, text, line="1 0.5 0.5 0.1 0.1\n"):
    annotated.write_yolo(tmp_path, {"a.png": ((100, 100), [])})
    (tmp_path / "data.yaml").unlink()
    if name is not None:
        (tmp_path / name).write_text(text)
    (tmp_path / "labels" / "a.txt").write_text(line)
    return open_annotations(tmp_path, {}).names["labels/a"].faces[0].label


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.yaml", "names: ['face', 'with mask']\nnc: 2\n"),
        ("data.yaml", 'nc: 2\nnames: ["face",\n  "with mask"]  # two\n'),
        ("data.yaml", "names:\n  - face\n  - with mask\nnc: 2\n"),
        ("data.yaml", "names:\n- face\n\n# the other\n- 'with mask'\nnc: 2\n"),
        ("data.yaml", "path: x\nnames:\n  0: face\n  1: with mask  # worn\n"),
        ("data.yml", "names: {0: face, 1: with mask}\n"),
        ("classes.txt", "face\nwith mask\n"),
        ("labels/classes.txt", "face\r\nwith mask\r\n"),
    ],
)
def test_names_of_yolos_classes(tmp_path, name, text):
    assert yolo_classes(tmp_path, name, text) == "with mask"


def test_without_names_a_class_is_called_by_its_number(tmp_path):
    assert yolo_classes(tmp_path, None, "") == "1"
    with pytest.raises(AnnotationError, match="have the classes 1; say which are bare faces"):
        open_annotations(tmp_path)
    assert open_annotations(tmp_path, {"1": "bare"}).roles == {"1": "bare"}


def test_names_beside_the_folder_of_labels_are_found(tmp_path):
    annotated.write_yolo(tmp_path / "set", {"a.png": ((100, 100), [(WORN, 10, 10, 20, 20)])})
    assert open_annotations(tmp_path / "set" / "labels", {}).names["a"].faces[0].label == WORN


# Which picture is whose


def names(tmp_path, *paths, match="stem"):
    read = AnnotationSet({path: MarkedPicture(path) for path in paths}, match)
    return Annotations(tmp_path, read, {}).name_of


def test_paths_fit_where_one_is_the_end_of_the_other(tmp_path):
    find = names(tmp_path, "train/labels/a", "valid/labels/a", "b", "labels/train/c.x")
    assert find("train/images/a.jpg") == "train/labels/a"
    assert find("valid/a.png") == "valid/labels/a"
    assert find("test/a.png") is None
    assert find("not_wearing_mask/b.jpg") == "b"
    assert find("images/train/c.x.jpg") == find("c.x.jpg") == "labels/train/c.x"
    assert find("b.txt") is None  # no picture
    with pytest.raises(AnnotationError, match=r"train/labels/a and valid/labels/a both fit picture a\.jpg"):
        find("a.jpg")


def test_names_with_suffixes_fit_with_them_only(tmp_path):
    find = names(tmp_path, "a.jpg", "x/b.jpg", match="name")
    assert (find("images/a.jpg"), find("a.png"), find("b.jpg")) == ("a.jpg", None, "x/b.jpg")
    assert names(tmp_path, "a.jpg", match="path")("images/a.jpg") is None


def test_the_filename_in_a_voc_file_counts_where_no_file_has_the_pictures_name(tmp_path):
    for stem, filename in (("one", "a.jpg"), ("b", "stale.jpg"), ("two", "b.jpg")):
        (tmp_path / f"{stem}.xml").write_text(annotated.voc(filename, None, [("face", *FACE)]))
    find = open_annotations(tmp_path).name_of
    assert [find(name) for name in ("one.png", "a.jpg", "b.jpg", "stale.jpg")] == ["one", "one", "b", "b"]


def test_splits_of_coco_are_told_apart_by_their_folders(tmp_path):
    for split, box in (("train", (1, 2, 30, 40)), ("valid", (5, 6, 70, 80))):
        annotated.write_coco(tmp_path / split / "_annotations.coco.json", {"a.jpg": ((100, 100), [(BARE, *box)])})
    (tmp_path / "settings.json").write_text("{}")
    annotations = open_annotations(tmp_path)
    assert annotations.names[annotations.name_of("train/a.jpg")].faces[0].box == (1, 2, 30, 40)
    assert annotations.names[annotations.name_of("valid/a.jpg")].faces[0].box == (5, 6, 70, 80)
    assert {path.name for path in annotations.files} == {"_annotations.coco.json"}


# Where a box lies


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_of_the_stored_picture_are_turned_with_it(tmp_path, orientation):
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[10:20, 5:35] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "png", exif=exif)
    (tmp_path / "a.png").write_bytes(data.getvalue())
    picture = read_picture(tmp_path / "a.png")
    upright = np.asarray(ImageOps.exif_transpose(Image.open(data)))
    assert picture.full_size == upright.shape[1::-1]
    stored = MarkedPicture("a.xml", size=(60, 40))
    left, top, right, bottom = Placement(stored, picture, "a.png").box((5, 10, 35, 20), 1)
    # Only where the sides are exchanged does the size tell that the box is of the stored picture.
    shown = picture.pixels if orientation >= 5 else pixels
    expected = np.argwhere(shown[..., 0] == 255)
    assert [left, top] == expected.min(axis=0)[::-1].tolist()
    assert [right, bottom] == (expected.max(axis=0)[::-1] + 1).tolist()
    same = Placement(MarkedPicture("a.xml", size=picture.full_size), picture, "a.png")
    assert same.box((5, 10, 35, 20), 1).tolist() == [5, 10, 35, 20]


@pytest.mark.parametrize("kind", FORMAT_NAMES)
def test_boxes_shrink_with_the_picture(tmp_path, kind, finder):
    annotated.write_picture(tmp_path / "src" / "a.png", astronaut.portrait())
    path = annotated.write_all(tmp_path / "set", {"a.png": ((512, 512), [(WORN, *FACE)])})[kind]
    picture = read_picture(tmp_path / "src" / "a.png", max_size=256)
    known = open_annotations(path, {}).known("a.png", picture, finder)
    assert np.allclose(known.masked, np.array(FACE) / 2, atol=1e-3)


def test_boxes_of_a_larger_copy_of_the_picture_are_scaled(tmp_path):
    picture = decoded(np.zeros((100, 200, 3), dtype=np.uint8))
    placement = Placement(MarkedPicture("a.xml", size=(401, 200)), picture, "a.png")
    assert np.allclose(placement.box((40, 20, 80, 60), 1), [20, 10, 40, 30], atol=0.1)


# What cannot be


def refused(path, finder=None, size=(512, 512)):
    pixels = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    with pytest.raises(PictureAnnotationError) as error:
        open_annotations(path, {}).known("a.png", decoded(pixels), finder)
    assert str(error.value).startswith("annotations of a.png in ")
    return str(error.value)


@pytest.mark.parametrize("kind", FORMAT_NAMES)
@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ((10, 10, 10, 50), "have a box without area, number 2"),
        ((50, 10, 10, 50), "have a box without area, number 2"),
        ((600, 10, 700, 50), "have a box outside the picture, number 2"),
        ((-90, 10, 20, 50), "have a box outside the picture, number 2"),
    ],
)
def test_boxes_that_cannot_be_are_told(tmp_path, kind, box, problem):
    boxes = {"a.png": ((512, 512), [(WORN, *FACE), (WORN, *box)])}
    assert problem in refused(annotated.write_all(tmp_path, boxes)[kind])


@pytest.mark.parametrize("kind", ["voc", "coco"])
def test_boxes_of_a_picture_of_another_shape_are_told(tmp_path, kind):
    boxes = {"a.png": ((300, 400), [(WORN, 10, 10, 50, 50)])}
    told = refused(annotated.write_all(tmp_path, boxes)[kind])
    assert "are of a picture of 300 x 400 pixels, but it has 512 x 512" in told


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<annotation><object>", "are no XML: "),
        ("<annotations/>", "begin with <annotations>, not with <annotation>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "declare a document type"),
        (annotated.voc("a.png", None, [("face", 1, 2, "x", 4)]), "have a side of object 1 that is no number"),
        (annotated.voc("a.png", None, [("face", 1, 2, float("nan"), 4)]), "have a side of object 1 that is no number"),
        (annotated.voc("a.png", None, [("", 1, 2, 3, 4)]), "give object 1 no name"),
        ("<annotation><object><name>f</name><bndbox/></object></annotation>", "give object 1 no xmin in a bndbox"),
    ],
)
def test_voc_files_that_cannot_be_read_cost_their_picture_only(tmp_path, text, problem):
    annotated.write_voc(tmp_path, {"b.png": ((9, 9), [])})
    (tmp_path / "a.xml").write_text(text)
    assert problem in refused(tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0 0.5 0.5 0.1\n", "have 4 values in line 1; class, center x"),
        ("0 0.5 0.5 0.1 0.1\n0 .1 .1 .2 .1 .2 .2\n", "have 7 values in line 2"),
        ("0 0.5 0.5 0.1 wide\n", "have a value in line 1 that is no number: 0 0.5 0.5 0.1 wide"),
        ("face 0.5 0.5 0.1 0.1\n", "have a value in line 1 that is no number"),
        ("0 nan 0.5 0.1 0.1\n", "have a value in line 1 that is no number"),
    ],
)
def test_yolo_files_that_cannot_be_read_cost_their_picture_only(tmp_path, text, problem):
    annotated.write_yolo(tmp_path, {"b.png": ((9, 9), [(BARE, 1, 1, 3, 3)])})
    (tmp_path / "labels" / "a.txt").write_text(text)
    assert problem in refused(tmp_path)


def test_a_value_of_a_table_that_is_no_number_costs_its_picture_only(tmp_path, finder):
    (tmp_path / "a.csv").write_text("path,left,top,right,bottom\na.png,1,2,3,wide\nb.png,172,62,272,190\n")
    with pytest.raises(PictureAnnotationError, match="have a value in row 1 that is no number"):
        open_annotations(tmp_path / "a.csv").known("a.png", decoded(astronaut.portrait()), finder)
    assert len(open_annotations(tmp_path / "a.csv").known("b.png", decoded(astronaut.portrait()), finder).faces) == 1


def coco_with(**changed):
    content = annotated.coco({"a.png": ((512, 512), [(BARE, *FACE)])})
    for part, value in changed.items():
        content[part] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "are no JSON"),
        ("[]", "no list of objects 'images'"),
        (coco_with(annotations={}), "no list of objects 'annotations'"),
        (coco_with(categories=[{"name": "face"}]), "a category without id or name"),
        (coco_with(categories=[{"id": 9, "name": "face"}]), "have category 1, which has no name in categories"),
        (coco_with(images=[{"id": 7, "file_name": "a.png"}]), "annotation 1 for image 0, which is not in images"),
        (coco_with(images=[{"id": 0}]), "an image without id or file_name"),
        (coco_with(images=[{"id": 0, "file_name": "a.png"}] * 2), "give two images the id 0"),
        (coco_with(images=[{"id": n, "file_name": "a.png"} for n in (0, 1)]), "tell of a.png twice"),
    ],
)
def test_coco_files_that_cannot_be_used_are_told(tmp_path, text, problem):
    (tmp_path / "coco.json").write_text(text)
    with pytest.raises(AnnotationError, match=problem):
        open_annotations(tmp_path / "coco.json")


def test_a_bbox_that_is_no_box_costs_its_picture_only(tmp_path):
    content = annotated.coco({"a.png": ((512, 512), [(BARE, *FACE)]), "b.png": ((512, 512), [(BARE, *FACE)])})
    content["annotations"][0]["bbox"] = [1, 2, 3]
    (tmp_path / "coco.json").write_text(json.dumps(content))
    assert "have a bbox that is not four numbers: [1, 2, 3]" in refused(tmp_path / "coco.json")
    assert open_annotations(tmp_path / "coco.json").names["b.png"].problem is None


def test_paths_that_are_no_annotations_are_told(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.md").write_text("hello")
    for name in ("empty", "notes.md"):
        with pytest.raises(AnnotationError, match="of no known format: COCO, Pascal VOC, YOLO, a table, an earlier"):
            open_annotations(tmp_path / name)
    with pytest.raises(AnnotationError, match="do not exist"):
        open_annotations(tmp_path / "gone")
    boxes = {"a.png": ((100, 100), [(BARE, 1, 1, 50, 50)])}
    annotated.write_all(tmp_path / "both", boxes)
    with pytest.raises(AnnotationError, match="are COCO and Pascal VOC and YOLO at once; name the file or folder"):
        open_annotations(tmp_path / "both")


def test_a_class_without_a_name_stops_the_run(tmp_path):
    annotated.write_yolo(tmp_path, {"a.png": ((100, 100), [(WRONG, 1, 1, 50, 50)])})
    (tmp_path / "data.yaml").write_text("names: [without_mask, with_mask]")
    with pytest.raises(AnnotationError, match=r"a\.txt have class 2, which has no name in .*data\.yaml: it names 2"):
        open_annotations(tmp_path)


def test_a_format_is_one_registration(tmp_path, finder):
    def read(source, _files):
        left, top, right, bottom = map(float, source.read_text().split())
        return AnnotationSet({"a.png": MarkedPicture(str(source), (MarkedFace((left, top, right, bottom)),))}, "name")

    register(AnnotationFormat("one box", lambda source, _files: source.suffix == ".box", read))
    try:
        (tmp_path / "a.box").write_text("172 62 272 190")
        known = open_annotations(tmp_path / "a.box").known("x/a.png", decoded(astronaut.portrait()), finder)
        assert len(known.faces) == 1
        with pytest.raises(ValueError, match="there is an annotation format 'one box' already"):
            register(FORMATS["one box"])
    finally:
        del FORMATS["one box"]


# The whole way


def run(src, dst, **options):
    return generate(GenerateOptions(src=src, dst=dst, workers=1, copies=1, **options))


def rows(dst):
    return list(read_manifest(dst))


@pytest.mark.slow
def test_every_format_makes_the_same_set(tmp_path, scene):
    pixels, (large, small) = scene
    size = pixels.shape[1::-1]
    boxes = {
        "bare.png": (size, [(BARE, *large), (BARE, *small)]),
        "mixed.png": (size, [(BARE, *large), (WORN, *small)]),
        "behind.png": (size, [(BARE, *large), (WORN, 600, 20, 640, 70)]),
        "empty.png": (size, []),
        "broken.png": (size, [(BARE, 900, 10, 950, 60)]),
        "gone.png": (size, [(BARE, *large)]),
    }
    sources = [*list(boxes)[:-1], "unknown.png"]
    for number, name in enumerate(sources):
        annotated.write_picture(tmp_path / "src" / name, np.roll(pixels, number, axis=0))
    sets = {}
    for kind, path in annotated.write_all(tmp_path / "set", boxes).items():
        run(tmp_path / "src", tmp_path / kind, annotations=path)
        sets[kind] = [{**row, "message": None} for row in rows(tmp_path / kind) if row["source"] in sources]
        assert sets[kind] == sets["table"]
        (missing,) = [row for row in rows(tmp_path / kind) if row["source"] not in sources]
        assert missing["reasons"] == ["picture_missing"]
        assert missing["message"].endswith(f"tells of {missing['source']}, which SRC lacks")
    by_source = {}
    for row in rows(tmp_path / "voc"):
        by_source.setdefault(row["source"], []).append(row)
    statuses = {
        name: [(row["status"], *(row["reasons"] or [])[:1]) for row in found] for name, found in by_source.items()
    }
    assert {name: statuses[name] for name in ("mixed.png", "empty.png", "broken.png")} == {
        "mixed.png": [("refused", "already_masked")],
        "empty.png": [("refused", "no_face")],
        "broken.png": [("refused", "bad_annotation")],
    }
    assert [len(row["other_faces"]) for row in by_source["bare.png"]] == [1, 1]
    assert by_source["bare.png"][0]["masked_boxes"] == []
    assert by_source["behind.png"][0]["masked_boxes"] == [[600, 20, 640, 70]]
    assert by_source["unknown.png"][0]["detector"] != "box"


@pytest.mark.slow
def test_annotations_among_the_pictures_are_no_sources(tmp_path):
    """As Roboflow lays out what it exports: both splits, and files that are no pictures."""
    box = {"a.png": ((512, 512), [(BARE, *FACE)])}
    for number, split in enumerate(("train", "valid")):
        annotated.write_picture(tmp_path / "src" / split / "images" / "a.png", np.roll(astronaut.portrait(), number, 1))
        annotated.write_yolo(tmp_path / "src" / split, box)
        (tmp_path / "src" / split / "data.yaml").rename(tmp_path / "src" / "data.yaml")
    (tmp_path / "src" / "README.roboflow.txt").write_text("exported")
    summary = run(tmp_path / "src", tmp_path / "out", annotations=tmp_path / "src")
    assert summary.masked == {"train/wearing_mask": 1, "valid/wearing_mask": 1}
    assert (summary.sources, summary.refused) == (2, {})
    assert {row["detector"] for row in rows(tmp_path / "out")} == {"box"}

    annotated.write_picture(tmp_path / "flat" / "a.png", astronaut.portrait())
    annotated.write_voc(tmp_path / "flat", box)
    summary = run(tmp_path / "flat", tmp_path / "second", annotations=tmp_path / "flat")
    assert (summary.sources, summary.masked) == (1, {"train/wearing_mask": 1})


def test_annotations_that_fit_nothing_or_too_much_write_nothing(tmp_path):
    annotated.write_picture(tmp_path / "src" / "a.png", astronaut.portrait())
    other = annotated.write_voc(tmp_path / "other", {"b.png": ((512, 512), [(BARE, *FACE)])})
    with pytest.raises(AnnotationError, match=r"fit no picture of SRC: they are of b, and SRC has a\.png"):
        run(tmp_path / "src", tmp_path / "out", annotations=other)
    annotated.write_picture(tmp_path / "src" / "x" / "a.png", astronaut.portrait())
    same = annotated.write_voc(tmp_path / "same", {"a.png": ((512, 512), [(BARE, *FACE)])})
    with pytest.raises(AnnotationError, match=r"of a in .*a\.xml fit two pictures, a\.png and x/a\.png"):
        run(tmp_path / "src", tmp_path / "out", annotations=same)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_later_rounds_give_masked_faces_no_mask_either(tmp_path, scene):
    """Balance asks for more copies where the split has real masks, once all of it has been read."""
    pixels, (large, _) = scene
    boxes = {f"{name}.png": ((800, 512), [(BARE, *large), (WORN, 600, 20, 640, 70)]) for name in "ab"}
    for number, name in enumerate(boxes):
        annotated.write_picture(tmp_path / "src" / "not_wearing_mask" / name, np.roll(pixels, number, axis=0))
    annotated.write_picture(tmp_path / "src" / "wearing_mask" / "c.png", pixels)
    path = annotated.write_voc(tmp_path / "voc", boxes)
    generate(GenerateOptions(src=tmp_path / "src", dst=tmp_path / "out", workers=1, annotations=path))
    (masked,) = [row for row in rows(tmp_path / "out") if row["status"] == "masked"]
    (original,) = [
        row for row in rows(tmp_path / "out") if row["source"] == masked["source"] and row["status"] == "original"
    ]
    assert original["masked_boxes"] == [[600, 20, 640, 70]]
    assert (masked["other_faces"], masked["faces_bare"]) == ([], 0)
