"""Decisions as files of other programs, and back."""

import csv
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from xml.etree import ElementTree

import pytest
from generated import Generated, review, texture
from hypothesis import given, settings
from hypothesis import strategies as st

from maskaug.augment import LockedError, ReviewError
from maskaug.augment.reviews.log import Event, ReviewLog, Verdict, read_reviews, verdicts
from maskaug.review_ui import DecisionsExportOptions, DecisionsImportOptions, export_decisions, import_decisions
from maskaug.review_ui.exchange.exchange import _WRITERS
from maskaug.review_ui.exchange.judged import Exported, Picture
from maskaug.review_ui.exchange.reading import read_decisions

FORMATS = {"csv": "out.csv", "coco": "out.json", "labelstudio": "out", "fiftyone": "out"}
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def made(tmp_path):
    """A set of 5 masked copies, and their SHA-256."""
    generated = Generated(tmp_path / "set")
    shas = []
    for number in range(5):
        generated.original("train", f"face #{number}", texture(number))
        box = [4.0, 5.0, 30.0, 40.0]
        others = [{"box": [31.0, 2.0, 44.0, 20.0]}] if number == 0 else []
        shas.append(generated.mask("train", f"face #{number}", 0, quality=0.5, box=box, other_faces=others))
    generated.refuse("no.jpg", "no_face")
    return generated.finish(), shas


def export(dst, to, **options):
    out = dst.parent / FORMATS[to]
    export_decisions(DecisionsExportOptions(dst=dst, out=out, to=to, **options))
    return out


def take(dst, file, annotator="carl", **options):
    return import_decisions(DecisionsImportOptions(dst=dst, file=file, annotator=annotator, **options))


def standing(dst, name):
    """All that stands of one annotator's decisions, as it can be compared."""
    found = verdicts(event for event in read_reviews(dst)[name] if not event.control)
    return {sha256: (one.decided, one.flagged) for sha256, one in found.items() if one.decided or one.flagged}


def decide(dst, shas):
    """Every kind of decision: by Anna, and another by Bert on the same picture."""
    first, second, third, fourth, fifth = shas
    log = ReviewLog(dst, "anna")
    moment = iter(NOW + timedelta(seconds=number, microseconds=7) for number in range(20))
    for sha256, action, more in (
        (first, "accept", {"looked_ms": 812}),
        (second, "reject", {"reason": "wrong_size"}),
        (third, "reject", {}),
        (third, "flag", {}),
        (fourth, "accept", {"auto": True}),
        (fifth, "accept", {}),
        (fifth, "undo", {}),
        (fifth, "flag", {}),
        ("0" * 64, "accept", {"control": True}),
    ):
        log.append(Event(output_sha256=sha256, action=action, time=next(moment), **more))
    log.close()
    review(dst, "bert", {first: "reject: hair_in_front", fourth: "accept"})


@pytest.mark.parametrize("to", FORMATS)
def test_what_was_exported_is_imported_as_it_was(made, to):
    dst, shas = made
    decide(dst, shas)
    out = export(dst, to)
    found = take(dst, out, of="anna")
    assert (found.accepted, found.rejected, found.flagged, found.known) == (2, 2, 2, 0)
    assert standing(dst, "carl") == standing(dst, "anna")
    take(dst, out, "dora", of="bert")
    assert standing(dst, "dora") == standing(dst, "bert")
    before = read_reviews(dst)
    again = take(dst, out, of="anna")  # the same file once more
    assert (again.accepted, again.rejected, again.flagged, again.known) == (0, 0, 0, 5)
    assert read_reviews(dst) == before


NAMES = st.text("aZ9_é.@+-", min_size=1, max_size=8).filter(lambda name: name[0] not in ".@+-")


def event_of(action, reason, auto, time, looked):
    return Event(
        output_sha256="a" * 64,
        action=action,
        reason=reason if action == "reject" else None,
        auto=auto and action == "accept",
        time=time,
        looked_ms=looked,
    )


TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(timezone.utc))
DECIDED = st.builds(
    event_of,
    st.sampled_from(["accept", "reject"]),
    st.none() | st.sampled_from(["wrong_size", 'über, "x"\n;=1']),
    st.booleans(),
    TIMES,
    st.integers(0, 10**7),
)
VERDICTS = st.builds(Verdict, st.none() | DECIDED, st.booleans())
OUTPUTS = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=9).map(
    "train/{}.jpg".format
)


