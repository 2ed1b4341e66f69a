"""Options of ``maskaug generate``: parsed by the command line, checked here, saved beside the output as resolved."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from maskaug.augment.generate.annotations.classes import ROLES, Role
from maskaug.augment.masking.options import EngineOptions
from maskaug.core.classes import INCORRECT_CLASS, MASKED_CLASS, UNMASKED_CLASS
from maskaug.core.executors import ExecutionOptions
from maskaug.core.executors.options import EXECUTION_OPTIONS
from maskaug.core.options import Place
from maskaug.core.pictures import PictureFormat

Layout = Literal["classes", "identities"]
SetFormat = Literal["imagefolder", "webdataset", "parquet"]
PAIRS = 3000  # of one person, and as many of two, as LFW has them

# Options that only one of the layouts has.
_OF_CLASSES = ("balance", "source_class", "masked_class", "incorrect_class")
_OF_IDENTITIES = ("apart", "person_level", "pairs")

# Options that say how a run is done, not what comes out: they are not saved, and may differ on resuming.
RUN_ONLY = EXECUTION_OPTIONS | {"dst", "overwrite", "resume", "retry_failed", "dry_run", "json_"}


def _parse_classes(value: object) -> object:
    """``without_mask,person=no_face`` as roles by class."""
    if not isinstance(value, str):
        return value
    roles: dict[str, str] = {}
    for part in value.split(","):
        name, _, role = (text.strip() for text in part.partition("="))
        if not name:
            raise ValueError("a class is missing; write for example without_mask,person=no_face")
        if name in roles:
            raise ValueError(f"{name} is named twice")
        if role and role not in ROLES:
            raise ValueError(f"{name} cannot be {role}; choose among {', '.join(ROLES)}")
        roles[name] = role or "bare"
    return roles


BoxClasses = Annotated[dict[str, Role], BeforeValidator(_parse_classes)]


class GenerateOptions(EngineOptions, ExecutionOptions):
    """Options of ``maskaug generate``."""

    src: Place = Field(
        description="ImageFolder of faces, or a folder a person, with or without splits; or tar shards, parquet or a "
        "CSV of paths; here or at an address, such as s3://bucket/faces."
    )
    dst: Place = Field(description="Where the data set goes: a new folder, or an address.")
    layout: Layout = Field(
        "classes",
        description="What the folders of SRC and DST are: classes; or identities, a folder a person, as face "
        "recognition wants them: nothing is balanced, and pairs.csv is written.",
    )
    apart: bool = Field(
        False, description="With identities: original/PERSON and masked/PERSON, instead of all in PERSON."
    )
    person_level: int | None = Field(
        None,
        ge=1,
        description="With identities: which folders are persons: 1: SRC/anna, 2: SRC/train/anna. "
        "[default: those that hold the pictures]",
    )
    pairs: int = Field(
        PAIRS, ge=0, description="With identities: same-person pairs in pairs.csv for each split; 0: no pairs.csv."
    )
    source_class: str = Field(UNMASKED_CLASS, min_length=1, description="Class whose pictures get masks.")
    masked_class: str = Field(MASKED_CLASS, min_length=1, description="Class of the masked copies.")
    incorrect_class: str = Field(
        INCORRECT_CLASS, min_length=1, description="Class of copies whose mask leaves nose or mouth free."
    )
    copies: int | None = Field(
        None, ge=0, description="Masked copies of each picture, instead of balancing; of identities 1."
    )
    balance: bool = Field(False, description="As many copies as make the classes equal in each split; the default.")
    faceless: Literal["refuse", "keep"] = Field(
        "refuse",
        description="Pictures that are to get masks in which no face is found: leave them out, or write them unmasked.",
    )
    already_masked: Literal["refuse", "keep"] = Field(
        "refuse",
        description="Pictures of --source-class in which a mask is worn, as the bundled classifier sees it: leave them "
        "out, or treat them as any other. Needs the extra predict.",
    )
    bare_faces: Literal["refuse", "keep", "crop"] = Field(
        "refuse",
        description="Masked copies in which a face at least half as wide as the largest stays bare, because no good "
        "overlay fits it: leave them out, keep them, or write crops of the faces that wear one.",
    )
    crop: Literal["none", "faces"] = Field("none", description="faces: write a crop of each face, not the picture.")
    crop_margin: float = Field(
        0.4, ge=0, le=5, description="About a face in a crop, on each side, in widths of the face."
    )
    annotations: Path | None = Field(
        None,
        description="Faces of your own instead of detected ones: a table of boxes or landmarks (CSV, parquet), boxes "
        "as Pascal VOC, YOLO or COCO, or an earlier output.",
    )
    box_classes: BoxClasses | None = Field(
        None,
        description="Classes of boxes that are bare faces, such as without_mask; NAME=no_face leaves a class out of "
        "account, all others wear a mask already. [default: by their names]",
    )
    min_quality: float = Field(0.2, ge=0, le=1, description="Copies scored lower are refused.")
    format: PictureFormat = Field("jpeg", description="Format of all written pictures.")
    jpeg_quality: int = Field(95, ge=1, le=100, description="Quality of written JPEGs.")
    to: SetFormat = Field(
        "imagefolder",
        description="Where written pictures lie: in folders; or, for very many of them, in shards: webdataset, tar; or "
        "parquet.",
    )
    shard_size: int = Field(2000, ge=1, le=10_000, description="Pictures in a shard, about.")
    max_size: int | None = Field(None, ge=64, description="Longest side of written pictures; larger ones are shrunk.")
    alpha: bool = Field(False, description="Also write what the masks cover, under alpha/.")
    overwrite: bool = Field(False, description="Replace an earlier output in DST.")
    resume: bool = Field(
        False, description="Go on with a run that was stopped, with its options; those given must be the same."
    )
    retry_failed: bool = Field(False, description="As --resume, and try the pictures again that failed.")
    dry_run: bool = Field(
        False,
        description="Write nothing: say how many pictures there are, and by trying some, how many would be made, how "
        "long that would take and how large it would be.",
    )
    json_: bool = Field(False, description="Print what became of it as JSON.")

    @model_validator(mode="after")
    def _consistent(self) -> "GenerateOptions":
        if self.balance and self.copies is not None:
            raise ValueError("--balance and --copies exclude each other; give one")
        if self.overwrite and self.goes_on:
            other = "--resume" if self.resume else "--retry-failed"
            raise ValueError(f"--overwrite and {other} exclude each other; give one")
        if self.dry_run and self.goes_on:
            raise ValueError("--dry-run says what a new run would make; leave out --resume and --retry-failed")
        if self.box_classes is not None and self.annotations is None:
            raise ValueError("--box-classes says what --annotations are; give both or none")
        if len({self.source_class, self.masked_class, self.incorrect_class}) < 3:
            raise ValueError("--source-class, --masked-class and --incorrect-class must differ")
        if (
            self.to == "imagefolder"
            and not self.goes_on
            and self.shard_size != type(self).model_fields["shard_size"].default
        ):
            raise ValueError("--shard-size is about shards; give --to webdataset or parquet, or leave it out")
        identities = self.layout == "identities"
        if identities and self.to != "imagefolder":
            raise ValueError(
                f"--to {self.to} is for --layout classes; persons' pictures get their shards by maskaug curate --to "
                f"{self.to}"
            )
        for name in _OF_CLASSES if identities else _OF_IDENTITIES:
            if getattr(self, name) != type(self).model_fields[name].default:
                flag = f"--{name.replace('_', '-')}"
                if identities:
                    raise ValueError(f"{flag} is about classes, and --layout identities has none; leave it out")
                raise ValueError(f"{flag} is about persons; give --layout identities, or leave it out")
        return self

    @property
    def goes_on(self) -> bool:
        """Whether the run goes on with an earlier one."""
        return self.resume or self.retry_failed

    @property
    def fixed_copies(self) -> int | None:
        """Copies of each picture; None where as many are made as balance the classes."""
        return 1 if self.copies is None and self.layout == "identities" else self.copies

    def gets_masks(self, label: str) -> bool:
        """Whether the pictures of a folder of that name get masked copies."""
        return self.layout == "identities" or label == self.source_class

    @property
    def balanced_class(self) -> str:
        """The class that is made as large as the source class."""
        return self.masked_class if self.correct_share > 0 else self.incorrect_class

    @property
    def correct_share(self) -> float:
        """Share of copies whose mask is worn as it should be."""
        return self.wear.get("correct", 0.0) / sum(self.wear.values())

    def resolved(self) -> dict[str, Any]:
        """What determines the output, as saved in ``config.json``."""
        return self.model_dump(mode="json", exclude=set(RUN_ONLY))
