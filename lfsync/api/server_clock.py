"""Is an answer to a create older than its request (rule A2)? Judged in the server's time. Pure: time is passed in.

`createdAt` is by the server's clock, ours may be minutes off. Every answer carries the server's time, cut to whole
seconds, in its `Date`. It was made between our sending and our receiving, so each answer bounds the difference of
the clocks from below (`date - received`); the highest of these bounds is within a round trip of the truth after a few
answers, and never above it. So what `precedes` calls older is older. For the last second or two it can't tell, and
`may_precede` takes the two clocks for equal, where the bounds allow that, until a record proves otherwise: who asks it
has to look.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

# The clock behind `createdAt` may be another machine's than the one behind `Date`.
_SKEW: Final = 0.5
# `Date` is cut to seconds, and many servers make it once a second.
_DATE_RESOLUTION: Final = 2.0
# `createdAt` is cut to milliseconds, and two clocks that are set by the same time servers differ by a few.
_GRAIN: Final = 0.02


class ServerClock:
    """The server's clock as seen from ours. `offset` (server minus ours, seconds) is used until a `Date` is seen."""

    def __init__(self, offset: float) -> None:
        self._lowest = offset
        self._highest = offset
        self._seen = False
        self._reckoned = offset

    def observe(self, date: float, sent: float, received: float) -> None:
        """An answer says `date` (Unix seconds) between `sent` and `received` (our clock)."""
        lowest, highest = date - received, date + _DATE_RESOLUTION - sent
        if not self._seen or lowest > self._highest or highest < self._lowest:
            self._lowest, self._highest, self._seen = lowest, highest, True  # the first, or one of the clocks was set
        else:
            self._lowest, self._highest = max(self._lowest, lowest), min(self._highest, highest)

    def earliest(self, moment: float) -> float:
        """The server's clock showed at least this (Unix seconds) at our `moment`."""
        return moment + self._lowest

    def precedes(self, created_at: str, moment: float) -> bool:
        """Is `created_at` clearly older than our `moment`? False for a time that can't be read."""
        created = unix_time(created_at)
        return created is not None and created < self.earliest(moment) - _SKEW

    def may_precede(self, created_at: str, moment: float) -> bool:
        """Is `created_at` older than our `moment`, if the clocks are as they seem? As `precedes` otherwise."""
        created = unix_time(created_at)
        is_possible = self._lowest - _SKEW <= self._reckoned <= self._highest
        offset = self._reckoned if is_possible else self._lowest
        return created is not None and created < moment + offset - _GRAIN

    def reckon(self, created_at: str, moment: float) -> None:
        """A record that was made after our `moment` says `created_at`: the server's clock is behind ours by as much."""
        created = unix_time(created_at)
        if created is not None:
            self._reckoned = min(self._reckoned, created - moment)


def unix_time(text: str) -> float | None:
    """Unix seconds of an ISO 8601 time, UTC where it has no offset; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
