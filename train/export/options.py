"""Options of ``maskaug export``."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ExportOptions(BaseModel):
    """Options of ``maskaug export``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path = Field(description="Folder of a training run.")
    to: Literal["onnx", "torchscript"] = Field("onnx", description="Format of the file.")
    output: Path | None = Field(None, description="The file. [default: RUN/model.onnx or RUN/model.torchscript.pt]")
    half: bool = Field(
        False, description="Store weights as float16, in half the bytes; they are computed with as float32."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ExportOptions":
        if self.half and self.to != "onnx":
            raise ValueError("--half is a form of ONNX files; leave out --to, or --half")
        return self
