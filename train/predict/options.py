"""Options of ``maskaug predict``."""

import os
from pathlib import Path

from pydantic import ConfigDict, Field, field_validator, model_validator

from maskaug.core.executors import ExecutionOptions
from maskaug.train.predict.inputs import as_source
from maskaug.train.predict.streams import is_stream, is_web_address
from maskaug.train.run_dir import RunDir, check_judge


class PredictOptions(ExecutionOptions):
    """Options of ``maskaug predict``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str | None = Field(
        None,
        description="Folder of a training run, or a .onnx file of maskaug export. Anything else is the first of PATHS, "
        "and the bundled classifier judges.",
        json_schema_extra={"argument": True},
    )
    paths: list[str] = Field(
        default_factory=list,
        description="Pictures, videos, folders of them, patterns such as 'photos/*.jpg', tar shards, parquet or a CSV "
        "of paths; all but videos also at addresses such as s3://bucket/faces; pictures, videos and streams at "
        "http://, https:// and rtsp://; or - for a list of all these on standard input, one a line.",
        json_schema_extra={"argument": True},
    )
    three_classes: bool = Field(
        False,
        description="The bundled classifier of three classes judges: not_wearing_mask, wearing_mask and "
        "mask_worn_incorrectly.",
    )
    camera: int | None = Field(None, ge=0, description="Look through this camera, until Ctrl-C.")
    whole: bool = Field(False, description="The pictures are crops of one face each: look for none.")
    every: int = Field(1, ge=1, description="Take every so many-th frame of a video or camera.")
    track: bool = Field(
        False,
        description="Follow persons through a video, camera or stream: a number and one verdict each, on all frames so "
        "far. Needs the extra video.",
    )
    show: bool = Field(
        False,
        description="Show a video, camera or stream as it is judged: in a window, which Esc closes, or without a "
        "display on a web page.",
    )
    draw: Path | None = Field(
        None,
        description="Folder for the pictures and videos with what was found drawn in; videos are .mp4 with the extra "
        "video, else .avi.",
    )
    explain: bool = Field(False, description="Also draw where the network looks, by Grad-CAM; needs RUN and --draw.")
    threshold: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Call masked what is at least so probably; instead of the classifier's own.",
    )
    unsure: tuple[float, float] | None = Field(
        None,
        description="Two thresholds, as 0.35,0.65: masked from the second on, unmasked below the first, unsure "
        "between.",
    )
    json_: bool = Field(False, description="Print a line of JSON for each picture or frame.")
    csv: Path | None = Field(None, description="File for a table with a row a face.")
    save_crops: Path | None = Field(None, description="Folder for what the classifier saw of each face, as PNG.")
    out: Path | None = Field(
        None,
        description="New folder for all of it, written whole or not at all: results.jsonl, results.csv, summary.json, "
        "drawn/ and crops/.",
    )
    batch_size: int = Field(64, ge=1, description="Faces judged together.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ... for RUN; .onnx files use the CPU.")

    @field_validator("run", "paths", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        # A Path would make one slash of the two in an address.
        if isinstance(value, (list, tuple)):
            return [os.fspath(one) for one in value]
        return os.fspath(value) if isinstance(value, os.PathLike) else value

    @field_validator("unsure", mode="before")
    @classmethod
    def _two_thresholds(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            low, high = map(float, value.split(","))
        except ValueError as error:
            raise ValueError(f"{value!r} is not two numbers; write 0.35,0.65") from error
        return low, high

    @field_validator("unsure")
    @classmethod
    def _in_order(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 <= value[0] < value[1] <= 1:
            raise ValueError(f"{value[0]:g},{value[1]:g} must be two rising numbers from 0 to 1; write 0.35,0.65")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "PredictOptions":
        if self.run is not None:
            check_judge(Path(self.run))
        if self.camera is None and not self.pictures:
            raise ValueError("name pictures, videos or folders, or give --camera 0")
        if self.camera is not None and self.pictures:
            raise ValueError("--camera and pictures exclude each other; give one")
        if self.three_classes and (self.trained or self.file):
            raise ValueError(f"--three-classes asks the bundled classifier; leave it out, or {self.run}")
        if self.explain and not self.draws:
            raise ValueError("--explain draws; say where with --draw DIR")
        if self.threshold is not None and self.unsure is not None:
            raise ValueError("--unsure has thresholds of its own; give --threshold or --unsure")
        if self.out and (self.draw or self.csv or self.save_crops):
            raise ValueError("--out has drawings, crops and a table of its own; leave out --draw, --csv, --save-crops")
        return self

    @property
    def trained(self) -> Path | None:
        """The training run that judges, if one does."""
        return Path(self.run) if self.run is not None and RunDir(Path(self.run)).is_run else None

    @property
    def file(self) -> Path | None:
        """The ``.onnx`` file that judges, if one is named."""
        named = self.run is not None and self.run.lower().endswith(".onnx") and not is_web_address(self.run)
        return Path(self.run) if self.run and named else None

    @property
    def classifier(self) -> str:
        """What judges, in a word."""
        return str(self.trained or self.file or "bundled")

    @property
    def pictures(self) -> list[Path | str]:
        """What is looked at: paths, and addresses of the web as text."""
        first = [self.run] if self.run is not None and not self.trained and not self.file else []
        return [as_source(one) for one in (*first, *self.paths)]

    @property
    def live(self) -> bool:
        """Whether it goes on until Ctrl-C."""
        return self.camera is not None or any(is_stream(one) for one in self.pictures)

    @property
    def draws(self) -> bool:
        """Whether pictures are drawn."""
        return self.draw is not None or self.out is not None or self.show

    @property
    def saves_crops(self) -> bool:
        """Whether crops are kept."""
        return self.save_crops is not None or self.out is not None
