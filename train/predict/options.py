"""Options of ``maskaug predict``."""

from pathlib import Path

from pydantic import ConfigDict, Field, model_validator

from maskaug.core.executors import ExecutionOptions
from maskaug.train.run_dir import RunDir


class PredictOptions(ExecutionOptions):
    """Options of ``maskaug predict``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path | None = Field(
        None,
        description="Folder of a training run, or a .onnx file of maskaug export. Anything else is the first of PATHS, "
        "and the bundled classifier judges.",
        json_schema_extra={"argument": True},
    )
    paths: list[Path] = Field(
        default_factory=list,
        description="Pictures, videos, or folders of them.",
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
    draw: Path | None = Field(None, description="Folder for the pictures and videos with what was found drawn in.")
    explain: bool = Field(False, description="Also draw where the network looks, by Grad-CAM; needs RUN and --draw.")
    json_: bool = Field(False, description="Print a line of JSON for each picture or frame.")
    batch_size: int = Field(64, ge=1, description="Faces judged together.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ... for RUN; .onnx files use the CPU.")

    @model_validator(mode="after")
    def _consistent(self) -> "PredictOptions":
        if self.camera is None and not self.pictures:
            raise ValueError("name pictures, videos or folders, or give --camera 0")
        if self.camera is not None and self.pictures:
            raise ValueError("--camera and pictures exclude each other; give one")
        if self.three_classes and (self.trained or self.file):
            raise ValueError(f"--three-classes asks the bundled classifier; leave it out, or {self.run}")
        if self.explain and self.draw is None:
            raise ValueError("--explain draws; say where with --draw DIR")
        return self

    @property
    def trained(self) -> Path | None:
        """The training run that judges, if one does."""
        return self.run if self.run is not None and RunDir(self.run).is_run else None

    @property
    def file(self) -> Path | None:
        """The ``.onnx`` file that judges, if one is named."""
        return self.run if self.run is not None and self.run.suffix.lower() == ".onnx" else None

    @property
    def pictures(self) -> list[Path]:
        """What is looked at."""
        first = [self.run] if self.run is not None and not self.trained and not self.file else []
        return [*first, *self.paths]