@settings(max_examples=40, deadline=None)
@given(
    to=st.sampled_from(sorted(FORMATS)),
    pictures=st.dictionaries(OUTPUTS, st.dictionaries(NAMES, VERDICTS, max_size=3), min_size=1, max_size=4),
)
def test_any_names_and_decisions_come_back(tmp_path_factory, to, pictures):
    made = [
        Picture(output, f"{number:064x}", "train", "masked", "n95", 0.5, (40, 50), [(1.0, 2.0, 30.0, 40.0)], judged)
        for number, (output, judged) in enumerate(pictures.items())
    ]
    names = sorted({name for judged in pictures.values() for name in judged})
    files = _WRITERS[to](Exported(Path("set"), made, names, "/d?=", ["wrong_size"]))
    folder = tmp_path_factory.mktemp("out")
    for name, data in files.items():
        (folder / (name or FORMATS[to])).write_bytes(data)
    read = read_decisions(folder if "" not in files else folder / FORMATS[to])
    found = {(one.output, one.output_sha256, one.annotator): one for one in read}
    assert len(found) == len(read)
    expected = {
        (picture.output, picture.sha256, name): verdict
        for picture in made
        for name, verdict in picture.verdicts.items()
        if verdict.decided or verdict.flagged
    }
    assert set(found) == set(expected)
    for key, verdict in expected.items():
        one, decided = found[key], verdict.decided
        assert one.flagged == verdict.flagged
        assert one.decision == (decided.action if decided else "")
        if decided:
            assert one.reason == (decided.reason or "")
            assert (one.auto, one.time, one.looked_ms) == (decided.auto, decided.time, decided.looked_ms)


