"""Options of ``maskaug verify``."""

from pydantic import BaseModel, ConfigDict, Field

from maskaug.core.options import Folder


class VerifyOptions(BaseModel):
    """Options of ``maskaug verify``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dst: Folder = Field(description="Output of maskaug generate, curate or train.")
    json_: bool = Field(False, description="Print what was found as JSON.")
