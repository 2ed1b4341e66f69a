"""What `predict` is told, where it looks, and what it leaves behind."""

import csv
import http.server
import io
import json
import os
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from classifiers import write_network
from PIL import Image
from runs import command

from maskaug.core.pictures import encode_picture, read_picture
from maskaug.masktheface_wrapper import FaceFinder
from maskaug.train.data.preprocess import Preparation, whole_box
from maskaug.train.evaluate.evaluate import evaluate
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.evaluate.predictions import read_predictions
from maskaug.train.model.calibration import load_calibration
from maskaug.train.predict import streams
from maskaug.train.predict.annotate import draw_faces
from maskaug.train.predict.drawings import Drawings, DrawingsError
from maskaug.train.predict.frames import InputFrame, read_frames
from maskaug.train.predict.inputs import FramesError, Input, list_inputs
from maskaug.train.predict.options import PredictOptions
from maskaug.train.predict.predict import predict
from maskaug.train.predict.results import Judgement, Predicted, PredictedPicture
from maskaug.train.predict.streams import is_stream, stream_images, without_password
from maskaug.train.predict.writing import ResultWriter


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_network(tmp_path_factory.mktemp("network") / "run")


@pytest.fixture
def folder(tmp_path, photo):
    """A portrait, an empty wall and something broken."""
    place = tmp_path / "photos"
    (place / "deep").mkdir(parents=True)
    (place / "deep" / "face.png").write_bytes(encode_picture(photo, "png"))
    (place / "wall.png").write_bytes(encode_picture(np.full((90, 120, 3), 127, np.uint8), "png"))
    (place / "broken.png").write_bytes(b"")
    return place


@pytest.fixture
def maskaug(monkeypatch, capsys):
    return lambda *arguments, cwd: command(monkeypatch, capsys, cwd, *arguments)


def test_between_two_thresholds_a_face_is_unsure():
    judged = Judgement("it", ("bare", "masked"), 0.35, 0.65)
    shares = np.array([0.0, 0.34, 0.35, 0.5, 0.64, 0.65, 1.0])
    assert judged.labels(np.stack([1 - shares, shares], axis=1)) == [0, 0, None, None, None, 1, 1]
    said = Predicted(None, ((0, 0, 9, 9),) * 2, ((0, 0, 9, 9),) * 2, ((0.5, 0.5), (0.2, 0.8)), (None, 1), judged)
    assert said.verdicts == ("unsure", "masked")
    assert said.captions == ["unsure 50%", "masked 80%"]
    assert [(face.class_name, face.masked) for face in said.faces] == [(None, None), ("masked", True)]


def test_what_is_unsure_has_a_colour_of_its_own(photo):
    box = ((100, 100, 200, 200),)
    colours = {tuple(draw_faces(photo, box, (label,), [""])[150, 100]) for label in (None, 0, 1, 2)}
    assert len(colours) == 4


def test_a_threshold_moves_the_verdict_and_is_recorded(run, folder, tmp_path, maskaug):
    face = folder / "deep" / "face.png"
    (plain,) = predict(PredictOptions(run=run, paths=[face]))
    share = plain.probabilities[0]
    lines = [
        json.loads(maskaug("predict", run, face, "--json", *more, cwd=tmp_path).stdout)
        for more in (
            *([], ["--threshold", share - 0.01], ["--threshold", share + 0.01]),
            ["--unsure", f"{share - 0.01},{share + 0.01}"],
        )
    ]
    assert [line["faces"][0]["masked"] for line in lines[1:]] == [True, False, None]
    assert lines[3]["faces"][0]["verdict"] == "unsure"
    assert [line["threshold"] for line in lines] == [0.6, share - 0.01, share + 0.01, None]
    assert lines[3]["unsure"] == [share - 0.01, share + 0.01]
    assert lines[0]["faces"][0]["box"].keys() == {"left", "top", "width", "height"}


def test_of_a_run_that_is_not_through_it_is_said_that_it_is_not_calibrated(run, folder, tmp_path, maskaug):
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "best.pt").write_bytes((run / "best.pt").read_bytes())
    assert "is not calibrated" not in maskaug("predict", run, folder / "wall.png", cwd=tmp_path).stderr
    told = maskaug("predict", "begun", folder / "wall.png", cwd=tmp_path).stderr
    assert "begun is not calibrated, for it has no calibration.json" in told


