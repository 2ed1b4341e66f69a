"""Options of ``maskaug curate``."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from maskaug.augment.curate.exports import EXPORT_FORMATS
from maskaug.augment.curate.exports.registry import Link
from maskaug.augment.generate.options import PAIRS
from maskaug.core.executors import ExecutionOptions
from maskaug.core.files import is_address
from maskaug.core.options import Place


def _check_format(name: str) -> str:
    if name not in EXPORT_FORMATS:
        raise ValueError(f"there is no format {name!r}; there are {', '.join(EXPORT_FORMATS)}")
    return name


_LISTED = "; ".join(f"{one.name}, {one.description}" for one in EXPORT_FORMATS.values())
Format = Annotated[str, AfterValidator(_check_format)]


class CurateOptions(ExecutionOptions):
    """Options of ``maskaug curate``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dst: Place = Field(description="Output of maskaug generate, with the decisions made on it; or its address.")
    out: Place = Field(description="Where the curated data set goes: a new folder, or an address.")
    policy: Literal["majority", "unanimous", "any"] = Field(
        "majority", description="A picture stays if more accept than reject it, nobody rejects it, or any accepts it."
    )
    undecided: Literal["keep", "drop", "by-score"] = Field(
        "keep", description="What becomes of masked copies that nobody has decided on."
    )
    licence: str = Field(
        "unknown",
        pattern=r"^[a-z0-9][a-z0-9.-]*$",
        description="Licence of the photographs, for the dataset card, as the Hugging Face Hub calls it: cc-by-4.0.",
    )
    min_quality: float | None = Field(None, ge=0, le=1, description="Score that the undecided need, with by-score.")
    balance: Literal["min", "none"] | None = Field(
        None,
        description="min: each class of a split gets as many pictures as its smallest, chosen at random. "
        "[default: min; none where DST has a folder a person]",
    )
    duplicates: Literal["move", "drop"] = Field(
        "move", description="What becomes of pictures whose near-duplicates, or whose person, lie in another split."
    )
    val_share: float | None = Field(
        None, gt=0, lt=1, description="Share of the pictures to set apart as val, if there is but one split."
    )
    pairs: int = Field(
        PAIRS, ge=0, description="Where DST has a folder a person: same-person pairs in pairs.csv for each split."
    )
    to: Format = Field("imagefolder", description=f"Format: {_LISTED}.")
    link: Link = Field("copy", description="Copy the pictures, or link to them.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    overwrite: bool = Field(False, description="Replace an earlier curated data set in OUT.")
    dry_run: bool = Field(False, description="Say what would be kept and how large it is, and write nothing.")
    json_: bool = Field(False, description="Print what became of it as JSON.")

    @model_validator(mode="after")
    def _consistent(self) -> "CurateOptions":
        if (self.undecided == "by-score") != (self.min_quality is not None):
            raise ValueError("--undecided by-score and --min-quality need each other; give both or neither")
        if self.link != "copy" and (is_address(self.dst) or is_address(self.out)):
            raise ValueError(f"--link {self.link} is for this machine's disks; at an address, leave it out")
        export = EXPORT_FORMATS[self.to]
        if self.link != "copy" and not export.links:
            raise ValueError(f"--to {export.name} packs the pictures into {export.description}; leave out --link")
        return self
