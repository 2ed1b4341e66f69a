"""The one base class of errors that are expected, and told to the user in one line."""

from pydantic import ValidationError


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
    told, given = str(problem["msg"]).removeprefix("Value error, "), problem["input"]
    value = f", but it is {given!r}" if isinstance(given, (str, int, float)) else ""
    return f"{place}: {told}{value}" if place else f"{told}{value}"