def test_the_schema_says_what_is_printed(run, folder, tmp_path, maskaug):
    schema = PredictedPicture.model_json_schema(by_alias=True)
    shown = maskaug("predict", run, folder, "--json", cwd=tmp_path).stdout.splitlines()
    assert len(shown) == 3
    for line in shown:
        read = PredictedPicture.model_validate_json(line)
        assert read.model_dump_json(by_alias=True) == line
        assert json.loads(line).keys() == schema["properties"].keys()
        for face in json.loads(line)["faces"]:
            assert face.keys() == schema["$defs"]["PredictedFace"]["properties"].keys()
    told = [
        field.get("description", "")
        for name in ("PredictedFace",)
        for field in schema["$defs"][name]["properties"].values()
    ]
    assert all(told)


def test_out_holds_all_of_it(run, folder, tmp_path, maskaug):
    shown = maskaug("predict", run, folder, "--out", "out", cwd=tmp_path)
    assert shown.returncode == 1
    assert "3 pictures, 1 face: 1 " in shown.stderr
    assert "; 1 without a face, 1 problem; " in shown.stderr
    out = tmp_path / "out"
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files == {
        *("results.jsonl", "results.csv", "summary.json", "drawn/deep/face.png", "drawn/wall.png"),
        "crops/deep/face_face1.png",
    }
    told = [PredictedPicture.model_validate_json(line) for line in (out / "results.jsonl").read_text().splitlines()]
    face = next(one for one in told if one.faces)
    assert (face.drawn, face.faces[0].saved_crop) == ("drawn/deep/face.png", "crops/deep/face_face1.png")
    crop = face.faces[0].crop
    assert read_picture(out / face.faces[0].saved_crop).pixels.shape == (crop.height, crop.width, 3)
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert sorted((row["face"], bool(row["problem"])) for row in rows) == [("", False), ("", True), ("1", False)]
    summary = json.loads((out / "summary.json").read_text())
    assert [summary[name] for name in ("pictures", "faces", "no_face", "problems")] == [3, 1, 1, 1]
    assert summary["pictures_per_second"] > 0
    again = maskaug("predict", run, folder, "--out", "out", cwd=tmp_path)
    assert (again.returncode, "is not empty" in again.stderr) == (1, True)


# As old archives have them; as long as file systems allow, in letters of one byte and of three.
@pytest.mark.parametrize("name", [b"bad\xff\xfe.png", b"n" * 250 + b".png", "顔".encode() * 83 + b".png"])
def test_names_that_are_no_text_or_leave_no_room_are_told_all_the_same(run, folder, tmp_path, maskaug, name):
    (folder / "deep" / "face.png").rename(folder / "deep" / os.fsdecode(name))
    told = maskaug("predict", run, folder, "--out", "told", "--json", cwd=tmp_path)
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    (face,) = [one for line in lines for one in line["faces"]]
    assert (tmp_path / "told" / face["saved_crop"]).is_file()
    assert len(list(tmp_path.glob("told/drawn/**/*.png"))) == 2
    rows = list(csv.DictReader(io.StringIO((tmp_path / "told/results.csv").read_text(encoding="utf-8"))))
    assert sorted(row["picture"] for row in rows) == sorted(line["picture"] for line in lines)


def test_what_is_stopped_leaves_neither_out_nor_table(run, folder, tmp_path, maskaug, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ResultWriter, "write", stop)
    for options in (["--out", "out"], ["--csv", "table.csv"]):
        assert maskaug("predict", run, folder, *options, cwd=tmp_path).returncode == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]


