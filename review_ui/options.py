"""Options of ``maskaug review``."""

import getpass
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from maskaug.augment.reviews.log import ADJUDICATOR
from maskaug.core.options import Folder

Order = Literal["doubtful", "random", "kind", "pose", "source"]

_NOT_WITH_DISPUTED = ("annotator", "annotators", "overlap", "honeypots", "auto_accept")


def split_words(value: object) -> object:
    """What is written as text with commas, as a tuple; anything else as it is."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def check_name(name: str) -> str:
    """An annotator's name.

    Raises:
        ValueError: it cannot name a file, or is the adjudicator's.
    """
    if not re.fullmatch(r"\w[\w.@+-]{0,63}", name):
        raise ValueError(f"{name!r} cannot name a file; use letters, digits and . @ + - _, as in anna")
    if name == ADJUDICATOR:
        raise ValueError(f"{ADJUDICATOR} is the name of whoever settles disputes; give --disputed instead")
    return name


def _login() -> str:
    try:
        return check_name(getpass.getuser())
    except (OSError, KeyError, ImportError, ValueError):  # a container may have no users
        raise ValueError("cannot use the login name; give --annotator NAME") from None


Name = Annotated[str, AfterValidator(check_name)]
Names = Annotated[tuple[Name, ...], BeforeValidator(split_words)]
Words = Annotated[tuple[str, ...], BeforeValidator(split_words)]


class ReviewOptions(BaseModel):
    """Options of ``maskaug review``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dst: Folder = Field(description="Output of maskaug generate.")
    order: Order = Field(
        "doubtful", description="What comes first: low scores; or random order, by kind, by yaw, or by source."
    )
    kind: Words | None = Field(None, description="Only these kinds of mask: n95,cloth.")
    split: Words | None = Field(None, description="Only these splits.")
    quality_below: float | None = Field(None, ge=0, le=1, description="Only pictures with a score below this.")
    undecided: bool = Field(False, description="Only pictures that this annotator has not decided on.")
    sample: int | None = Field(None, ge=1, description="Only so many pictures, chosen at random.")
    auto_accept: float | None = Field(
        None, ge=0, le=1, description="Accept undecided pictures with this score or a higher one without showing them."
    )
    annotator: Name | None = Field(None, description="Who decides. [default: the login name]")
    annotators: Names | None = Field(
        None,
        description="Share the pictures among these: anna,bert. With --serve and without --annotator, one process "
        "serves all of them, each at an address of their own. [default: everyone sees all]",
    )
    overlap: float = Field(0.0, ge=0, le=1, description="Share of the pictures that all --annotators see.")
    honeypots: float = Field(0.0, ge=0, le=0.5, description="Share of controls: masks displaced on purpose.")
    disputed: bool = Field(False, description="Settle the pictures that some annotators accept and others reject.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    keys: Path | None = Field(None, description="JSON file of key bindings. [default: ~/.config/maskaug/keys.json]")
    serve: bool = Field(False, description="Show a web page on this machine instead of a window.")
    port: int = Field(0, ge=0, le=65535, description="Port of the web page; 0: any that is free.")

    @model_validator(mode="after")
    def _consistent(self) -> "ReviewOptions":
        if self.annotators and len(set(self.annotators)) < len(self.annotators):
            raise ValueError(f"--annotators {','.join(self.annotators)} names somebody twice")
        names = self.names  # an unusable login name is reported now
        if self.disputed:
            for option in _NOT_WITH_DISPUTED:
                if getattr(self, option) not in (None, 0):
                    raise ValueError(f"--disputed and --{option.replace('_', '-')} exclude each other; give one")
        elif self.annotators is None:
            if self.overlap:
                raise ValueError("--overlap needs to know who shares the pictures; give --annotators anna,bert")
        elif not set(names) <= set(self.annotators):
            told = f"{names[0]} is not among --annotators {','.join(self.annotators)}"
            raise ValueError(f"{told}; give --annotator, or --serve for all of them")
        if self.port and not self.serve:
            raise ValueError("--port sets the port of the web page; give --serve, too")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Who decides in this process: all ``annotators`` if it serves them, or one.

        Raises:
            ValueError: as :attr:`name`.
        """
        return self.annotators if self.serve and self.annotators and not self.annotator else (self.name,)

    def of(self, name: str) -> "ReviewOptions":
        """The same for one of :attr:`names`."""
        return self if self.names == (name,) else self.model_copy(update={"annotator": name})

    @property
    def name(self) -> str:
        """Who decides, where it is one.

        Raises:
            ValueError: nobody is named, and the login name cannot be used.
        """
        return ADJUDICATOR if self.disputed else self.annotator or _login()
