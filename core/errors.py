"""The one base class of errors that are expected, and told to the user in one line."""

import traceback

from pydantic import ValidationError

from maskaug.core.text import printable


class MaskaugError(Exception):
    """An expected problem; the message says what, where and what to do."""


class OptionError(MaskaugError):
    """An option is wrong, whatever the files hold; the message names it."""


def first_problem(error: Exception) -> str:
    """What an error says; of pydantic's, the first problem and its place: ``templates, number 1, shell: ...``."""
    if not isinstance(error, ValidationError):
        return str(error)
    problem = error.errors()[0]
    place = ", ".join(f"number {part + 1}" if isinstance(part, int) else part for part in problem["loc"])
    told = str(problem["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    given = problem["input"]
    value = f", but it is {given!r}" if isinstance(given, (str, int, float)) else ""
    return f"{place}: {told}{value}" if place else f"{told}{value}"


def failure(error: Exception) -> str:
    """What a library raised, in one line: type, text, and where: ``cv2.error: ... (maskaug.core.resize, line 21)``."""
    frame, line = list(traceback.walk_tb(error.__traceback__))[-1]
    place = f"{frame.f_globals.get('__name__', frame.f_code.co_filename)}, line {line}"
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    text = " ".join(str(error).split()) or "without a word"
    return printable(f"{kind}: {text} ({place})")
