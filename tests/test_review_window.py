"""The window as a person uses it: real key presses and clicks, on a screen without a monitor."""

import os
import random
import subprocess
import sys
import time

import pytest
import screen
import watched_review
from generated import Generated, texture

from maskaug.augment.reviews.log import ReviewLog, read_reviews, verdicts
from maskaug.core.display import check_window
from maskaug.review_ui import ReviewOptions, WindowError
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.view.actions import ACTIONS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(screen.missing()), reason=f"needs {', '.join(screen.TOOLS)}"),
]


@pytest.fixture(scope="module")
def display():
    with screen.screen() as found:
        yield found


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """200 masked faces."""
    made = Generated(tmp_path_factory.mktemp("set") / "dst")
    for number in range(200):
        made.original("train", f"f{number:03}", texture(number))
        made.mask("train", f"f{number:03}", 0, quality=number / 200)
    return made.finish()


@pytest.fixture
def dst(template, tmp_path):
    place = tmp_path / "dst"
    place.mkdir()
    for name in ("manifest", "train"):
        (place / name).symlink_to(template / name)
    return place


@pytest.fixture
def start(display, dst, tmp_path):
    """Start the command and give its window the keys, when it shows a picture."""
    running = []

    def go(*options, slow=0):
        scenes = tmp_path / f"scenes{len(running)}.txt"
        command = [sys.executable, watched_review.__file__, str(scenes), str(slow), "review", str(dst)]
        running.append(
            subprocess.Popen(
                [*command, "--annotator", "anna", *options],
                cwd=tmp_path,
                env=display.environment,
                stdout=subprocess.PIPE,
                stderr=-1,
                text=True,
            )
        )
        display.scenes = scenes
        window = display.focus()
        if not slow:
            screen.until(display.scene)
        return running[-1], window

    yield go
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process):
    """What a process said that ends by itself, and well."""
    said, complaints = process.communicate(timeout=20)
    assert process.returncode == 0, complaints
    assert complaints == ""
    return said


def shas(dst):
    return read_queue(ReviewOptions(dst=dst, annotator="anna")).sha256s()


def decided(dst):
    found = verdicts(read_reviews(dst).get("anna", []))
    return {sha256: given.decided.reason or given.decided.action for sha256, given in found.items() if given.decided}


def test_100_decisions_and_none_lost(start, dst, display):
    process, _ = start()
    rng = random.Random(0)
    keys = [rng.choice("aaaaxr123456789") for _ in range(100)]
    display.decide(*keys)
    display.press("q")
    assert "anna: " in ended(process)
    decisions = {key: action.decision for action in ACTIONS.values() for key in action.keys}
    events = read_reviews(dst)["anna"]
    assert [event.output_sha256 for event in events] == shas(dst)[:100]
    assert [(event.action, event.reason) for event in events] == [
        (decisions[key].action, decisions[key].reason) for key in keys
    ]


def test_a_decision_every_150_ms(start, dst, display):
    process, _ = start()
    screen.skip_where_busy(display.decide)
    display.press(*"axaa1" * 8, delay=150)
    display.press("q")
    ended(process)
    assert len(decided(dst)) >= 5 + 36  # only where the machine stops for that long is a key too quick


def test_keys_pressed_before_a_picture_is_on_the_screen_decide_nothing(start, dst, display):
    process, _ = start(slow=1.5)
    display.press("a", "x", "1", "f", delay=50)
    screen.until(display.scene)
    assert read_reviews(dst).get("anna", []) == []
    display.decide("a")
    display.press("q")
    assert "1 accepted, 0 rejected, 199 left" in ended(process)
    (event,) = read_reviews(dst)["anna"]
    assert event.output_sha256 == shas(dst)[0]


def test_of_keys_pressed_at_once_one_decides(start, dst, display):
    process, _ = start()
    before = display.scene()
    display.do("key", "--delay", "1", "a", "x", "2", "3")
    screen.until(lambda: display.scene() not in (before, None))
    display.decide("a")
    display.press("q")
    ended(process)
    assert list(decided(dst).values()) == ["accept", "accept"]


def test_undo_skip_flag_and_arrows(start, dst, display):
    process, _ = start()
    display.decide("a", "x", "a", "BackSpace", "u")  # the second is open again
    display.decide("space")  # skipped; the third flagged and accepted
    display.press("f")
    display.decide("a", "Left", "Left", "3")  # back to the second
    display.press("Escape")
    ended(process)
    first, second, third = shas(dst)[:3]
    assert decided(dst) == {first: "accept", second: "floating", third: "accept"}
    assert verdicts(read_reviews(dst)["anna"])[third].flagged


