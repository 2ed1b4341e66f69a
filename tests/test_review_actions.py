"""A key is added in one place: a row of the table is in the key bindings, the window's help and the page's set-up."""

import json
import re
from collections import Counter

import cv2
import numpy as np
import pytest
from generated import Generated, texture

from maskaug.augment.reviews.log import ReviewLog, read_reviews
from maskaug.review_ui import ReviewOptions
from maskaug.review_ui.page.review_page import ReviewPage
from maskaug.review_ui.page.view_json import view_json
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.session.session import Session
from maskaug.review_ui.view.actions import ACTIONS, ActionSpec, reject_reason
from maskaug.review_ui.view.controller import Controller
from maskaug.review_ui.view.keys import labels, read_keys
from maskaug.review_ui.view.palette import COLORS
from maskaug.review_ui.view.picture_cache import PictureCache
from maskaug.review_ui.window.compose import compose
from maskaug.review_ui.window.style import sizes_for
from maskaug.review_ui.window.text import line_height, put_text, width_of

SIZE = (1200, 750)
FACE = {"box": [8, 8, 40, 40], "landmarks": np.linspace(12, 36, 136).tolist(), "stability": 0.0, "detector": "x"}


@pytest.fixture
def controller(tmp_path):
    """A session of three pictures with a face in each."""
    made = Generated(tmp_path / "dst")
    for number in range(3):
        made.original("train", f"f{number}", texture(number))
        made.mask("train", f"f{number}", 0, **FACE)
    dst = made.finish()
    log = ReviewLog(dst, "anna")
    queue = read_queue(ReviewOptions(dst=dst, annotator="anna"))
    picture_cache = PictureCache(dst, queue, None)
    yield Controller(Session(queue, log), picture_cache)
    picture_cache.close()
    log.close()


def frame_of(controller):
    return compose(controller.view(10.0), SIZE, labels(read_keys(None)))


def says(frame, text):
    """Whether a line of small muted text on the panel stands somewhere in a frame."""
    size = sizes_for(*SIZE).small
    line = np.full((line_height(size), width_of(text, size), 3), COLORS.panel, dtype=np.uint8)
    put_text(line, text, (0, 0), size, COLORS.muted)
    line = line[3:-3]  # the next line's key may begin there
    return float(cv2.matchTemplate(frame, line, cv2.TM_SQDIFF_NORMED).min()) < 1e-4


def set_up(controller):
    """What the page is told when it is opened."""
    _, _, page = ReviewPage("anna", controller, read_keys(None), "review").answer("GET", "", b"")
    return json.loads(re.search('id="setup">(.*?)</script>', page.decode()).group(1)), page.decode()


def test_a_reason_is_a_row(controller, tmp_path, monkeypatch):
    controller.do("help", controller.scene)
    before = frame_of(controller)
    assert says(before, "reject: over hand")
    assert not says(before, "reject: hair in front")
    monkeypatch.setitem(ACTIONS, "hair_in_front", reject_reason("hair_in_front", "0"))
    assert read_keys(None)["0"] == "hair_in_front"
    assert says(frame_of(controller), "reject: hair in front")
    controller.do("help", controller.scene)
    assert says(frame_of(controller), "hair in front")
    assert view_json(controller.view())["hints"][-1] == ("hair_in_front", "hair in front")
    told, _ = set_up(controller)
    assert told["help"][1][-1] == ["hair_in_front", "reject: hair in front"]
    assert told["keys"]["hair_in_front"] == "0"
    assert not controller.do("hair_in_front", None)
    assert controller.do("hair_in_front", controller.scene)
    (event,) = read_reviews(tmp_path / "dst")["anna"]
    assert (event.action, event.reason) == ("reject", "hair_in_front")
    assert (controller.view().message, controller.view().tone) == ("rejected: hair in front", "bad")


def test_a_switch_is_a_row(controller, monkeypatch):
    monkeypatch.setitem(ACTIONS, "mirror", ActionSpec("mirror", ("m",), "mirrored", "switch"))
    assert read_keys(None)["m"] == "mirror"
    assert ["mirror", "mirrored"] in set_up(controller)[0]["help"][0]
    controller.do("mirror", controller.scene)
    assert "mirror" in controller.view().switches
    assert view_json(controller.view())["switches"] == ["mirror"]
    controller.do("help", controller.scene)
    assert says(frame_of(controller), "mirrored")
    controller.do("help", controller.scene)
    controller.do("mirror", controller.scene)
    assert controller.view().switches == frozenset()


def test_every_switch_is_drawn(controller):
    plain = frame_of(controller)
    switches = [action.name for action in ACTIONS.values() if action.kind == "switch"]
    assert switches
    for name in switches:
        controller.do(name, controller.scene)
        assert (frame_of(controller) != plain).any(), name
        controller.do(name, controller.scene)
        assert (frame_of(controller) == plain).all(), name


def test_every_command_has_a_method(controller):
    known = {*controller._always, *controller._single, *controller._grid}
    assert {action.name for action in ACTIONS.values() if action.kind == "command" or action.name == "flag"} <= known
    assert known <= ACTIONS.keys()


def test_no_two_actions_share_a_default_key():
    count = Counter(key for action in ACTIONS.values() for key in action.keys)
    assert set(count.values()) == {1}
    assert all(name == action.name for name, action in ACTIONS.items())


def test_the_page_has_the_window_s_colours(controller):
    _, page = set_up(controller)
    assert "--accepted: #4cc38a;" in page
    used = set(re.findall(r"var\(--([a-z-]+)\)", page))
    assert used
    assert used <= vars(COLORS).keys()
