"""Is an answer to a create older than its request (rule A2)? Judged in the server's time. Pure: time is passed in.

`createdAt` is by the server's clock, ours may be minutes off. Every answer carries the server's time, cut to whole
seconds, in its `Date`. It was made between our sending and our receiving, so each answer bounds the difference of
the clocks from below (`date - received`); the highest of these bounds is within a round trip of the truth after a few
answers, and never above it. So what it calls older is older.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

# The clock behind `createdAt` may be another machine's than the one behind `Date`.
_SKEW: Final = 0.5
# `Date` is cut to seconds, and many servers make it once a second.
_DATE_RESOLUTION: Final = 2.0


class ServerClock:
    """The server's clock as seen from ours. `offset` (server minus ours, seconds) is used until a `Date` is seen."""

    def __init__(self, offset: float) -> None:
        self._lowest = offset
        self._highest = offset
        self._seen = False

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


def unix_time(text: str) -> float | None:
    """Unix seconds of an ISO 8601 time, UTC where it has no offset; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