def test_the_grid_by_arrows_and_mouse(start, dst, display):
    process, window = start()
    display.decide("g")
    display.press("Right", "x", "Down", "4", "Left", "Left", "x", "x", "f")
    display.click(window, 840, 650)  # the last one of the page
    display.click(window, 100, 80)  # the first one ...
    display.click(window, 100, 80)  # ... after all not
    display.decide("Return", "Return", "u", "g", "a")
    display.press("q")
    ended(process)
    known = shas(dst)
    rejected = {known[1]: "reject", known[6]: "wrong_pose", known[24]: "reject"}
    assert decided(dst) == dict.fromkeys(known[:26], "accept") | rejected
    standing = verdicts(read_reviews(dst)["anna"])
    assert [known.index(sha256) for sha256, given in standing.items() if given.flagged] == [4]


def test_looking_changes_nothing(start, dst, display):
    process, _ = start()
    display.press("b", "s", "l", "z", "b", "question", "a", "g", "b", "g", "z", "s", "Up", "Shift_L", "F1", "ctrl+c")
    display.press("q")
    assert "0 accepted, 0 rejected, 200 left" in ended(process)
    assert decided(dst) == {}


def test_closing_the_window_by_its_button_keeps_all(start, dst, display):
    process, window = start()
    display.decide("a", "x")
    display.press_close_button(window)
    assert "1 accepted, 1 rejected, 198 left" in ended(process)
    assert not display.windows()
    process, _ = start()
    display.decide("a")
    display.press("q")
    ended(process)
    assert list(decided(dst)) == shas(dst)[:3]


def test_a_window_closed_while_a_disk_does_not_answer_ends_at_once(start, dst, display):
    process, window = start(slow=30)
    display.press_close_button(window)
    closed = time.monotonic()
    assert "0 accepted, 0 rejected, 200 left" in ended(process)
    assert time.monotonic() - closed < 2  # one second, and one for a busy machine
    ReviewLog(dst, "anna").close()  # nobody holds the lock


def test_the_end_and_the_way_back(start, dst, display):
    process, _ = start("--sample", "3", "--order", "random")
    display.decide("a", "a", "a")
    display.press("x", "Return")
    display.decide("u", "x")  # the end again
    display.decide("Left", "Left", "2")
    display.press("q")
    assert "1 accepted, 2 rejected, 0 left" in ended(process)


def test_other_sizes_of_the_window(start, dst, display):
    process, window = start()
    display.do("windowsize", "--sync", window, 500, 400)
    display.decide("a")
    display.press("l")
    display.do("windowsize", "--sync", window, 1300, 900)
    display.decide("a", "g", "g", "a")
    display.press("q")
    ended(process)
    assert len(decided(dst)) == 3


def test_own_keys(start, dst, display, tmp_path):
    (tmp_path / "keys.json").write_text('{"accept": ["j", "enter"], "take": [], "quit": "t"}')
    process, _ = start("--keys", "keys.json")
    display.decide("j", "Return")
    display.press("a", "q", "t")
    ended(process)
    assert len(decided(dst)) == 2


def test_pictures_that_cannot_be_shown_are_not_accepted(start, template, dst, display):
    known = shas(dst)
    (dst / "train").unlink()
    (dst / "train").mkdir()
    for source in (template / "train").rglob("*.jpg"):
        place = dst / "train" / source.relative_to(template / "train")
        place.parent.mkdir(exist_ok=True)
        if "f000__" in source.name:
            continue
        place.write_bytes(b"no picture" if "f001__" in source.name else source.read_bytes())
    process, _ = start()
    display.press("a", "a")
    display.decide("space")
    display.press("a")
    display.decide("7", "Left", "Left", "g", "Return")
    display.press("q")
    ended(process)
    found = decided(dst)
    assert known[0] not in found
    assert found[known[1]] == "not_a_face"
    assert len(found) == 25


def test_without_a_display_it_is_said_what_to_do(dst, tmp_path, monkeypatch):
    for environment, said in (
        ({}, "there is no display for a window"),
        ({"DISPLAY": ":987"}, "no window can be opened on the display :987"),
        ({"WAYLAND_DISPLAY": "wayland-7"}, "no window can be opened on the display wayland-7"),
    ):
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(WindowError, match=said) as caught:
            check_window()
        assert "review --serve shows a web page" in str(caught.value)
    command = [sys.executable, "-m", "maskaug", "review", str(dst)]
    done = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("maskaug: no window can be opened on the display wayland-7")
    assert len(done.stderr.splitlines()) == 1
    assert not (dst / "reviews").exists()


def test_a_wheel_without_windows_names_the_fix(monkeypatch):
    monkeypatch.setattr("cv2.currentUIFramework", lambda: "")
    with pytest.raises(WindowError, match="pip install --force-reinstall opencv-python"):
        check_window()
