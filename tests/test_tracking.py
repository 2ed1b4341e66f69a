"""Persons followed through a video: numbers, one verdict each; videos that play; a live page."""

import http.client
import json
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
import screen

from maskaug.core.pictures import encode_picture
from maskaug.train.errors import TrainOptionError
from maskaug.train.predict import tracking
from maskaug.train.predict.frames import InputFrame, read_frames
from maskaug.train.predict.inputs import list_inputs
from maskaug.train.predict.options import PredictOptions
from maskaug.train.predict.predict import PredictError, predict
from maskaug.train.predict.results import Judgement, Predicted, PredictedPicture, PredictSummary
from maskaug.train.predict.screen import open_screen
from maskaug.train.predict.tracking import Tracker
from maskaug.train.predict.video_writer import open_video, video_suffix

pytest.importorskip("trackers")
pytest.importorskip("av")

RATE = 10
IMAGE = np.zeros((200, 400, 3), np.uint8)


def frame(number, faces, source="clip.mp4"):
    """One frame in which faces stand at these places, and wear a mask so probably."""
    boxes = tuple((left, 60, left + 50, 110) for left, _ in faces)
    probabilities = tuple((1 - masked, masked) for _, masked in faces)
    judgement = Judgement(low=0.5, high=0.5)
    seen = InputFrame(source, Path(source), IMAGE, number=number, rate=RATE)
    labels = tuple(judgement.labels(np.array(probabilities))) if faces else ()
    return Predicted(seen, boxes, boxes, probabilities, labels, judgement)


def followed(*frames):
    tracker = Tracker()
    return [tracker.follow(one) for one in frames]


def test_everybody_keeps_a_number_while_they_move():
    told = followed(*(frame(number, [(10 + 20 * number, 0.9), (300 - 5 * number, 0.1)]) for number in range(8)))
    assert told[0].persons == (None, None)
    assert {one.persons for one in told[1:]} == {(1, 2)}


def test_the_order_of_the_boxes_does_not_matter():
    faces = [(10, 0.9), (300, 0.1)]
    told = followed(*(frame(number, faces[:: 1 - 2 * (number % 2)]) for number in range(6)))
    assert {one.persons[::-1] if number % 2 else one.persons for number, one in enumerate(told) if number} == {(1, 2)}


@pytest.mark.parametrize(("unseen", "same"), [(5, True), (15, False)])
def test_who_comes_back_within_a_second_is_the_same(unseen, same):
    there = [frame(number, [(100, 0.9)]) for number in range(5)]
    gone = [frame(5 + number, []) for number in range(unseen)]
    back = [frame(5 + unseen + number, [(100, 0.9)]) for number in range(3)]
    assert (followed(*there, *gone, *back)[-1].persons == (1,)) == same


def test_one_slip_changes_no_verdict_and_a_lasting_change_does():
    masked = [0.95] * 6 + [0.05] + [0.95] * 6 + [0.02] * 8
    told = followed(*(frame(number, [(100, one)]) for number, one in enumerate(masked)))
    verdicts = ["M" if one.masked[0] else "-" for one in told]
    assert "".join(verdicts[:13]) == "M" * 13
    assert "".join(verdicts[-3:]) == "---"
    assert told[6].probabilities == (0.05,)
    assert told[6].smoothed[0][1] > 0.5
    assert told[6].captions == [f"1: wearing mask {told[6].smoothed[0][1]:.0%}"]


def test_frames_far_apart_in_time_do_not_bear_on_each_other():
    mean = tracking._Mean()
    mean.add(np.array([0.05, 0.95]), 0.0)
    np.testing.assert_allclose(mean.add(np.array([0.9, 0.1]), 60.0), [0.9, 0.1], atol=1e-9)


def test_three_classes_are_smoothed_to_what_adds_up_to_one():
    mean = tracking._Mean()
    mean.add(np.array([0.2, 0.7, 0.1]), 0.0)
    assert mean.add(np.array([0.1, 0.0, 0.9]), 0.1).sum() == pytest.approx(1)


def test_another_video_begins_with_new_numbers():
    frames = [
        *(frame(number, [(100, 0.9)], "a.mp4") for number in range(3)),
        *(frame(number, [(100, 0.1)], "b.mp4") for number in range(3)),
        *(frame(number, [(100, 0.1)], "b.mp4") for number in range(3)),  # the same name, in another folder
    ]
    told = followed(*frames)
    assert [one.persons[0] for one in told] == [None, 1, 1, None, 2, 2, None, 3, 3]
    summary = PredictSummary()
    for one in told:
        summary.add(one)
    assert summary.persons == {"wearing_mask": 1, "not_wearing_mask": 2}


def test_a_picture_between_two_videos_is_handed_back():
    still = Predicted(InputFrame("a.jpg", Path("a.jpg"), IMAGE), ((0, 0, 9, 9),), ((0, 0, 9, 9),), ((0.1, 0.9),), (1,))
    assert followed(still) == [still]


