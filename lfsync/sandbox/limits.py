"""Three token buckets, one for each category of request (API sheet, section 10). Pure: the clock comes in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

CATEGORIES = ("write", "read", "search")
UNLIMITED = 1_000_000


@dataclass(slots=True)
class Bucket:
    """Holds up to `rate` tokens and regains `rate` of them a second."""

    rate: int
    tokens: float
    at: float

    def refill(self, now: float) -> None:
        """Adds what time has brought; a clock that steps back brings nothing."""
        self.tokens = min(self.rate, self.tokens + max(0.0, now - self.at) * self.rate)
        self.at = now


class Limits:
    """The buckets of one organisation. `rps` 0: no limit."""

    def __init__(self, rps: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rps = rps
        self._buckets = {name: Bucket(rps, rps, clock()) for name in CATEGORIES}

    def take(self, category: str) -> int:
        """Takes a token. 0, or the seconds to wait (`Retry-After`) if there is none."""
        if not self._rps:
            return 0
        bucket = self._buckets[category]
        bucket.refill(self._clock())
        if bucket.tokens < 1:
            return max(1, math.ceil((1 - bucket.tokens) / self._rps))
        bucket.tokens -= 1
        return 0

    def headers(self, category: str) -> dict[str, str]:
        """The `X-RateLimit-*` headers; `Reset` is the unix second at which the bucket is full."""
        now = self._clock()
        if not self._rps:
            return _headers(UNLIMITED, UNLIMITED, now)
        bucket = self._buckets[category]
        bucket.refill(now)
        return _headers(self._rps, int(bucket.tokens), now + (self._rps - bucket.tokens) / self._rps)


def _headers(limit: int, remaining: int, reset: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(math.ceil(reset)),
    }
