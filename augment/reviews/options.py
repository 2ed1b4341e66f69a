"""Options of ``maskaug agreement``."""

from pydantic import BaseModel, ConfigDict, Field

from maskaug.core.options import Place


class AgreementOptions(BaseModel):
    """Options of ``maskaug agreement``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dst: Place = Field(description="Output of maskaug generate, with the decisions made on it; or its address.")
    resamples: int = Field(1000, ge=100, description="Bootstrap samples behind the intervals.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    json_: bool = Field(False, description="Print what became of it as JSON.")