def test_tables_and_crops_go_where_they_are_told(run, folder, tmp_path, maskaug):
    paths = [folder / "deep" / "face.png", folder / "deep"]
    options = ["--csv", "a/table.csv", "--save-crops", "crops"]
    assert maskaug("predict", run, *paths, *options, cwd=tmp_path).returncode == 0
    rows = list(csv.DictReader((tmp_path / "a/table.csv").read_text().splitlines()))
    assert [row["saved_crop"] for row in rows] == ["crops/face_face1.png", "crops/face_2_face1.png"]
    assert all((tmp_path / row["saved_crop"]).is_file() for row in rows)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--threshold", "0"], "--threshold"),
        (["--unsure", "0.5"], "--unsure: '0.5' is not two numbers"),
        (["--unsure", "0.6,0.4"], "--unsure: 0.6,0.4 must be two rising numbers"),
        (["--unsure", "0.2,0.4", "--threshold", "0.3"], "give --threshold or --unsure"),
        (["--out", "out", "--draw", "drawn"], "--out has drawings"),
    ],
)
def test_wrong_options_are_one_sentence(maskaug, tmp_path, arguments, said):
    done = maskaug("predict", "photo.jpg", *arguments, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert said in done.stderr


def test_patterns_and_a_list_on_standard_input(folder, monkeypatch):
    assert list_inputs([f"{folder}/*.png"]) == [
        Input(folder / name, type(folder)(name)) for name in ("broken.png", "wall.png")
    ]
    assert len(list_inputs([f"{folder}/**/*.png"])) == 3
    with pytest.raises(FramesError, match="no file matches"):
        list_inputs([f"{folder}/*.gif"])
    (folder / "[1].png").write_bytes(b"")
    assert list_inputs([folder / "[1].png"])[0].source == folder / "[1].png", (
        "a name is no pattern where there is such a file"
    )
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{folder}/wall.png\n\nhttp://x/y.png\n"))
    assert [str(one.source) for one in list_inputs(["-"])] == [f"{folder}/wall.png", "http://x/y.png"]


@pytest.fixture
def address(folder):
    """Of a server that has the folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_pictures_at_addresses(run, folder, address):
    names = ("deep/face.png", "gone.png", "broken.png")
    face, gone, broken = predict(PredictOptions(run=run, paths=[f"{address}/{name}" for name in names]))
    (expected,) = predict(PredictOptions(run=run, paths=[folder / "deep/face.png"]))
    assert face.probabilities == expected.probabilities
    assert face.frame.source == f"{address}/deep/face.png"
    assert gone.frame.problem == f"{address}/gone.png answers 404 File not found; check the address"
    assert "no picture" in broken.frame.problem
    (nobody,) = read_frames(list_inputs(["http://127.0.0.1:1/a.png"]))
    assert "cannot be reached" in nobody.problem


class FakeStream:
    """A camera in the network: so many frames a connection."""

    def __init__(self, connections):
        self.connections, self.opened = list(connections), []

    def __call__(self, address):
        self.opened.append(address)
        self.left = self.connections.pop(0) if self.connections else 0
        return self

    def get(self, _):
        return 20.0

    def read(self):
        self.left -= 1
        return (True, np.full((40, 40, 3), (9, 0, 0), np.uint8)) if self.left >= 0 else (False, None)

    def release(self):
        pass


def test_a_lost_stream_is_opened_again_until_it_stays_lost():
    stream, waits = FakeStream([2, 0, 0, 3]), []
    address = "rtsp://me:secret@camera/live"
    found = list(stream_images(address, stream, waits.append))
    assert sum(image is not None for image, _, _ in found) == 5
    assert found[0][0][0, 0].tolist() == [0, 0, 9], "RGB"
    assert waits[:3] == [1, 2, 4]
    assert waits[3:] == [1, 2, 4, 8, 15, 30, 30], "after a frame, waits are short again"
    assert len(stream.opened) == 4 + 7
    assert "rtsp://camera/live cannot be reached" in found[-1][2]
    assert "secret" not in found[-1][2]


def test_frames_of_a_stream_are_numbered_on(monkeypatch):
    monkeypatch.setattr(streams, "_WAITS", (0,))
    frames = list(read_frames(list_inputs(["rtsp://camera/live"]), 2, FakeStream([3, 3])))
    assert [frame.number for frame in frames if frame.image is not None] == [0, 2, 4]
    assert frames[-1].problem


def test_addresses():
    assert is_stream("rtsp://a/b")
    assert is_stream("https://a/b.m3u8?x=1")
    assert not is_stream("https://a/b.jpg")
    assert not is_stream("rtsp")
    assert without_password("http://u:p@host:8/a?b=c") == "http://host:8/a?b=c"


def test_a_whole_picture_is_just_what_a_network_sees_that_frames_faces():
    image = cv2.resize(np.random.default_rng(0).integers(0, 255, (9, 7, 3), np.uint8), (280, 360))
    preparation = Preparation("face", 96)
    seen = preparation.framed(preparation.prepare(image, whole_box(280, 360)).pixels[None])[0]
    expected = cv2.resize(image, (96, 96), interpolation=cv2.INTER_AREA)
    assert np.abs(seen.astype(int) - expected).mean() < 4


def test_with_whole_no_face_is_looked_for(tmp_path, folder, monkeypatch):
    def look(*_):
        raise AssertionError

    run = framing_run(tmp_path / "own", "face")
    monkeypatch.setattr(FaceFinder, "boxes", look)
    (found,) = predict(PredictOptions(run=run, paths=[folder / "wall.png"], whole=True))
    assert (found.frame.problem, found.boxes) == ("", ((0, 0, 120, 90),))


@pytest.mark.usefixtures("quick_reports")
@pytest.mark.parametrize("framing", ["face", "picture"])
def test_evaluate_and_predict_agree_on_a_picture(tmp_path, photo, framing):
    """A run that frames faces judges the largest in both; one that does not sees whole pictures in evaluate."""
    run = framing_run(tmp_path / "own", framing)
    data = tmp_path / "data"
    for label, shift in (("wearing_mask", 0), ("not_wearing_mask", 30)):
        (data / label).mkdir(parents=True)
        (data / label / "a.png").write_bytes(encode_picture(np.roll(photo, shift, axis=1), "png"))
    evaluated = evaluate(EvaluateOptions(run=run, data=data, resamples=20, cache=tmp_path / "cache"))
    seen = read_predictions(evaluated.folder)
    found = predict(PredictOptions(run=run, paths=[data], whole=framing == "picture", device="cpu"))
    said = {one.frame.source: one.probabilities[0] for one in found}
    assert len(said) == 2
    np.testing.assert_allclose(
        [said[str(tmp_path / path) if str(tmp_path / path) in said else path] for path in seen.path],
        load_calibration(run).probabilities(seen.logit),
        atol=1e-5,
    )


def framing_run(folder, framing):
    write_network(folder)
    saved = torch.load(folder / "best.pt", weights_only=True)
    torch.save({**saved, "framing": framing, "flips": framing == "face"}, folder / "best.pt")
    return folder


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_drawing_replaces_an_earlier_one_and_nothing_else(tmp_path, photo, suffix):
    frame = InputFrame("elsewhere", Path(f"face{suffix}"), photo)
    for _ in range(2):
        place = Drawings(tmp_path).write(frame, photo)
    assert np.abs(read_picture(place).pixels.astype(int) - photo).mean() < 3
    with Image.open(place) as picture:
        picture.load()
    own = encode_picture(photo, "png")
    place.write_bytes(own)
    with pytest.raises(DrawingsError, match="is there, and no drawing of predict's"):
        Drawings(tmp_path).write(frame, photo)
    assert place.read_bytes() == own


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_drawn_video_replaces_an_earlier_one_and_nothing_else(tmp_path, photo, monkeypatch, suffix):
    if suffix == ".mp4":
        pytest.importorskip("av")
    monkeypatch.setattr(sys.modules[Drawings.__module__], "video_suffix", lambda: suffix)
    frame = InputFrame("clip.mkv", Path("clip.mkv"), photo, number=0, rate=5)
    for _ in range(2):
        drawings = Drawings(tmp_path)
        place = drawings.write(frame, photo)
        drawings.close()
    assert place.name == f"clip{suffix}"
    assert [one.image.shape for one in read_frames(list_inputs([place]))] == [photo.shape]
    place.write_bytes(b"a wedding")
    with pytest.raises(DrawingsError, match="is there, and no drawing of predict's"):
        Drawings(tmp_path).write(frame, photo)
    assert place.read_bytes() == b"a wedding"


def test_a_table_replaces_an_earlier_one_and_nothing_else(maskaug, tmp_path, photo):
    (tmp_path / "face.png").write_bytes(encode_picture(photo, "png"))
    for _ in range(2):
        assert maskaug("predict", "face.png", "--csv", "told.csv", cwd=tmp_path).returncode == 0
    before = (tmp_path / "face.png").read_bytes()
    done = maskaug("predict", "face.png", "--csv", "face.png", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "face.png is there, and no table of predict's" in done.stderr
    for option, place, said in (
        ("--csv", ".", "is a folder; name a file for --csv"),
        ("--draw", "face.png", "face.png is a file; name a folder for --draw"),
        ("--save-crops", "face.png", "face.png is a file; name a folder for --save-crops"),
        ("--out", "face.png", "face.png is a file; name a folder for --out"),
    ):
        done = maskaug("predict", "face.png", option, place, cwd=tmp_path)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert (tmp_path / "face.png").read_bytes() == before
