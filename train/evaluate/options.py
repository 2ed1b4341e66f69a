"""Options of ``maskaug evaluate``."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from maskaug.core.options import Folder
from maskaug.train.data.classes import GivenClasses


class EvaluateOptions(BaseModel):
    """Options of ``maskaug evaluate``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path = Field(
        description="Folder of a training run; or a .onnx file of maskaug export, whose evaluation is printed only."
    )
    data: Folder = Field(description="Pictures as {split}/{class} or {class} folders.")
    split: str | None = Field(None, description="Only this split. [default: all but train]")
    name: str | None = Field(None, min_length=1, description="Name of the evaluation. [default: DATA's name]")
    classes: GivenClasses | None = Field(
        None,
        description="Folders of unmasked and of masked faces in DATA, as in without_mask,with_mask, and of RUN's other "
        "classes. "
        "[default: as DATA's manifest has them, or RUN]",
    )
    json_: bool = Field(False, description="Print the metrics as JSON.")
    resamples: int = Field(1000, ge=0, description="Bootstrap resamples behind the intervals.")
    batch_size: int = Field(64, ge=1, description="Pictures judged together.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ...")
    seed: int = Field(0, ge=0, description="Seed of the bootstrap.")
    cache: Path | None = Field(None, description="Folder for decoded pictures. [default: ~/.cache/maskaug]")

    @property
    def file(self) -> Path | None:
        """The ``.onnx`` file that judges, if one is named."""
        return self.run if self.run.suffix.lower() == ".onnx" else None