def test_a_table_has_a_row_for_each_picture(made):
    dst, shas = made
    decide(dst, shas)
    with export(dst, "csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["output_sha256"] for row in rows] == shas
    assert (rows[1]["decision_anna"], rows[1]["reason_anna"], rows[1]["decision_bert"]) == ("reject", "wrong_size", "")
    assert "decision_carl" not in rows[0]


def test_coco_has_the_boxes_of_all_faces(made):
    dst, shas = made
    decide(dst, shas)
    record = json.loads(export(dst, "coco").read_text())
    assert [image["output_sha256"] for image in record["images"]] == shas
    first = [one for one in record["annotations"] if one["image_id"] == 1]
    assert [one["bbox"] for one in first] == [[4, 5, 26, 35], [31, 2, 13, 18]]
    assert [one["area"] for one in first] == [26 * 35, 13 * 18]
    assert first[0]["attributes"] == first[1]["attributes"]
    assert first[0]["attributes"]["reason_bert"] == "hair_in_front"
    assert record["categories"] == [{"id": 1, "name": "wearing_mask"}]
    assert {one["id"] for one in record["annotations"]} == set(range(1, 7))


def test_label_studio_is_told_only_what_its_interface_knows(made):
    dst, shas = made
    decide(dst, shas)
    out = export(dst, "labelstudio", prefix="https://pictures.example/set/")
    interface = ElementTree.parse(out / "interface.xml").getroot()
    controls = {tag.get("name"): {one.get("alias") for one in tag} for tag in interface if tag.get("toName") == "image"}
    assert controls["decision"] == {"accept", "reject"}
    assert {"misaligned", "wrong_size", "other", "hair_in_front"} <= controls["reason"]
    assert interface.find("Image").get("name") == "image"
    tasks = json.loads((out / "tasks.json").read_text())
    assert len(tasks) == 5
    assert tasks[0]["data"]["image"] == "https://pictures.example/set/train/wearing_mask/face%20%230__n95_0.jpg"
    results = [result for task in tasks for one in task["annotations"] for result in one["result"]]
    assert results
    for result in results:
        assert result["to_name"] == "image"
        if result["type"] == "choices":
            assert set(result["value"]["choices"]) <= controls[result["from_name"]]
        else:
            assert result["from_name"] in controls


def test_what_label_studio_exports(made):
    """A person has decided there: their address, numbers of theirs, a task that was skipped, one not yet done."""
    dst, shas = made
    tasks = json.loads((export(dst, "labelstudio") / "tasks.json").read_text())

    def chosen(name, *values):
        more = {"id": "x1", "origin": "manual"}
        return {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": list(values)}, **more}

    def annotation(*results, **more):
        by = {"id": 7, "email": "eve@lab.example", "first_name": ""}
        when = {"created_at": "2026-02-03T04:05:06.789Z", "updated_at": "2026-02-03T04:05:07Z", "lead_time": 4.288}
        return {"id": 3, "completed_by": by, "was_cancelled": False, "result": list(results), **when, **more}

    tasks[0]["annotations"] = [annotation(chosen("decision", "accept"))]
    tasks[1]["annotations"] = [annotation(chosen("decision", "reject"), chosen("reason", "floating"), completed_by=7)]
    tasks[1]["annotations"][0]["completed_by"] = {"id": 7, "email": "eve@lab.example"}
    tasks[2]["annotations"] = [annotation(chosen("decision", "reject"), was_cancelled=True)]
    for number, task in enumerate(tasks):
        task.update(id=100 + number, project=1, predictions=[], drafts=[], file_upload="tasks.json")
    file = dst.parent / "project-1-at-2026.json"
    file.write_text(json.dumps(tasks))
    assert take(dst, file, "eve").accepted == 1
    found = standing(dst, "eve")
    assert set(found) == set(shas[:2])
    accepted, rejected = (found[sha256][0] for sha256 in shas[:2])
    assert (accepted.action, accepted.looked_ms) == ("accept", 4288)
    assert accepted.time == datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=timezone.utc)
    assert (rejected.action, rejected.reason) == ("reject", "floating")


def test_fiftyones_dataset(made):
    dst, shas = made
    decide(dst, shas)
    log = ReviewLog(dst, "x.y@z")
    log.append(Event(output_sha256=shas[0], action="accept", time=NOW))
    log.close()
    out = export(dst, "fiftyone")
    assert "version" not in json.loads((out / "metadata.json").read_text())  # which would be of a database
    samples = json.loads((out / "samples.json").read_text())["samples"]
    assert all(Path(sample["filepath"]).is_file() for sample in samples)
    assert all(re.fullmatch("[a-z0-9_]+", key) for sample in samples for key in sample)
    assert samples[0]["decision_x_y_z"]["annotator"] == "x.y@z"
    box = samples[0]["faces"]["detections"][0]["bounding_box"]
    assert box == pytest.approx([4 / 48, 5 / 48, 26 / 48, 35 / 48])


def test_what_fiftyone_exports(made):
    """Of a dataset where pictures were decided on in FiftyOne, without any of the fields that our export has."""
    dst, shas = made
    found = [f"train/wearing_mask/face #{number}__n95_0.jpg" for number in (0, 1)]
    label = {"_id": {"$oid": "66449253131be5d46bb03ee4"}, "_cls": "Classification", "tags": [], "confidence": None}
    samples = [
        {
            "_id": {"$oid": "66449253131be5d46bb03ee5"},
            "filepath": str(dst / found[0]),
            "decision": {**label, "label": "accept"},
        },
        {"filepath": found[1], "decision": {**label, "label": "reject", "reason": "other", "tags": ["flagged"]}},
        {"filepath": "elsewhere.jpg", "decision": None},
    ]
    file = dst.parent / "samples.json"
    file.write_text(json.dumps({"samples": samples}))
    take(dst, file)
    told = {sha256: (one.action, one.reason, flagged) for sha256, (one, flagged) in standing(dst, "carl").items()}
    assert told == {shas[0]: ("accept", None, False), shas[1]: ("reject", "other", True)}


def table(dst, *lines, head="output,decision,reason"):
    file = dst.parent / "table.csv"
    file.write_text("\n".join([head, *lines]) + "\n")
    return file


PICTURE = "train/wearing_mask/face #{}__n95_0.jpg"


def test_a_table_filled_in_by_hand(made):
    dst, shas = made
    lines = [
        f"{PICTURE.format(0)};Accept ;;yes",
        f"{PICTURE.format(1)};;;",
        f"{PICTURE.format(2)};REJECT;floating;FALSE",
    ]
    file = table(dst, *lines, head="\ufeffoutput;decision;reason;flagged")
    found = take(dst, file)
    assert (found.accepted, found.rejected, found.flagged) == (1, 1, 1)
    decided, flagged = standing(dst, "carl")[shas[0]]
    assert (decided.action, flagged) == ("accept", True)
    assert abs(decided.time - datetime.now(timezone.utc)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            [f"{PICTURE.format(9)},accept,"],
            r"table.csv, line 3: .*set has no masked picture .*#9.*is the file of another",
        ),
        ([f"{PICTURE.format(1)},maybe,"], r"line 3: decision must be accept, reject or nothing, but is 'maybe'"),
        (
            [f"{PICTURE.format(0)},accept,"],
            r"line 3: .*#0.* is decided on twice, first at table.csv, line 2; leave one",
        ),
        ([f"{PICTURE.format(1)},reject,flotings"], r"there is no reason 'flotings'; did you mean floating\?"),
        ([f"{PICTURE.format(1)},reject,???"], r"there is no reason '\?\?\?'; there are misaligned, .*other"),
        ([f"{PICTURE.format(1)},accept,floating"], r"has the reason floating but is not rejected; drop one of them"),
        ([f"{PICTURE.format(1)},accept,,,"], r"line 3 has more cells than the first line"),
    ],
)
def test_what_cannot_be_recorded_is_told_and_nothing_is(made, lines, said):
    dst, _ = made
    file = table(dst, f"{PICTURE.format(0)},accept,", *lines)
    with pytest.raises(ReviewError, match=said):
        take(dst, file)
    assert not (dst / "reviews").exists()


