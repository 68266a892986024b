"""When a request goes again (rule A5). Pure: time and chance are passed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

MAX_TRIES: Final = 10
MAX_SECONDS: Final = 120.0
MAX_SILENCE: Final = 60.0
_UNREACHABLE_TRIES: Final = 3
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 8.0
_TRANSIENT: Final = frozenset({408, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a try gave nothing.

    `unanswered`   it may have been done or not: no answer, or one that says try later
    `limited`      429: the server is well, others were faster
    `unreachable`  a host that never answered refuses the connection: its name is wrong rather than our luck bad
    `refused`      the same request will be refused again
    `retry_after`  seconds that the server asks to wait
    """

    name: Literal["unanswered", "limited", "unreachable", "refused"]
    retry_after: float = 0.0


def reason_of(status: int, error_type: str | None, retry_after: float) -> Reason:
    """The reason behind an answer that is no success; `error_type` is the `type` of its envelope."""
    if status == 429:
        return Reason("limited", retry_after)
    if status in _TRANSIENT or (status == 409 and error_type == "idempotency_conflict"):
        return Reason("unanswered", retry_after)
    return Reason("refused")


@dataclass(slots=True)
class Retries:
    """The tries of one request; `started` is when the first one left, its turn in the queue not counted.

    It is given up after 10 tries or 2 minutes, whichever comes first; a 429 counts against the 2 minutes only.
    """

    started: float | None = None
    tries: int = 0

    def begin(self, now: float) -> float:
        """A try leaves now; returns when the first one did."""
        self.started = now if self.started is None else self.started
        return self.started

    def wait(self, now: float, chance: float, reason: Reason) -> float | None:
        """Seconds to the next try after one that failed for `reason`, or None to give up. `chance`: uniform in 0..1."""
        if reason.name != "limited":
            self.tries += 1
        most = {"refused": 1, "unreachable": _UNREACHABLE_TRIES}.get(reason.name, MAX_TRIES)
        backoff = chance * min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** max(0, self.tries - 1))
        pause = max(reason.retry_after, backoff)
        if self.tries >= most or now + pause - self.begin(now) > MAX_SECONDS:
            return None
        return pause


class Silence:
    """Since when requests have been under way and none got an answer of use: any but 429 and 5xx (rule A5).

    Bytes of an upload or a download that move are as good as an answer. Time in which nothing is under way is no
    silence. Once it has lasted too long it stays so.
    """

    def __init__(self) -> None:
        self._under_way = 0
        self._since: float | None = None
        self._over = False

    def begin(self, now: float) -> None:
        """A request is under way, its waits between tries included."""
        self._under_way += 1
        self._since = now if self._since is None else self._since

    def end(self, now: float) -> None:
        """One of them has come to its end, whatever that is."""
        self._under_way -= 1
        if not self._under_way and not self.over(now):
            self._since = None

    def answered(self, now: float, status: int) -> None:
        """An answer came."""
        if status != 429 and status < 500 and not self.over(now):
            self._since = now

    def moved(self, now: float) -> None:
        """Some bytes of an upload or a download went through."""
        if not self.over(now):
            self._since = now

    def over(self, now: float) -> bool:
        """Whether it is time to stop."""
        self._over = self._over or self.left(now) <= 0
        return self._over

    def left(self, now: float) -> float:
        """Seconds until it is too long, if nothing comes."""
        return MAX_SILENCE if self._since is None else self._since + MAX_SILENCE - now
