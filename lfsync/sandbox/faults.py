"""Faults on request (rule X3): a third refused, a third cut before the work, a third cut after it."""

from __future__ import annotations

import random
from typing import Literal, TypeAlias

from lfsync.sandbox.errors import FaultError

Trouble: TypeAlias = Literal["none", "refuse", "cut-before", "cut-after"]

_KINDS: tuple[Trouble, ...] = ("refuse", "cut-before", "cut-after")
_MESSAGES = {429: "Too many requests.", 500: "Something went wrong.", 503: "Try again later."}


class Faults:
    """Draws the trouble of each request. The same random seed draws the same row of troubles."""

    def __init__(self, rate: float, random_seed: int | None) -> None:
        self._rate = rate
        self._random = random.Random(random_seed)

    def draw(self) -> Trouble:
        """What happens to the next request."""
        if not self._rate or self._random.random() >= self._rate:
            return "none"
        return self._random.choice(_KINDS)

    def refusal(self) -> FaultError:
        """One of the three statuses of a refusal."""
        status = self._random.choice(tuple(_MESSAGES))
        return FaultError(status, _MESSAGES[status])