def test_a_picture_that_has_changed_is_not_decided_on(made):
    dst, _ = made
    file = table(dst, f"{PICTURE.format(0)},{'1' * 64},accept", head="output,output_sha256,decision")
    with pytest.raises(
        ReviewError, match=r"#0.* is another picture now than the one that was decided on; export again"
    ):
        take(dst, file)
    assert not (dst / "reviews").exists()


def test_a_picture_that_was_renamed_is_known_by_its_content(made):
    dst, shas = made
    take(dst, table(dst, f"renamed.jpg,{shas[3]},accept", head="output,output_sha256,decision"))
    assert set(standing(dst, "carl")) == {shas[3]}


def test_another_decision_stands_only_if_that_is_wanted(made):
    dst, shas = made
    review(dst, "carl", {shas[0]: "accept", shas[1]: "accept"})
    file = table(dst, f"{PICTURE.format(0)},accept,", f"{PICTURE.format(1)},reject,", f"{PICTURE.format(2)},accept,")
    before = read_reviews(dst)
    with pytest.raises(ReviewError, match=r"line 3: carl has decided otherwise on [^,]*#1[^,]*; give --over"):
        take(dst, file)
    assert read_reviews(dst) == before
    found = take(dst, file, overwrite=True)
    assert (found.accepted, found.rejected, found.known) == (1, 1, 1)
    assert [standing(dst, "carl")[sha256][0].action for sha256 in shas[:3]] == ["accept", "reject", "accept"]
    assert read_reviews(dst)["carl"][:2] == before["carl"], "what was decided before is kept beneath"


def test_whose_decisions_are_taken(made):
    dst, shas = made
    decide(dst, shas)
    out = export(dst, "csv")
    with pytest.raises(
        ReviewError, match="has decisions of anna, bert, none of carl; say whose to take with --of NAME"
    ):
        take(dst, out)
    assert take(dst, out, "bert").known == 2  # his own
    with pytest.raises(ReviewError, match=r"has decisions of anna, bert, none of zoe"):
        take(dst, out, of="zoe")
    with pytest.raises(ValueError, match="give --annotator NAME"):
        DecisionsImportOptions(dst=dst, file=out)
    with pytest.raises(ValueError, match="cannot name a file"):
        DecisionsImportOptions(dst=dst, file=out, annotator="../x")
    one = dst.parent / "one.csv"
    export_decisions(DecisionsExportOptions(dst=dst, out=one, annotators="bert"))
    assert take(dst, one, "dora").accepted == 1
    with pytest.raises(ReviewError, match=r"zoe has decided on nothing in .*; there is anna, bert, carl|dora"):
        export_decisions(DecisionsExportOptions(dst=dst, out=dst.parent / "two.csv", annotators="zoe"))


def test_an_annotator_who_is_reviewing_is_left_alone(made):
    dst, _ = made
    log = ReviewLog(dst, "carl")
    with pytest.raises(LockedError, match="is being reviewed as carl"):
        take(dst, table(dst, f"{PICTURE.format(0)},accept,"))
    log.close()
    assert read_reviews(dst)["carl"] == []


