"""`Judged`: what a file says one annotator decided about one picture; `Picture`: what is to be judged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from maskaug.augment.reviews.log import ReviewError, Verdict

_MEANT = {
    "decision": "must be accept, reject or nothing",
    "time": "must be a time with its zone, as 2026-01-31T12:00:00Z",
    "looked_ms": "must be a whole number of milliseconds",
    "flagged": "must be true or false",
    "auto": "must be true or false",
}


class Judged(BaseModel):
    """One annotator's standing decision on one picture; fields are called as in the record of decisions."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    output: str = Field("", description="path of the picture below the set's folder")
    output_sha256: str = Field("", description="of the picture that was judged")
    annotator: str = Field("", description="who decided; empty: the file does not say")
    decision: Literal["accept", "reject", ""] = ""
    reason: str = Field("", description="of a rejection")
    flagged: bool | None = Field(None, description="for a second look; None: the file does not say")
    auto: bool = Field(False, description="accepted by its score, without being shown")
    time: AwareDatetime | None = None
    looked_ms: int = Field(0, ge=0, description="how long the picture was shown before")
    where: str = Field("", description="place in the file, for messages")

    @field_validator("decision", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value


# Fields that are told of each annotator.
TOLD = ("decision", "reason", "flagged", "auto", "time", "looked_ms")


@dataclass(frozen=True)
class Picture:
    """A masked copy, and what stands of the decisions on it.

    Attributes:
        output: Its path below the set's folder.
        sha256: Of its file.
        split, label, kind, quality: As in the manifest.
        size: Width and height, pixels; zeros where an early version did not record them.
        boxes: Left, top, right, bottom of its faces, pixels, the largest first.
        verdicts: What stands, by annotator.
    """

    output: str
    sha256: str
    split: str
    label: str
    kind: str
    quality: float
    size: tuple[int, int]
    boxes: Sequence[Sequence[float]]
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


@dataclass(frozen=True)
class Exported:
    """What is to be written.

    Attributes:
        dst: The set's folder.
        pictures: Its masked copies.
        annotators: Whose decisions are told, by name.
        prefix: What an address of a picture has before its path.
        reasons: All reasons of a rejection.
    """

    dst: Path
    pictures: Sequence[Picture]
    annotators: Sequence[str]
    prefix: str
    reasons: Sequence[str]

    def told(self, picture: Picture) -> Iterator[tuple[str, dict[str, Any]]]:
        """Annotators who decided on a picture or flagged it, and the fields `TOLD` of each."""
        for name in self.annotators:
            verdict = picture.verdicts.get(name, Verdict())
            decided = verdict.decided
            if decided is not None or verdict.flagged:
                yield (
                    name,
                    {
                        "decision": decided.action if decided else "",
                        "reason": (decided.reason or "") if decided else "",
                        "flagged": verdict.flagged,
                        "auto": bool(decided and decided.auto),
                        "time": decided.time.isoformat() if decided else "",
                        "looked_ms": decided.looked_ms if decided else 0,
                    },
                )


def judged(where: str, values: Mapping[str, object]) -> Judged:
    """What a place in a file says; what is empty there is not said.

    Raises:
        ReviewError: a value is none of its field's.
    """
    try:
        return Judged(where=where, **{name: value for name, value in values.items() if value not in ("", None)})
    except ValidationError as error:
        problem = error.errors()[0]
        name, given = str(problem["loc"][0]), problem["input"]
        raise ReviewError(f"{where}: {name} {_MEANT.get(name, 'must be text')}, but is {given!r}") from error


def flat(exported: Exported, picture: Picture) -> dict[str, Any]:
    """What is told of a picture, as ``decision_anna``, ``reason_anna`` ..."""
    return {f"{key}_{name}": value for name, told in exported.told(picture) for key, value in told.items()}


def from_flat(where: str, picture: Mapping[str, object], values: Mapping[str, object]) -> list[Judged]:
    """What `flat` has written, or the same without a name: ``decision``, ``reason`` ...; who said nothing is left out.

    Args:
        where: Place in the file.
        picture: ``output`` and ``output_sha256``.
        values: The rest.
    """
    by_name: dict[str, dict[str, object]] = {}
    for key, value in values.items():
        for field_name in TOLD:
            if key == field_name or key.startswith(f"{field_name}_"):
                by_name.setdefault(key[len(field_name) + 1 :], {})[field_name] = value
                break
    found = [judged(where, {**picture, **told, "annotator": name}) for name, told in by_name.items()]
    return [one for one in found if one.decision or one.flagged]
