"""Keys: which key does what, what a user's file may change in that, and how windows and browsers name keys.

A key is named by the character it types, in lower case, or ``space``, ``enter``, ``backspace``, ``tab``, ``esc``,
``left``, ``right``, ``up`` or ``down``.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskaug.core.errors import MaskaugError
from maskaug.core.text import parse_json
from maskaug.review_ui.view.actions import ACTIONS

_NAMED = ("space", "enter", "backspace", "tab", "esc", "left", "right", "up", "down")
_CODES = {
    **{13: "enter", 10: "enter", 8: "backspace", 127: "backspace", 9: "tab", 27: "esc", 32: "space"},
    **{65361: "left", 65362: "up", 65363: "right", 65364: "down"},  # Qt and GTK
    **{65288: "backspace", 65293: "enter", 65307: "esc", 65289: "tab", 65421: "enter"},  # GTK
    **{2424832: "left", 2490368: "up", 2555904: "right", 2621440: "down"},  # Windows
    **{63234: "left", 63232: "up", 63235: "right", 63233: "down"},  # macOS
}
_GTK_MODIFIERS = 0x10000  # what GTK adds for Num Lock and the like lies at and above this bit
_BROWSER = {
    **{" ": "space", "Enter": "enter", "Backspace": "backspace", "Tab": "tab", "Escape": "esc"},
    **{"ArrowLeft": "left", "ArrowUp": "up", "ArrowRight": "right", "ArrowDown": "down"},
}
_EXAMPLE = '{"accept": ["j"], "reject": ["k"]}'
_MODIFIERS = ("ctrl", "control", "alt", "meta", "cmd", "super")


class KeysError(MaskaugError):
    """A file of key bindings cannot be used; the message says what is wrong in it, and what to write."""


def read_keys(path: Path | None) -> dict[str, str]:
    """The action of each key: the defaults, with what a file changes.

    The file is a JSON object: ``{"accept": ["j", "enter"], "take": "t"}`` gives these actions these keys instead of
    their own, and leaves the others as they are.

    Args:
        path: The file; None for the defaults.

    Raises:
        KeysError: the file cannot be read, or names an action or key that does not exist, or one key twice.
    """
    bindings = {name: action.keys for name, action in ACTIONS.items()}
    own = {} if path is None else _read(path)
    for action, keys in own.items():
        if action not in ACTIONS:
            raise KeysError(f"{path}: there is no action {action!r}; there are {', '.join(ACTIONS)}")
        names = [keys] if isinstance(keys, str) else keys
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise KeysError(f'{path}: write the keys of {action} as ["a", "enter"], not {json.dumps(keys)}')
        bindings[action] = tuple(_checked(name, f"{path}: {action}") for name in names)
    if "esc" in bindings["quit"] and "leave" not in own:  # a file from before there was ``leave``
        bindings["leave"] = ()
    return _by_key(bindings, path)


def labels(keys: Mapping[str, str]) -> dict[str, str]:
    """For each action that has a key, the first of them."""
    found: dict[str, str] = {}
    for key, action in keys.items():
        found.setdefault(action, key)
    return found


def key_of_code(code: int) -> str | None:
    """The name of a key by what ``cv2.waitKeyEx`` returns; None for no key, and for keys without a name here."""
    if code in _CODES:
        return _CODES[code]
    code %= _GTK_MODIFIERS
    return _CODES[code] if code in _CODES else _character(chr(code)) if code < 127 else None


def key_of_browser(key: str) -> str | None:
    """The name of a key by what a browser calls it in ``KeyboardEvent.key``."""
    return _BROWSER.get(key) or _character(key)


def named_browser_keys(keys: Mapping[str, str]) -> list[str]:
    """What a browser calls those keys with an action that are not named by the character they type."""
    return [browser for browser, key in _BROWSER.items() if key in keys]


def _character(text: str) -> str | None:
    return text.lower() if len(text) == 1 and text.isprintable() and text != " " else None


def _by_key(bindings: Mapping[str, tuple[str, ...]], path: Path | None) -> dict[str, str]:
    actions: dict[str, str] = {}
    for action, keys in bindings.items():
        for key in keys:
            if key in actions and actions[key] != action:
                where = path or "the default keys"
                raise KeysError(f"{where}: {key!r} would be both {actions[key]} and {action}; give one another key")
            actions[key] = action
    return actions


def _read(path: Path) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for action, keys in pairs:
            if action in found:
                raise KeysError(f"{path}: {action} is named twice; name it once, with all its keys")
            found[action] = keys
        return found

    try:
        found = parse_json(path.read_text(encoding="utf-8"), object_pairs_hook=once)
    except OSError as error:
        raise KeysError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise KeysError(f"{path} is not JSON: {error}; write for example {_EXAMPLE}") from error
    if not isinstance(found, dict):
        raise KeysError(f"{path}: write actions and their keys, for example {_EXAMPLE}")
    return found


def _checked(name: str, where: str) -> str:
    lower = name.lower()
    modifier, plus, _ = lower.partition("+")
    if plus and modifier in _MODIFIERS:
        pressed = modifier.capitalize()
        raise KeysError(f"{where}: keys are not combined with {pressed}; name the key alone, not {name!r}")
    if plus and modifier == "shift":
        raise KeysError(f"{where}: Shift is not named; write the character that is typed, not {name!r}")
    if lower in _NAMED:
        return lower
    if len(name) == 1 and name != lower:
        raise KeysError(f"{where}: letters are named in lower case; write {lower!r}, not {name!r}")
    if len(name) != 1 or not " " < name <= "~":
        known = ", ".join(_NAMED)
        raise KeysError(f"{where}: there is no key {name!r}; there are the ASCII characters, and {known}")
    return name
