"""What the lock of a state in an object store says, and what an observer may make of it (rule K3). Pure.

The holder renews it by writing a later `expires`, so that its etag moves. Clocks of two machines may differ by
anything: what `expires` says decides only whether a second run is refused at once. That the holder is dead follows from
nothing but an etag that stayed the same for one lease, by the observer's own steady clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from lfsync.times import iso


@dataclass(frozen=True, slots=True)
class Terms:
    """All in seconds.

    How long a `lease` runs, how much of it is left at each write, and how often it is renewed; for how long a renewal
    is tried, and for how long the state itself is: as for the API (rule A5).
    """

    lease: float = 180
    margin: float = 60
    every: float = 30
    renewal: float = 15
    patience: float = 120


TERMS = Terms()


class Lock(BaseModel):
    """Who holds it, as the object says.

    `token` is one holder's own; `renewed` counts, so that no two bodies are equal, and no two etags.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)
    lfsync_lock: Literal[1] = 1
    host: str = Field(max_length=300)
    pid: int
    start: AwareDatetime
    expires: AwareDatetime
    lease: float = Field(gt=0, le=3600)
    token: str
    renewed: int = 0
    released: bool = False

    def __str__(self) -> str:
        return f"host {self.host}, pid {self.pid}, since {iso(self.start.timestamp())}"

    def body(self) -> bytes:
        """What the object holds."""
        return self.model_dump_json().encode() + b"\n"

    def is_live(self, now: float) -> bool:
        """Whether it says of itself that it is held at this moment (Unix seconds).

        One that claims more than a lease was written under another clock than ours, and its word is worth nothing.
        """
        return not self.released and 0 < self.expires.timestamp() - now <= self.lease


def lock_of(body: bytes) -> Lock | None:
    """The lock in these bytes; None where they are no lock."""
    try:
        return Lock.model_validate_json(body)
    except ValidationError:
        return None