def test_a_full_disk_leaves_nothing_half_written(made, monkeypatch):
    dst, _ = made

    def full(*_):
        raise OSError(28, "No space left on device")

    file = table(dst, *(f"{PICTURE.format(number)},accept," for number in range(5)))
    before = sorted(dst.parent.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        for to, name in FORMATS.items():
            with pytest.raises(OSError, match="No space left"):
                export_decisions(DecisionsExportOptions(dst=dst, out=dst.parent / "new" / name, to=to))
        assert sorted(dst.parent.iterdir()) == before
    take(dst, file)
    once = read_reviews(dst)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(ReviewError, match="No space left on device"):
            take(dst, table(dst, *(f"{PICTURE.format(number)},reject," for number in range(5))), overwrite=True)
    assert read_reviews(dst) == once


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.json", "{", "is no JSON"),
        ("x.json", "[" * 100_000, "is no JSON: it is nested too deeply"),
        ("x.json", '{"a": 1}', "is not a CSV, a COCO file"),
        ("x.json", '[{"image": "a.jpg", "decision": "accept"}]', "is no export of Label Studio as JSON; JSON-MIN"),
        (
            "x.json",
            '[{"data": {}, "annotations": [{"result": [], "lead_time": 1e308}]}]',
            "is no export of Label Studio",
        ),
        ("x.json", "[1]", "is no export of Label Studio as JSON"),
        ("x.json", '{"samples": [1]}', "is no samples.json of a FiftyOneDataset"),
        ("x.json", '{"samples": 1}', "is no samples.json of a FiftyOneDataset"),
        ("x.json", '{"images": [], "annotations": [{}]}', "is no COCO file with images and annotations"),
        ("x.json", "[]", "tells no decision"),
        ("x.csv", "a,b\n1,2\n", "has neither a column output nor output_sha256"),
        ("x.csv", "output,b\n1,2\n", "has no column decision"),
        ("x.csv", "output,decision\na,\n", "tells no decision"),
        ("x.csv", "output,decision,time\na,accept,yesterday\n", "line 2: time must be a time with its zone"),
        ("x.csv", "output,decision,time\na,accept,2026-01-01T10:00:00\n", "line 2: time must be a time with its zone"),
        ("x.csv", "output,decision,looked_ms\na,accept,-1\n", "line 2: looked_ms must be a whole number"),
        ("x.csv", "output,decision,flagged\na,accept,perhaps\n", "line 2: flagged must be true or false"),
    ],
)
def test_files_that_are_none_of_the_formats(made, name, text, said):
    dst, _ = made
    file = dst.parent / name
    file.write_text(text)
    with pytest.raises(ReviewError, match=said):
        take(dst, file)
    assert not (dst / "reviews").exists()


def test_paths_that_cannot_be_read_or_written(made, tmp_path):
    dst, _ = made
    for file, said in (
        (tmp_path / "none.csv", "cannot read .*none.csv: No such file"),
        (dst, r"holds neither samples.json nor tasks.json"),
    ):
        with pytest.raises(ReviewError, match=said):
            take(dst, file)
    (tmp_path / "latin.csv").write_bytes("output,decision\nü,accept\n".encode("latin-1"))
    with pytest.raises(ReviewError, match=r"latin.csv is not UTF-8; save it as CSV UTF-8"):
        take(dst, tmp_path / "latin.csv")
    out = export(dst, "csv")
    kept = out.read_bytes()
    with pytest.raises(ReviewError, match=r"out.csv is there already; name another, or remove it"):
        export(dst, "csv")
    assert out.read_bytes() == kept
    with pytest.raises(ReviewError, match="name an output of maskaug generate"):
        export_decisions(DecisionsExportOptions(dst=tmp_path, out=tmp_path / "y.csv"))


def test_annotations_of_one_image_that_contradict_each_other(made):
    dst, shas = made
    decide(dst, shas)
    out = export(dst, "coco")
    record = json.loads(out.read_text())
    record["annotations"][1]["attributes"]["decision_anna"] = "reject"
    out.write_text(json.dumps(record))
    with pytest.raises(ReviewError, match=r"image .*#0.*: its annotations tell different decisions"):
        take(dst, out, of="anna")
