"""Generated sets and reviews that version 0.1.0 wrote are used like today's; a run that it began is finished."""

import json
import shutil
import sys
from datetime import datetime, timezone
from pathlib import Path

import astronaut
import numpy as np
import pytest

from maskaug.augment import (
    AgreementOptions,
    CurateOptions,
    GenerateError,
    GenerateOptions,
    agreement,
    curate,
    generate,
    open_generated,
    read_manifest,
)
from maskaug.augment.generate.annotations import open_annotations
from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.reviews.log import Event, ReviewLog, read_reviews
from maskaug.core.classes import CLASSES, MASKED_CLASS, UNMASKED_CLASS
from maskaug.core.files import file_sha256
from maskaug.core.manifest import faces_of
from maskaug.core.pictures import DecodedPicture, read_picture
from maskaug.review_ui import ReviewOptions
from maskaug.review_ui.session.controls import Controls
from maskaug.review_ui.session.queue import read_queue
from maskaug.train.data.samples import list_samples

FORMER = Path(__file__).parent / "data/v0.1.0/generated"


@pytest.fixture
def former(tmp_path):
    dst = tmp_path / "former"
    shutil.copytree(FORMER, dst)
    return dst


def test_its_manifest_is_read_in_todays_words(former):
    generated = open_generated(former)
    rows = list(generated.rows())
    assert [row["status"] for row in rows] == ["original", "masked"] * 6
    assert generated.columns(["label", "status"]).to_pylist() == [
        {"label": row["label"], "status": row["status"]} for row in rows
    ]
    assert [row["status"] for row in generated.rows(["status"])] == ["original", "masked"] * 6


# Options that 0.1.0 did not have, as a set that is generated today has them.
ADDED = {
    "auto_rotate": False,
    "faceless": "refuse",
    "already_masked": "refuse",
    "bare_faces": "refuse",
    "box_classes": None,
    "crop": "none",
    "crop_margin": 0.4,
    "layout": "classes",
    "apart": False,
    "person_level": None,
    "pairs": 3000,
    "to": "imagefolder",
    "shard_size": 2000,
}


def test_its_options_are_read(former):
    options = open_generated(former).read_options()
    assert (options.dst, options.seed, options.max_size, options.jpeg_quality) == (former, 1, 96, 80)
    assert (options.source_class, options.masked_class) == CLASSES
    config = json.loads((former / "config.json").read_text())
    assert options.resolved() | {"maskaug": "0.1.0"} == config | ADDED


def test_its_pictures_are_reviewed(former):
    options = ReviewOptions(dst=former, annotator="bert")
    queue = read_queue(options, [])
    pictures = [queue.picture(place) for place in range(len(queue))]
    assert len(pictures) == 6
    assert all((former / picture.before).parent.name == UNMASKED_CLASS for picture in pictures)
    controls = Controls(former)
    path, sha256 = controls.make(pictures[0])
    assert sha256 == file_sha256(path)
    shown, masked = (read_picture(file).pixels for file in (path, former / pictures[0].output))
    assert shown.shape == masked.shape
    assert abs(shown.astype(int) - masked).mean() > 1  # the mask is elsewhere
    decided = read_queue(ReviewOptions(dst=former, annotator="anna", undecided=True), read_reviews(former)["anna"])
    assert len(decided) == 0


def test_its_annotators_are_compared(former):
    rejected = next(event for event in read_reviews(former)["anna"] if event.action == "reject")
    log = ReviewLog(former, "bert")
    log.append(
        Event(output_sha256=rejected.output_sha256, action="accept", time=datetime(2026, 1, 1, tzinfo=timezone.utc))
    )
    log.close()
    found = agreement(AgreementOptions(dst=former, resamples=100))
    assert [(one.name, one.accepted, one.rejected) for one in found.annotators] == [("anna", 5, 1), ("bert", 1, 0)]
    (dispute,) = found.disputed
    assert dispute.output == "train/wearing_mask/astronaut_001__surgical_0.jpg"


