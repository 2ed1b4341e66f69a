"""Options of ``maskaug export``."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maskaug.train.export.formats import FORMATS


class ExportOptions(BaseModel):
    """Options of ``maskaug export``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path = Field(description="Folder of a training run.")
    to: str = Field("onnx", description=f"Format of the file: {' or '.join(FORMATS)}.")
    output: Path | None = Field(None, description="The file. [default: RUN/model.onnx or RUN/model.torchscript.pt]")
    half: bool = Field(False, description="Store weights as float16, in half the bytes; computation stays in float32.")
    json_: bool = Field(False, description="Print what became of it as JSON.")

    @model_validator(mode="after")
    def _consistent(self) -> "ExportOptions":
        if self.to not in FORMATS:
            raise ValueError(f"--to must be {' or '.join(FORMATS)}, but got {self.to!r}")
        if self.half and not FORMATS[self.to].halves:
            raise ValueError("--half is a form of ONNX files; leave out --to, or --half")
        return self
