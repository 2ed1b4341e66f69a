"""Options of the commands that spread their work."""

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from maskaug.core.executors.executor import usable_cores

# They say how a run is done, not what comes out.
EXECUTION_OPTIONS = frozenset({"workers", "engine", "ray_address"})


class ExecutionOptions(BaseModel):
    """Where work is done; the output does not depend on it."""

    workers: int = Field(
        default_factory=usable_cores,
        ge=1,
        description="Processes; the output does not depend on it. [default: one a core]",
    )
    engine: Literal["local", "ray"] = Field(
        "local", description="local: processes of this machine; ray: tasks of a Ray cluster, which needs the extra ray."
    )
    ray_address: str | None = Field(
        None,
        min_length=1,
        description="Of a running cluster, such as auto or HOST:6379, with --engine ray; all of its cores are used. "
        "[default: one is started here, with --workers processes]",
    )

    @model_validator(mode="after")
    def _has_cluster(self) -> "ExecutionOptions":
        if self.ray_address is not None and self.engine != "ray":
            raise ValueError("--ray-address is for --engine ray; give both, or leave it out")
        return self
