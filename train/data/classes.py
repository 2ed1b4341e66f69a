"""The classes of a data set: their names, in the order of the labels. They are data, and travel with whatever is made.

Where there are two, a network's logit, a probability and a threshold speak for the masked class, ``names[MASKED]``.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from maskaug.core.classes import MASKED_CLASS, UNMASKED_CLASS
from maskaug.train.errors import TrainError

Classes = tuple[str, ...]  # names by label: of unmasked faces, of masked ones, of any others


class ClassesError(TrainError):
    """These classes cannot be learnt or judged; the message says why and what to do."""


def check_classes(names: Sequence[str]) -> Classes:
    """Names of classes that a network can learn.

    Raises:
        ClassesError: there are fewer than two, or two are called alike, or a name cannot stand in a list.
    """
    if len(names) < 2:
        raise ClassesError(f"the classes are {', '.join(names) or 'none'}: a classifier needs two")
    for name in names:
        if names.count(name) > 1:
            raise ClassesError(f"the classes must have different names, but {names.count(name)} are called {name}")
        if "," in name:
            raise ClassesError(f"the name of a class must not have a comma, as {name!r} has; rename its folder")
    return tuple(names)


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def _check_given(names: Classes) -> Classes:
    if not all(names):
        raise ValueError("a name is missing; write for example without_mask,with_mask")
    if names[:1] == (MASKED_CLASS,) or names[1:2] == (UNMASKED_CLASS,):
        raise ValueError(f"{','.join(names)} has the masked faces first; name the unmasked ones first")
    try:
        return check_classes(names)
    except ClassesError as error:
        raise ValueError(str(error)) from error


# As an option gives them: ``without_mask,with_mask``, or more.
GivenClasses = Annotated[Classes, BeforeValidator(_split), AfterValidator(_check_given)]
