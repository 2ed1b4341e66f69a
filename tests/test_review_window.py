"""The window as a person uses it: real key presses and clicks, on a screen without a monitor."""

import os
import random
import subprocess
import sys
import time

import pytest
import screen
from generated import Generated, texture

from maskaug.augment.reviews.log import read_reviews, verdicts
from maskaug.review_ui import ReviewOptions, WindowError
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.view.actions import ACTIONS
from maskaug.review_ui.window.window import check_window

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
    """Start the command and give its window the keys."""
    running = []

    def go(*options):
        command = [sys.executable, "-m", "maskaug", "review", str(dst), "--annotator", "anna", *options]
        running.append(
            subprocess.Popen(
                command, cwd=tmp_path, env=display.environment, stdout=subprocess.PIPE, stderr=-1, text=True
            )
        )
        return running[-1], display.focus()

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


def count(dst, number):
    screen.until(lambda: len(read_reviews(dst).get("anna", [])) >= number)


def test_100_decisions_at_120_ms_each_and_none_lost(start, dst, display):
    process, _ = start()
    rng = random.Random(0)
    keys = [rng.choice("aaaaxr123456789") for _ in range(100)]
    display.press(*keys)
    count(dst, 100)
    display.press("q")
    assert "anna: " in ended(process)
    decisions = {key: action.decision for action in ACTIONS.values() for key in action.keys}
    events = read_reviews(dst)["anna"]
    assert [event.output_sha256 for event in events] == shas(dst)[:100]
    assert [(event.action, event.reason) for event in events] == [
        (decisions[key].action, decisions[key].reason) for key in keys
    ]


def test_undo_skip_flag_and_arrows(start, dst, display):
    process, _ = start()
    display.press("a", "x", "a", "BackSpace", "u")  # the second is open again
    display.press("space", "f", "a")  # skipped; the third flagged and accepted
    display.press("Left", "Left", "3")  # back to the second
    display.press("Escape")
    ended(process)
    first, second, third = shas(dst)[:3]
    assert decided(dst) == {first: "accept", second: "floating", third: "accept"}
    assert verdicts(read_reviews(dst)["anna"])[third].flagged


def test_the_grid_by_arrows_and_mouse(start, dst, display):
    process, window = start()
    display.press("g")
    time.sleep(0.3)
    display.press("Right", "x", "Down", "4", "Left", "Left", "x", "x", "f")
    display.click(window, 840, 650)  # the last one of the page
    display.click(window, 100, 80)  # the first one ...
    display.click(window, 100, 80)  # ... after all not
    display.press("Return")
    count(dst, 26)
    display.press("Return")
    count(dst, 51)
    display.press("u", "g", "a", "q")
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
    display.press("a", "x")
    display.press_close_button(window)
    assert "1 accepted, 1 rejected, 198 left" in ended(process)
    assert not display.windows()
    process, _ = start()
    display.press("a", "q")
    ended(process)
    assert list(decided(dst)) == shas(dst)[:3]


def test_the_end_and_the_way_back(start, dst, display):
    process, _ = start("--sample", "3", "--order", "random")
    display.press("a", "a", "a", "x", "Return", "u", "x", "Left", "Left", "2", "q")
    assert "1 accepted, 2 rejected, 0 left" in ended(process)


def test_other_sizes_of_the_window(start, dst, display):
    process, window = start()
    display.do("windowsize", "--sync", window, 500, 400)
    display.press("a", "l")
    display.do("windowsize", "--sync", window, 1300, 900)
    display.press("a", "g", "g", "a", "q")
    ended(process)
    assert len(decided(dst)) == 3


def test_own_keys(start, dst, display, tmp_path):
    (tmp_path / "keys.json").write_text('{"accept": ["j", "enter"], "take": [], "quit": "t"}')
    process, _ = start("--keys", "keys.json")
    display.press("j", "Return", "a", "q", "t")
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
    display.press("a", "a", "space", "a", "7", "Left", "Left", "g")
    time.sleep(0.5)
    display.press("Return", "q")
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
