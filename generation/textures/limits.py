"""Limits of values that options and all kinds of configuration files share."""

from typing import Annotated, Literal

from pydantic import Field

from sousa.generation.models import Number, Whole

Seed = Annotated[Whole, Field(ge=0, le=2**63 - 1)]
SampleRate = Annotated[Whole, Field(ge=8000, le=96000, json_schema_extra={"unit": "Hz"})]
Duration = Annotated[Number, Field(gt=0, le=3600, json_schema_extra={"unit": "s"})]
Examples = Annotated[Whole, Field(ge=1)]
ShardMiB = Annotated[Number, Field(gt=0, le=10_240, json_schema_extra={"unit": "MiB"})]
Layout = Literal["splits", "flat"]

# options that stand in place of what a file says
OVERRIDES = ("seed", "sample_rate", "audio_format", "duration_sec", "chunk_sec", "examples", "records",
             "shard_mib", "layout", "level")  # fmt: skip
