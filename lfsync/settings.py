"""`lfsync.yaml` as pydantic models. Pure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SandboxSettings(_Closed):
    """The embedded emulator's settings: the keys under `sandbox:`, the options of `sandbox serve` (rule C11)."""

    seed: str | None = None
    db: str | None = None
    rps: int = Field(default=25, ge=0)
    index_lag: float = Field(default=0, ge=0)
    latency: float = Field(default=0, ge=0)
    faults: float = Field(default=0, ge=0, le=1)
    random_seed: int | None = None
    quirks: dict[str, str] = Field(default_factory=dict)
