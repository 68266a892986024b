"""How fast requests may go: one token bucket for each category of the API (sheet, section 10). Pure: time is passed in.

The server holds `limit` tokens and gains `limit` a second; the whole organisation shares them. A client that drains
that bucket and then follows its refill lives one network hiccup away from a 429. So ours is the same bucket with a
smaller store: it lets `limit` requests go in a second, three fifths of them at once, and leaves the rest of the
server's store as room for jitter and for others. Where the server says that less than a fifth remains, somebody else
is drawing on it: we slow down in proportion, and speed up as it fills again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Category: TypeAlias = Literal["read", "search", "write"]
CATEGORIES: Final[tuple[Category, ...]] = ("read", "search", "write")

DOCUMENTED_LIMIT: Final = 25.0
_STORE: Final = 0.6
_RESERVE: Final = 0.2
_LONGEST_PAUSE: Final = 120.0


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """What one answer says of its category's bucket. `retry_after` in seconds; None: not said."""

    limit: float | None = None
    remaining: float | None = None
    retry_after: float | None = None


class Bucket:
    """One category's pace. Times are seconds of any steady clock.

    `_next` is when the bucket would be full again if every request so far had waited its turn: a request may go as
    soon as that is no more than `_store` requests ahead (the generic cell rate algorithm).
    """

    def __init__(self, share: float = 1.0) -> None:
        self._share = share
        self._limit = DOCUMENTED_LIMIT
        self._told = False
        self._slowdown = 1.0
        self._next = 0.0
        self._paused_until = 0.0

    @property
    def rate(self) -> float:
        """Requests a second at this moment."""
        return self._limit * self._share * self._slowdown

    def wait(self, now: float) -> float:
        """Seconds until a request may go; 0 when it may go now."""
        tolerance = self._store / (self._limit * self._share)
        return max(0.0, self._next - tolerance - now, self._paused_until - now)

    def take(self, now: float) -> None:
        """A request goes now."""
        self._next = max(self._next, now) + 1 / self.rate

    def hear(self, now: float, headers: RateHeaders) -> None:
        """Follow what the server says, from this answer on."""
        if headers.limit is not None and headers.limit > 0:
            self._limit, self._told = headers.limit, True
        if headers.remaining is not None:
            self._slowdown = min(1.0, (max(0.0, headers.remaining) + 1) / (_RESERVE * max(0.0, self._limit - 1) + 1))
        if headers.retry_after is not None:
            self._pause(now + min(headers.retry_after, _LONGEST_PAUSE))

    def assume(self, limit: float) -> None:
        """Another category has this limit: start no faster here, until this one is told its own."""
        if not self._told:
            self._limit = min(self._limit, limit)

    @property
    def _store(self) -> float:
        """How many requests may go ahead of their turn; 0 at a limit of 1."""
        return _STORE * max(0.0, self._limit - 1)

    def _pause(self, until: float) -> None:
        self._paused_until = max(self._paused_until, until)
        # No burst at the end of the pause: it starts with an empty store.
        self._next = max(self._next, self._paused_until + self._store / (self._limit * self._share))


class Pace:
    """The buckets of all categories."""

    def __init__(self, share: float = 1.0) -> None:
        self.buckets: Mapping[Category, Bucket] = {category: Bucket(share) for category in CATEGORIES}

    def hear(self, category: Category, now: float, headers: RateHeaders) -> None:
        """An answer in `category` came: its bucket follows, the others take a hint."""
        self.buckets[category].hear(now, headers)
        if headers.limit is not None and headers.limit > 0:
            for bucket in self.buckets.values():
                bucket.assume(headers.limit)
