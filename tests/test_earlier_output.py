"""Annotations in a run: an earlier output tells all it knows, files are read once, and advice fits who saw a mask."""

import shutil

import annotated
import numpy as np
import pytest
from annotated import BARE, WORN

from maskaug.augment import GenerateOptions, generate, read_manifest
from maskaug.augment.generate.annotations.registry import FORMATS
from maskaug.augment.generate.worker import SourceWorker
from maskaug.core.manifest import faces_of
from maskaug.masktheface_wrapper import FaceFinder

BYSTANDER, WALL = (600.0, 20.0, 630.0, 56.0), (700.0, 400.0, 780.0, 500.0)


def run(src, dst, **options):
    return generate(GenerateOptions(src=src, dst=dst, **{"workers": 1, "copies": 1, "bare_faces": "keep", **options}))


def originals(dst):
    return [row for row in read_manifest(dst) if row["status"] == "original"]


@pytest.fixture
def scene(tmp_path, monkeypatch):
    """A picture of two bare faces, a masked one in the background, and one whose landmarks cannot be found."""
    pixels, (large, small) = annotated.two_faces()
    pixels[390:510, 690:790] = 127
    from_box = FaceFinder.from_box

    def lost_on_the_wall(self, image, box):
        x, y = ((box[:2] + box[2:]) / 2).astype(int)
        return None if image[y - 5 : y + 5, x - 5 : x + 5].std() < 2 else from_box(self, image, box)

    monkeypatch.setattr(FaceFinder, "from_box", lost_on_the_wall)
    annotated.write_picture(tmp_path / "src" / "scene.png", pixels)
    boxes = {"scene.png": ((800, 512), [(BARE, *large), (BARE, *small), (WORN, *BYSTANDER), (BARE, *WALL)])}
    return tmp_path / "src", annotated.write_voc(tmp_path / "voc", boxes)


def all_faces(rows):
    """Landmarks of faces in the whole source, largest first, whether the rows are crops or not."""
    found = []
    for row in rows:
        crop = row["crop"] or [0, 0, row["width"], row["height"]]
        scale = (crop[2] - crop[0]) / row["width"]
        found += [face.landmarks * scale + crop[:2] for face in faces_of(row)[: 1 if row["crop"] else None]]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("crop", ["none", "faces"])
@pytest.mark.parametrize("again", ["none", "faces"])
def test_an_earlier_output_tells_of_bare_of_masked_and_of_other_faces(scene, tmp_path, monkeypatch, crop, again):
    src, voc = scene
    sizes = {"max_size": 300} if crop == "faces" else {}
    run(src, tmp_path / "first", annotations=voc, crop=crop, **sizes)
    monkeypatch.setattr(FaceFinder, "find", lambda *_: pytest.fail("searched again"))
    monkeypatch.setattr(FaceFinder, "boxes", lambda *_: pytest.fail("searched again"))
    run(src, tmp_path / "second", annotations=tmp_path / "first", crop=again)
    first, second = originals(tmp_path / "first"), originals(tmp_path / "second")
    assert len(second) == (2 if again == "faces" else 1)
    for one, other in zip(all_faces(first), all_faces(second), strict=True):
        np.testing.assert_allclose(one, other, atol=0.05)
    assert len(all_faces(first)) == 2
    corner = np.tile((second[0]["crop"] or [0, 0])[:2], 2)
    np.testing.assert_allclose(np.array(second[0]["masked_boxes"]) + corner, [BYSTANDER], atol=0.01)
    if again == crop == "none":
        assert second[0]["other_boxes"] == first[0]["other_boxes"] == [list(WALL)]
        assert [row["faces_bare"] for row in read_manifest(tmp_path / "second") if row["status"] == "masked"] == [1]


@pytest.mark.slow
@pytest.mark.parametrize("crop", ["none", "faces"])
def test_an_earlier_output_of_turned_pictures(scene, tmp_path, crop):
    src, voc = scene
    pixels, _ = annotated.two_faces()
    annotated.write_picture(src / "scene.png", np.rot90(pixels))
    boxes = annotated.two_faces()[1]
    # After a quarter turn counterclockwise, (x, y) lies at (y, width - 1 - x).
    lying = [(box[1], 799 - box[2], box[3], 799 - box[0]) for box in (*boxes, BYSTANDER)]
    marked = [(BARE, *lying[0]), (BARE, *lying[1]), (WORN, *lying[2])]
    shutil.rmtree(voc)
    annotated.write_voc(voc, {"scene.png": ((512, 800), marked)})
    run(src, tmp_path / "first", annotations=voc, crop=crop, auto_rotate=True)
    first = originals(tmp_path / "first")
    assert [row["turned"] for row in first] == [3] * len(first)
    run(src, tmp_path / "second", annotations=tmp_path / "first", auto_rotate=True)
    run(src, tmp_path / "lying", annotations=tmp_path / "first")
    (second,), (third,) = originals(tmp_path / "second"), originals(tmp_path / "lying")
    for one, other in zip(all_faces(first), all_faces([second]), strict=True):
        np.testing.assert_allclose(one, other, atol=0.05)
    np.testing.assert_allclose(second["masked_boxes"], [BYSTANDER], atol=0.01)
    np.testing.assert_allclose(third["masked_boxes"], [lying[2]], atol=0.01)
    assert (third["turned"], third["width"]) == (0, 512)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_annotations_are_read_once(scene, tmp_path, monkeypatch, workers):
    src, voc = scene
    read, started, init = [], [], SourceWorker.__init__
    known = FORMATS["Pascal VOC"]
    monkeypatch.setitem(
        FORMATS,
        known.name,
        type(known)(known.name, known.recognises, lambda *paths: read.append(paths) or known.read(*paths)),
    )

    def started_here(self, *arguments):
        init(self, *arguments)
        started.append(self)
        shutil.rmtree(voc)  # so that no process can read them again

    monkeypatch.setattr(SourceWorker, "__init__", started_here)
    summary = run(src, tmp_path / "out", annotations=voc, workers=workers)
    assert (len(read), len(started)) == (1, 1)
    assert summary.masked == {"train/wearing_mask": 1}
    assert [row["detector"] for row in originals(tmp_path / "out")] == ["box"]


def all_masked(image, boxes):
    return np.ones(len(boxes), dtype=bool)


def test_advice_on_masked_faces_depends_on_who_saw_the_mask(tmp_path):
    pixels, (large, _) = annotated.two_faces()
    for name in ("told.png", "seen.png"):
        annotated.write_picture(tmp_path / "src" / name, pixels)
    voc = annotated.write_voc(tmp_path / "voc", {"told.png": ((800, 512), [(WORN, *large), (BARE, *BYSTANDER)])})
    generate(
        GenerateOptions(src=tmp_path / "src", dst=tmp_path / "out", workers=1, copies=1, annotations=voc),
        wears_mask=all_masked,
    )
    messages = {row["source"]: row["message"] for row in read_manifest(tmp_path / "out")}
    assert messages["told.png"] == "a mask is already worn in told.png; move it"
    assert messages["seen.png"].endswith("move it, or give --already-masked keep")