def test_it_is_curated(former, tmp_path):
    result = curate(CurateOptions(dst=former, out=tmp_path / "out", balance="none"))
    # All show one person: by its pictures, not by its manifest, the set is one group of near-duplicates or several.
    assert sum(count for (_, label), count in result.kept.items() if label == UNMASKED_CLASS) == 6
    assert sum(count for (_, label), count in result.kept.items() if label == MASKED_CLASS) == 5
    assert result.left_out == {("rejected", MASKED_CLASS): 1}
    rows = list(read_manifest(tmp_path / "out"))
    assert {row["status"] for row in rows} == {"original", "masked"}
    assert all(row["quality"] is None for row in rows if row["status"] == "original")


def test_its_faces_are_known_to_another_run(former):
    annotations = open_annotations(former)
    originals = [row for row in read_manifest(former) if row["status"] == "original"]
    for row in originals:
        pixels = np.zeros((2 * row["height"], 2 * row["width"], 3), dtype=np.uint8)
        picture = DecodedPicture(pixels, row["source_sha256"], pixels.shape[1::-1])
        found = annotations.known("anywhere.jpg", picture, finder=None).faces
        (face,) = faces_of(row)
        assert [(one.detector, one.stability) for one in found] == [(face.detector, face.stability)]
        assert np.allclose(found[0].landmarks, 2 * face.landmarks)
    assert len(originals) == 6


def test_a_classifier_learns_from_it(former):
    samples = list_samples(former, CLASSES, "train").samples
    assert [sample.row["status"] for sample in samples] == ["original"] * 4 + ["masked"] * 4
    assert all(len(faces_of(sample.row)) == 1 for sample in samples)


def test_a_finished_set_is_left_as_it_is(former, tmp_path, monkeypatch):
    faces_folder = tmp_path / "faces"
    astronaut.write_faces(faces_folder, {"train": 4, "val": 2})
    config = json.loads((former / "config.json").read_text())
    (former / "config.json").write_text(json.dumps({**config, **ADDED, "src": str(faces_folder)}))
    before = {path: file_sha256(path) for path in former.rglob("*") if path.is_file()}
    options = open_generated(former).read_options().model_copy(update={"workers": 1, "resume": True})
    # Another version may render other overlays: it does not go on with a set, but says so.
    with pytest.raises(GenerateError, match=r"maskaug was '0\.1\.0', is "):
        generate(options)
    resume = sys.modules["maskaug.augment.generate.resume"]
    monkeypatch.setattr(resume, "__version__", "0.1.0")
    with pytest.raises(GenerateError, match=r"replaced: train/not_wearing_mask/astronaut_000\.jpg"):
        generate(options)
    # The pictures that it was made from are not kept.
    known = {faces_folder / row["source"]: row["source_sha256"] for row in read_manifest(former)}
    monkeypatch.setattr(resume, "sha256_of", known.get)
    summary = generate(options)
    assert summary.original == {f"train/{UNMASKED_CLASS}": 4, f"val/{UNMASKED_CLASS}": 2}
    assert summary.with_face == 6
    assert {path: file_sha256(path) for path in former.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_run_that_it_began_is_finished(faces_folder, tmp_path, monkeypatch):
    """Of a journal in former words, nothing is made again: neither originals nor the faces found on them."""
    whole, dst = GeneratedSet(tmp_path / "whole"), GeneratedSet(tmp_path / "dst")
    options = GenerateOptions(src=faces_folder, dst=whole.path, workers=1, copies=2)
    generate(options)
    shutil.copytree(whole.path, dst.path)
    shutil.rmtree(dst.manifest)
    dst.stats.unlink()
    by_source = {}
    for row in whole.rows():
        status = "carried" if row["status"] == "original" else row["status"]
        former_row = {name: value for name, value in row.items() if value is not None} | {"status": status}
        by_source.setdefault(row["source"], []).append(former_row)
    entries = [{"source": source, "round": 0, "rows": rows} for source, rows in by_source.items()]
    dst.journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))

    monkeypatch.setattr("maskaug.augment.masking.engine.FaceFinder.find", lambda *_: pytest.fail("searched again"))
    summary = generate(options.model_copy(update={"dst": dst.path, "resume": True}))
    assert summary.original == {f"train/{UNMASKED_CLASS}": 6, f"val/{UNMASKED_CLASS}": 2}
    assert summary.with_face == 8
    files = {path.relative_to(whole.path): file_sha256(path) for path in whole.path.rglob("*") if path.is_file()}
    assert {path.relative_to(dst.path): file_sha256(path) for path in dst.path.rglob("*") if path.is_file()} == files
