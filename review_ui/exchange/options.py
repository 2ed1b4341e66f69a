"""Options of ``maskaug decisions export`` and ``maskaug decisions import``."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from maskaug.augment.reviews.log import ADJUDICATOR
from maskaug.core.options import Folder
from maskaug.review_ui.options import check_name, split_words

_SUFFIXES = {"csv": ".csv", "coco": ".json"}  # of formats that are one file; the others are folders


def _check(name: str) -> str:
    return name if name == ADJUDICATOR else check_name(name)


Name = Annotated[str, AfterValidator(_check)]
Names = Annotated[tuple[Name, ...], BeforeValidator(split_words)]


class DecisionsExportOptions(BaseModel):
    """Options of ``maskaug decisions export``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dst: Folder = Field(description="Output of maskaug generate.")
    out: Folder = Field(description="Where it goes: a file, or for labelstudio and fiftyone a folder.")
    to: Literal["csv", "coco", "labelstudio", "fiftyone"] = Field("csv", description="Format.")
    annotators: Names | None = Field(None, description="Whose decisions: anna,bert. [default: everyone's]")
    prefix: str = Field(
        "/data/local-files/?d=",
        description="Of labelstudio: what the address of a picture has before its path below DST. The default is "
        "that of files on Label Studio's own machine, where its document root is DST.",
    )
    json_: bool = Field(False, description="Print what became of it as JSON.")

    @model_validator(mode="after")
    def _named_as_what_it_is(self) -> "DecisionsExportOptions":
        wanted, suffix = _SUFFIXES.get(self.to), self.out.suffix.lower()
        if wanted and suffix != wanted:
            raise ValueError(f"OUT {self.out} must end in {wanted}, as files of --to {self.to} do")
        if not wanted and suffix in _SUFFIXES.values():
            raise ValueError(f"OUT {self.out} becomes a folder, by --to {self.to}; name it without {suffix}")
        return self


class DecisionsImportOptions(BaseModel):
    """Options of ``maskaug decisions import``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dst: Folder = Field(description="Output of maskaug generate.")
    file: Folder = Field(description="CSV, COCO, Label Studio's JSON, or a FiftyOneDataset's samples.json or folder.")
    annotator: Name | None = Field(None, description="Whose decisions they become.")
    of: str | None = Field(
        None, description="Whose decisions they are in FILE, where it has several people's. [default: the same name's]"
    )
    overwrite: bool = Field(False, description="Where the annotator has decided otherwise, let FILE's decision stand.")
    json_: bool = Field(False, description="Print what became of it as JSON.")

    @model_validator(mode="after")
    def _somebodys(self) -> "DecisionsImportOptions":
        if not self.annotator:
            raise ValueError("whose decisions are they? give --annotator NAME")
        return self
