"""Options of ``maskaug evaluate``."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maskaug.assets import bundled_classifier
from maskaug.core.options import Place
from maskaug.train.data.classes import GivenClasses
from maskaug.train.run_dir import RunDir, check_judge


class EvaluateOptions(BaseModel):
    """Options of ``maskaug evaluate``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path | None = Field(
        None,
        description="Folder of a training run; or a .onnx file of maskaug export, whose evaluation is printed only. "
        "Left out, the bundled classifier judges, and its evaluation is printed only.",
        json_schema_extra={"argument": True},
    )
    data: Place | None = Field(
        None,
        description="Pictures as {split}/{class} or {class} folders; or tar shards, parquet or a CSV of paths with "
        "classes.",
        json_schema_extra={"argument": True},
    )
    three_classes: bool = Field(False, description="The bundled classifier of three classes judges.")
    on_real: bool = Field(
        False,
        description="DATA are 50 photographs or more that stand for all you have: tell by light, blur, size, turn and "
        "colour where the errors lie, and what may help.",
    )
    groups: Path | None = Field(
        None,
        description="CSV with a column file, paths below DATA or below the CSV's folder, and others, such as age or "
        "camera: errors by each of them.",
    )
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

    @model_validator(mode="before")
    @classmethod
    def _one_path_is_data(cls, values: Any) -> Any:  # noqa: ANN401
        if isinstance(values, dict) and values.get("data") is None and values.get("run") is not None:
            return {**values, "run": None, "data": values["run"]}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> "EvaluateOptions":
        if judge := self.run or self.data:
            check_judge(judge)
        if self.data is None:
            raise ValueError("name DATA, the pictures to judge; before it, who judges: RUN or a .onnx file")
        if self.run is None and (RunDir(self.data).is_run or _is_file(self.data)):
            raise ValueError(f"{self.data} judges; name DATA, the pictures, after it")
        if self.three_classes and self.run is not None:
            raise ValueError(f"--three-classes asks the bundled classifier; leave it out, or {self.run}")
        return self

    @property
    def pictures(self) -> Path:
        """The folder of what is judged."""
        return self.data or Path()  # never the latter: it is checked

    @property
    def trained(self) -> Path | None:
        """The training run that judges, if one does."""
        return None if self.run is None or _is_file(self.run) else self.run

    @property
    def file(self) -> Path:
        """The ``.onnx`` file that judges where no run does."""
        return self.run or bundled_classifier(three_classes=self.three_classes)


def _is_file(path: Path) -> bool:
    return path.suffix.lower() == ".onnx"
