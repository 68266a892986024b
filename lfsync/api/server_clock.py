"""Is an answer to a create older than its request (rule A2)? Judged in the server's time. Pure: time is passed in.

`createdAt` is by the server's clock, ours may be minutes off. Every answer carries the server's time, cut to whole
seconds, in its `Date`. It was made between our sending and our receiving, so each answer bounds the difference of
the clocks from below (`date - received`); the highest of these bounds is within a round trip of the truth after a few
answers, and never above it. For the last second or two that can't tell what is older, and the two clocks are taken for
equal, where the bounds allow that, until a record proves otherwise: who is told that it can't be told has to look.
"""

from __future__ import annotations

from typing import Final

from lfsync.times import unix_time

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

    def age(self, created_at: str, moment: float) -> float | None:
        """Seconds that `created_at` is older than our `moment`; None where it is clearly younger.

        0 where that can't be told, and for a time that can't be read.
        """
        created = unix_time(created_at)
        if created is None:
            return 0.0
        offset = self._offset()
        if created < min(self.earliest(moment) - _SKEW, moment + offset - _GRAIN):
            return self.earliest(moment) - created
        return 0.0 if created < moment + offset - _GRAIN else None

    def reckon(self, created_at: str, moment: float) -> None:
        """A record that was made after our `moment` says `created_at`: the server's clock is behind ours by as much."""
        created = unix_time(created_at)
        if created is not None:
            self._reckoned = min(self._offset(), created - moment)

    def _offset(self) -> float:
        """The server's clock minus ours: as reckoned, where its answers allow that."""
        is_possible = self._lowest - _SKEW <= self._reckoned <= self._highest
        return self._reckoned if is_possible else self._lowest
