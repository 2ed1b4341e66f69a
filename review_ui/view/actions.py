"""The table of actions: everything that a key can do.

Key bindings, the help, the hints beside the picture and the set-up of the web page are made from it. A new reason for
rejecting is a row and nothing else. A new switch is a row, and what draws it asks ``"name" in view.switches``. A new
command is a row and a method of the controller.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from maskaug.review_ui.session.session import ACCEPT, Decision
from maskaug.review_ui.view.words import readable

Mode = Literal["single", "grid", "end"]
Tone = Literal["plain", "good", "bad"]


@dataclass(frozen=True)
class ActionSpec:
    """One row of the table.

    Attributes:
        name: What key files call it.
        keys: Its default keys; the first one is shown.
        help: What it does, as the help says; an action without is not listed there.
        kind: A ``decision`` is recorded of the pictures that were on the screen when its key was pressed, and of no
            others; a ``switch`` turns a way of showing pictures on or off; a ``command`` calls the controller's method
            for it.
        decision: What it records about the picture; None if it is not about a single picture.
        tone: Of the message that says it was done; hints at ``good`` actions come first.
        hints: What is said of it beside the picture, by mode; in other modes it is not mentioned. ``{accepted}`` and
            ``{rejected}`` stand for the numbers that taking the page would record.
        button: What its button on the page says in every mode; without, there is one only where ``hints`` has a text.
    """

    name: str
    keys: tuple[str, ...]
    help: str = ""
    kind: Literal["decision", "switch", "command"] = "command"
    decision: Decision | None = None
    tone: Tone = "plain"
    hints: Mapping[Mode, str] = field(default_factory=dict)
    button: str = ""


def reject_reason(name: str, *keys: str) -> ActionSpec:
    """The row of a reason for rejecting a picture.

    Args:
        name: Of the action; the record of decisions gives it as the reason.
        keys: Its default keys.
    """
    text = readable(name)
    hints: Mapping[Mode, str] = {"single": text, "grid": text}
    return ActionSpec(name, keys, f"reject: {text}", "decision", Decision("reject", name), "bad", hints)


_ROWS = (
    ActionSpec("accept", ("a",), "accept", "decision", ACCEPT, "good", {"single": "accept"}),
    ActionSpec(
        name="reject",
        keys=("r", "x"),
        help="reject",
        kind="decision",
        decision=Decision("reject"),
        tone="bad",
        hints={"single": "reject", "grid": "mark, or unmark"},
    ),
    reject_reason("misaligned", "1"),
    reject_reason("wrong_size", "2"),
    reject_reason("floating", "3"),
    reject_reason("wrong_pose", "4"),
    reject_reason("over_hand", "5"),
    reject_reason("unreal_light", "6"),
    reject_reason("not_a_face", "7"),
    reject_reason("duplicate", "8"),
    reject_reason("other", "9"),
    ActionSpec("skip", ("space",), "skip; it comes again", button="skip"),
    ActionSpec("undo", ("u", "backspace"), "undo, any number of times", hints={"end": "to undo"}, button="undo"),
    ActionSpec("left", ("left",), "the previous picture"),
    ActionSpec("right", ("right",), "the next picture"),
    ActionSpec("up", ("up",)),
    ActionSpec("down", ("down",)),
    ActionSpec("flag", ("f",), "flag for a second look", "decision"),
    ActionSpec("before", ("b",), "before and after", "switch", button="before / after"),
    ActionSpec("side", ("s",), "side by side", "switch"),
    ActionSpec("lines", ("l",), "outline and landmarks", "switch"),
    ActionSpec("zoom", ("z",), "close up", "switch"),
    ActionSpec("grid", ("g",), "page of 25: arrows move, reject or mouse marks", button="grid"),
    ActionSpec(
        name="take",
        keys=("enter",),
        help="take the page: unmarked pictures are accepted",
        kind="decision",
        tone="good",
        hints={"grid": "accept {accepted}, reject {rejected}"},
    ),
    ActionSpec("help", ("?",), button="help"),
    ActionSpec("leave", ("esc",), "leave the page of 25, its marks are kept; else save and quit"),
    ActionSpec("quit", ("q",), "save and quit", hints={"end": "to quit"}, button="save and quit"),
)
# All actions by name, in the order of the help.
ACTIONS: dict[str, ActionSpec] = {row.name: row for row in _ROWS}
# What the help says below the keys.
HELP_NOTE = "Each decision is on disk before the next picture appears. Any of these keys closes the help."


def help_columns() -> tuple[list[ActionSpec], list[ActionSpec]]:
    """What the help lists: what can be done, and the reasons for rejecting."""
    listed = [action for action in ACTIONS.values() if action.help]
    reasons = [action for action in listed if action.decision is not None and action.decision.reason]
    return [action for action in listed if action not in reasons], reasons


def hints_for(mode: Mode, accepted: int, rejected: int) -> list[tuple[str, str]]:
    """The actions that one needs most, by name, with what is said of them; what is good comes first.

    Args:
        mode: How pictures are looked at.
        accepted: Pictures that taking the page would accept.
        rejected: Pictures that taking the page would reject.
    """
    useful = [action for action in ACTIONS.values() if mode in action.hints]
    useful.sort(key=lambda action: action.tone != "good")
    return [(action.name, action.hints[mode].format(accepted=accepted, rejected=rejected)) for action in useful]