@pytest.fixture(scope="module")
def clip(tmp_path_factory, photo):
    """A second in which a head moves."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (300, 232))
    small = cv2.resize(cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), (300, 300))[:232]
    for number in range(5):
        video.write(np.roll(small, 6 * number, axis=1))
    video.release()
    return path


def test_a_video_is_followed_drawn_and_told(maskaug, clip, tmp_path):
    done = maskaug("predict", clip, "--track", "--out", tmp_path / "told")
    assert done.returncode == 0, done.stderr
    assert "clip.avi, 0.20 s, person 1" in done.stdout
    assert "person: " in done.stderr
    lines = (tmp_path / "told" / "results.jsonl").read_text().splitlines()
    told = [PredictedPicture.model_validate_json(line) for line in lines]
    assert [one.faces[0].person for one in told] == [None, 1, 1, 1, 1]
    assert all(one.faces[0].verdict == "not_wearing_mask" for one in told)
    assert all(0 <= one.faces[0].smoothed <= 1 for one in told)
    assert json.loads((tmp_path / "told" / "summary.json").read_text())["persons"]["not_wearing_mask"] >= 1
    assert "person,smoothed" in (tmp_path / "told" / "results.csv").read_text().splitlines()[0]
    drawn = tmp_path / "told" / told[0].drawn
    assert drawn.suffix == ".mp4"
    again = list(read_frames(list_inputs([drawn])))
    assert len(again) == 5
    assert again[0].rate == pytest.approx(5.0)
    assert again[0].image.shape == (232, 300, 3)


@pytest.mark.slow
@pytest.mark.skipif(bool(screen.missing()), reason=f"needs {', '.join(screen.TOOLS)}")
@pytest.mark.parametrize("leave", ["Escape", "close"])
def test_the_window_shows_frames_until_it_is_left(clip, tmp_path, leave):
    """A long video is left by a key, or by the window's cross; what was seen until then is written."""
    long = tmp_path / "long.avi"
    video = cv2.VideoWriter(str(long), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (300, 232))
    for one in list(read_frames(list_inputs([clip]))) * 80:
        video.write(cv2.cvtColor(one.image, cv2.COLOR_RGB2BGR))
    video.release()
    with screen.screen() as display:
        command = [sys.executable, "-m", "maskaug", "predict", str(long), "--show", "--csv", str(tmp_path / "told.csv")]
        running = subprocess.Popen(command, env=display.environment, stdout=subprocess.PIPE, stderr=-1, text=True)
        display.title = "^maskaug predict$"
        window = display.focus()
        if leave == "Escape":
            screen.until(lambda: display.do("key", leave) == [] and running.poll() is not None)
        else:
            display.press_close_button(window)
        try:
            out, err = running.communicate(timeout=30)
        finally:
            running.kill()
            running.wait()
    assert running.returncode == 0, err
    frames = len((tmp_path / "told.csv").read_text().splitlines()) - 1
    assert 0 < frames < 400
    assert len(out.splitlines()) == frames + 1


@pytest.mark.parametrize("size", [(64, 48), (65, 47)])
def test_an_mp4_begins_with_its_index_and_has_the_colours_players_know(size, tmp_path):
    import av

    assert video_suffix() == ".mp4"
    video = open_video(tmp_path / "a.mp4", size, 0.2)
    for shade in (0, 200):
        video.write(np.full((size[1], size[0], 3), shade, np.uint8))
    video.close()
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "a.mp4")) as file:
        (stream,) = file.streams.video
        context = stream.codec_context
        assert (context.name, context.pix_fmt, float(stream.average_rate)) == ("h264", "yuv420p", 1.0)
        means = [frame.to_ndarray(format="rgb24").mean() for frame in file.decode(stream)]
    np.testing.assert_allclose(means, [0, 200], atol=4)


def test_without_pyav_it_is_an_avi(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert video_suffix() == ".avi"
    video = open_video(tmp_path / "a.avi", (64, 48), 5)
    video.write(np.full((48, 64, 3), 100, np.uint8))
    video.close()
    assert len(list(read_frames(list_inputs([tmp_path / "a.avi"])))) == 1


@pytest.mark.parametrize("option", ["track", "show"])
def test_pictures_are_not_followed(photo, tmp_path, option):
    (tmp_path / "photo.png").write_bytes(encode_picture(photo, "png"))
    with pytest.raises(TrainOptionError, match=f"--{option} is for videos"):
        next(predict(PredictOptions(paths=[tmp_path / "photo.png"], **{option: True})))


def test_without_the_extra_it_is_named(clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackers", None)
    with pytest.raises(PredictError, match=r"maskaug\[video\]"):
        next(predict(PredictOptions(paths=[clip], track=True)))


@pytest.fixture
def page(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    said = []
    shown = open_screen(said.append)
    assert "no display" in said[0]
    yield shown
    shown.close()


def ask(page, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(page.address).port, timeout=10)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def test_without_a_display_a_page_shows_the_frames(page):
    there = urlsplit(page.address).path
    answer = ask(page, there)
    assert answer.status == 200
    assert b'<img src="frames"' in answer.read()
    got = []

    def look():
        answer = ask(page, f"{there}frames")
        got.append(answer.getheader("Content-Type"))
        got.append(answer.read())

    viewer = threading.Thread(target=look)
    viewer.start()
    while not got:  # the browser is there
        pass
    assert page.show(np.full((48, 64, 3), 200, np.uint8))
    page.close()
    viewer.join(10)
    assert got[0] == "multipart/x-mixed-replace; boundary=frame"
    assert not viewer.is_alive()


def test_the_first_frame_waits_for_somebody_to_see_it(page):
    showing = threading.Thread(target=page.show, args=(np.full((48, 64, 3), 200, np.uint8),))
    showing.start()
    showing.join(0.2)
    assert showing.is_alive()
    answer = ask(page, f"{urlsplit(page.address).path}frames")
    showing.join(10)
    assert not showing.is_alive()
    head = [answer.readline() for _ in range(4)]
    data = answer.read(int(head[2].split(b":")[1]))
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image.mean() == pytest.approx(200, abs=2)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 404),
        ("/wrong/frames", {}, 404),
        ("PAGE", {"Host": "evil.example"}, 403),
        ("PAGE", {"Origin": "http://evil.example"}, 403),
    ],
)
def test_others_see_nothing(page, path, headers, status):
    path = path.replace("PAGE", urlsplit(page.address).path)
    assert ask(page, path, **headers).status == status
