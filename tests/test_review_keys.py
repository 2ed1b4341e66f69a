import json

import pytest

from maskaug.review_ui.view.actions import ACTIONS
from maskaug.review_ui.view.keys import KeysError, key_of_browser, key_of_code, named_browser_keys, read_keys

# As the records of decisions have them: none may change.
REASONS = [
    *("misaligned", "wrong_size", "floating", "wrong_pose", "over_hand", "unreal_light", "not_a_face", "duplicate"),
    "other",
]


def written(tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_the_keys_of_the_description():
    keys = read_keys(None)
    assert [keys[key] for key in ("a", "r", "x", "space", "u", "backspace")] == [
        *("accept", "reject", "reject", "skip", "undo", "undo")
    ]
    assert [keys[str(number)] for number in range(1, 10)] == REASONS
    assert [keys[key] for key in ("f", "b", "l", "z", "g", "enter", "?", "q", "esc")] == [
        *("flag", "before", "lines", "zoom", "grid", "take", "help", "quit", "leave")
    ]
    assert set(keys.values()) == set(ACTIONS)


def test_a_file_changes_what_it_names(tmp_path):
    keys = read_keys(written(tmp_path, {"accept": ["j", "Enter"], "take": "t", "wrong_size": ["w"], "undo": []}))
    assert (keys["j"], keys["enter"], keys["t"], keys["w"]) == ("accept", "accept", "take", "wrong_size")
    assert keys["r"] == "reject"
    assert not {"a", "2", "u", "backspace"} & keys.keys()


def test_a_file_from_when_esc_was_quit_means_the_same(tmp_path):
    keys = read_keys(written(tmp_path, {"quit": ["q", "esc"]}))
    assert (keys["q"], keys["esc"]) == ("quit", "quit")


def test_keys_may_be_exchanged(tmp_path):
    keys = read_keys(written(tmp_path, {"accept": "x", "reject": "a"}))
    assert (keys["x"], keys["a"]) == ("accept", "reject")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"acept": "a"}, "no action 'acept'; there are accept, reject, misaligned"),
        ({"flag": "a"}, "'a' would be both accept and flag"),
        ({"flag": ["f", "space"]}, "'space' would be both skip and flag"),
        ({"accept": "Ctrl+a"}, "keys are not combined with Ctrl"),
        ({"accept": ["alt+a"]}, "keys are not combined with Alt"),
        ({"accept": "shift+a"}, "Shift is not named"),
        ({"accept": "A"}, "write 'a', not 'A'"),
        ({"accept": "F1"}, "no key 'F1'; there are the ASCII characters, and space, enter"),
        ({"accept": "ü"}, "no key 'ü'"),
        ({"accept": ""}, "no key ''"),
        ({"accept": 1}, r'write the keys of accept as \["a", "enter"\], not 1'),
        ({"accept": [1]}, "write the keys of accept"),
        ('{"accept": "j", "accept": "k"}', "accept is named twice"),
        ("accept = j", "is not JSON"),
        ('["a"]', "write actions and their keys"),
    ],
)
def test_what_a_file_may_not_say(tmp_path, content, said):
    with pytest.raises(KeysError, match=said) as caught:
        read_keys(written(tmp_path, content))
    assert str(tmp_path / "keys.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(KeysError, match="cannot be read: No such file"):
        read_keys(tmp_path / "gone.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(KeysError, match="is not JSON"):
        read_keys(tmp_path / "bytes.json")


def test_codes_of_windows():
    """Measured with OpenCV 5 (Qt); the others from OpenCV's sources."""
    codes = {97: "a", 65: "a", 49: "1", 63: "?", 32: "space", 13: "enter", 8: "backspace", 27: "esc"}
    codes |= {65361: "left", 65362: "up", 65363: "right", 65364: "down"}
    codes |= {2424832: "left", 2490368: "up", 2555904: "right", 2621440: "down"}
    codes |= {0x100000 + 97: "a", 0x110000 + 65361: "left", 0x100000 + 65293: "enter"}  # GTK with Num Lock
    for code, name in codes.items():
        assert key_of_code(code) == name
    for code in (-1, 65505, 65470, -36, 65535, 0):  # none, Shift, F1, an umlaut, Delete
        assert key_of_code(code) is None


def test_names_of_browsers():
    names = {"a": "a", "A": "a", "1": "1", "?": "?", " ": "space", "Enter": "enter", "Escape": "esc"}
    names |= {"ArrowLeft": "left", "ArrowDown": "down", "Backspace": "backspace"}
    for browser, name in names.items():
        assert key_of_browser(browser) == name
    for browser in ("Shift", "F1", "Dead", "", "\x00"):
        assert key_of_browser(browser) is None
    assert named_browser_keys({"esc": "quit", "tab": "skip", "a": "accept"}) == ["Tab", "Escape"]
