"""Options of the commands about classifiers: parsed by the command line, checked here."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maskaug.augment.options import Folder


class EvaluateOptions(BaseModel):
    """Options of ``maskaug evaluate``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path = Field(description="Folder of a training run.")
    data: Folder = Field(description="Pictures as {split}/{class} or {class} folders.")
    split: str | None = Field(None, description="Only this split. [default: all but train]")
    name: str | None = Field(None, min_length=1, description="What the pictures are called. [default: DATA's name]")
    masked_class: str = Field("wearing_mask", min_length=1, description="Folder of masked faces in DATA.")
    unmasked_class: str = Field("not_wearing_mask", min_length=1, description="Folder of unmasked faces in DATA.")
    json_: bool = Field(False, description="Print the figures as JSON.")
    resamples: int = Field(1000, ge=0, description="Bootstrap samples behind the intervals.")
    batch_size: int = Field(64, ge=1, description="Pictures judged together.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ...")
    seed: int = Field(0, ge=0, description="Seed of the bootstrap.")


class PredictOptions(BaseModel):
    """Options of ``maskaug predict``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path = Field(description="Folder of a training run.")
    paths: list[Path] = Field(
        default_factory=list,
        description="Pictures, videos, or folders of them.",
        json_schema_extra={"argument": True},
    )
    camera: int | None = Field(None, ge=0, description="Look through this camera, until Ctrl-C.")
    whole: bool = Field(False, description="The pictures are crops of one face each: look for none.")
    every: int = Field(1, ge=1, description="Take every so many-th frame of a video or camera.")
    draw: Path | None = Field(None, description="Folder for the pictures and videos with what was found drawn in.")
    explain: bool = Field(False, description="Also draw where the network looks, by Grad-CAM; needs --draw.")
    json_: bool = Field(False, description="Print a line of JSON for each picture or frame.")
    batch_size: int = Field(64, ge=1, description="Faces judged together.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ...")

    @model_validator(mode="after")
    def _consistent(self) -> "PredictOptions":
        if self.camera is None and not self.paths:
            raise ValueError("name pictures, videos or folders, or give --camera 0")
        if self.camera is not None and self.paths:
            raise ValueError("--camera and pictures exclude each other; give one")
        if self.explain and self.draw is None:
            raise ValueError("--explain draws; say where with --draw DIR")
        return self


class ExportOptions(BaseModel):
    """Options of ``maskaug export``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path = Field(description="Folder of a training run.")
    to: Literal["onnx", "torchscript"] = Field("onnx", description="Format of the file.")
    output: Path | None = Field(None, description="The file. [default: RUN/model.onnx or RUN/model.torchscript.pt]")
