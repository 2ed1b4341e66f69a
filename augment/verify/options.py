"""Options of ``maskaug verify``."""

from pydantic import BaseModel, ConfigDict, Field

from maskaug.core.options import Place


class VerifyOptions(BaseModel):
    """Options of ``maskaug verify``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dst: Place = Field(description="Output of maskaug generate, curate or train; or its address.")
    json_: bool = Field(False, description="Print what was found as JSON.")
